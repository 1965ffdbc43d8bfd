// Look before you fetch, against the embedded Hub.
#include <hubcache/inspect.hpp>

#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <doctest/doctest.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <support/machine.hpp>
#include <support/weight_files.hpp>

using embedded::fault;
using embedded::listener;
using hubcache::errc;
using hubcache::file_action;
using hubcache::snapshot_options;
using test::gguf_text;
using test::safetensors_text;

namespace {

constexpr std::uint64_t kib = 1024;
constexpr std::uint64_t mib = 1024 * kib;

embedded::repo_file lfs(std::string bytes) {
  return embedded::lfs(embedded::file_content::of(std::move(bytes)));
}

/// A Hub with acme/model, and a machine.
struct scene {
  explicit scene(embedded::file_map files) {
    repo.commit(std::move(files));
    hub.put(repo);
  }

  hubcache::inspected_repo inspect(snapshot_options options = snapshot_options()) {
    hubcache::cache cache(here.config);
    return cache.inspect("acme/model", std::move(options));
  }
  std::optional<errc> failure(snapshot_options options = snapshot_options()) {
    try {
      inspect(std::move(options));
    } catch (const hubcache::error& e) {
      return e.reason();
    }
    return std::nullopt;
  }
  /// What was sent of files, all ranges of it.
  [[nodiscard]] std::uint64_t sent() { return hub.log().content_bytes_sent(); }

  embedded::repo_model repo{"acme/model"};
  embedded::hub hub;
  test::machine here{hub};
};

std::string f32(const std::string& name, std::uint64_t count, char fill = '\0') {
  return safetensors_text().tensor(name, {count}).bytes(fill);
}

/// A model with a vocabulary of about `bytes`.
std::string vocabulary_model(std::uint64_t bytes) {
  gguf_text file(1, 2);
  file.key("general.architecture", hubcache::gguf_type::string).text("llama");
  file.key("tokenizer.ggml.tokens", hubcache::gguf_type::array)
      .array(hubcache::gguf_type::string, bytes / 16);
  for (std::uint64_t i = 0; i < bytes / 16; ++i) file.text("8 bytes.");
  return file.tensor("output.weight", {mib}, 0, 0).data(4 * mib).bytes;
}

}  // namespace

TEST_CASE("headers come by ranges: few bytes tell tensors, parameters and cost") {
  scene s({{"config.json", embedded::regular("{}")},
           {"unet/model.safetensors", lfs(f32("unet", mib))},
           {"vae/model.safetensors", lfs(safetensors_text().tensor("vae", {2, mib}, "F16").bytes())}});
  const auto got = s.inspect();
  CHECK(s.sent() == 2 * 64 * kib);
  CHECK(got.what.bytes_wire == s.sent());
  CHECK(got.what.listing.commit == s.repo.find("main")->id);
  CHECK(got.what.requests == s.hub.log().count());
  CHECK(got.parameters == 3 * mib);
  REQUIRE(got.files.size() == 3);
  CHECK(got.files[0].format == "");
  CHECK(got.files[0].action == file_action::fetched);
  CHECK(got.files[1].format == "safetensors");
  CHECK(got.files[1].header_bytes == 64 * kib);
  REQUIRE(got.files[2].tensors.size() == 1);
  CHECK(got.files[2].tensors[0].shape == std::vector<std::uint64_t>{2, mib});
  REQUIRE(got.folders.size() == 3);
  CHECK(got.folders[1].name == "unet");
  CHECK(got.folders[1].bytes_to_fetch == got.files[1].what.size);
  CHECK(hubcache::preview(got.what).totals.bytes_fetched == got.what.bytes_to_fetch());
}

TEST_CASE("nothing on disk changes") {
  scene s({{"model.safetensors", lfs(f32("a", mib))}});
  s.inspect();
  CHECK_FALSE(std::filesystem::exists(s.here.config.cache_dir));
  CHECK_FALSE(std::filesystem::exists(s.here.config.state_dir));
}

TEST_CASE("what is here is read from disk") {
  scene s({{"model.safetensors", lfs(f32("a", mib))}, {"other.gguf", lfs(vocabulary_model(2 * mib))}});
  s.here.snapshot("acme/model");
  s.hub.log().clear();
  const auto got = s.inspect();
  CHECK(s.hub.log().content_gets() == 0);
  CHECK(got.files[0].action == file_action::present);
  CHECK(got.parameters == 2 * mib);
  CHECK(got.what.bytes_to_fetch() == 0);
}

TEST_CASE("what lies in another repo's folder is told to be linked, and its header is read there") {
  scene s({{"model.safetensors", lfs(f32("a", mib))}});
  embedded::repo_model twin("acme/twin");
  twin.commit(s.repo.files());
  s.hub.put(twin);
  s.here.snapshot("acme/twin");
  s.hub.log().clear();
  const auto got = s.inspect();
  CHECK(s.hub.log().content_gets() == 0);
  CHECK(got.files[0].action == file_action::linked);
  CHECK(got.parameters == mib);
}

TEST_CASE("of a header longer than most just the rest is asked for") {
  constexpr std::uint64_t blanks = 300 * kib;
  const auto bytes = safetensors_text().tensor("a", {mib}).pad(blanks).bytes();
  scene s({{"model.safetensors", lfs(bytes)}});
  const auto got = s.inspect();
  CHECK(got.parameters == mib);
  CHECK(got.files[0].header_bytes == bytes.size() - 4 * mib);
  CHECK(s.sent() == got.files[0].header_bytes);
}

TEST_CASE("a header that is too long to be read beside others is read, too") {
  scene s({{"long.safetensors", lfs(safetensors_text().tensor("a", {10}).pad(17 * mib).bytes())},
           {"other.safetensors", lfs(f32("b", 5))}});
  const auto got = s.inspect();
  CHECK(got.files[0].problem == "");
  CHECK(got.parameters == 15);
}

TEST_CASE("a long vocabulary is read over once at most, and not kept") {
  scene s({{"model.gguf", lfs(vocabulary_model(3 * mib))}});
  const auto got = s.inspect();
  CHECK(got.files[0].problem == "");
  CHECK(got.parameters == mib);
  CHECK(s.sent() == (2 + 4) * mib);  // beside others, then alone
  CHECK(got.files[0].header_bytes == 4 * mib);
  CHECK(got.files[0].metadata[1].second == "[string x " + std::to_string(3 * mib / 16) + "]");
}

TEST_CASE("lengths that lie, cut files and empty ones are problems of their files alone") {
  const std::string lies("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F{}", 10);
  const auto whole = f32("a", 100'000);
  const auto vocabulary = gguf_text(0, 1)
                              .key("t", hubcache::gguf_type::array)
                              .array(hubcache::gguf_type::string, std::uint64_t{1} << 60U)
                              .bytes;
  scene s({{"cut.safetensors", lfs(whole.substr(0, whole.size() / 2))},
           {"empty.gguf", embedded::regular("")},
           {"good.safetensors", lfs(f32("good", 7))},
           {"lies.safetensors", lfs(lies)},
           {"vocabulary.gguf", lfs(vocabulary + std::string(mib, 'x'))}});
  const auto got = s.inspect();
  CHECK(got.files[0].problem == "the tensors do not end where the file ends");
  CHECK(got.files[1].problem == "the header does not end within the file, or is too long");
  CHECK(got.files[2].problem == "");
  CHECK(got.files[3].problem == "the header would have 9223372036854775807 bytes");
  CHECK(got.files[4].problem == "the header does not end within the file, or is too long");
  CHECK(got.parameters == 7);
  CHECK(s.sent() < 2 * mib);
}

TEST_CASE("a server that ignores ranges is read as far as the header goes") {
  scene s({{"model.safetensors", lfs(safetensors_text().tensor("a", {mib}).pad(200 * kib).bytes())}});
  const auto ignored =
      s.hub.inject(fault(embedded::ignore_range()).on(listener::cdn).repeated(fault::always));
  CHECK(s.inspect().parameters == mib);
  CHECK(ignored.fired() == 2);
}

TEST_CASE("an answer that contradicts the listing is the problem of its file") {
  scene s({{"a.safetensors", lfs(f32("a", mib))}, {"b.gguf", lfs(vocabulary_model(kib))}});
  s.here.config.attempts = 1;
  s.hub.inject(fault(embedded::wrong_content_range("bytes 0-9/10")).on(listener::cdn).repeated(1));
  const auto got = s.inspect();
  CHECK(got.files[0].problem.empty() != got.files[1].problem.empty());
}

TEST_CASE("a file that is gone is told, even if the server tells nothing but XML") {
  const auto index = embedded::regular("{\"weight_map\":{}}");
  scene s({{"a.safetensors", lfs(f32("a", mib))}, {"b.safetensors.index.json", index}});
  const auto gone =
      embedded::fault_action{[](embedded::exchange& e) {
                               e.answer = embedded::response();
                               e.answer.status = 404;
                               e.answer.text("<Error><Code>NoSuchKey</Code></Error>", "text/xml");
                             },
                             nullptr};
  s.hub.inject(fault(gone).on("/resolve/").repeated(fault::always));
  for (const auto& file : s.inspect().files) CHECK(file.problem != "");
}

TEST_CASE("a Hub that fails fails the inspection") {
  scene s({{"a.safetensors", lfs(f32("a", mib))}});
  s.here.config.attempts = 2;
  s.hub.inject(fault(embedded::status(503)).on(listener::cdn).repeated(fault::always));
  CHECK(s.failure() == errc::server_failed);
  s.hub.clear_faults();
  s.hub.inject(fault(embedded::status(503)).on(listener::cdn));
  CHECK(s.inspect().parameters == mib);
}

TEST_CASE("equal contents are read once") {
  const auto bytes = f32("a", mib);
  scene s({{"a/model.safetensors", lfs(bytes)}, {"b/model.safetensors", lfs(bytes)}});
  const auto got = s.inspect();
  CHECK(s.sent() == 64 * kib);
  CHECK(got.files[1].tensors == got.files[0].tensors);
  CHECK(got.files[1].action == file_action::present);
  CHECK(got.files[1].header_bytes == 0);
  CHECK(got.parameters == 2 * mib);
}

TEST_CASE("a sharded model sums up, and its index is checked against the shards") {
  const std::string index =
      R"({"metadata":{"total_size":12},"weight_map":{"a":"1.safetensors","b":"2.safetensors","c":"2.safetensors"}})";
  scene s({{"1.safetensors", lfs(f32("a", 1))},
           {"2.safetensors", lfs(safetensors_text().tensor("b", {1}).tensor("c", {1}).bytes())},
           {"model.safetensors.index.json", embedded::regular(index)},
           {"x/model.safetensors.index.json", embedded::regular(index)},
           {"y.safetensors.index.json", embedded::regular("[]")}});
  const auto got = s.inspect();
  CHECK(got.parameters == 3);
  CHECK(got.files[2].problem == "");
  CHECK(got.files[2].metadata.front().second == "12");
  CHECK(got.files[2].header_bytes == index.size());
  CHECK(got.files[3].problem ==
        "the index names the file '1.safetensors', which the repo does not have beside it");
  CHECK(got.files[4].problem == "the index is no JSON object");
}

TEST_CASE("many files are read side by side") {
  embedded::file_map files;
  for (int i = 0; i < 40; ++i) {
    const auto name = std::to_string(i);
    files[name + ".safetensors"] = lfs(f32(name, 1000));
  }
  scene s(std::move(files));
  CHECK(s.inspect().parameters == 40'000);
  CHECK(s.hub.connections(listener::cdn) > 1);
  CHECK(s.hub.connections(listener::cdn) <= 8);
}

TEST_CASE("what is told of one repo is bounded") {
  gguf_text file(1000, 0);
  for (int i = 0; i < 1000; ++i) file.tensor(std::to_string(i) + std::string(40'000, 'x'), {0}, 0, 0);
  file.data(0);
  embedded::file_map files;
  for (int i = 0; i < 9; ++i) files[std::to_string(i) + ".gguf"] = lfs(file.bytes);
  scene s(std::move(files));
  const auto got = s.inspect();
  CHECK(got.files[5].problem == "");
  CHECK(got.files[5].tensors.size() == 1000);
  CHECK(got.files[8].problem.find("more than is kept of one repo") != std::string::npos);
  CHECK(got.files[8].tensors.empty());
}

TEST_CASE("only chosen files are read") {
  scene s({{"a.safetensors", lfs(f32("a", mib))}, {"b.safetensors", lfs(f32("b", mib))}});
  CHECK(s.inspect(snapshot_options().with_allow({"b*"})).parameters == mib);
  CHECK(s.sent() == 64 * kib);
  CHECK(s.failure(snapshot_options().with_files({"c.safetensors"})) == errc::file_not_found);
  CHECK(s.failure(snapshot_options().with_local_dir("x")) == errc::invalid_argument);
}

TEST_CASE("offline a complete repo is inspected, another is refused") {
  scene s({{"a.safetensors", lfs(f32("a", mib))}});
  s.here.config.offline = true;
  CHECK(s.failure() == errc::not_cached);
  s.here.config.offline = false;
  s.here.snapshot("acme/model");
  s.here.config.offline = true;
  s.hub.log().clear();
  CHECK(s.inspect().parameters == mib);
  CHECK(s.hub.log().count() == 0);
}

TEST_CASE("a gate is a gate for headers, too") {
  scene s({{"a.safetensors", lfs(f32("a", mib))}});
  s.repo.gated = embedded::gate::manual;
  s.hub.put(s.repo);
  s.here.config.token = hubcache::secret("hf_reader");
  CHECK(s.failure() == errc::gated);
  CHECK(s.sent() == 0);
}

TEST_CASE("an inspection is cancelled while it waits for a header") {
  scene s({{"a.safetensors", lfs(f32("a", mib))}});
  s.here.config.download_timeout = std::chrono::seconds(60);
  s.hub.inject(fault(embedded::stall_before_head(std::chrono::seconds(60))).on(listener::cdn));
  asio::io_context context;
  hubcache::workers pool(1);
  hubcache::cache cache(context.get_executor(), pool, s.here.config);
  asio::cancellation_signal stop;
  asio::steady_timer poll(context);
  const auto asked = [&] {
    return s.hub.log().count([](const auto& r) { return r.where == listener::cdn; }) > 0;
  };
  std::function<void(std::error_code)> look = [&](std::error_code) {
    if (asked()) return stop.emit(asio::cancellation_type::terminal);
    poll.expires_after(std::chrono::milliseconds(5));
    poll.async_wait(look);
  };
  look({});
  std::exception_ptr failure;
  auto ended = [&](std::exception_ptr e, const hubcache::inspected_repo&) { failure = e; };
  cache.async_inspect("acme/model", snapshot_options(), asio::bind_cancellation_slot(stop.slot(), ended));
  context.run();
  REQUIRE(failure);
  CHECK(hubcache::error_of(failure)->reason() == errc::cancelled);
}
