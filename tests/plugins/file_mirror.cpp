#include <hubcache/hub/endpoint.hpp>
#include <hubcache/transport/https.hpp>

#include <doctest/doctest.h>

#include <file_mirror.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "conformance/transport.hpp"
#include "conformance/transport_cache.hpp"
#include "support/hub/fixtures.hpp"
#include "support/hub/server.hpp"
#include "support/machine.hpp"

namespace {

namespace fs = std::filesystem;
using hubcache::errc;
using plugins::file_mirror;

enum class behind : unsigned char { nothing, https };

/// A file_mirror with workers of its own: they end with it, and so before the context that they complete on.
class owning_mirror {
 public:
  template <class... Arguments>
  explicit owning_mirror(Arguments&&... arguments) : mirror_(pool_, std::forward<Arguments>(arguments)...) {}
  [[nodiscard]] asio::awaitable<hubcache::http_response> exchange(const hubcache::http_request& request,
                                                                  hubcache::body_sink& sink) {
    return mirror_.exchange(request, sink);
  }

 private:
  hubcache::workers pool_{2};
  file_mirror mirror_;
};

/// A Hub, and a site's folder into which acme/tiny was downloaded from it.
struct mirrored_site {
  mirrored_site() {
    hub.put(embedded::tiny());
    commit = site.snapshot("acme/tiny").commit;
    folder = site.config.cache_dir;
    hub.log().clear();
  }

  /// The mirror over the site's folder.
  [[nodiscard]] test::transport_maker mirror(behind what = behind::nothing) {
    return [this, what, endpoint = site.config.endpoint](asio::any_io_executor executor) {
      std::optional<hubcache::any_transport> next;
      if (what == behind::https) next.emplace(hubcache::https_transport(executor));
      return hubcache::any_transport(std::in_place_type<owning_mirror>, endpoint, "file://" + folder,
                                     std::move(next));
    };
  }
  /// A download by another machine, by way of the mirror.
  hubcache::snapshot download(const std::string& repo, behind what = behind::nothing) {
    test::cache_over cache(other.config, mirror(what));
    return cache->snapshot(repo);
  }
  [[nodiscard]] std::optional<hubcache::error> failure(const std::string& repo) {
    try {
      download(repo);
    } catch (const hubcache::error& failed) {
      return failed;
    }
    return std::nullopt;
  }
  /// The blob of the largest file, as the mirror has it.
  [[nodiscard]] std::string blob() {
    return site.blob("acme/tiny", hub.get("acme/tiny").files().at("model.safetensors").etag());
  }
  [[nodiscard]] hubcache::http_request request(const std::string& path, const std::string& method = "GET") {
    return test::request_to(hubcache::resolve_url(site.config.endpoint, "acme/tiny", commit, path).text(),
                            method);
  }

  embedded::hub hub;
  test::machine site{hub};
  test::machine other{hub};
  std::string folder;
  std::string commit;
};

bool says(const std::optional<hubcache::error>& failed, std::string_view text) {
  return failed && failed->detail().find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("file_mirror keeps the contract of transport for what it passes on") {
  const test::temp_folder empty;
  const auto elsewhere = hubcache::url::parse("http://hub.invalid").value();
  test::transport_conformance([&](asio::any_io_executor executor) {
    return hubcache::any_transport(std::in_place_type<owning_mirror>, elsewhere, empty.path().string(),
                                   hubcache::any_transport(hubcache::https_transport(executor)));
  });
}

TEST_CASE("another machine downloads everything from the mirror, with the Hub out of reach") {
  mirrored_site scene;
  scene.hub.stop();
  CHECK(test::holds(scene.download("acme/tiny"), embedded::tiny().files()));
}

TEST_CASE("of a mirrored repo the Hub hears nothing, of another one everything") {
  mirrored_site scene;
  embedded::repo_model fresh("acme/fresh");
  fresh.commit({{"config.json", embedded::regular("{}")}});
  scene.hub.put(fresh);
  CHECK(test::holds(scene.download("acme/tiny", behind::https), embedded::tiny().files()));
  CHECK(scene.hub.log().count() == 0);
  CHECK(test::holds(scene.download("acme/fresh", behind::https), fresh.files()));
  CHECK(scene.hub.log().count() > 0);
}

TEST_CASE("a file that the mirror lacks comes from the Hub, the others from the mirror") {
  mirrored_site scene;
  fs::remove(scene.blob());
  CHECK(test::holds(scene.download("acme/tiny", behind::https), embedded::tiny().files()));
  CHECK(scene.hub.log().count([](const auto& asked) { return asked.content; }) == 1);
}

TEST_CASE("a mirror on a disk without symlinks gives the snapshot's own files") {
  mirrored_site scene;
  const auto repo = scene.site.repo_dir("acme/tiny");
  for (const auto& [path, file] : embedded::tiny().files()) {
    const auto name = repo / "snapshots" / scene.commit / path;
    fs::remove(name);
    scene.site.home.write(fs::relative(name, scene.site.home.path()).string(), file.content.text());
  }
  fs::remove_all(repo / "blobs");
  scene.hub.stop();
  CHECK(test::holds(scene.download("acme/tiny"), embedded::tiny().files()));
}

TEST_CASE("what a mirror alone does not have is the Hub's 404, with its reason") {
  mirrored_site scene;
  CHECK(scene.failure("acme/other")->reason() == errc::repo_not_found);
  CHECK(says(scene.failure("acme/other"), "models--acme--other is no folder"));
  fs::remove(scene.blob());
  CHECK(scene.failure("acme/tiny")->reason() == errc::file_not_found);
  CHECK(says(scene.failure("acme/tiny"), "No such file"));
  fs::remove_all(scene.site.repo_dir("acme/tiny") / "trees");
  CHECK(scene.failure("acme/tiny")->reason() == errc::revision_not_found);
  CHECK(says(scene.failure("acme/tiny"), "trees/" + scene.commit + ".json"));
  fs::remove_all(scene.site.repo_dir("acme/tiny") / "refs");
  CHECK(says(scene.failure("acme/tiny"), "refs/"));
}

TEST_CASE("a mirror's symlink out of its folder is not followed, one within is") {
  mirrored_site scene;
  const auto bytes = test::read_file(scene.blob());
  fs::remove(scene.blob());
  fs::create_symlink(scene.site.home.write("outside.bin", bytes), scene.blob());
  CHECK(says(scene.failure("acme/tiny"), "leads out of the mirror"));
  fs::remove(scene.blob());
  fs::create_symlink(scene.site.home.write("hub/shared/payload", bytes), scene.blob());
  CHECK(test::holds(scene.download("acme/tiny"), embedded::tiny().files()));
}

TEST_CASE("a mirror's file of another size is refused, one of other bytes gets no name") {
  mirrored_site scene;
  auto bytes = test::read_file(scene.blob());
  bytes[1000] = static_cast<char>(bytes[1000] + 1);
  fs::remove(scene.blob());
  const auto name = fs::relative(scene.blob(), scene.site.home.path()).string();
  scene.site.home.write(name, bytes);
  CHECK(scene.failure("acme/tiny")->reason() == errc::digest_mismatch);
  scene.site.home.write(name, "short");
  CHECK(says(scene.failure("acme/tiny"), "has 5 of its 100000 bytes"));
}

TEST_CASE("a mirror's listing with names that lead elsewhere, or without end, is none") {
  mirrored_site scene;
  const auto tree = scene.site.repo_dir("acme/tiny") / "trees" / (scene.commit + ".json");
  auto text = test::read_file(tree);
  for (const auto& name : {std::string("../../escaped"), std::string(5000, 'x')}) {
    auto hostile = text;
    hostile.replace(hostile.find("README.md"), 9, name);
    fs::remove(tree);
    scene.site.home.write(fs::relative(tree, scene.site.home.path()).string(), hostile);
    CHECK(scene.failure("acme/tiny")->reason() == errc::revision_not_found);
  }
}

TEST_CASE("a mirror answers HEAD, ranges, and sinks that keep or stop, as a server would") {
  mirrored_site scene;
  const auto whole = test::read_file(scene.blob());
  test::session net(scene.mirror());
  test::text_sink sink;
  auto asked = scene.request("model.safetensors", "HEAD");
  CHECK(net.fetch(asked, sink).head.content_length == whole.size());
  asked.method = "GET";
  const auto answered = [&](const std::string& range) {
    auto part = asked;
    part.headers.add("Range", range);
    sink.text.clear();
    return net.fetch(part, sink);
  };
  const auto middle = answered("bytes=10-19");
  CHECK(middle.head.status == 206);
  CHECK(middle.head.headers.find("Content-Range") == "bytes 10-19/100000");
  CHECK(sink.text == whole.substr(10, 10));
  CHECK(answered("bytes=99990-").head.status == 206);
  CHECK(sink.text == whole.substr(99'990));
  CHECK(answered("bytes=0-99999999").body_bytes == whole.size());
  CHECK(answered("bytes=100000-").head.status == 416);
  CHECK(sink.text.empty());
  for (const auto* strange : {"bytes=-5", "bytes=9-3", "bytes=1-2,4-5", "lines=1-2"}) {
    CHECK(answered(strange).head.status == 200);
    CHECK(sink.text == whole);
  }
  hubcache::keep_sink keep;
  asked.body_limit = 100;
  CHECK(net.fetch(asked, keep).body == whole.substr(0, 100));
  test::text_sink stop(test::verdict::stop);
  CHECK(net.fetch(asked, stop).body_bytes == 0);
}

TEST_CASE("a mirror's file that shrinks while it is read is a lost connection") {
  mirrored_site scene;
  class cutting_sink final : public hubcache::body_sink {
   public:
    explicit cutting_sink(std::string path) : path_(std::move(path)) {}
    [[nodiscard]] verdict begin(const hubcache::response_head&) override {
      fs::permissions(path_, fs::perms(0600));
      fs::resize_file(path_, 10);
      return verdict::take;
    }
    [[nodiscard]] asio::awaitable<std::span<std::byte>> acquire() override {
      co_return std::span<std::byte>(room_);
    }
    void commit(std::size_t) override {}

   private:
    std::string path_;
    std::byte room_[100]{};
  };
  cutting_sink sink(scene.blob());
  test::session net(scene.mirror());
  CHECK(net.failure(scene.request("model.safetensors"), sink) == errc::connection_lost);
}

TEST_CASE("a mirror is an absolute folder, with or without file://") {
  hubcache::workers pool(1);
  const auto hub = hubcache::url::parse("http://hub.test").value();
  for (const auto* wrong : {"models", "file://models", "http://host/models", ""}) {
    try {
      const file_mirror made(pool, hub, wrong);
      FAIL("it was taken");
    } catch (const hubcache::error& refused) {
      CHECK(refused.reason() == errc::invalid_argument);
    }
  }
  mirrored_site scene;
  const auto spaced = scene.site.home / "a disk";
  fs::rename(scene.folder, spaced);
  scene.folder = scene.site.home / "a%20disk";
  CHECK(test::holds(scene.download("acme/tiny"), embedded::tiny().files()));
}
