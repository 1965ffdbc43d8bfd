#include <hubcache/prepare.hpp>

#include <doctest/doctest.h>

#include <support/machine.hpp>

using hubcache::errc;
using hubcache::snapshot_options;
using test::machine;

namespace {

/// acme/gated: the files of acme/tiny behind a gate that hf_reader does not pass and hf_member does.
embedded::repo_model gated_twin() {
  embedded::repo_model repo("acme/gated");
  repo.gated = embedded::gate::manual;
  repo.grants = {"hf_member"};
  repo.commit(embedded::tiny().files());
  return repo;
}

/// acme/secret-notes: gated, with regular files only, so that its listing hides nothing.
embedded::repo_model gated_notes() {
  embedded::repo_model repo("acme/secret-notes");
  repo.gated = embedded::gate::automatic;
  repo.grants = {"hf_member"};
  embedded::file_map files;
  files["notes.txt"] = embedded::tiny().files().at("nested/deep/notes.txt");
  repo.commit(std::move(files));
  return repo;
}

struct scene {
  scene() {
    hub.put(embedded::tiny());
    hub.put(gated_twin());
    hub.put(gated_notes());
    here.snapshot("acme/tiny");  // all content is on this machine
    hub.log().clear();
  }
  [[nodiscard]] bool untouched(const hubcache::repo& which) const {
    return !std::filesystem::exists(here.repo_dir(which));
  }
  embedded::hub hub;
  machine here{hub};
};

}  // namespace

TEST_CASE("content of a gated repo is not linked for a caller without a token") {
  scene s;
  const auto failure = s.here.failure("acme/gated");
  REQUIRE(failure);
  CHECK(failure->reason() == errc::gated);
  CHECK(failure->context().http_status == 401);
  CHECK(s.untouched("acme/gated"));
}

TEST_CASE("content of a gated repo is not linked for a token without access") {
  scene s;
  s.here.config.token = hubcache::secret("hf_reader");
  const auto failure = s.here.failure("acme/gated");
  REQUIRE(failure);
  CHECK(failure->reason() == errc::gated);
  CHECK(failure->context().http_status == 403);
  CHECK(s.untouched("acme/gated"));
}

TEST_CASE("a masked listing is never written") {
  scene s;
  s.here.failure("acme/gated");
  CHECK(s.untouched("acme/gated"));
  CHECK(s.here.snapshot("acme/gated", snapshot_options().with_files({"README.md"})).totals.bytes_fetched > 0);
  CHECK(!std::filesystem::exists(s.here.repo_dir("acme/gated") / "trees"));
}

TEST_CASE("a token that is let in links without fetching") {
  scene s;
  s.here.config.token = hubcache::secret("hf_member");
  const auto got = s.here.snapshot("acme/gated");
  CHECK(got.totals.bytes_fetched == 0);
  CHECK(got.totals.bytes_linked > 0);
}

TEST_CASE("a gated repo of regular files is linked only after the Hub let the caller in") {
  scene s;
  const auto failure = s.here.failure("acme/secret-notes");
  REQUIRE(failure);
  CHECK(failure->reason() == errc::gated);
  CHECK(s.untouched("acme/secret-notes"));
  s.here.config.token = hubcache::secret("hf_member");
  CHECK(s.here.snapshot("acme/secret-notes").totals.bytes_linked > 0);
}

TEST_CASE("a card, which everybody may read, opens no gate: it is fetched") {
  scene s;
  s.here.config.token = hubcache::secret("hf_reader");
  const auto got = s.here.snapshot("acme/gated", snapshot_options().with_files({"README.md"}));
  CHECK(got.totals.bytes_fetched == got.totals.bytes_total);
  s.here.config.token = hubcache::secret("hf_member");
  CHECK(s.here.snapshot("acme/gated").totals.bytes_linked > 0);
}

TEST_CASE("a listing on disk opens no gate") {
  scene s;
  s.here.config.token = hubcache::secret("hf_member");
  const auto got = s.here.snapshot("acme/gated");
  // The blobs go, the listing stays; the same content still lies in acme/tiny.
  std::filesystem::remove_all(s.here.repo_dir("acme/gated") / "blobs");
  s.here.config.token = {};
  CHECK(s.here.failure("acme/gated", snapshot_options().with_revision(got.commit))->reason() == errc::gated);
  CHECK(!std::filesystem::exists(s.here.repo_dir("acme/gated") / "blobs"));
  s.here.config.offline = true;
  CHECK(s.here.failure("acme/gated", snapshot_options().with_revision(got.commit))->reason() ==
        errc::not_cached);
}

TEST_CASE("a private repo looks missing without a token, and is never served from other repos") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  embedded::repo_model hidden("acme/private");
  hidden.is_private = true;
  hidden.grants = {"hf_member"};
  hidden.commit(embedded::tiny().files());
  hub.put(hidden);
  machine here(hub);
  here.snapshot("acme/tiny");
  CHECK(here.failure("acme/private")->reason() == errc::unauthorized);
  here.config.token = hubcache::secret("hf_member");
  CHECK(here.snapshot("acme/private").totals.bytes_linked > 0);
}

TEST_CASE("the token goes over plain http to loopback only") {
  embedded::hub hub;
  machine here(hub);
  here.config.token = hubcache::secret("hf_reader");
  here.config.endpoint = *hubcache::url::parse("http://hub.invalid");
  CHECK(here.failure("acme/tiny")->reason() == errc::refused);
  here.config.token_over_http = true;
  CHECK(here.failure("acme/tiny")->reason() == errc::host_not_found);
}
