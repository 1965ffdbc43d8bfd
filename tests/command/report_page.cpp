#include "report_page.hpp"

#include <doctest/doctest.h>
#include <simdjson.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using command::cache_report;
using command::hold;
using command::report_folder;

namespace {

constexpr std::uint64_t big = 100'000;  // worth a link
constexpr std::int64_t second_in_ns = 1'000'000'000;
const std::chrono::system_clock::time_point noon{std::chrono::seconds(1'763'812'800)};

/// A census made by hand, with the disk that belongs to it.
struct scene {
  scene() { seen.cache_dir = "/cache"; }

  std::size_t add_repo(std::string id) {
    auto& repo = seen.repos.emplace_back();
    repo.type = "model";
    repo.id = std::move(id);
    repo.path = "/cache/repo" + std::to_string(seen.repos.size());
    repo.revisions.emplace_back().commit = std::string(40, '1');
    return seen.repos.size() - 1;
  }
  /// Adds a content called `name`; without a path no revision names it.
  hubcache::content_ref add_file(std::size_t repo, std::string path, std::string name, std::uint64_t size) {
    auto& to = seen.repos[repo];
    auto& content = to.contents.emplace_back();
    content.name = std::move(name);
    content.path = to.path + "/blobs/" + content.name;
    content.status.identity.size = size;
    content.status.identity.mtime_ns = 2'000 * second_in_ns;
    content.status.accessed_ns = 3'000 * second_in_ns;
    const hubcache::content_ref added{repo, to.contents.size() - 1};
    if (!path.empty()) {
      auto& entry = to.revisions.front().entries.emplace_back();
      entry.path = std::move(path);
      entry.content = added.content;
    }
    return added;
  }
  void put(std::uint64_t bytes, std::vector<hubcache::content_ref> users, bool outside = false) {
    auto& piece = map.pieces.emplace_back();
    piece.bytes = bytes;
    piece.users = std::move(users);
    piece.outside = outside;
  }
  [[nodiscard]] cache_report report() const {
    return command::report_of(seen, map, std::vector<hubcache::repo_usage>(seen.repos.size()), noon);
  }

  hubcache::census seen;
  hubcache::disk_map map;
};

std::string etag(char digit) { return std::string(64, digit); }

std::uint64_t bytes_of(const cache_report& report, hold why) {
  return report.bytes[static_cast<std::size_t>(why)];
}

/// What stands between `before` and `after` in `text`.
std::string_view between(std::string_view text, std::string_view before, std::string_view after) {
  const auto begin = text.find(before);
  REQUIRE(begin != text.npos);
  text.remove_prefix(begin + before.size());
  const auto end = text.find(after);
  REQUIRE(end != text.npos);
  return text.substr(0, end);
}

simdjson::dom::element parsed(simdjson::dom::parser& parser, std::string_view json) {
  return parser.parse(simdjson::padded_string(json));
}

}  // namespace

TEST_CASE("every byte on disk is counted once, whoever shares it") {
  scene s;
  const auto one = s.add_repo("acme/one"), two = s.add_repo("acme/two"), three = s.add_repo("acme/three");
  const auto a = s.add_file(one, "a.bin", etag('a'), big);
  const auto b = s.add_file(two, "a.bin", etag('a'), big);
  const auto c = s.add_file(three, "a.bin", etag('a'), big);
  s.put(100'001, {a, b, c});
  const auto report = s.report();
  CHECK(bytes_of(report, hold::shared) == 100'001);
  CHECK(command::sum_of(report.bytes) == s.map.total());
  CHECK(report.saved == 200'002);
  CHECK(report.duplicates.empty());
  CHECK(command::sum_of(report.repos[0].top[0].bytes) == 33'334);
  CHECK(command::sum_of(report.repos[2].top[0].bytes) == 33'333);
}

TEST_CASE("bytes that files outside the cache hold are shared") {
  scene s;
  const auto one = s.add_repo("acme/one");
  s.put(5'000, {s.add_file(one, "a.bin", etag('a'), 5'000)}, true);
  s.put(7'000, {s.add_file(one, "b.bin", etag('b'), 7'000)});
  CHECK(bytes_of(s.report(), hold::shared) == 5'000);
  CHECK(bytes_of(s.report(), hold::own) == 7'000);
}

TEST_CASE("equal contents that do not share bytes are duplicates of all but one") {
  scene s;
  const auto one = s.add_repo("acme/one"), two = s.add_repo("acme/two"), three = s.add_repo("acme/three");
  const auto a = s.add_file(one, "unet/a.bin", etag('a'), big);
  const auto b = s.add_file(two, "a.bin", etag('a'), big);
  const auto c = s.add_file(three, "c.bin", etag('a'), big);
  SUBCASE("three copies") {
    for (const auto& user : {a, b, c}) s.put(big, {user});
    const auto report = s.report();
    REQUIRE(report.duplicates.size() == 1);
    const auto& found = report.duplicates.front();
    CHECK(found.name == etag('a'));
    CHECK(found.size == big);
    CHECK(found.saves == 2 * big);
    REQUIRE(found.places.size() == 3);
    CHECK(found.places[0].repo == one);
    CHECK(found.places[0].path == "unet/a.bin");
    CHECK(report.could_save() == 2 * big);
    CHECK(bytes_of(report, hold::own) == big);
  }
  SUBCASE("two share already") {
    s.put(big, {a, c});
    s.put(big, {b});
    CHECK(s.report().could_save() == big);
  }
  SUBCASE("a copy that something outside holds, too, is the one that is kept") {
    s.put(big, {a});
    s.put(big, {b}, true);
    s.put(big, {c});
    CHECK(s.report().could_save() == 2 * big);
    CHECK(bytes_of(s.report(), hold::shared) == big);
  }
  SUBCASE("nothing is freed where all copies are held outside") {
    for (const auto& user : {a, b, c}) s.put(big, {user}, true);
    CHECK(s.report().duplicates.empty());
  }
}

TEST_CASE("other sizes, other devices, small files and names that are no digests are no duplicates") {
  scene s;
  const auto one = s.add_repo("acme/one"), two = s.add_repo("acme/two");
  const auto add = [&](const std::string& name, std::uint64_t size, std::uint64_t other_size) {
    s.put(size, {s.add_file(one, "a", name, size)});
    s.put(other_size, {s.add_file(two, "a", name, other_size)});
  };
  add(etag('a'), big, big + 1);
  add(etag('b'), 4'096, 4'096);
  add("no-digest", big, big);
  add(etag('c'), big, big);
  s.seen.repos[two].contents.back().status.identity.device = 7;
  CHECK(s.report().duplicates.empty());
}

TEST_CASE("contents that no revision names and partial downloads are left over") {
  scene s;
  const auto one = s.add_repo("acme/one");
  s.put(5'000, {s.add_file(one, "", etag('a'), 5'000)});
  auto& partial = s.seen.repos[one].partials.emplace_back();
  partial.path = "/cache/repo1/blobs/x.incomplete";
  partial.status.allocated = 700;
  partial.status.identity.size = 900;
  const auto report = s.report();
  CHECK(bytes_of(report, hold::leftover) == 5'700);
  const auto& repo = report.repos.front();
  CHECK(repo.usage.on_disk == 700);
  CHECK(repo.usage.unique == 700);
  CHECK(report.apparent == 900);
  REQUIRE(repo.folders.size() == 2);
  CHECK(repo.folders[0].what == report_folder::sort::unnamed);
  CHECK(repo.folders[1].what == report_folder::sort::unfinished);
  CHECK(repo.folders[1].files[0].name == "x.incomplete");
}

TEST_CASE("files stand in their first folder, under the name that the newest revision gives them") {
  scene s;
  const auto one = s.add_repo("acme/one");
  const auto a = s.add_file(one, "unet/deep/a.bin", etag('a'), 10);
  s.add_file(one, "config.json", etag('b'), 10);
  auto& newer = s.seen.repos[one].revisions.emplace_back();
  newer.modified_ns = 5;
  newer.entries.emplace_back().path = "transformer/a.bin";
  newer.entries.back().content = a.content;
  const auto report = s.report();
  const auto& repo = report.repos.front();
  REQUIRE(repo.folders.size() == 1);
  CHECK(repo.folders[0].name == "transformer");
  CHECK(repo.folders[0].files[0].name == "a.bin");
  REQUIRE(repo.top.size() == 1);
  CHECK(repo.top[0].name == "config.json");
  CHECK(repo.files == 2);
  CHECK(repo.accessed == 3'000);
  CHECK(repo.modified == 2'000);
}

TEST_CASE("of many files the largest are named; the sums stay") {
  scene s;
  for (const auto* id : {"acme/one", "acme/two"}) {
    const auto repo = s.add_repo(id);
    for (std::uint64_t i = 0; i < 300; ++i) {
      const auto folder = i % 3 == 0 ? std::string() : "part" + std::to_string(i % 10) + "/";
      const auto name = std::to_string(repo * 1'000 + i);
      s.put(100 + i, {s.add_file(repo, folder + name, name, 100 + i)});
    }
  }
  auto report = s.report();
  command::merge_smaller(report, 50);
  std::size_t named = 0, merged = 0;
  std::uint64_t bytes = 0;
  const auto look = [&](const std::vector<command::report_file>& files) {
    CHECK(std::count_if(files.begin(), files.end(), [](const auto& file) { return file.name.empty(); }) <= 1);
    for (const auto& file : files) {
      (file.name.empty() ? merged : named) += file.count;
      bytes += command::sum_of(file.bytes);
    }
  };
  for (const auto& repo : report.repos) {
    look(repo.top);
    for (const auto& folder : repo.folders) {
      CHECK_FALSE(folder.files.front().name.empty());
      look(folder.files);
    }
  }
  CHECK(named == 50);
  CHECK(named + merged == 600);
  CHECK(bytes == s.map.total());
}

TEST_CASE("a report that is short enough stays as it is") {
  scene s;
  s.put(10, {s.add_file(s.add_repo("acme/one"), "unet/a.bin", etag('a'), 10)});
  auto report = s.report();
  command::merge_smaller(report, 1);
  CHECK(report.repos[0].folders[0].files[0].name == "a.bin");
}

TEST_CASE("the data is JSON that says what the report says") {
  scene s;
  const auto one = s.add_repo("acme/one");
  s.put(5'000, {s.add_file(one, "unet/a \"b\".bin", etag('a'), 4'000)});
  s.seen.repos[one].refs["main"] = std::string(40, '1');
  s.seen.problems.emplace_back("/cache/x", "is broken");
  simdjson::dom::parser parser;
  const auto json = command::report_json(s.report());
  const auto root = parsed(parser, json);
  CHECK(std::string_view(root["cache_dir"]) == "/cache");
  CHECK(std::int64_t(root["taken"]) == 1'763'812'800);
  CHECK(std::uint64_t(root["bytes"].at(0)) == 5'000);
  const auto repo = root["repos"].at(0);
  CHECK(std::string_view(repo["label"]) == "model/acme/one");
  CHECK(std::string_view(repo["refs"].at(0)) == "main");
  const auto file = repo["folders"].at(0)["files"].at(0);
  CHECK(std::string_view(file.at(0)) == "a \"b\".bin");
  CHECK(std::uint64_t(file.at(1)) == 3'000);
  CHECK(std::uint64_t(file.at(2)) == 5'000);
  CHECK(std::string_view(root["problems"].at(0)["text"]) == "is broken");
}

TEST_CASE("no name gets out of the data, whatever it is made of") {
  const std::string hostile =
      "</script><!--<script>\"'&\xff\x01\xe2\x80\xa8{{style}}<img src=x onerror=alert(1)>";
  scene plain, evil;
  for (auto* s : {&plain, &evil}) {
    const auto name = s == &evil ? hostile : std::string("name");
    for (int i = 0; i < 2; ++i) {
      const auto repo = s->add_repo(name);
      s->put(big, {s->add_file(repo, name + "/" + name, etag('a'), big)});
      s->put(big, {s->add_file(repo, "", name, big)});
      s->seen.repos[repo].refs[name] = "";
    }
    s->seen.cache_dir = name;
    s->seen.problems.emplace_back(name, name);
  }
  const auto page = command::report_page(evil.report());
  const auto count = [](std::string_view text, std::string_view what) {
    std::size_t found = 0;
    for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
    return found;
  };
  const auto expected = command::report_page(plain.report());
  for (const auto* mark : {"<", "<script", "</script", "<!--", "<img", "<style"})
    CHECK(count(page, mark) == count(expected, mark));
  simdjson::dom::parser parser;
  const auto data = between(page, "id=\"data\">", "</script>");
  CHECK(std::string_view(parsed(parser, data)["repos"].at(0)["label"]).find("</script><!--") !=
        std::string::npos);
}

TEST_CASE("names are cut, and lists are counted where they are too long to be shown") {
  scene s;
  const auto one = s.add_repo(std::string(5'000, 'x'));
  for (int i = 0; i < 500; ++i) {
    s.seen.repos[one].refs["ref" + std::to_string(i)] = "";
    s.seen.problems.emplace_back("/x", std::string(3'000, 'y'));
  }
  CHECK(command::report_json(s.report()).size() < 40'000);
}

TEST_CASE("the policy names the hashes of the page's style and script, and nothing else may load") {
  const auto page = command::report_page(cache_report());
  const auto policy = between(page, "http-equiv=\"Content-Security-Policy\" content=\"", "\"");
  CHECK(policy.starts_with("default-src 'none'; "));
  CHECK(policy.find("unsafe") == policy.npos);
  CHECK(policy.find("http") == policy.npos);
  CHECK(std::count(policy.begin(), policy.end(), '\'') == 10);  // none, two hashes, none, none
  CHECK(page.find("{{") == page.npos);
}

TEST_CASE("every page begins with the mark that lets it be replaced") {
  CHECK(command::report_page(cache_report()).starts_with(command::report_page_mark));
}
