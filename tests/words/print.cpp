#include <hubcache/error.hpp>
#include <hubcache/plan/snapshot.hpp>
#include <hubcache/requirement.hpp>
#include <hubcache/settings.hpp>
#include <hubcache/store.hpp>
#include <hubcache/url.hpp>

#include <doctest/doctest.h>

#include <ostream>
#include <sstream>
#include <string>

namespace {

template <class T>
concept streamable = requires(std::ostream& out, const T& value) {
  out << value;
};

template <class T>
std::string printed(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

}  // namespace

TEST_CASE("streams print the words as to_string() writes them") {
  const std::string hex(64, 'a');
  CHECK(printed(*hubcache::digest::parse(hex)) == hex);
  CHECK(printed(hubcache::repo("o/n", hubcache::repo_type::dataset)) == "datasets/o/n");
  CHECK(printed(hubcache::errc::digest_mismatch) == "digest_mismatch");
  CHECK(printed(hubcache::link_kind::hard_link) == "hardlink");
  CHECK(printed(hubcache::store_kind::git_lfs) == "git-lfs");
  CHECK(printed(hubcache::requirement::scan) == "scan");
  const hubcache::snapshot_totals totals;
  CHECK(printed(totals) == to_string(totals));
  hubcache::snapshot result;
  result.path = "/hub/snapshots/c0ffee";
  result.commit = "c0ffee";
  CHECK(printed(result) == "/hub/snapshots/c0ffee (commit c0ffee): " + to_string(totals));
}

TEST_CASE("streams print no more of a URL than logs may show") {
  CHECK(printed(*hubcache::url::parse("https://h/x?signature=1")) == "https://h/x?...");
}

TEST_CASE("a secret cannot be printed") {
  CHECK(streamable<hubcache::repo>);
  CHECK_FALSE(streamable<hubcache::secret>);
  CHECK_FALSE(streamable<hubcache::settings>);
}
