#include "cache_rows.hpp"

#include <doctest/doctest.h>

#include <string>

namespace {

/// Two repos: the first has two revisions that share a file, and shares another with the second.
struct drawn {
  drawn() {
    auto& a = seen.repos.emplace_back();
    a.type = "model";
    a.id = "a";
    for (const std::uint64_t size : {100U, 20U, 3U}) add_content(a, size);  // both, first, second revision
    add_revision(a, "first", {0, 1});
    add_revision(a, "second", {0, 2, 2});
    a.revisions[0].refs = {"main"};
    a.refs = {{"main", "first"}, {"zz", "gone"}};
    auto& b = seen.repos.emplace_back();
    b.type = "dataset";
    b.id = "b";
    add_content(b, 20);
    add_revision(b, "third", {0});
    seen.repos.emplace_back().type = "space";  // refs alone
    add_piece(100, {{0, 0}});
    add_piece(20, {{0, 1}, {1, 0}});
    add_piece(3, {{0, 2}});
  }

  static void add_content(hubcache::census_repo& repo, std::uint64_t size) {
    auto& one = repo.contents.emplace_back();
    one.status.identity.size = size;
    one.status.identity.mtime_ns = static_cast<std::int64_t>(size);
    one.status.accessed_ns = static_cast<std::int64_t>(2 * size);
  }
  static void add_revision(hubcache::census_repo& repo, std::string commit,
                           std::vector<std::size_t> contents) {
    auto& revision = repo.revisions.emplace_back();
    revision.commit = std::move(commit);
    revision.modified_ns = 77;
    for (const auto c : contents) revision.entries.emplace_back().content = c;
    revision.entries.emplace_back();  // leads nowhere
  }
  void add_piece(std::uint64_t bytes, std::vector<hubcache::content_ref> users) {
    auto& piece = map.pieces.emplace_back();
    piece.bytes = bytes;
    piece.users = std::move(users);
  }

  hubcache::census seen;
  hubcache::disk_map map;
};

}  // namespace

TEST_CASE("a repo's row says what it costs, and with whom it shares") {
  const drawn d;
  const auto rows = command::repo_rows(d.seen, d.map);
  REQUIRE(rows.size() == 2);  // a repo of refs alone is none
  CHECK(rows[0].label == "model/a");
  CHECK(rows[0].size == 123);
  CHECK(rows[0].unique == 103);
  CHECK(rows[0].shared() == 20);
  CHECK(rows[0].shared_with == std::vector<std::string>{"dataset/b"});
  CHECK(rows[0].refs == std::vector<std::string>{"main", "zz"});
  CHECK(rows[0].modified_ns == 100);
  CHECK(rows[0].accessed_ns == 200);
  CHECK(rows[1].unique == 0);
}

TEST_CASE("a revision's row says what deleting it alone frees") {
  auto d = drawn();
  const auto rows = command::revision_rows(d.seen, d.map);
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].size == 120);
  CHECK(rows[0].on_disk == 120);
  CHECK(rows[0].unique == 0);  // 100 for the second revision, 20 for the other repo
  CHECK(rows[0].refs == std::vector<std::string>{"main"});
  CHECK(rows[0].modified_ns == 77);
  CHECK(rows[1].size == 103);  // a content under two names counts once
  CHECK(rows[1].unique == 3);
  CHECK(rows[2].unique == 0);
  d.map.pieces[2].outside = true;
  CHECK(command::revision_rows(d.seen, d.map)[1].unique == 0);
}

TEST_CASE("the rows that are shown tell which contents are summed up") {
  const drawn d;
  const auto chosen = [&](std::vector<command::cache_row> rows) {
    return d.map.held_by(command::contents_of(d.seen, rows));
  };
  const auto repos = command::repo_rows(d.seen, d.map);
  const auto revisions = command::revision_rows(d.seen, d.map);
  CHECK(chosen(repos) == 123);
  CHECK(chosen({repos[1]}) == 20);
  CHECK(chosen({revisions[0]}) == 120);
  CHECK(chosen({revisions[0], revisions[2]}) == 120);
  CHECK(chosen({}) == 0);
}
