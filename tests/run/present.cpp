#include <hubcache/run_present.hpp>
#include <hubcache/store/ledger.hpp>

#include <doctest/doctest.h>

#include <support/machine.hpp>

using hubcache::snapshot_options;
using test::machine;

namespace {

std::size_t threads_of_this_process() {
  namespace fs = std::filesystem;
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator()));
}

/// A machine that has acme/tiny at `commit`.
struct furnished {
  explicit furnished(embedded::repo_model repo = embedded::tiny()) {
    hub.put(std::move(repo));
    first = here.snapshot("acme/tiny");
    hub.log().clear();
  }

  [[nodiscard]] std::optional<hubcache::snapshot> cached(snapshot_options options = snapshot_options()) {
    if (options.revision == "main") options.revision = first.commit;
    return hubcache::cached_snapshot(here.config, "acme/tiny", std::move(options), here.news);
  }

  embedded::hub hub;
  machine here{hub};
  hubcache::snapshot first;
};

}  // namespace

TEST_CASE("a complete snapshot of a commit takes no request and no thread") {
  furnished f;
  f.hub.stop();
  const auto before = threads_of_this_process();  // those that ended may still count
  hubcache::cache cache(f.here.config);
  const auto got = cache.snapshot("acme/tiny", snapshot_options().with_revision(f.first.commit));
  CHECK(threads_of_this_process() <= before);
  CHECK(f.hub.log().count() == 0);
  CHECK(test::holds(got, embedded::tiny().files()));
  CHECK(got.path == f.first.path);
  CHECK(got.totals.requests == 0);
  CHECK(got.totals.bytes_present == got.totals.bytes_total);
}

TEST_CASE("a branch is cached only offline: else the Hub is asked what it means") {
  furnished f;
  const auto by_branch = [&f] {
    return hubcache::cached_snapshot(f.here.config, "acme/tiny", snapshot_options(), {});
  };
  CHECK_FALSE(by_branch());
  f.here.config.offline = true;
  const auto offline = by_branch();
  REQUIRE(offline);
  CHECK(offline->commit == f.first.commit);
  CHECK(offline->revision == "main");
}

TEST_CASE("what is cached is told as one plan with nothing to do") {
  furnished f;
  f.here.news = {};
  REQUIRE(f.cached());
  REQUIRE(f.here.news.seen.size() == 1);
  const auto plans = f.here.news.all<hubcache::events::planned>();
  REQUIRE(plans.size() == 1);
  CHECK(plans[0].files == f.first.files.size());
  CHECK(plans[0].bytes_to_fetch + plans[0].bytes_to_link == 0);
  CHECK(plans[0].bytes_present > 0);
}

TEST_CASE("a snapshot is not cached if a blob is gone, cut short or not readable as a file") {
  furnished f;
  const auto blob = f.here.blob("acme/tiny", embedded::tiny().files().at("model.safetensors").etag());
  std::filesystem::permissions(blob, std::filesystem::perms::owner_write, std::filesystem::perm_options::add);
  const auto size = std::filesystem::file_size(blob);
  std::filesystem::resize_file(blob, size - 1);
  CHECK_FALSE(f.cached());
  std::filesystem::remove(blob);
  CHECK_FALSE(f.cached());
  std::filesystem::create_directory(blob);
  CHECK_FALSE(f.cached());
}

TEST_CASE("a snapshot is not cached if an entry is gone, edited or leads elsewhere") {
  furnished f;
  const auto entry = f.first.path_of("nested/copy-of-model.safetensors");
  const auto target = std::filesystem::read_symlink(entry);
  std::filesystem::remove(entry);
  CHECK_FALSE(f.cached());
  std::filesystem::create_symlink("../" + target.string(), entry);
  CHECK_FALSE(f.cached());
  std::filesystem::remove(entry);
  std::filesystem::copy_file(f.first.path_of("model.safetensors"), entry);
  CHECK_FALSE(f.cached());
  std::filesystem::remove(entry);
  std::filesystem::create_symlink(target, entry);
  CHECK(f.cached());
}

TEST_CASE("no planted symlink is taken for a folder of the snapshot") {
  furnished f;
  const auto nested = std::filesystem::path(f.first.path) / "nested";
  const auto away = f.here.home.path() / "away";
  std::filesystem::rename(nested, away);
  std::filesystem::create_directory_symlink(away, nested);
  CHECK_FALSE(f.cached());
}

TEST_CASE("one deleted blob among thousands is found, and fetched again") {
  embedded::hub hub;
  hub.put(embedded::many_files(2000));
  machine here(hub);
  const auto first = here.snapshot("acme/many");
  const auto options = snapshot_options().with_revision(first.commit);
  const auto cached = [&] { return hubcache::cached_snapshot(here.config, "acme/many", options, {}); };
  REQUIRE(cached());
  const auto& lost = first.files[1234];
  std::filesystem::remove(here.blob("acme/many", lost.what.name.hex()));
  CHECK_FALSE(cached());
  hub.log().clear();
  const auto again = here.snapshot("acme/many", options);
  CHECK(hub.log().content_gets() == 1);
  CHECK(again.totals.bytes_fetched == lost.what.size);
  CHECK(cached());
}

TEST_CASE("whoever wants verification, a mapping or a local folder is not served from names and sizes") {
  furnished f;
  REQUIRE(f.cached());
  snapshot_options verify, force, local, mapping;
  verify.verify = true;
  force.force_download = true;
  local.local_dir = f.here.home / "local";
  mapping.mapping.emplace();
  for (const auto& options : {verify, force, local, mapping}) CHECK_FALSE(f.cached(options));
  f.here.config.use_symlinks = false;
  CHECK_FALSE(f.cached());
}

TEST_CASE("a working folder that is gone fails a call with the library's error, not with another") {
  furnished f;
  const auto before = std::filesystem::current_path();
  const auto gone = f.here.home.path() / "gone";
  std::filesystem::create_directory(gone);
  std::filesystem::current_path(gone);
  std::filesystem::remove(gone);
  snapshot_options options;
  options.revision = f.first.commit;
  options.local_dir = "relative";
  hubcache::cache cache(f.here.config);
  CHECK_FALSE(cache.cached("acme/tiny", options));
  CHECK_THROWS_AS(cache.snapshot("acme/tiny", options), hubcache::error);
  std::filesystem::current_path(before);
}

TEST_CASE("a snapshot whose repo somebody removes from is not cached at that moment") {
  furnished f;
  std::error_code ec;
  const hubcache::ledger books(f.here.config.state_dir);
  auto lease =
      books.try_lease(f.here.config.cache_dir, "models--acme--tiny", hubcache::os::lock_mode::exclusive, ec);
  REQUIRE(lease);
  CHECK_FALSE(f.cached());
  lease.reset();
  CHECK(f.cached());
}

TEST_CASE("the use of a cached snapshot is recorded") {
  furnished f;
  const hubcache::ledger books(f.here.config.state_dir);
  const auto used = [&] {
    return books.last_use(f.here.config.cache_dir, "models--acme--tiny", f.first.commit);
  };
  books.forget_use(f.here.config.cache_dir, "models--acme--tiny", f.first.commit);
  REQUIRE_FALSE(used());
  REQUIRE(f.cached());
  CHECK(used());
}
