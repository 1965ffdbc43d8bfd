// What scans find in the stores of other tools.
#include <hubcache/store/local_layout.hpp>
#include <hubcache/store/scan.hpp>

#include <doctest/doctest.h>

#include <store/scanning.hpp>
#include <support/unprivileged.hpp>

namespace fs = std::filesystem;
using hubcache::mutability;
using hubcache::store_kind;
using machine = test::scanned_machine;
using paths = std::vector<std::string>;
using claims = std::vector<std::pair<std::string, std::string>>;

namespace {

const std::string commit(40, 'c');

/// Lays a file down as huggingface_hub's download with local_dir does.
void add_local(const machine& m, const std::string& path, const std::string& bytes, const std::string& etag) {
  m.home.write("local/" + path, bytes);
  const hubcache::local_layout layout(m.home / "local");
  hubcache::local_metadata data;
  data.commit = commit;
  data.etag = etag;
  std::error_code ec;
  write_metadata(layout, path, data, ec);
  REQUIRE_FALSE(ec);
}

std::string add_lfs(const machine& m, const std::string& root, const std::string& bytes) {
  const auto hex = machine::hex(bytes);
  return m.home.write(root + "/objects/" + hex.substr(0, 2) + "/" + hex.substr(2, 2) + "/" + hex, bytes);
}

}  // namespace

TEST_CASE("Ollama's blobs are named by their sha256; partial ones and manifests are not content") {
  machine m;
  const auto hex = machine::hex("weights");
  const auto blob = m.home.write("ollama/blobs/sha256-" + hex, "weights");
  for (const auto& name : {"sha256-" + hex + "-partial", "sha256-" + hex + "-partial-0", hex, "sha256:" + hex,
                           "sha256-" + std::string(40, 'a'), std::string("sha256-")}) {
    m.home.write("ollama/blobs/" + name, "x");
  }
  m.home.write("ollama/manifests/registry.ollama.ai/library/llama3/latest", "{}");
  m.add_store(store_kind::ollama, "ollama");
  const auto seen = m.scan();
  CHECK(test::claimed(seen) == claims{{hex, blob}});
  REQUIRE(seen.claims.size() == 1);
  CHECK(seen.claims[0].where.store == mutability::immutable_store);
  CHECK(seen.claims[0].where.identity.size == 7);
}

TEST_CASE("Symlinks among Ollama's blobs are not followed; a blobs folder that is one is a problem") {
  machine m;
  m.home.write("secret", "bytes");
  fs::create_directories(m.home / "ollama/blobs");
  fs::create_symlink(m.home / "secret", m.home / ("ollama/blobs/sha256-" + machine::hex("bytes")));
  m.add_store(store_kind::ollama, "ollama");
  m.home.write("disk/sha256-" + machine::hex("x"), "x");
  fs::create_directories(m.home / "other");
  fs::create_symlink("../disk", m.home / "other/blobs");
  m.add_store(store_kind::ollama, "other");
  const auto seen = m.scan();
  CHECK(seen.claims.empty());
  CHECK(test::problems(seen) == paths{m.home / "other/blobs"});
}

TEST_CASE("git-lfs objects are found from the work tree, from .git, and from the lfs folder") {
  for (const char* given : {"repo", "repo/.git", "repo/.git/lfs"}) {
    CAPTURE(given);
    machine m;
    const auto object = add_lfs(m, "repo/.git/lfs", "weights");
    m.home.write("repo/.git/objects/ab/" + std::string(38, 'c'), "loose object");
    m.home.write("repo/.git/lfs/tmp/" + machine::hex("x"), "unfinished");
    m.home.write("repo/.git/lfs/objects/logs/" + machine::hex("weights") + ".log", "x");
    m.add_store(store_kind::git_lfs, given);
    CHECK(test::claimed(m.scan()) == claims{{machine::hex("weights"), object}});
  }
}

TEST_CASE("A new git-lfs object is found when only its own folder changed") {
  machine m;
  add_lfs(m, "lfs", "one");
  m.add_store(store_kind::git_lfs, "lfs");
  CHECK(m.scan_settled().claims.size() == 1);
  CHECK(m.scan().claims.empty());
  const auto hex = machine::hex("one");
  const auto folder = "lfs/objects/" + hex.substr(0, 2) + "/" + hex.substr(2, 2) + "/";
  const auto twin = hex.substr(0, 4) + std::string(60, '0');
  m.home.write(folder + twin, "two");
  auto seen = m.scan();
  REQUIRE(seen.claims.size() == 1);
  CHECK(seen.claims[0].name.hex() == twin);
  m.remember(seen);
  // Now that folder is remembered as one that changed just now: it is read again, though its parents are not.
  const auto third = hex.substr(0, 4) + std::string(60, '1');
  const auto time = fs::last_write_time(m.home / folder);
  m.home.write(folder + third, "three");
  fs::last_write_time(m.home / folder, time);
  CHECK(m.scan().claims.size() == 1);
}

TEST_CASE("New folders of git-lfs are found, removed ones forgotten") {
  machine m;
  add_lfs(m, "lfs", "one");
  m.add_store(store_kind::git_lfs, "lfs");
  m.scan_settled();
  add_lfs(m, "lfs", "two");
  CHECK(m.scan_settled().claims.size() == 1);
  const auto hex = machine::hex("one");
  fs::remove_all(m.home / ("lfs/objects/" + hex.substr(0, 2)));
  CHECK(m.scan_settled().problems.empty());
  CHECK(test::read_file(m.state + "/scanned").find("objects/" + hex.substr(0, 2)) == std::string::npos);
}

TEST_CASE("Symlinks among the folders of git-lfs are not followed") {
  machine m;
  const auto hex = machine::hex("bytes");
  m.home.write("outside/" + hex.substr(2, 2) + "/" + hex, "bytes");
  fs::create_directories(m.home / "lfs/objects");
  fs::create_symlink("../../outside", m.home / ("lfs/objects/" + hex.substr(0, 2)));
  fs::create_symlink("..", m.home / "lfs/objects/loop");
  m.add_store(store_kind::git_lfs, "lfs");
  CHECK(m.scan().claims.empty());
}

TEST_CASE("Files of a local folder are known by its records") {
  machine m;
  add_local(m, "w.bin", "weights", machine::hex("weights"));
  add_local(m, "a/b/c.json", "{}", std::string(40, 'a'));
  m.home.write("local/own.txt", "not downloaded");
  m.add_store(store_kind::local_dir, "local");
  const auto seen = m.scan_settled();
  REQUIRE(seen.claims.size() == 2);
  CHECK(seen.claims[0].where.path == m.home / "local/w.bin");
  CHECK(seen.claims[0].where.store == mutability::mutable_store);
  CHECK(seen.claims[1].where.path == m.home / "local/a/b/c.json");
  CHECK(seen.problems.empty());
  CHECK(m.scan().claims.empty());
  add_local(m, "a/b/d.json", "[]", std::string(40, 'd'));
  CHECK(m.scan().claims.size() == 1);
}

TEST_CASE("A file modified after its record, or gone, is no claim") {
  machine m;
  add_local(m, "edited", "before", machine::hex("before"));
  fs::last_write_time(m.home / "local/edited", fs::file_time_type::clock::now() + std::chrono::minutes(1));
  add_local(m, "gone", "x", machine::hex("x"));
  fs::remove(m.home / "local/gone");
  m.add_store(store_kind::local_dir, "local");
  const auto seen = m.scan();
  CHECK(seen.claims.empty());
  CHECK(seen.problems.empty());
}

TEST_CASE("Hostile records of a local folder lead nowhere") {
  machine m;
  m.home.write("secret", "bytes");
  const auto hex = machine::hex("bytes");
  const std::string good = commit + "\n" + hex + "\n99999999999\n";
  const auto record = [&](const std::string& name, const std::string& text) {
    m.home.write("local/.cache/huggingface/download/" + name + ".metadata", text);
  };
  for (const auto* text : {"", "\n", "\n\n\n", "x\n../../etc/passwd\n9e99\n"}) record("w.bin", text);
  record("w.bin", commit + "\n" + hex + "\nnan\n");
  m.home.write("local/w.bin", "bytes");
  record("..", good);
  record("", good);
  record(std::string("a\xff\n", 3), good);
  fs::create_symlink(m.home / "secret", m.home / "local/link");
  record("link", good);
  fs::create_directories(m.home / "outside");
  m.home.write("outside/file", "bytes");
  fs::create_symlink("../outside", m.home / "local/sub");
  record("sub/file", good);
  m.add_store(store_kind::local_dir, "local");
  const auto seen = m.scan();
  CHECK(seen.claims.empty());
}

TEST_CASE("Folders as deep as a path may be do not exhaust the scan") {
  machine m;
  std::string deep = "local/.cache/huggingface/download";
  for (int i = 0; i < 300; ++i) deep += "/d";
  m.home.write(deep + "/x.metadata", "x");
  m.add_store(store_kind::local_dir, "local");
  CHECK(m.scan().claims.empty());
}

TEST_CASE("llama.cpp's files are known by its manifests, and by ETags that are hashes") {
  machine m;
  const auto hex = machine::hex("weights");
  const auto model = m.home.write("llama/org_repo_sub_model.gguf", "weights");
  m.home.write("llama/manifest=org=repo=latest.json",
               R"({"ggufFile": {"rfilename": "sub/model.gguf", "size": 7, "lfs": {"sha256": ")" + hex +
                   R"(", "size": 7, "pointerSize": 134}}})");
  m.home.write("llama/org_repo_sub_model.gguf.etag", "\"" + std::string(64, '7') + "\"");
  const auto quoted = m.home.write("llama/quoted.gguf", "quoted");
  m.home.write("llama/quoted.gguf.etag", "\"" + machine::hex("quoted") + "\"");
  const auto older = m.home.write("llama/older.gguf", "older");
  m.home.write("llama/older.gguf.json", R"({"url": "https://x/older.gguf", "etag": "\")" +
                                            machine::hex("older") + R"(\"", "lastModified": ""})");
  m.home.write("llama/other.gguf", "x");
  m.home.write("llama/other.gguf.etag", "\"0123456789abcdef-12\"");
  m.home.write("llama/none.gguf.etag", machine::hex("none"));
  m.add_store(store_kind::llama_cpp, "llama");
  const auto seen = m.scan_settled();
  auto expected = claims{{hex, model}, {machine::hex("quoted"), quoted}, {machine::hex("older"), older}};
  std::sort(expected.begin(), expected.end());
  CHECK(test::claimed(seen) == expected);
  for (const auto& claim : seen.claims) CHECK(claim.where.store == mutability::mutable_store);
  CHECK(m.scan().claims.empty());
}

TEST_CASE("A manifest of llama.cpp does not name files of another size, or outside the folder") {
  machine m;
  m.home.write("llama/org_repo_model.gguf", "another size");
  m.home.write("outside", "bytes");
  const auto manifest = [](const std::string& path) {
    return R"({"ggufFile": {"rfilename": ")" + path + R"(", "lfs": {"sha256": ")" + machine::hex("bytes") +
           R"(", "size": 5}}})";
  };
  m.home.write("llama/manifest=org=repo=latest.json", manifest("model.gguf"));
  m.home.write("llama/manifest=..=..=x.json", manifest("../../outside"));
  m.home.write("llama/manifest=a=b=c.json", "[{");
  fs::create_symlink("../outside", m.home / "llama/c_d_model.gguf");
  m.home.write("llama/manifest=c=d=latest.json", manifest("model.gguf"));
  m.add_store(store_kind::llama_cpp, "llama");
  CHECK(m.scan().claims.empty());
}

TEST_CASE("Folders and ComfyUI's models are never looked into") {
  machine m;
  m.home.write("folder/" + machine::hex("x"), "x");
  m.home.write("comfy/checkpoints/" + machine::hex("y"), "y");
  m.add_store(store_kind::folder, "folder");
  m.add_store(store_kind::comfy_ui, "comfy");
  const auto seen = m.scan();
  CHECK(seen.claims.empty());
  CHECK(seen.folders.empty());
}

TEST_CASE("A store that is missing holds nothing; one that is a file, or may not be read, is a problem") {
  machine m;
  m.add_store(store_kind::ollama, "missing");
  m.home.write("file", "x");
  m.add_store(store_kind::llama_cpp, "file");
  fs::create_directories(m.home / "locked/blobs");
  fs::permissions(m.home / "locked", fs::perms::none);
  m.add_store(store_kind::ollama, "locked");
  m.home.write("open/blobs/sha256-" + machine::hex("x"), "x");
  m.add_store(store_kind::ollama, "open");
  const auto seen = [&] {
    const test::unprivileged user;
    return m.scan();
  }();
  fs::permissions(m.home / "locked", fs::perms::owner_all);
  CHECK(test::problems(seen) == paths{m.home / "file", m.home / "locked"});
  CHECK(seen.claims.size() == 1);
}

TEST_CASE("Records that may not be read are problems, and are read once they may be") {
  machine m;
  add_local(m, "w.bin", "weights", machine::hex("weights"));
  const auto record = m.home / "local/.cache/huggingface/download/w.bin.metadata";
  m.home.write("llama/m.gguf", "model");
  const auto etag = m.home.write("llama/m.gguf.etag", machine::hex("model"));
  m.add_store(store_kind::local_dir, "local");
  m.add_store(store_kind::llama_cpp, "llama");
  fs::permissions(record, fs::perms::none);
  fs::permissions(etag, fs::perms::none);
  m.settle();
  const auto seen = [&] {
    const test::unprivileged user;
    return m.scan();
  }();
  m.remember(seen);
  CHECK(seen.claims.empty());
  CHECK(test::problems(seen) == paths{etag, record});
  fs::permissions(record, fs::perms::owner_read);
  fs::permissions(etag, fs::perms::owner_read);
  CHECK(m.scan().claims.size() == 2);
}

TEST_CASE("Names that are no UTF-8 do not disturb a scan") {
  machine m;
  const std::string odd = "\xff\xfe\x80";
  m.home.write("ollama" + odd + "/blobs/sha256-" + machine::hex("x"), "x");
  m.home.write("ollama" + odd + "/blobs/" + odd, "x");
  m.add_store(store_kind::ollama, "ollama" + odd);
  CHECK(m.scan_settled().claims.size() == 1);
  CHECK(m.scan().claims.empty());
  m.home.write("hub/models--" + odd + "/blobs/" + machine::hex("y"), "y");
  CHECK(m.scan().claims.size() == 1);
}
