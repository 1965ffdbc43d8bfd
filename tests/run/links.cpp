#include <hubcache/store/edit.hpp>
#include <hubcache/store/publish.hpp>

#include <doctest/doctest.h>

#include <support/machine.hpp>
#include <sys/stat.h>

using hubcache::errc;
using hubcache::link_kind;
using hubcache::snapshot_options;
using test::machine;

namespace {

struct scene {
  scene() {
    hub.put(embedded::tiny());
    hub.put(embedded::twin_of(embedded::tiny()));
  }
  embedded::hub hub;
  machine here{hub};
  embedded::file_map files = embedded::tiny().files();
  std::string weights = files.at("model.safetensors").etag();

  [[nodiscard]] hubcache::cache_mapping mapped(const std::string& path) const {
    return {{*hubcache::digest::parse(weights), path}};
  }
};

ino_t inode(const std::string& path) {
  struct stat s {};
  return ::stat(path.c_str(), &s) == 0 ? s.st_ino : 0;
}

const hubcache::snapshot_file& file(const hubcache::snapshot& s, std::string_view path) {
  return *std::find_if(s.files.begin(), s.files.end(), [&](const auto& f) { return f.path == path; });
}

}  // namespace

TEST_CASE("a hard link shares the inode of the other repo's blob") {
  scene s;
  s.here.snapshot("acme/tiny");
  snapshot_options options;
  options.links = link_kind::hard_link;
  const auto got = s.here.snapshot("other/twin", options);
  CHECK(file(got, "model.safetensors").link == link_kind::hard_link);
  CHECK(inode(s.here.blob("acme/tiny", s.weights)) == inode(s.here.blob("other/twin", s.weights)));
  CHECK(got.totals.disk_delta < s.files.at("model.safetensors").content.size());
}

TEST_CASE("after a hard link both names still count as verified") {
  scene s;
  s.here.snapshot("acme/tiny");
  snapshot_options options;
  options.links = link_kind::hard_link;
  s.here.snapshot("other/twin", options);
  hubcache::mapped_index index(s.here.config.state_dir + "/index");
  const auto places = index.find(*hubcache::digest::parse(s.weights));
  CHECK(places.size() == 2);
  for (const auto& place : places) {
    std::error_code ec;
    CHECK(place.state == hubcache::trust::verified);
    CHECK(place.identity == hubcache::os::status(place.path, ec).identity);
  }
}

TEST_CASE("a copy has its own inode") {
  scene s;
  s.here.snapshot("acme/tiny");
  snapshot_options options;
  options.links = link_kind::copy;
  const auto got = s.here.snapshot("other/twin", options);
  CHECK(file(got, "model.safetensors").link == link_kind::copy);
  CHECK(inode(s.here.blob("acme/tiny", s.weights)) != inode(s.here.blob("other/twin", s.weights)));
  CHECK(got.totals.disk_delta >= s.files.at("model.safetensors").content.size());
}

TEST_CASE("a symlink is made on request only, and points at the other repo's blob") {
  scene s;
  s.here.snapshot("acme/tiny");
  snapshot_options options;
  options.links = link_kind::symlink;
  const auto got = s.here.snapshot("other/twin", options);
  CHECK(file(got, "model.safetensors").link == link_kind::symlink);
  CHECK(std::filesystem::read_symlink(s.here.blob("other/twin", s.weights)) ==
        s.here.blob("acme/tiny", s.weights));
  CHECK(test::holds(got, s.files));
}

TEST_CASE("a source that vanished or changed is fetched instead, and forgotten") {
  scene s;
  s.here.snapshot("acme/tiny");
  std::filesystem::remove(s.here.blob("acme/tiny", s.weights));
  const auto readme = s.here.blob("acme/tiny", s.files.at("README.md").etag());
  std::filesystem::permissions(readme, std::filesystem::perms::owner_write,
                               std::filesystem::perm_options::add);
  std::ofstream(readme, std::ios::in | std::ios::out) << "edited in place";
  const auto got = s.here.snapshot("other/twin");
  CHECK(test::holds(got, s.files));
  CHECK(got.totals.bytes_fetched >= s.files.at("model.safetensors").content.size());
}

TEST_CASE("a mapping's file is adopted after a check, without a request for its content") {
  scene s;
  const auto mine = s.here.home.write("mine/weights.bin", s.files.at("model.safetensors").content.text());
  snapshot_options options;
  options.mapping = s.mapped(mine);
  const auto got = s.here.snapshot("acme/tiny", options);
  CHECK(file(got, "model.safetensors").source == mine);
  CHECK(inode(mine) != inode(s.here.blob("acme/tiny", s.weights)));  // a file the user may edit
  CHECK(s.hub.log().count([](const auto& r) { return r.where == embedded::listener::cdn; }) == 1);
  CHECK(got.mapping.at(*hubcache::digest::parse(s.weights)) == mine);
}

TEST_CASE("a mapping comes back complete: every content of the snapshot by its sha256") {
  scene s;
  snapshot_options options;
  options.mapping.emplace();
  const auto got = s.here.snapshot("acme/tiny", options);
  CHECK(got.mapping.size() == 7);
  for (const auto& [name, path] : got.mapping) {
    CHECK(embedded::sha256_hex(test::read_file(path)) == name.hex());
  }
}

TEST_CASE("mapping entries that are missing or hold other content are reported and corrected") {
  scene s;
  for (const bool missing : {true, false}) {
    const auto wrong = s.here.home / "mine/wrong.bin";
    if (!missing)
      s.here.home.write("mine/wrong.bin", std::string(s.files.at("model.safetensors").content.size(), 'x'));
    snapshot_options options;
    options.mapping = s.mapped(wrong);
    const auto got = s.here.snapshot("acme/tiny", options);
    CHECK(test::holds(got, s.files));
    CHECK(got.stale_mapping == s.mapped(wrong));
    CHECK(got.mapping.at(*hubcache::digest::parse(s.weights)) == s.here.blob("acme/tiny", s.weights));
  }
}

TEST_CASE("a hard link from a mapping is made when it is asked for") {
  scene s;
  const auto mine = s.here.home.write("mine/weights.bin", s.files.at("model.safetensors").content.text());
  snapshot_options options;
  options.mapping = s.mapped(mine);
  options.links = link_kind::hard_link;
  s.here.snapshot("acme/tiny", options);
  CHECK(inode(mine) == inode(s.here.blob("acme/tiny", s.weights)));
}

TEST_CASE("too little space is an error before the first byte") {
  scene s;
  embedded::repo_model big("acme/big");
  embedded::file_map files;
  files["a"] = embedded::regular("small");
  big.commit(files);
  s.hub.put(big);
  // A listing that promises more than any disk holds.
  s.hub.inject(
      embedded::fault(
          embedded::body(
              R"([{"type":"file","oid":"10c66461e4c109db5a2196bff4bb59be30396ed8","size":4503599627370496,"path":"a"}])"))
          .on("/tree/"));
  const auto failure = s.here.failure("acme/big");
  REQUIRE(failure);
  CHECK(failure->reason() == errc::disk_full);
  CHECK(s.hub.log().content_gets() == 0);
}

TEST_CASE("a linked file tells why it was not linked by a better kind") {
  scene s;
  s.here.snapshot("acme/tiny");
  const auto got = s.here.snapshot("other/twin");
  for (const auto& f : got.files) {
    if (f.link == link_kind::copy) CHECK_FALSE(f.refused.empty());
    if (f.link == link_kind::reflink) CHECK(f.refused.empty());
    if (f.action != hubcache::file_action::linked) CHECK(f.refused.empty());
  }
}

TEST_CASE("a rule for some files overrides the kind for all") {
  scene s;
  s.here.snapshot("acme/tiny");
  snapshot_options options;
  options.links = link_kind::hard_link;
  options.link_rules.emplace_back("*.safetensors", link_kind::copy);
  const auto got = s.here.snapshot("other/twin", options);
  CHECK(file(got, "model.safetensors").link == link_kind::copy);
  CHECK(file(got, "model.safetensors").refused.empty());
}

TEST_CASE("copies are synced before they are named, whatever the mode, and end verified") {
  for (const auto mode : {hubcache::fsync_mode::batch, hubcache::fsync_mode::each}) {
    scene s;
    s.here.config.fsync = mode;
    s.here.snapshot("acme/tiny");
    snapshot_options options;
    options.links = link_kind::copy;
    const auto got = s.here.snapshot("other/twin", options);
    CHECK(test::holds(got, s.files));
    CHECK(got.totals.bytes_fetched == 0);
    CHECK(test::names_ending(s.here.config.cache_dir, ".incomplete").empty());
  }
}

TEST_CASE(
    "an entry that its user made his own is kept by later runs, and told; --force-download brings it back") {
  scene s;
  const auto first = s.here.snapshot("acme/tiny");
  const auto mine = first.path_of("config.json");
  const hubcache::default_link links;
  CHECK(hubcache::make_private(mine, links).link);
  std::ofstream(mine) << "edited";
  const auto again = s.here.snapshot("acme/tiny");
  CHECK(test::read_file(mine) == "edited");
  REQUIRE(s.here.warnings().size() == 1);
  CHECK(s.here.warnings()[0].starts_with(mine + " is a file of its own"));
  CHECK(again.totals.bytes_fetched == 0);
  snapshot_options options;
  options.force_download = true;
  CHECK(test::holds(s.here.snapshot("acme/tiny", options), s.files));
}
