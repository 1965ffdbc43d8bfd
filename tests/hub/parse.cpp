#include <hubcache/error.hpp>
#include <hubcache/hub/parse.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using namespace hubcache;

namespace {

const std::string commit = "607a30d783dfa663caf39e06633721c8d4cfcd7e";
const std::string blob = "10c66461e4c109db5a2196bff4bb59be30396ed8";
const std::string sha256 = "248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707";

template <class Call>
std::optional<errc> failure_of(Call call) {
  try {
    (void)call();
  } catch (const error& e) {
    return e.reason();
  }
  return std::nullopt;
}

std::vector<file_entry> page(std::string_view text) {
  std::vector<file_entry> files;
  parse_tree_page(text, files);
  return files;
}

/// A tree page of one regular file with `path` and `size` as they would stand in JSON.
std::string one_file(const std::string& path, const std::string& size = "1") {
  return R"([{"type":"file","path":")" + path + R"(","oid":")" + blob + R"(","size":)" + size + "}]";
}

file_entry regular(std::string path) {
  file_entry entry;
  entry.path = std::move(path);
  entry.size = 1;
  entry.blob_id = blob;
  return entry;
}

const char* const python_tree_file = R"({
 "format_version": 1,
 "files": {
  "config.json": {
   "size": 665,
   "blob_id": "10c66461e4c109db5a2196bff4bb59be30396ed8"
  },
  "model.safetensors": {
   "size": 548105171,
   "blob_id": "44b36d6e32d13c8fb28b0feab0ac8bfefa7efeda",
   "lfs_sha256": "248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707",
   "lfs_size": 548105171,
   "xet_hash": "63bed80836ee0758c8fd4f8975d59bb0b864263ee2753547c358e8a37cde8758"
  },
  "\uffee/\ud83e\udd17 \"\u00e9\".bin": {
   "size": 0,
   "blob_id": "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
   "lfs_sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
   "lfs_size": 0
  },
  "\ud800\udc00": {
   "size": 9007199254740992,
   "blob_id": "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
  }
 }
})";

/// `python_tree_file` with the first `from` replaced by `to`.
std::string altered(std::string_view from, std::string_view to) {
  std::string text = python_tree_file;
  const auto at = text.find(from);
  REQUIRE(at != text.npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("repo info gives id, commit and gate") {
  const auto info =
      parse_repo_info(R"({"_id":"x","id":"openai-community/gpt2","sha":")" + commit +
                      R"(","private":false,"gated":false,"tags":["a"],"siblings":[{"rfilename":"f"}]})");
  CHECK(info.id == "openai-community/gpt2");
  CHECK(info.commit == commit);
  CHECK_FALSE(info.gated);
  CHECK_FALSE(info.is_private);
}

TEST_CASE("a repo may be gated automatically or by hand, and private") {
  const auto with = [](const std::string& rest) {
    return parse_repo_info(R"({"id":"o/n","sha":")" + commit + "\"" + rest + "}");
  };
  CHECK(with(R"(,"gated":"auto")").gated);
  CHECK(with(R"(,"gated":"manual")").gated);
  CHECK(with(R"(,"gated":true)").gated);
  CHECK_FALSE(with(R"(,"gated":null)").gated);
  CHECK_FALSE(with("").gated);
  CHECK(with(R"(,"private":true)").is_private);
}

TEST_CASE("repo info without a usable id or commit is a bad response") {
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("null"), std::string("{"),
        std::string(R"({"id":"o/n"})"), R"({"sha":")" + commit + "\"}",
        std::string(R"({"id":"o/n","sha":null})"), std::string(R"({"id":"o/n","sha":"main"})"),
        R"({"id":"../..","sha":")" + commit + "\"}", R"({"id":7,"sha":")" + commit + "\"}"}) {
    CAPTURE(text);
    CHECK(failure_of([&] { return parse_repo_info(text); }) == errc::bad_response);
  }
}

TEST_CASE("a tree page lists files with their digests and leaves folders out") {
  const auto files = page(R"([
    {"type":"directory","oid":"d03ec5ec179df58241d27d55f92a674f5f44197f","size":0,"path":"onnx"},
    {"type":"file","oid":"10c66461e4c109db5a2196bff4bb59be30396ed8","size":665,"path":"config.json"},
    {"type":"file","oid":"44b36d6e32d13c8fb28b0feab0ac8bfefa7efeda","size":548105171,
     "lfs":{"oid":"248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707","size":548105171,"pointerSize":134},
     "xetHash":"63bed80836ee0758c8fd4f8975d59bb0b864263ee2753547c358e8a37cde8758","path":"model.safetensors"}])");
  REQUIRE(files.size() == 2);
  CHECK(files[0].path == "config.json");
  CHECK(files[0].size == 665);
  CHECK_FALSE(files[0].lfs);
  CHECK(files[0].name() == digest::parse(blob));
  CHECK(files[1].size == 548105171);
  CHECK(files[1].lfs);
  CHECK_FALSE(files[1].masked);
  CHECK(files[1].name() == digest::parse(sha256));
  CHECK(files[1].xet_hash == "63bed80836ee0758c8fd4f8975d59bb0b864263ee2753547c358e8a37cde8758");
}

TEST_CASE("pages are appended") {
  std::vector<file_entry> files;
  parse_tree_page(one_file("a"), files);
  parse_tree_page("[]", files);
  parse_tree_page(one_file("b"), files);
  CHECK(files == std::vector{regular("a"), regular("b")});
}

TEST_CASE("hashes that the Hub masks are masked, not taken for hashes") {
  const std::string stars(64, '*');
  const auto files = page(R"([{"type":"file","path":"m","oid":")" + blob + R"(","size":5,"lfs":{"oid":")" +
                          stars + R"(","size":5},"xetHash":")" + stars + "\"}]");
  REQUIRE(files.size() == 1);
  CHECK(files[0].lfs);
  CHECK(files[0].masked);
  CHECK_FALSE(files[0].name());
  CHECK(files[0].xet_hash.empty());
}

TEST_CASE("a null LFS member means a regular file") {
  const auto files =
      page(R"([{"type":"file","path":"m","oid":")" + blob + R"(","size":5,"lfs":null,"xetHash":null}])");
  CHECK_FALSE(files.at(0).lfs);
}

TEST_CASE("sizes are whole numbers up to 2^53") {
  CHECK(page(one_file("a", "0")).at(0).size == 0);
  CHECK(page(one_file("a", "9007199254740992")).at(0).size == 9007199254740992U);
  for (const char* size : {"-1", "9007199254740993", "18446744073709551615", "1e400", "1.5", "\"1\"", "null",
                           "99999999999999999999"}) {
    CAPTURE(size);
    CHECK(failure_of([&] { return page(one_file("a", size)); }) == errc::bad_response);
  }
}

TEST_CASE("a path that is not safe is refused and named") {
  for (const char* path : {"../x", "/etc/passwd", "a//b", "C:/x", "a\\\\..\\\\b", "a\\u0000b", ""}) {
    CAPTURE(path);
    CHECK(failure_of([&] { return page(one_file(path)); }) == errc::refused);
  }
  try {
    (void)page(one_file("../\\u001bx"));
  } catch (const error& e) {
    CHECK(e.detail().find("'../ x'") != std::string::npos);
  }
}

TEST_CASE("a tree page of another shape is a bad response") {
  for (
      const char* text :
      {"", "{}", "null", "[1]", "[{}]", "[", "[]]", "<html>", R"([{"type":"file"}])",
       R"([{"path":"a","type":1}])", R"([{"type":"file","path":"a","size":1}])",
       R"([{"type":"file","path":"a","size":1,"oid":"0123"}])",
       R"([{"type":"file","path":"a","size":1,"oid":"248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707"}])",
       R"([{"type":"file","path":"a","size":1,"oid":"10C66461E4C109DB5A2196BFF4BB59BE30396ED8"}])",
       R"([{"type":"file","path":"a","size":1,"oid":"10c66461e4c109db5a2196bff4bb59be30396ed8","lfs":true}])",
       "[{\"type\":\"file\",\"path\":\"\xFF\",\"size\":1,\"oid\":"
       "\"10c66461e4c109db5a2196bff4bb59be30396ed8\"}]"}) {
    CAPTURE(text);
    CHECK(failure_of([&] { return page(text); }) == errc::bad_response);
  }
}

TEST_CASE("deeply nested JSON is refused, not followed") {
  for (const std::string& text :
       {std::string(1'000'000, '['), std::string(5000, '[') + std::string(5000, ']')}) {
    CHECK(failure_of([&] { return page(text); }) == errc::bad_response);
    CHECK_FALSE(parse_tree_file(text, commit));
    CHECK_FALSE(parse_string_map(text));
    CHECK(parse_error_body(text).size() == 300);
  }
}

TEST_CASE("a finished listing is sorted by path") {
  const auto l = finish_listing(commit, {regular("b"), regular("a/b"), regular("a-b"), regular("a.b")});
  CHECK(l.commit == commit);
  REQUIRE(l.files.size() == 4);
  CHECK(l.files[0].path == "a-b");
  CHECK(l.find("a/b") != nullptr);
  CHECK(std::is_sorted(l.files.begin(), l.files.end(), [](auto& a, auto& b) { return a.path < b.path; }));
  CHECK(finish_listing(commit, {}).files.empty());
}

TEST_CASE("the order in which pages report files is kept, through a tree file as well") {
  std::vector<file_entry> files;
  const auto named = [](const std::string& path) {
    return R"([{"type":"file","size":1,"oid":"10c66461e4c109db5a2196bff4bb59be30396ed8","path":")" + path +
           "\"}]";
  };
  for (const auto* path : {"b", "c", "a"}) parse_tree_page(named(path), files);
  const auto reported = [](const listing& l) {
    std::string all;
    for (const auto* file : l.as_reported()) all += file->path;
    return all;
  };
  const auto l = finish_listing(commit, std::move(files));
  CHECK(l.files.front().path == "a");
  CHECK(reported(l) == "bca");
  const auto again = parse_tree_file(format_tree_file(l), commit);
  REQUIRE(again);
  CHECK(again->files.front().path == "a");
  CHECK(reported(*again) == "bca");
}

TEST_CASE("a listing in which two paths collide is refused") {
  CHECK(failure_of([] {
          return finish_listing(commit, {regular("a"), regular("b"), regular("a")});
        }) == errc::bad_response);
  CHECK(failure_of([] {
          return finish_listing(commit, {regular("a/b"), regular("a-"), regular("a")});
        }) == errc::bad_response);
  CHECK(failure_of([] {
          return finish_listing(commit, {regular("a/b/c/d"), regular("a/b")});
        }) == errc::bad_response);
  CHECK_FALSE(failure_of([] {
    return finish_listing(commit, {regular("a/b"), regular("ab"), regular("A")});
  }));
}

TEST_CASE("a tree file of Python is read and written back byte for byte") {
  const auto l = parse_tree_file(python_tree_file, commit);
  REQUIRE(l);
  REQUIRE(l->files.size() == 4);
  CHECK(l->commit == commit);
  CHECK(l->files[1].name() == digest::parse(sha256));
  CHECK(l->files[2].path == "\xEF\xBF\xAE/\xF0\x9F\xA4\x97 \"\xC3\xA9\".bin");
  CHECK(format_tree_file(*l) == python_tree_file);
  CHECK(format_tree_file(listing()) == "{\n \"format_version\": 1,\n \"files\": {}\n}");
}

TEST_CASE("a tree page survives the way through a tree file") {
  auto entry = regular("m");
  entry.lfs = true;
  entry.sha256 = digest::parse(sha256);
  entry.xet_hash = std::string(64, 'a');
  const auto l = finish_listing(commit, {regular("\xC3\xA9"), entry});
  CHECK(parse_tree_file(format_tree_file(l), commit) == l);
}

TEST_CASE("a masked listing is not written") {
  auto entry = regular("m");
  entry.lfs = entry.masked = true;
  CHECK(failure_of([&] { return format_tree_file(finish_listing(commit, {entry})); }) ==
        errc::invalid_argument);
}

TEST_CASE("a tree file with anything wrong in it is no tree file") {
  for (const std::string& text :
       {std::string(), std::string("{}"), std::string("[]"), altered("1,", "2,"), altered("1,", "\"1\","),
        altered("\"files\"", "\"other\""), altered("665", "-665"), altered("665", "null"),
        altered("10c6", "10C6"), altered("248d", "***"), altered("63be", "**be"),
        altered("config.json", "../config.json"), altered("config.json", "model.safetensors"),
        altered("config.json", "model.safetensors/x"), altered("\"size\"", "\"sise\""),
        altered("\"blob_id\"", "\"blob\""), altered("\"lfs_size\": 548105171", "\"lfs_size\": -1"),
        altered("}", "")}) {
    CAPTURE(text);
    CHECK_FALSE(parse_tree_file(text, commit));
  }
}

TEST_CASE("null stands for an absent hash in a tree file, unknown members are skipped") {
  const auto l = parse_tree_file(
      altered("\"size\": 665", R"("size": 665, "lfs_sha256": null, "xet_hash": null, "new": [1])"), commit);
  REQUIRE(l);
  CHECK_FALSE(l->files[0].lfs);
}

TEST_CASE("error bodies of every shape give their messages") {
  CHECK(parse_error_body(R"({"error":"msg"})") == "msg");
  CHECK(parse_error_body(R"({"error":["a","b"]})") == "a; b");
  CHECK(parse_error_body(R"({"error":"c","error_description":"d"})") == "c; d");
  CHECK(parse_error_body(R"({"errors":[{"message":"m"},{"message":"n"},7]})") == "m; n");
  CHECK(parse_error_body("Entry not found\n") == "Entry not found");
  CHECK(parse_error_body(R"({"other":1})") == R"({"other":1})");
  CHECK(parse_error_body("").empty());
  CHECK(parse_error_body(" \r\n").empty());
  CHECK(parse_error_body("\n<!DOCTYPE html><html>").empty());
}

TEST_CASE("error bodies are made printable and short") {
  CHECK(parse_error_body("a\x1b[2Jb\xFF") == "a [2Jb\xEF\xBF\xBD");
  CHECK(parse_error_body("{\"error\":\"a\\u0007\\nb\"}") == "a  b");
  CHECK(parse_error_body(std::string(10'000, 'x')) == std::string(300, 'x'));
}

TEST_CASE("a string map is an object of strings, in its order") {
  const auto map = parse_string_map(R"({"b":"1","a":"\u00e9","":""})");
  REQUIRE(map);
  CHECK(*map == std::vector<std::pair<std::string, std::string>>{{"b", "1"}, {"a", "\xC3\xA9"}, {"", ""}});
  CHECK(parse_string_map("{}")->empty());
}

TEST_CASE("what is no object of strings with distinct keys is no string map") {
  for (const char* text : {"", "[]", "\"a\"", "null", R"({"a":1})", R"({"a":null})", R"({"a":{"b":"c"}})",
                           R"({"a":"b","a":"b"})", R"({"a":"b","\u0061":"c"})", R"({"a":"b",})",
                           R"({"a":"b"}x)", R"({'a':'b'})", "{\"a\":\"\xFF\"}", R"({"a":"\ud800"})"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_string_map(text));
  }
}

TEST_CASE("what the Hub's scans say is read by path; without a status it is an empty text") {
  scan_statuses found;
  parse_scans(R"([{"type":"file","path":"a","securityFileStatus":{"status":"unsafe","avScan":{}}},)"
              R"({"type":"file","path":"b"},{"type":"file","path":"c","securityFileStatus":null},)"
              R"({"type":"file","path":"d","securityFileStatus":{"status":1}}])",
              found);
  parse_scans(R"([{"path":"e","securityFileStatus":{"status":"safe"}}])", found);
  CHECK(found == scan_statuses{{"a", "unsafe"}, {"b", ""}, {"c", ""}, {"d", ""}, {"e", "safe"}});
  for (const auto* text : {"", "{}", "[1]", "[{}]", R"([{"path":1}])"}) {
    CAPTURE(text);
    CHECK(failure_of([&] { return parse_scans(text, found), 0; }) == errc::bad_response);
  }
}
