#include <hubcache/error.hpp>
#include <hubcache/repo.hpp>

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <unordered_set>

using namespace hubcache;

namespace {

/// The reason why `call` throws.
template <class Call>
std::optional<errc> failure_of(Call call) {
  try {
    call();
  } catch (const error& e) {
    return e.reason();
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("repo ids are accepted as the Hub accepts them") {
  for (const std::string id : {"gpt2", "openai-community/gpt2", "a/b", "_a/b_", "A.b-c_d/e.f", "0/1",
                               "stabilityai/stable-diffusion-3.5-large"}) {
    CAPTURE(id);
    CHECK(repo(id).id() == id);
  }
  CHECK(repo("a/" + std::string(96, 'n')).id().size() == 98);
}

TEST_CASE("repo ids that are no ids or no safe folder names are refused") {
  for (const std::string id :
       {"",        "/",    "a/",    "/a",    "a/b/c", "a//b",       "a--b/c", "a/b--c",   "a..b",
        "a/b.git", "-a/b", "a-/b",  "a/-b",  "a/b-",  ".a/b",       "a./b",   "a/.b",     "a/b.",
        ".",       "..",   "a b/c", "a/b\n", "a\\b",  "\xC3\xA9/b", "a/b:c",  "a/b@main", "datasets/a/b"}) {
    CAPTURE(id);
    CHECK(failure_of([&] { (void)repo(id); }) == errc::invalid_argument);
  }
  CHECK(failure_of([] { (void)repo(std::string(97, 'n')); }) == errc::invalid_argument);
}

TEST_CASE("the error of a malformed repo id shows no control characters") {
  try {
    (void)repo("a\x1b[31m/b");
    FAIL("no error");
  } catch (const error& e) {
    CHECK(e.detail().find("a [31m/b") != std::string::npos);
  }
}

TEST_CASE("a repo's folder and display name carry its type") {
  CHECK(repo("o/n").folder() == "models--o--n");
  CHECK(repo("gpt2").folder() == "models--gpt2");
  CHECK(repo("o/n", repo_type::dataset).folder() == "datasets--o--n");
  CHECK(repo("o/n").display() == "o/n");
  CHECK(repo("o/n", repo_type::space).display() == "spaces/o/n");
  CHECK(repo("o/n") != repo("o/n", repo_type::space));
}

TEST_CASE("repo types are read in singular and plural") {
  CHECK(parse_repo_type("model") == repo_type::model);
  CHECK(parse_repo_type("datasets") == repo_type::dataset);
  CHECK(parse_repo_type("space") == repo_type::space);
  CHECK_FALSE(parse_repo_type("kernel"));
  CHECK_FALSE(parse_repo_type("modelss"));
  CHECK_FALSE(parse_repo_type(""));
}

TEST_CASE("an hf:// reference names type, repo, revision and path") {
  auto r = parse_repo_url("hf://datasets/o/n@v1.0/data/a.csv");
  CHECK(r.repo == repo("o/n", repo_type::dataset));
  CHECK(r.revision == "v1.0");
  CHECK(r.path == "data/a.csv");

  r = parse_repo_url("hf://o/n");
  CHECK(r.repo == repo("o/n"));
  CHECK(r.revision.empty());
  CHECK(r.path.empty());

  CHECK(parse_repo_url("hf://models/o/n").repo == repo("o/n"));
  CHECK(parse_repo_url("hf://o/n/").path.empty());
  CHECK(parse_repo_url("hf://o/n/folder/").path == "folder/");
  CHECK(parse_repo_url("hf://o/n/a@b").path == "a@b");
}

TEST_CASE("an hf:// reference may name a pull request or a conversion as revision") {
  auto r = parse_repo_url("hf://o/n@refs/pr/7/x/y");
  CHECK(r.revision == "refs/pr/7");
  CHECK(r.path == "x/y");
  CHECK(parse_repo_url("hf://datasets/o/n@refs/convert/parquet").revision == "refs/convert/parquet");
}

TEST_CASE("malformed hf:// references are refused") {
  for (const std::string text :
       {"", "hf://", "hf:/o/n", "o/n", "HF://o/n", "hf://gpt2", "hf:///n", "hf://o/", "hf://o/n@",
        "hf://o/n@/x", "hf://o/n@..", "hf://o/n@refs/pr/", "hf://o/n//x", "hf://o/n/../x", "hf://o/n/x//",
        "hf://o/n//", "hf://o/n/\\x", "hf://datasets/o"}) {
    CAPTURE(text);
    CHECK(failure_of([&] { (void)parse_repo_url(text); }) == errc::invalid_argument);
  }
}

TEST_CASE("a commit is exactly 40 lower-case hex digits") {
  CHECK(is_commit("607a30d783dfa663caf39e06633721c8d4cfcd7e"));
  CHECK_FALSE(is_commit("607A30d783dfa663caf39e06633721c8d4cfcd7e"));
  CHECK_FALSE(is_commit("607a30d"));
  CHECK_FALSE(is_commit("607a30d783dfa663caf39e06633721c8d4cfcd7e0"));
  CHECK_FALSE(is_commit(""));
}

TEST_CASE("revisions may have slashes but not leave refs/") {
  for (const char* ok : {"main", "v1.0", "refs/pr/1", "feature/x", "607a30d"}) {
    CAPTURE(ok);
    CHECK_FALSE(failure_of([&] { check_revision(ok); }));
  }
  for (const std::string bad :
       {"", "..", "../../x", "a/../b", "/main", "a//b", "a/", "C:x", "a\nb", "\\x", "a\\..\\b"}) {
    CAPTURE(bad);
    CHECK(failure_of([&] { check_revision(bad); }) == errc::invalid_argument);
  }
  CHECK(failure_of([] { check_revision(std::string_view("a\0b", 3)); }) == errc::invalid_argument);
}

TEST_CASE("ordinary file names are safe, strange ones too") {
  for (const char* path :
       {"file.txt", "path/in/repo.txt", "weird but valid/name.txt", "awful?name%:,.x", ".gitattributes",
        "...", "a..b", "..a", "a.", "-", "\xE6\x97\xA5\xE6\x9C\xAC/x", "abc:d"}) {
    CAPTURE(path);
    CHECK(is_safe_path(path));
  }
}

TEST_CASE("file names that could escape a folder on any system are not safe") {
  for (const std::string path : {"",
                                 ".",
                                 "..",
                                 "/",
                                 "../../etc/passwd",
                                 "a/../../b",
                                 "..\\..\\x",
                                 "folder\\..\\..\\evil",
                                 "/etc/passwd",
                                 "C:\\x",
                                 "C:/x",
                                 "D:rel",
                                 "\\\\h\\s\\x",
                                 "\\evil",
                                 "folder/C:\\x",
                                 "folder/\\\\h\\s",
                                 "folder/\\evil",
                                 "a//b",
                                 "a/",
                                 "./a",
                                 "a/.",
                                 "a/./b",
                                 "a\nb",
                                 "a\x7f",
                                 "a\xC2\x9b",
                                 ".git",
                                 "a/.GiT/hooks/x",
                                 "a\\",
                                 "c:"}) {
    CAPTURE(path);
    CHECK_FALSE(is_safe_path(path));
  }
  CHECK_FALSE(is_safe_path(std::string_view("a\0b", 3)));
  CHECK_FALSE(is_safe_path(std::string(256, 'a')));
  CHECK(is_safe_path(std::string(255, 'a')));
  CHECK(is_safe_path("a.git/.github/.gitignore/\xC2\xA0"));
  std::string deep = "a";
  for (int i = 1; i < 128; ++i) deep += "/a";
  CHECK(is_safe_path(deep));
  CHECK_FALSE(is_safe_path(deep + "/a"));
  std::string lengthy(255, 'a');
  for (int i = 1; i < 12; ++i) lengthy += "/" + std::string(255, 'a');
  CHECK(is_safe_path(lengthy));
  CHECK_FALSE(is_safe_path(lengthy + "/a"));
}

TEST_CASE("repos are keys: ordered by id and hashed, told apart by type") {
  const repo model("o/n"), dataset("o/n", repo_type::dataset);
  CHECK(std::set<repo>{model, dataset, repo("a/b"), model}.begin()->id() == "a/b");
  CHECK(std::unordered_set<repo>{model, dataset, model}.size() == 2);
}
