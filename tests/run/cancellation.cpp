#include <hubcache/transport/memory_transport.hpp>

#include <doctest/doctest.h>

#include <fstream>
#include <optional>
#include <run/interrupted.hpp>
#include <support/hub/fixtures.hpp>
#include <support/memory_hub.hpp>

using hubcache::link_kind;
using test::interruption;
using test::memory_hub;

namespace {

using story = test::story<hubcache::memory_transport>;

/// A Hub in memory with one repo, and the story that asks for it.
struct scene {
  explicit scene(embedded::repo_model repo, embedded::site_options options = {}) : hub(std::move(options)) {
    use(std::move(repo));
    what.network = [this](const asio::any_io_executor&, const hubcache::settings&) {
      return hub.network(chunk);
    };
  }

  void use(embedded::repo_model repo) {
    hub.put(repo);
    what.repo = std::move(repo);
  }

  /// Puts another repo's snapshot of the same files on the machine first.
  void begin_with_twin() {
    hub.put(embedded::twin_of(what.repo));
    what.prepare = [this](hubcache::settings& config, hubcache::snapshot_options&) {
      fetch("other/twin", config);
    };
  }
  /// A whole run, before the story begins.
  void fetch(const std::string& id, const hubcache::settings& config) {
    asio::io_context context;
    hubcache::workers here([](hubcache::job next) { next(); });
    cache_type cache(context.get_executor(), here, config, hub.network(1U << 20U));
    std::exception_ptr failure;
    cache.async_snapshot(id, hubcache::snapshot_options(),
                         [&](std::exception_ptr e, const hubcache::snapshot&) { failure = e; });
    context.run();
    REQUIRE_FALSE(failure);
  }

  using cache_type = test::stepped_cache<hubcache::memory_transport>::cache_type;
  memory_hub hub;
  std::size_t chunk = 64 * 1024;
  story what;
};

/// An answer that asks to come back later.
hubcache::http_response refusal(int status) {
  hubcache::http_response answer;
  answer.head.status = status;
  answer.head.headers.add("Retry-After", "30");
  return answer;
}

bool is_content(const hubcache::http_request& asked) { return asked.target.origin() == memory_hub::cdn; }

/// Puts the first `size` bytes of a file where an earlier run would have left them.
void begin_partial(const hubcache::settings& config, const embedded::repo_model& repo,
                   const std::string& path, std::size_t size) {
  const auto& file = repo.files().find(path)->second;
  const hubcache::hub_layout layout(config.cache_dir, hubcache::repo(repo.id));
  std::filesystem::create_directories(layout.blobs_dir());
  const auto name = *hubcache::digest::parse(file.etag());
  std::ofstream(layout.partial(name), std::ios::binary) << file.content.text().substr(0, size);
}

}  // namespace

TEST_CASE("a snapshot of small files is cancelled before any step") {
  scene s(embedded::tiny());
  CHECK(test::interrupt_everywhere(s.what, interruption::cancel_at_step) > 25);
}

TEST_CASE("a snapshot is cancelled by its own observer, in any event") {
  scene s(embedded::tiny());
  CHECK(test::interrupt_everywhere(s.what, interruption::cancel_in_event, 2) > 10);
}

TEST_CASE("a snapshot of small files is destroyed before any step, with its jobs") {
  scene s(embedded::tiny());
  CHECK(test::interrupt_everywhere(s.what, interruption::destroy_at_step) > 25);
}

TEST_CASE("a snapshot of small files is destroyed before any step, after its jobs") {
  scene s(embedded::tiny());
  CHECK(test::interrupt_everywhere(s.what, interruption::destroy_after_jobs) > 25);
}

TEST_CASE("a snapshot that is complete is cancelled before any step") {
  scene s(embedded::tiny());
  s.what.prepare = [&](hubcache::settings& config, hubcache::snapshot_options&) {
    s.fetch("acme/tiny", config);
  };
  CHECK(test::interrupt_everywhere(s.what, interruption::cancel_at_step, 1) > 5);
}

TEST_CASE("a plan over many pages of metadata is cancelled before any step") {
  embedded::site_options pages;
  pages.page_size = 3;
  scene s(embedded::tiny(), pages);
  s.what.only_plans = true;
  CHECK(test::interrupt_everywhere(s.what, interruption::cancel_at_step, 2) > 5);
}

TEST_CASE("a resumed download is cancelled before any step, and no byte of it is lost") {
  constexpr std::uint64_t size = 3'000'000, there = 1'000'000;
  scene s(embedded::one_file(size));
  s.chunk = 300'000;
  s.what.durable = size - there;
  s.what.prepare = [&](hubcache::settings& config, hubcache::snapshot_options&) {
    begin_partial(config, s.what.repo, "model.safetensors", there);
  };
  SUBCASE("cancelled") { CHECK(test::interrupt_everywhere(s.what, interruption::cancel_at_step, 5) > 15); }
  SUBCASE("destroyed with its jobs") {
    CHECK(test::interrupt_everywhere(s.what, interruption::destroy_at_step, 7) > 10);
  }
  SUBCASE("destroyed after its jobs") {
    CHECK(test::interrupt_everywhere(s.what, interruption::destroy_after_jobs, 7) > 10);
  }
}

TEST_CASE("several ranges of one file in flight are cancelled before any step, and no byte of them is lost") {
  constexpr std::uint64_t size = 12'000'000;
  scene s(embedded::one_file(size));
  s.chunk = 400'000;
  s.what.durable = size;
  // Slow enough for further exchanges to be let in.
  bool slow = false;
  s.what.prepare = [&](hubcache::settings&, hubcache::snapshot_options&) { slow = true; };
  s.what.observe = [&](const hubcache::event& e) {
    if (slow && std::holds_alternative<hubcache::events::advanced>(e)) {
      slow = false;
      std::this_thread::sleep_for(std::chrono::milliseconds(55));
    }
  };
  SUBCASE("cancelled") { CHECK(test::interrupt_everywhere(s.what, interruption::cancel_at_step, 23) > 5); }
  SUBCASE("destroyed with its jobs") {
    CHECK(test::interrupt_everywhere(s.what, interruption::destroy_at_step, 31) > 4);
  }
  SUBCASE("destroyed after its jobs") {
    CHECK(test::interrupt_everywhere(s.what, interruption::destroy_after_jobs, 31) > 4);
  }
}

TEST_CASE("links of what another repo has are cancelled before any step") {
  scene s(embedded::tiny());
  s.begin_with_twin();
  SUBCASE("hard links") { s.what.options.links = link_kind::hard_link; }
  SUBCASE("copies") { s.what.options.links = link_kind::copy; }
  CHECK(test::interrupt_everywhere(s.what, interruption::cancel_at_step, 4) > 8);
}

TEST_CASE("links of what another repo has are destroyed before any step") {
  scene s(embedded::tiny());
  s.begin_with_twin();
  CHECK(test::interrupt_everywhere(s.what, interruption::destroy_at_step, 5) > 5);
}

TEST_CASE("a download into a local folder is cancelled before any step") {
  scene s(embedded::tiny());
  s.what.prepare = [](hubcache::settings& config, hubcache::snapshot_options& options) {
    options.local_dir = config.cache_dir + "/../local";
  };
  SUBCASE("of all files") {}
  SUBCASE("of one file") { s.what.options.files = {"model.safetensors"}; }
  CHECK(test::interrupt_everywhere(s.what, interruption::cancel_at_step, 5) > 5);
}

TEST_CASE("the check of a mapping and of what is present is cancelled before any step") {
  scene s(embedded::tiny());
  s.what.prepare = [&](hubcache::settings& config, hubcache::snapshot_options& options) {
    s.fetch("acme/tiny", config);
    const auto& weights = s.what.repo.files().find("model.safetensors")->second;
    const auto path = config.cache_dir + "/../mapped";
    std::ofstream(path, std::ios::binary) << weights.content.text();
    options.mapping = hubcache::cache_mapping{{*hubcache::digest::parse(weights.etag()), path}};
    options.verify = true;
  };
  CHECK(test::interrupt_everywhere(s.what, interruption::cancel_at_step, 2) > 5);
}

TEST_CASE("the hash of a large file that is there already is cancelled soon") {
  constexpr std::size_t size = 24'000'000;
  scene s(embedded::one_file(size));
  s.what.durable = 0;
  s.what.soon = 12;
  s.what.prepare = [&](hubcache::settings& config, hubcache::snapshot_options&) {
    begin_partial(config, s.what.repo, "model.safetensors", size);
  };
  CHECK(test::interrupt_everywhere(s.what, interruption::cancel_at_step, 5) > 5);
}

TEST_CASE("a check of what is present is cancelled before any step, offline too") {
  scene s(embedded::tiny());
  s.what.prepare = [&](hubcache::settings& config, hubcache::snapshot_options& options) {
    s.fetch("acme/tiny", config);
    config.offline = true;
    options.verify = true;
  };
  CHECK(test::interrupt_everywhere(s.what, interruption::cancel_at_step, 2) > 5);
}

TEST_CASE("whoever waits for a content that another process moves can be cancelled") {
  scene s(embedded::tiny());
  std::vector<hubcache::content_lock> held;
  SUBCASE("a small one") {}
  SUBCASE("a large one") { s.use(embedded::one_file(2'000'000)); }
  s.what.prepare = [&](hubcache::settings& config, hubcache::snapshot_options&) {
    const auto name = *hubcache::digest::parse(s.what.repo.files().find("model.safetensors")->second.etag());
    std::error_code ec;
    held.push_back(hubcache::content_lock::try_lock(config.state_dir, name, "", ec).value());
  };
  s.what.release = [&] { held.clear(); };
  s.what.patience = std::chrono::milliseconds(10);
  CHECK(test::interrupt_everywhere(s.what, interruption::cancel_at_step, 5) > 5);
}

TEST_CASE("whoever waits for somebody who removes from the repo can be cancelled") {
  scene s(embedded::tiny());
  std::optional<hubcache::os::file_lock> lease;
  s.what.prepare = [&](hubcache::settings& config, hubcache::snapshot_options&) {
    std::error_code ec;
    lease = hubcache::ledger(config.state_dir)
                .try_lease(config.cache_dir, "models--acme--tiny", hubcache::os::lock_mode::exclusive, ec);
    REQUIRE(lease);
  };
  s.what.release = [&] { lease.reset(); };
  s.what.patience = std::chrono::milliseconds(10);
  CHECK(test::interrupt_everywhere(s.what, interruption::cancel_at_step, 1) > 5);
}

TEST_CASE("a pause before another attempt can be cancelled") {
  int status = 503;
  bool content = true;
  scene s(embedded::tiny());
  SUBCASE("of a small file, asked for by a rate limit") { status = 429; }
  SUBCASE("of a small file, asked for by a failing server") {}
  SUBCASE("of a large file, asked for by a rate limit") {
    s.use(embedded::one_file(2'000'000));
    status = 429;
  }
  SUBCASE("of a large file, asked for by a failing server") { s.use(embedded::one_file(2'000'000)); }
  SUBCASE("of metadata, asked for by a failing server") { content = false; }
  bool refuses = false;
  s.hub.alter = [&](const hubcache::http_request& asked, hubcache::http_response& answer) {
    if (refuses && is_content(asked) == content) answer = refusal(status);
  };
  s.what.prepare = [&](hubcache::settings&, hubcache::snapshot_options&) { refuses = true; };
  s.what.release = [&] { refuses = false; };
  s.what.patience = std::chrono::milliseconds(10);
  CHECK(test::interrupt_everywhere(s.what, interruption::cancel_at_step, 3) > 1);
}

TEST_CASE("the pause before a request that a rate limit forbids can be cancelled") {
  bool used_up = false;
  scene s(embedded::tiny());
  s.hub.alter = [&](const hubcache::http_request&, hubcache::http_response& answer) {
    if (!used_up) return;
    answer.head.headers = hubcache::header_list();
    answer.head.headers.add("RateLimit", "\"api\";r=0;t=30");
  };
  s.what.prepare = [&](hubcache::settings&, hubcache::snapshot_options&) { used_up = true; };
  s.what.release = [&] { used_up = false; };
  s.what.patience = std::chrono::milliseconds(10);
  CHECK(test::interrupt_everywhere(s.what, interruption::cancel_at_step, 1) > 2);
}
