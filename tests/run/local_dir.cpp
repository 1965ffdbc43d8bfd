#include <hubcache/store/local_layout.hpp>

#include <doctest/doctest.h>

#include <support/machine.hpp>

using hubcache::errc;
using hubcache::file_action;
using hubcache::snapshot_options;
using test::machine;

namespace {

struct scene {
  scene() { hub.put(embedded::tiny()); }
  [[nodiscard]] snapshot_options into_folder() const { return snapshot_options().with_local_dir(folder); }
  embedded::hub hub;
  machine here{hub};
  std::string folder = here.home / "models/tiny";
};

}  // namespace

TEST_CASE("a local folder gets plain, writable files and the book-keeping of huggingface_hub") {
  scene s;
  const auto got = s.here.snapshot("acme/tiny", s.into_folder());
  CHECK(got.path == s.folder);
  CHECK(test::holds(got, embedded::tiny().files()));
  for (const auto& file : got.files) {
    const auto status = std::filesystem::symlink_status(got.path_of(file.path));
    CHECK(status.type() == std::filesystem::file_type::regular);
    CHECK((status.permissions() & std::filesystem::perms::owner_write) != std::filesystem::perms::none);
    CHECK(std::filesystem::hard_link_count(got.path_of(file.path)) == 1);
  }
  const auto metadata =
      test::read_file(s.folder + "/.cache/huggingface/download/nested/deep/notes.txt.metadata");
  const auto etag = embedded::tiny().files().at("nested/deep/notes.txt").etag();
  CHECK(metadata.starts_with(got.commit + "\n" + etag + "\n1"));
  CHECK(test::read_file(s.folder + "/.cache/huggingface/.gitignore") == "*");
  CHECK(std::filesystem::exists(s.folder + "/.cache/huggingface/CACHEDIR.TAG"));
  CHECK(!std::filesystem::exists(s.here.repo_dir("acme/tiny")));
}

TEST_CASE("a second run into the same folder finds everything present") {
  scene s;
  s.here.snapshot("acme/tiny", s.into_folder());
  s.hub.log().clear();
  const auto got = s.here.snapshot("acme/tiny", s.into_folder());
  CHECK(got.totals.bytes_present == got.totals.bytes_total);
  CHECK(s.hub.log().content_gets() == 0);
}

TEST_CASE("what the cache has is copied into the folder without a request for content") {
  scene s;
  s.here.snapshot("acme/tiny");
  s.hub.log().clear();
  const auto got = s.here.snapshot("acme/tiny", s.into_folder());
  CHECK(got.totals.bytes_fetched == 0);
  CHECK(s.hub.log().content_gets() == 0);
  CHECK(test::holds(got, embedded::tiny().files()));
}

TEST_CASE("an edit in a local folder never reaches the cache") {
  scene s;
  s.here.snapshot("acme/tiny", s.into_folder());
  const auto cached = s.here.snapshot("acme/tiny");
  CHECK(cached.totals.bytes_fetched == 0);
  std::ofstream(s.folder + "/model.safetensors", std::ios::in | std::ios::out) << "edited";
  CHECK(test::holds(cached, embedded::tiny().files()));
}

TEST_CASE("a file of the user that is the content already is adopted; another one is replaced") {
  scene s;
  const auto files = embedded::tiny().files();
  std::filesystem::create_directories(s.folder);
  std::ofstream(s.folder + "/model.safetensors", std::ios::binary)
      << files.at("model.safetensors").content.text();
  std::ofstream(s.folder + "/config.json", std::ios::binary) << "{}";
  const auto got = s.here.snapshot("acme/tiny", s.into_folder());
  CHECK(test::holds(got, files));
  const auto weights = std::find_if(got.files.begin(), got.files.end(),
                                    [](const auto& f) { return f.path == "model.safetensors"; });
  CHECK(weights->action != file_action::fetched);
}

TEST_CASE("a folder that a symlink redirects is refused") {
  scene s;
  std::filesystem::create_directories(s.folder);
  std::filesystem::create_directories(s.here.home / "elsewhere");
  std::filesystem::create_directory_symlink(s.here.home / "elsewhere", s.folder + "/nested");
  const auto failure = s.here.failure("acme/tiny", s.into_folder());
  REQUIRE(failure);
  CHECK(std::filesystem::is_empty(s.here.home / "elsewhere"));
}

TEST_CASE("without symlinks a snapshot holds the files themselves") {
  scene s;
  s.here.config.use_symlinks = false;
  const auto got = s.here.snapshot("acme/tiny");
  CHECK(test::holds(got, embedded::tiny().files()));
  CHECK(std::filesystem::symlink_status(got.path_of("config.json")).type() ==
        std::filesystem::file_type::regular);
  s.hub.log().clear();
  const auto again = s.here.snapshot("acme/tiny");
  CHECK(again.totals.bytes_present == again.totals.bytes_total);
  CHECK(s.hub.log().content_gets() == 0);
}

TEST_CASE("a repo cannot write the records that a local folder keeps") {
  scene s;
  embedded::repo_model sly("acme/sly");
  embedded::file_map files;
  files[".cache/huggingface/download/config.json.metadata"] = embedded::regular("x");
  sly.commit(std::move(files));
  s.hub.put(sly);
  CHECK(s.here.failure("acme/sly", s.into_folder())->reason() == errc::refused);
}
