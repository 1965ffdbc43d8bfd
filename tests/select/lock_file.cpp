#include <hubcache/error.hpp>
#include <hubcache/select/lock_file.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using hubcache::digest;
using hubcache::errc;
using hubcache::lock_file;
using hubcache::locked_repo;
using hubcache::parse_lock_file;

namespace {

const std::string commit(40, 'c');
const digest name_a = *digest::parse(std::string(64, 'a'));
const digest name_b = *digest::parse(std::string(64, 'b'));

locked_repo one_repo() {
  locked_repo one;
  one.repo = "acme/llm";
  one.commit = commit;
  one.files.emplace_back("config.json", 665, name_a);
  one.files.emplace_back("sub/model.safetensors", 548'105'171, name_b);
  return one;
}

lock_file two_repos() {
  lock_file lock;
  lock.repos.push_back(one_repo());
  lock.repos.push_back(one_repo());
  lock.repos.back().repo = hubcache::repo("acme/words", hubcache::repo_type::dataset);
  return lock;
}

/// The lock of one repo, with `from` replaced by `to` in its text.
std::string altered(std::string_view from, std::string_view to) {
  lock_file lock;
  lock.repos.push_back(one_repo());
  auto text = format_lock_file(lock);
  const auto at = text.find(from);
  REQUIRE(at != text.npos);
  return text.replace(at, from.size(), to);
}

/// What the parser says of `text`; empty if it takes it.
std::string complaint(const std::string& text) {
  try {
    static_cast<void>(parse_lock_file(text));
  } catch (const hubcache::error& e) {
    CHECK(e.reason() == errc::invalid_argument);
    return e.detail();
  }
  return {};
}

hubcache::listing listing_of(const locked_repo& lock) {
  hubcache::listing result;
  result.commit = lock.commit;
  for (const auto& file : lock.files) {
    auto& entry = result.files.emplace_back();
    entry.path = file.path;
    entry.size = file.size;
    if (file.path.ends_with("safetensors")) entry.sha256 = file.sha256;
  }
  return result;
}

/// The mismatch that `found` is; empty if it is none.
std::string mismatch(const hubcache::listing& found) {
  try {
    require_as_locked(one_repo(), found);
  } catch (const hubcache::error& e) {
    CHECK(e.reason() == errc::lock_mismatch);
    CHECK(e.context().repo == "acme/llm");
    return e.context().file + ": " + e.detail();
  }
  return {};
}

}  // namespace

TEST_CASE("a lock file reads as it was written, one line a file") {
  const auto lock = two_repos();
  const auto text = format_lock_file(lock);
  auto sorted = lock;
  std::swap(sorted.repos[0], sorted.repos[1]);  // datasets come before models
  CHECK(parse_lock_file(text) == sorted);
  CHECK(text.find("\n    {\"path\": \"config.json\", \"size\": 665, \"sha256\": \"" + name_a.hex() +
                  "\"},\n") != text.npos);
  CHECK(format_lock_file(lock_file()) ==
        "{\n \"format\": \"hubcache-lock\",\n \"version\": 1,\n \"repos\": []\n}\n");
  CHECK(parse_lock_file(format_lock_file(lock_file())).repos.empty());
}

TEST_CASE("the order in which repos and files are given does not show") {
  auto shuffled = two_repos();
  std::swap(shuffled.repos[0], shuffled.repos[1]);
  for (auto& one : shuffled.repos) std::swap(one.files[0], one.files[1]);
  CHECK(format_lock_file(shuffled) == format_lock_file(two_repos()));
}

TEST_CASE("a path with quotes and other scripts survives") {
  lock_file lock;
  lock.repos.push_back(one_repo());
  lock.repos[0].files[0].path = "a \"b\" \xC3\xA9.txt";
  CHECK(parse_lock_file(format_lock_file(lock)) == lock);
}

TEST_CASE("entries are found by repo and by path") {
  const auto lock = parse_lock_file(format_lock_file(two_repos()));
  REQUIRE(lock.find("acme/llm") != nullptr);
  CHECK(lock.find("acme/llm")->find("config.json")->size == 665);
  CHECK(lock.find("acme/llm")->find("config") == nullptr);
  CHECK(lock.find({"acme/llm", hubcache::repo_type::dataset}) == nullptr);
}

TEST_CASE("whatever is not exactly a lock file is refused, and told where") {
  CHECK(complaint("") == "the lock file: its text: expected JSON");
  CHECK(complaint("[]") == "the lock file: format: expected \"hubcache-lock\"");
  CHECK(complaint(altered("\"version\": 1", "\"version\": 2")).find("a newer hubcache") != std::string::npos);
  CHECK(complaint(altered("\"version\"", "\"x\": 1, \"version\"")) ==
        "the lock file: its text: expected an object of format, version, repos, each once");
  CHECK(complaint(altered("\"commit\": \"", "\"commit\": \"" + commit + "\", \"commit\": \"")) ==
        "the lock file: repo 1: expected an object of type, id, commit, files, each once");
  CHECK(complaint(altered("model", "models")) ==
        "the lock file: repo 1: expected a type: model, dataset or space");
  CHECK(complaint(altered("acme/llm", "../llm"))
            .starts_with("the lock file: repo 1: expected the id of a repo"));
  CHECK(complaint(altered(commit, "main")) ==
        "the lock file: acme/llm: expected a commit of 40 lower-case hex digits");
  CHECK(complaint(altered("config.json", "../config.json")) ==
        "the lock file: acme/llm: file 1: expected a path inside the repo");
  CHECK(complaint(altered("665", "-1")) ==
        "the lock file: acme/llm: file 1 config.json: expected a size from 0 to 2^53");
  CHECK(complaint(altered("665", "9007199254740993")).find("a size") != std::string::npos);
  CHECK(complaint(altered("665", "665.0")).find("a size") != std::string::npos);
  CHECK(complaint(altered(name_a.hex(), name_a.hex().substr(1))).find("a sha256") != std::string::npos);
  CHECK(complaint(altered(name_a.hex(), std::string(64, 'A'))).find("a sha256") != std::string::npos);
  CHECK(complaint(altered("\"size\": 665, ", "")).find("an object of path, size, sha256") !=
        std::string::npos);
}

TEST_CASE("a path that comes twice or is a folder of another is refused, and so is a repo that comes twice") {
  CHECK(complaint(altered("config.json", "sub/model.safetensors")).find("each path once") !=
        std::string::npos);
  CHECK(complaint(altered("config.json", "sub")).find("a folder of another") != std::string::npos);
  auto twice = two_repos();
  twice.repos.back().repo = "acme/llm";
  CHECK_THROWS_AS(static_cast<void>(format_lock_file(twice)), hubcache::error);
}

TEST_CASE("a repo without files is refused: to install it would mean all") {
  auto lock = two_repos();
  lock.repos[0].files.clear();
  CHECK(complaint(format_lock_file(lock)) ==
        "the lock file: acme/llm: expected an array of at least one file");
}

TEST_CASE("a listing as locked passes, whatever else it has") {
  auto found = listing_of(one_repo());
  CHECK(mismatch(found).empty());
  found.files.emplace(found.files.begin())->path = "README.md";
  CHECK(mismatch(found).empty());
}

TEST_CASE("each deviation of a listing is told with both values") {
  auto found = listing_of(one_repo());
  found.commit = std::string(40, 'd');
  CHECK(mismatch(found) == ": the lock file has commit " + commit + ", found is " + found.commit);
  found = listing_of(one_repo());
  found.files[0].size = 666;
  CHECK(mismatch(found) == "config.json: the lock file has 665 bytes, the listing 666");
  found = listing_of(one_repo());
  found.files[1].sha256 = name_a;
  CHECK(mismatch(found) ==
        "sub/model.safetensors: the lock file has sha256 " + name_b.hex() + ", the listing " + name_a.hex());
  found.files.pop_back();
  CHECK(mismatch(found) == "sub/model.safetensors: the commit's listing lacks it");
}

TEST_CASE("a file that the lock does not name is told") {
  auto found = listing_of(one_repo());
  std::vector<const hubcache::file_entry*> files{&found.files[0]};
  CHECK_NOTHROW(require_locked(one_repo(), files));
  found.files[1].path = "other";
  files.push_back(&found.files[1]);
  CHECK_THROWS_WITH_AS(require_locked(one_repo(), files), doctest::Contains("does not name it"),
                       hubcache::error);
}
