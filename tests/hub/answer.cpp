#include <hubcache/hub/answer.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace hubcache;
using std::chrono::seconds;

namespace {

const url api = *url::parse("https://hub.example/api/models/o/n/tree/main?recursive=true");
const url file = *url::parse("https://hub.example/o/n/resolve/main/api/x?sig=secret");

header_list headers(std::initializer_list<std::pair<const char*, const char*>> fields) {
  header_list list;
  for (const auto& [name, value] : fields) list.add(name, value);
  return list;
}

error failed(int status, header_list fields, std::string body = "", const url& asked = api) {
  http_response answer;
  answer.head.status = status;
  answer.head.headers = std::move(fields);
  answer.body = std::move(body);
  return answer_error(answer, asked, error_context{}.with_repo("o/n"));
}

std::optional<std::string> next(const char* link) {
  const auto page = next_page(headers({{"Link", link}}), api);
  return page ? std::optional(page->text()) : std::nullopt;
}

std::optional<errc> next_failure(const char* link) {
  try {
    (void)next(link);
  } catch (const error& e) {
    return e.reason();
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("the next page is the Link with relation next") {
  CHECK(next("<https://hub.example/api/t?cursor=Zx%3D>; rel=\"next\"") ==
        "https://hub.example/api/t?cursor=Zx%3D");
  CHECK(next("</p?c=1>;rel=next") == "https://hub.example/p?c=1");
  CHECK(next("</a>; rel=\"prev\", </b>; rel=\"next\"") == "https://hub.example/b");
  CHECK(next("</a,b;c>; title=\"x, <y>; rel=\\\"next\\\"\"; REL = \"last NEXT\"") ==
        "https://hub.example/a,b;c");
  CHECK(next(" , </a>;rel=prev , </b> ; rel=next ;x") == "https://hub.example/b");
}

TEST_CASE("without a Link to a next page there is none") {
  CHECK_FALSE(next_page(headers({{"X", "</a>; rel=next"}}), api));
  for (const char* link : {"", "</a>", "</a>; rel=prev", "</a>; rel=nextish", "</a>; rel=prev; rel=next",
                           "<a", "a; rel=next", "</a>; title=\"rel=next", "</a> </b>; rel=next",
                           "<https://hub.example/api/x/xet-read-token/c>; rel=\"xet-auth\""}) {
    CAPTURE(link);
    CHECK_FALSE(next(link));
  }
}

TEST_CASE("a Link header after the first counts too") {
  const auto page = next_page(headers({{"link", "</a>; rel=prev"}, {"LINK", "</b>; rel=next"}}), api);
  REQUIRE(page);
  CHECK(page->target() == "/b");
}

TEST_CASE("a next page elsewhere is refused, one that is no URL is an error") {
  CHECK(next_failure("<https://evil.example/t>; rel=next") == errc::refused);
  CHECK(next_failure("<http://hub.example/t>; rel=next") == errc::refused);
  CHECK(next_failure("<https://hub.example:444/t>; rel=next") == errc::refused);
  CHECK(next_failure("<file:///x>; rel=next") == errc::bad_response);
  CHECK(next_failure("<a b>; rel=next") == errc::bad_response);
}

TEST_CASE("X-Error-Code decides what failed") {
  CHECK(failed(404, headers({{"X-Error-Code", "EntryNotFound"}})).reason() == errc::file_not_found);
  CHECK(failed(404, headers({{"X-Error-Code", "RevisionNotFound"}})).reason() == errc::revision_not_found);
  CHECK(failed(404, headers({{"x-error-code", "RepoNotFound"}}), "", file).reason() == errc::repo_not_found);
  CHECK(failed(401, headers({{"X-Error-Code", "GatedRepo"}})).reason() == errc::gated);
  CHECK(failed(403, headers({{"X-Error-Code", "GatedRepo"}})).reason() == errc::gated);
}

TEST_CASE("without X-Error-Code the status decides") {
  CHECK(failed(401, {}).reason() == errc::unauthorized);
  CHECK(failed(403, {}).reason() == errc::forbidden);
  CHECK(failed(429, {}).reason() == errc::rate_limited);
  CHECK(failed(408, {}).reason() == errc::server_failed);
  CHECK(failed(416, {}).reason() == errc::size_mismatch);
  CHECK(failed(500, {}).reason() == errc::server_failed);
  CHECK(failed(503, {}).reason() == errc::server_failed);
  CHECK(failed(400, {}).reason() == errc::http_failed);
  CHECK(failed(418, headers({{"X-Error-Code", "Teapot"}})).reason() == errc::http_failed);
}

TEST_CASE("a bare 404 means the repo for the API and the file otherwise") {
  CHECK(failed(404, {}).reason() == errc::repo_not_found);
  CHECK(failed(404, {}, "", file).reason() == errc::file_not_found);
  const auto at = [](const char* text) { return failed(404, {}, "", *url::parse(text)).reason(); };
  CHECK(at("https://h/api/resolve-cache/models/o/n/c/x") == errc::file_not_found);
  CHECK(at("https://h/prefix/api/models/resolve/n") == errc::repo_not_found);
  CHECK(at("https://cdn/blob") == errc::file_not_found);
}

TEST_CASE("a disabled repo is forbidden, whatever its status") {
  CHECK(failed(404, headers({{"X-Error-Message", "Access to this resource is disabled."}})).reason() ==
        errc::forbidden);
}

TEST_CASE("header and body say the same thing once") {
  const auto message = [](const char* header, std::string body) {
    return failed(404, headers({{"X-Error-Message", header}}), std::move(body)).detail();
  };
  CHECK(message("Entry not found", "Entry not found") == "Entry not found");
  CHECK(message("Entry not found", R"({"error":"Entry not found"})") == "Entry not found");
  CHECK(message("A", R"({"error":"B"})") == "A; B");
  CHECK(message("", R"({"error":"B"})") == "B");
  CHECK(message("A\x1b[1m", "<html>busy</html>") == "A [1m");
}

TEST_CASE("a bad token is named as such") {
  const auto e = failed(401, headers({{"X-Error-Message", "Invalid credentials in Authorization header"}}));
  CHECK(e.reason() == errc::unauthorized);
  CHECK(e.detail().starts_with("the token is invalid or expired: "));
}

TEST_CASE("a failure carries repo, redacted URL, status and request id") {
  const auto e =
      failed(404, headers({{"x-amz-cf-id", "cf"}, {"X-Amzn-Trace-Id", "trace"}, {"X-Request-Id", "Root=1"}}),
             "", file);
  CHECK(e.context().repo == "o/n");
  CHECK(e.context().url == "https://hub.example/o/n/resolve/main/api/x?...");
  CHECK(e.context().http_status == 404);
  CHECK(e.context().request_id == "Root=1");
  CHECK(failed(404, headers({{"x-amz-cf-id", "cf"}, {"X-Amzn-Trace-Id", "trace"}})).context().request_id ==
        "trace");
  CHECK(failed(404, headers({{"x-amz-cf-id", "cf"}})).context().request_id == "cf");
}

TEST_CASE("the rate limit headers of the Hub are read") {
  const auto limit =
      parse_rate_limit(headers({{"RateLimit", "\"resolvers\";r=2998;t=172"},
                                {"RateLimit-Policy", "\"fixed window\";\"resolvers\";q=3000;w=300"}}));
  REQUIRE(limit);
  CHECK(limit->policy == "resolvers");
  CHECK(limit->remaining == 2998);
  CHECK(limit->reset == seconds(172));
  CHECK(limit->quota == 3000);
  CHECK(limit->window == seconds(300));
}

TEST_CASE("a malformed rate limit is none") {
  CHECK_FALSE(parse_rate_limit({}));
  for (const char* text :
       {"", "r=1;t=2", "\"a\";r=1", "\"a\";t=1", "\"a\";r=x;t=1", "\"a\";r=-1;t=1", "\"a\";r=;t=1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_rate_limit(headers({{"RateLimit", text}})));
  }
  const auto spaced = parse_rate_limit(headers({{"RateLimit", "\"a\" ; r = 5 ; t = 6, \"b\";r=0;t=9"}}));
  REQUIRE(spaced);
  CHECK(spaced->remaining == 5);
  CHECK(spaced->reset == seconds(6));
}

TEST_CASE("retry_after waits for the window to end when nothing is left of it") {
  const auto now = std::chrono::system_clock::time_point{};
  CHECK(retry_after(headers({{"RateLimit", "\"api\";r=0;t=55"}, {"Retry-After", "7"}}), now) == seconds(56));
  CHECK(retry_after(headers({{"RateLimit", "\"api\";r=1;t=55"}, {"Retry-After", "7"}}), now) == seconds(7));
  CHECK(retry_after(headers({{"RateLimit", "\"api\";r=1;t=55"}}), now) == std::nullopt);
}

TEST_CASE("Retry-After may be a date") {
  const auto now = std::chrono::system_clock::from_time_t(784111777);  // 1994-11-06 08:49:37
  const auto wait = [&](const char* text) { return retry_after(headers({{"Retry-After", text}}), now); };
  CHECK(wait("Sun, 06 Nov 1994 08:49:37 GMT") == seconds(0));
  CHECK(wait("Sun, 06 Nov 1994 08:51:00 GMT") == seconds(83));
  CHECK(wait("Sun, 06 Nov 1993 08:51:00 GMT") == seconds(0));
  CHECK(wait("Sun, 06 Nov 9999 08:51:00 GMT") == seconds(3600));
  for (const char* text :
       {"", "soon", "-5", "1.5", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 ovD 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT"}) {
    CAPTURE(text);
    CHECK(wait(text) == std::nullopt);
  }
}

TEST_CASE("no server makes us wait longer than an hour") {
  const auto now = std::chrono::system_clock::time_point{};
  CHECK(retry_after(headers({{"Retry-After", "99999999999999999999999"}}), now) == seconds(3600));
  CHECK(retry_after(headers({{"RateLimit", "\"a\";r=0;t=18446744073709551615"}}), now) == seconds(3600));
}
