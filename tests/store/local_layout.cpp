#include <hubcache/os/file.hpp>
#include <hubcache/store/local_layout.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <clocale>
#include <cstdlib>
#include <filesystem>
#include <fnmatch.h>
#include <string>
#include <support/temp_folder.hpp>

namespace fs = std::filesystem;
using hubcache::digest;
using hubcache::local_layout;
using hubcache::local_metadata;
using test::read_file;
using test::temp_folder;

namespace {

const std::string commit = "607a30d783dfa663caf39e06633721c8d4cfcd7e";
const std::string etag = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";

local_metadata metadata() {
  local_metadata data;
  data.commit = commit;
  data.etag = etag;
  return data;
}

/// A local folder with one file.
struct local_folder {
  local_folder() { folder.write("unet/model", "bytes"); }

  [[nodiscard]] std::string file() const { return folder / "unet/model"; }
  void record(const std::string& third_line) const {
    folder.write(".cache/huggingface/download/unet/model.metadata", commit + "\n" + etag + "\n" + third_line);
  }
  [[nodiscard]] bool valid() const {
    return read_metadata(layout, folder.path().string(), "unet/model").has_value();
  }

  temp_folder folder;
  local_layout layout{folder.path().string()};
};

/// Seconds since 1970 when the file was modified.
double modified(const std::string& path) {
  std::error_code ec;
  return static_cast<double>(hubcache::os::status(path, ec).identity.mtime_ns) / 1e9;
}

}  // namespace

TEST_CASE("Book-keeping lies in .cache/huggingface of the local folder") {
  const local_layout layout("/out");
  CHECK(layout.metadata("unet/model") == "/out/.cache/huggingface/download/unet/model.metadata");
  CHECK(layout.tree(commit) == "/out/.cache/huggingface/trees/" + commit + ".json");
  CHECK(::fnmatch("/out/.cache/huggingface/download/*.incomplete",
                  layout.partial(*digest::parse(etag)).c_str(), FNM_PATHNAME) == 0);
}

TEST_CASE("A local folder's book-keeping is hidden from git and tagged as a cache") {
  const temp_folder folder;
  std::error_code ec;
  make_local_folders(local_layout(folder.path().string()), ec);
  CHECK(!ec);
  CHECK(read_file(folder / ".cache/huggingface/.gitignore") == "*");
  CHECK(read_file(folder / ".cache/huggingface/CACHEDIR.TAG").starts_with("Signature: 8a477f597d28d172789f"));
  CHECK(fs::is_directory(folder / ".cache/huggingface/download"));
  folder.write(".cache/huggingface/.gitignore", "mine");
  make_local_folders(local_layout(folder.path().string()), ec);
  CHECK(!ec);
  CHECK(read_file(folder / ".cache/huggingface/.gitignore") == "mine");
}

TEST_CASE("Records that a killed process left half written an hour ago are swept out, younger ones are not") {
  temp_folder folder;
  const local_layout layout(folder.path().string());
  const std::string downloads = ".cache/huggingface/download/";
  const auto an_hour_ago = fs::file_time_type::clock::now() - std::chrono::minutes(61);
  for (const auto* name :
       {"metadata.0123abcd.incomplete", "tree.0123abcd.incomplete", "metadata.json.metadata"}) {
    folder.write(downloads + name, "half");
    fs::last_write_time(folder / (downloads + name), an_hour_ago);
  }
  folder.write(downloads + "metadata.4567cdef.incomplete", "half");
  std::error_code ec;
  make_local_folders(layout, ec);
  CHECK(!ec);
  CHECK(hubcache::os::names_in(layout.downloads(), ec).size() == 2);
  CHECK(fs::exists(folder / (downloads + "metadata.json.metadata")));
  CHECK(fs::exists(folder / (downloads + "metadata.4567cdef.incomplete")));
}

TEST_CASE("A file's record has three lines: commit, etag and a time with a fraction") {
  const local_folder local;
  std::error_code ec;
  write_metadata(local.layout, "unet/model", metadata(), ec);
  CHECK(!ec);
  const auto text = read_file(local.layout.metadata("unet/model"));
  REQUIRE(text.starts_with(commit + "\n" + etag + "\n"));
  const auto time = text.substr(82);
  CHECK(time.ends_with('\n'));
  CHECK(time.find('.') != std::string::npos);
  CHECK(time.find_first_not_of("0123456789.\n") == std::string::npos);
  CHECK(std::abs(std::stod(time) - modified(local.file())) < 60);
}

TEST_CASE("A record that was just written is valid") {
  const local_folder local;
  std::error_code ec;
  write_metadata(local.layout, "unet/model", metadata(), ec);
  const auto found = read_metadata(local.layout, local.folder.path().string(), "unet/model");
  REQUIRE(found);
  CHECK(found->commit == commit);
  CHECK(found->etag == etag);
}

TEST_CASE("A record is written and read alike in a locale whose decimal point is a comma") {
  const std::string before = std::setlocale(LC_NUMERIC, nullptr);
  const char* comma = nullptr;
  for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"}) {
    if (comma == nullptr) comma = std::setlocale(LC_NUMERIC, name);
  }
  if (comma == nullptr) MESSAGE("no such locale is installed: only the C locale is tested");
  const local_folder local;
  std::error_code ec;
  write_metadata(local.layout, "unet/model", metadata(), ec);
  const bool valid = local.valid();
  std::setlocale(LC_NUMERIC, before.c_str());
  CHECK(valid);
  CHECK(read_file(local.layout.metadata("unet/model")).find(',') == std::string::npos);
}

TEST_CASE("A record of huggingface_hub is valid unless the file was modified more than a second later") {
  const local_folder local;
  const auto time = modified(local.file());
  local.record(std::to_string(time + 0.5));
  CHECK(local.valid());
  local.record(std::to_string(time - 0.5) + "\n");
  CHECK(local.valid());
  local.record(std::to_string(time - 1.5) + "\n");
  CHECK_FALSE(local.valid());
}

TEST_CASE("A record of the future, by a clock that was wrong, is not valid") {
  const local_folder local;
  local.record(std::to_string(modified(local.file()) + 3600));
  CHECK_FALSE(local.valid());
}

TEST_CASE("A record without its file, or of a symlink, is not valid") {
  const local_folder local;
  local.record(std::to_string(modified(local.file())));
  CHECK(local.valid());
  fs::rename(local.file(), local.folder / "elsewhere");
  CHECK_FALSE(local.valid());
  fs::create_symlink(local.folder / "elsewhere", local.file());
  CHECK_FALSE(local.valid());
}

TEST_CASE("A damaged record is none") {
  const local_folder local;
  CHECK_FALSE(local.valid());
  for (const char* time : {"", "soon\n", "nan\n", "-1\n"}) {
    CAPTURE(time);
    local.record(time);
    CHECK_FALSE(local.valid());
  }
  local.folder.write(".cache/huggingface/download/unet/model.metadata", commit + "\n" + etag);
  CHECK_FALSE(local.valid());
  local.folder.write(".cache/huggingface/download/unet/model.metadata", std::string(5000, '\n'));
  CHECK_FALSE(local.valid());
}
