#include <hubcache/error.hpp>
#include <hubcache/requirement.hpp>
#include <hubcache/select/organisation_rules.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

using hubcache::errc;
using hubcache::file_entry;
using hubcache::parse_requirements;
using hubcache::requirement;

namespace {

/// Files with these paths, as a selection. Those that end in "safetensors" are stored by LFS.
struct chosen {
  explicit chosen(const std::vector<std::string>& paths) : files(paths.size()) {
    for (std::size_t i = 0; i < paths.size(); ++i) {
      files[i].path = paths[i];
      if (paths[i].ends_with("safetensors")) files[i].sha256 = hubcache::digest::parse(std::string(64, 'a'));
      all.push_back(&files[i]);
    }
  }
  std::vector<file_entry> files;
  std::vector<const file_entry*> all;
};

/// What `check` says against the files; empty if nothing.
template <class Check>
std::string complaint(const std::vector<std::string>& paths, Check check) {
  const chosen some(paths);
  try {
    check(some.all);
  } catch (const hubcache::error& e) {
    CHECK(e.reason() == errc::disallowed);
    return e.detail();
  }
  return {};
}

const auto no_pickles = [](const auto& files) { hubcache::require_no_pickle_names(files); };

}  // namespace

TEST_CASE("requirements are read by name, with commas between them") {
  CHECK(parse_requirements("") == hubcache::requirements());
  CHECK(parse_requirements("scan") == hubcache::requirements(requirement::scan));
  CHECK(parse_requirements(" safetensors, sha256,") == (requirement::safetensors | requirement::sha256));
  CHECK(parse_requirements("scan,scan") == hubcache::requirements(requirement::scan));
  CHECK_FALSE(parse_requirements("scan;sha256"));
  CHECK_FALSE(parse_requirements("Scan"));
  CHECK_FALSE(parse_requirements("none"));
}

TEST_CASE("a requirement is taken out of a set without the others") {
  const auto all = requirement::safetensors | requirement::scan | requirement::sha256;
  CHECK(all.without(requirement::sha256) == (requirement::safetensors | requirement::scan));
  CHECK_FALSE(all.without(requirement::sha256).contains(requirement::sha256));
  CHECK(hubcache::requirements().empty());
}

TEST_CASE("every file with the name of a pickle is named, with the patterns that leave them out") {
  CHECK(complaint({"config.json", "model.safetensors"}, no_pickles).empty());
  CHECK(complaint({"a.bin", "b.json", "c/d.pt", "e.bin"}, no_pickles) ==
        "3 files are of formats that may run code when they are loaded (pickles): a.bin, c/d.pt, e.bin; "
        "leave out what you do not need: '*.bin', '*.pt'");
  CHECK(complaint({"x.pkl.gz"}, no_pickles).starts_with("1 file is of formats"));
}

TEST_CASE("of many files the first twenty are named, and how many follow") {
  std::vector<std::string> paths;
  for (int i = 100; i < 130; ++i) paths.push_back(std::to_string(i) + ".pt");
  const auto text = complaint(paths, no_pickles);
  CHECK(text.starts_with("30 files are"));
  CHECK(text.find("119.pt and 10 more;") != text.npos);
  CHECK(text.find("120.pt") == text.npos);
}

TEST_CASE("control characters in a path do not reach the message") {
  CHECK(complaint({"\x1b[31m.pt"}, no_pickles).find('\x1b') == std::string::npos);
}

TEST_CASE("files that the Hub names by git sha1 alone are named") {
  const auto check = [](const auto& files) { hubcache::require_sha256(files); };
  CHECK(complaint({"model.safetensors"}, check).empty());
  CHECK(complaint({"config.json", "model.safetensors"}, check) ==
        "1 file is named by the Hub with a git sha1 only: config.json; "
        "a lock file gives the sha256 of each");
}

TEST_CASE("only the status safe is safe; a file of which the Hub says nothing is not") {
  const hubcache::scan_statuses found{{"a", "safe"},   {"b", "unsafe"},    {"c", "suspicious"},
                                      {"d", "queued"}, {"e", "unscanned"}, {"f", "error"},
                                      {"g", ""},       {"h", "SAFE"}};
  const auto check = [&](const auto& files) { hubcache::require_safe(files, found); };
  CHECK(complaint({"a"}, check).empty());
  CHECK(complaint({"a", "b", "c", "d", "e", "f", "g", "h", "i"}, check) ==
        "8 files are not safe by the Hub's scans: b (unsafe), c (suspicious), d (queued), e (unscanned), "
        "f (error), g (no status), h (SAFE), i (no status); "
        "leave them out, or wait until the Hub has scanned them");
}
