#include <hubcache/error.hpp>
#include <hubcache/os/file.hpp>
#include <hubcache/store/hub_layout.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fnmatch.h>
#include <set>
#include <store/contents.hpp>
#include <string>
#include <support/temp_folder.hpp>
#include <vector>

namespace fs = std::filesystem;
using hubcache::digest;
using hubcache::digest_algorithm;
using hubcache::errc;
using hubcache::hub_layout;
using hubcache::read_tree;
using hubcache::repo;
using hubcache::repo_type;
using test::read_file;
using test::temp_folder;

namespace {

const std::string commit = "607a30d783dfa663caf39e06633721c8d4cfcd7e";
const std::string other_commit = "10c66461e4c109db5a2196bff4bb59be30396ed8";
const std::string sha256_hex = "248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707";
const std::string git_hex = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";

hub_layout layout_in(const temp_folder& cache, const repo& which = "acme/llm") {
  return {cache.path().string(), which};
}

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

/// What huggingface_hub leaves of one file: a blob and a link to it.
void add_file(const hub_layout& layout, const std::string& path, const std::string& etag,
              const std::string& bytes) {
  const fs::path blob = layout.blobs_dir() + "/" + etag;
  fs::create_directories(blob.parent_path());
  std::ofstream(blob, std::ios::binary) << bytes;
  const fs::path entry = layout.snapshot(commit) + "/" + path;
  fs::create_directories(entry.parent_path());
  fs::create_symlink(fs::path(layout.blobs_dir()).lexically_relative(entry.parent_path()) / etag, entry);
}

}  // namespace

TEST_CASE("Paths in a Hub cache are those of huggingface_hub") {
  const hub_layout layout("/hub", repo("acme/llm-7b"));
  CHECK(layout.repo_dir() == "/hub/models--acme--llm-7b");
  CHECK(layout.blob(*digest::parse(sha256_hex)) == "/hub/models--acme--llm-7b/blobs/" + sha256_hex);
  CHECK(layout.blob(*digest::parse(git_hex)) == "/hub/models--acme--llm-7b/blobs/" + git_hex);
  CHECK(layout.snapshot(commit) == "/hub/models--acme--llm-7b/snapshots/" + commit);
  CHECK(layout.ref("main") == "/hub/models--acme--llm-7b/refs/main");
  CHECK(layout.ref("refs/pr/1") == "/hub/models--acme--llm-7b/refs/refs/pr/1");
  CHECK(layout.tree(commit) == "/hub/models--acme--llm-7b/trees/" + commit + ".json");
  CHECK(layout.lock(*digest::parse(git_hex)) == "/hub/.locks/models--acme--llm-7b/" + git_hex + ".lock");
}

TEST_CASE("A repo's folder tells its type; a legacy id has one part") {
  CHECK(hub_layout("/hub", repo("gpt2")).repo_dir() == "/hub/models--gpt2");
  CHECK(hub_layout("/hub", repo("a/b", repo_type::dataset)).repo_dir() == "/hub/datasets--a--b");
  CHECK(hub_layout("/hub", repo("a/b", repo_type::space)).repo_dir() == "/hub/spaces--a--b");
}

TEST_CASE("An entry's link has one ../ more for each folder of its path") {
  const auto d = *digest::parse(git_hex);
  CHECK(hub_layout::entry_target("config.json", d) == "../../blobs/" + git_hex);
  CHECK(hub_layout::entry_target("unet/config.json", d) == "../../../blobs/" + git_hex);
  CHECK(hub_layout::entry_target("a/b/c/d", d) == "../../../../../blobs/" + git_hex);
}

TEST_CASE("A partial file lies beside its blob under a name that other clients prune, the same in each run") {
  const hub_layout layout("/hub", repo("a/b"));
  const auto d = *digest::parse(sha256_hex);
  const auto partial = layout.partial(d);
  CHECK(partial == layout.partial(d));
  CHECK(::fnmatch("/hub/*/blobs/*.incomplete", partial.c_str(), FNM_PATHNAME) == 0);
  // <etag>.<8 hex>.incomplete
  CHECK(partial.starts_with(layout.blob(d) + "."));
  const auto middle = partial.substr(layout.blob(d).size() + 1, 8);
  CHECK(middle.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(partial == layout.blob(d) + "." + middle + ".incomplete");
}

TEST_CASE("A new cache has CACHEDIR.TAG and the repo at its top, and nothing else") {
  const temp_folder cache;
  const auto layout = layout_in(cache);
  std::error_code ec;
  make_repo_folders(layout, ec);
  CHECK(!ec);
  CHECK(names_in(cache.path()) == std::set<std::string>{"CACHEDIR.TAG", "models--acme--llm"});
  CHECK(names_in(layout.repo_dir()) == std::set<std::string>{"blobs", "snapshots"});
}

TEST_CASE("CACHEDIR.TAG holds the bytes of huggingface_hub's; one that exists is left alone") {
  const temp_folder cache;
  std::error_code ec;
  make_repo_folders(layout_in(cache), ec);
  CHECK(read_file(cache / "CACHEDIR.TAG") ==
        "Signature: 8a477f597d28d172789f06886806bc55\n"
        "# This file is a cache directory tag created by huggingface_hub.\n"
        "# For information about cache directory tags, see:\n"
        "#\thttps://bford.info/cachedir/\n");
  cache.write("CACHEDIR.TAG", "mine");
  make_repo_folders(layout_in(cache), ec);
  CHECK(!ec);
  CHECK(read_file(cache / "CACHEDIR.TAG") == "mine");
}

TEST_CASE("A cache that is a file is an error") {
  const temp_folder folder;
  folder.write("hub", "");
  std::error_code ec;
  make_repo_folders(hub_layout(folder / "hub", repo("a/b")), ec);
  CHECK(ec == std::errc::not_a_directory);
}

TEST_CASE("A ref holds exactly 40 hex digits, without a newline, and nothing lies beside it") {
  const temp_folder cache;
  const auto layout = layout_in(cache);
  std::error_code ec;
  write_ref(layout, "main", commit, ec);
  CHECK(!ec);
  CHECK(read_file(layout.ref("main")) == commit);
  CHECK(names_in(layout.repo_dir() + "/refs") == std::set<std::string>{"main"});
  CHECK(read_ref(layout, "main") == commit);
}

TEST_CASE("A ref with slashes is a file in folders") {
  const temp_folder cache;
  const auto layout = layout_in(cache);
  std::error_code ec;
  write_ref(layout, "refs/pr/1", commit, ec);
  CHECK(!ec);
  CHECK(read_file(layout.repo_dir() + "/refs/refs/pr/1") == commit);
  CHECK(read_ref(layout, "refs/pr/1") == commit);
}

TEST_CASE("A ref that changes is replaced by rename; an equal one is not written") {
  const temp_folder cache;
  const auto layout = layout_in(cache);
  std::error_code ec;
  write_ref(layout, "main", other_commit, ec);
  const auto held = hubcache::os::open_read(layout.ref("main"), ec);
  write_ref(layout, "main", commit, ec);
  std::string seen(40, '?');
  (void)hubcache::os::read_at(held, std::as_writable_bytes(std::span(seen)), 0, ec);
  CHECK(seen == other_commit);
  const auto before = hubcache::os::status(layout.ref("main"), ec).identity;
  write_ref(layout, "main", commit, ec);
  CHECK(!ec);
  CHECK(hubcache::os::status(layout.ref("main"), ec).identity == before);
}

TEST_CASE("A ref that cannot be written is an error") {
  const temp_folder cache;
  const auto layout = layout_in(cache);
  cache.write("models--acme--llm/refs/v1", commit);
  std::error_code ec;
  write_ref(layout, "v1/fix", commit, ec);
  CHECK(ec == std::errc::not_a_directory);
}

TEST_CASE("Refs of older clients, with white space at their end, are read; damaged ones are none") {
  const temp_folder cache;
  const auto layout = layout_in(cache);
  cache.write("models--acme--llm/refs/newline", commit + "\r\n");
  cache.write("models--acme--llm/refs/short", commit.substr(1));
  cache.write("models--acme--llm/refs/upper", "607A30D783DFA663CAF39E06633721C8D4CFCD7E");
  cache.write("models--acme--llm/refs/empty", "");
  cache.write("models--acme--llm/refs/huge", std::string(100'000, 'a'));
  CHECK(read_ref(layout, "newline") == commit);
  for (const char* revision : {"short", "upper", "empty", "huge", "missing"}) {
    CAPTURE(revision);
    CHECK_FALSE(read_ref(layout, revision));
  }
}

TEST_CASE("A tree file has the bytes of huggingface_hub's and reads back") {
  const temp_folder cache;
  hubcache::listing files;
  files.commit = commit;
  files.files.resize(2);
  files.files[0].path = "config.json";
  files.files[0].size = 665;
  files.files[0].blob_id = other_commit;
  files.files[1].path = "model.safetensors";
  files.files[1].size = 548105171;
  files.files[1].blob_id = git_hex;
  files.files[1].lfs = true;
  files.files[1].sha256 = digest::parse(sha256_hex);
  files.files[1].xet_hash = std::string(64, 'a');
  const auto path = layout_in(cache).tree(commit);
  std::error_code ec;
  write_tree(path, files, ec);
  CHECK(!ec);
  CHECK(
      read_file(path) ==
      "{\n \"format_version\": 1,\n \"files\": {\n  \"config.json\": {\n   \"size\": 665,\n"
      "   \"blob_id\": \"" +
          other_commit + "\"\n  },\n  \"model.safetensors\": {\n   \"size\": 548105171,\n   \"blob_id\": \"" +
          git_hex + "\",\n   \"lfs_sha256\": \"" + sha256_hex +
          "\",\n   \"lfs_size\": 548105171,\n   \"xet_hash\": \"" + std::string(64, 'a') + "\"\n  }\n }\n}");
  CHECK(names_in(fs::path(path).parent_path()) == std::set<std::string>{commit + ".json"});
  CHECK(read_tree(path, commit) == files);
}

TEST_CASE("A masked listing is never written") {
  const temp_folder cache;
  hubcache::listing files;
  files.files.resize(1);
  files.files[0].masked = true;
  std::error_code ec;
  CHECK_THROWS_AS(write_tree(cache / "trees/x.json", files, ec), hubcache::error);
  CHECK_FALSE(fs::exists(cache / "trees/x.json"));
}

TEST_CASE("A tree file that is missing, malformed or of another version is none") {
  const temp_folder cache;
  CHECK_FALSE(read_tree(cache / "none", commit));
  CHECK_FALSE(read_tree(cache.write("torn", R"({"format_version": 1, "files": {"a": )"), commit));
  CHECK_FALSE(read_tree(cache.write("newer", R"({"format_version": 2, "files": {}})"), commit));
  CHECK(read_tree(cache.write("empty", R"({"format_version": 1, "files": {}})"), commit));
}

TEST_CASE("A snapshot of huggingface_hub tells its files by the blobs that its links name") {
  const temp_folder cache;
  const auto layout = layout_in(cache);
  add_file(layout, "model.safetensors", sha256_hex, "0123456789");
  add_file(layout, "unet/config.json", git_hex, "");
  const auto found = read_snapshot(layout, commit);
  REQUIRE(found);
  CHECK(found->commit == commit);
  REQUIRE(found->files.size() == 2);
  CHECK(found->files[0].path == "model.safetensors");
  CHECK(found->files[0].size == 10);
  CHECK(found->files[0].name() == digest::parse(sha256_hex));
  CHECK(found->files[1].path == "unet/config.json");
  CHECK(found->files[1].size == 0);
  CHECK(found->files[1].name() == digest::parse(git_hex));
}

TEST_CASE("A blob that is itself a link into the shared store is a file of its snapshot") {
  const temp_folder cache;
  const auto layout = layout_in(cache);
  add_file(layout, "model.safetensors", sha256_hex, "payload");
  const auto blob = layout.blob(*digest::parse(sha256_hex));
  fs::create_directories(cache / "blobs/ab");
  fs::rename(blob, cache / "blobs/ab/payload");
  fs::create_symlink("../../blobs/ab/payload", blob);
  const auto found = read_snapshot(layout, commit);
  REQUIRE(found);
  REQUIRE(found->files.size() == 1);
  CHECK(found->files[0].size == 7);
}

TEST_CASE("A snapshot lists dangling links, so that what is missing can be named") {
  const temp_folder cache;
  const auto layout = layout_in(cache);
  add_file(layout, "good", sha256_hex, "x");
  add_file(layout, "dangling", git_hex, "x");
  fs::remove(layout.blob(*digest::parse(git_hex)));
  const auto found = read_snapshot(layout, commit);
  REQUIRE(found);
  REQUIRE(found->files.size() == 2);
  CHECK(found->files[0].path == "dangling");
  CHECK(found->files[0].size == 0);
}

TEST_CASE("A snapshot with something that is no link to a blob tells nothing") {
  const temp_folder cache;
  const auto layout = layout_in(cache);
  const auto root = "models--acme--llm/snapshots/" + commit + "/";
  add_file(layout, "good", sha256_hex, "x");
  SUBCASE("a plain file") { cache.write(root + "plain", "no link, no name"); }
  SUBCASE("a link to another name") { fs::create_symlink("good", cache / (root + "alias")); }
  CHECK_FALSE(read_snapshot(layout, commit));
}

TEST_CASE("A snapshot's files are sorted by path and found") {
  const temp_folder cache;
  const auto layout = layout_in(cache);
  for (const char* path : {"b", "a/z", "a.txt", "a/b/c"}) {
    add_file(layout, path, test::content_of(path).name.hex(), path);
  }
  const auto found = read_snapshot(layout, commit);
  REQUIRE(found);
  std::vector<std::string> paths;
  for (const auto& file : found->files) paths.push_back(file.path);
  CHECK(paths == std::vector<std::string>{"a.txt", "a/b/c", "a/z", "b"});
  CHECK(found->find("a/z") != nullptr);
}

TEST_CASE("A commit without a snapshot folder has no listing") {
  const temp_folder cache;
  CHECK_FALSE(read_snapshot(layout_in(cache), commit));
}

TEST_CASE("A snapshot with a folder that cannot be read has no listing, rather than half of one") {
  if (hubcache::os::effective_user() == 0) return;  // whom no mode keeps out
  const temp_folder cache;
  const auto layout = layout_in(cache);
  add_file(layout, "a", sha256_hex, "x");
  add_file(layout, "closed/b", git_hex, "");
  const auto closed = layout.snapshot(commit) + "/closed";
  fs::permissions(closed, fs::perms::none);
  CHECK_FALSE(read_snapshot(layout, commit));
  fs::permissions(closed, fs::perms::owner_all);
  CHECK(read_snapshot(layout, commit));
}
