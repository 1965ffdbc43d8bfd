#include <hubcache/error.hpp>
#include <hubcache/hub/route.hpp>

#include <doctest/doctest.h>

#include <optional>
#include <string>

using namespace hubcache;

namespace {

const url hub = *url::parse("https://hub.example/");
const url file = *url::parse("https://hub.example/o/n/resolve/main/x");

template <class Call>
std::optional<errc> failure_of(Call call) {
  try {
    (void)call();
  } catch (const error& e) {
    return e.reason();
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("the token goes to the endpoint's origin only") {
  CHECK(start_route(file, hub, true, false).with_token);
  CHECK_FALSE(start_route(file, hub, false, false).with_token);
  CHECK_FALSE(start_route(*url::parse("https://cdn.example/x"), hub, true, false).with_token);
  CHECK_FALSE(start_route(*url::parse("https://hub.example:8443/x"), hub, true, false).with_token);
}

TEST_CASE("the token does not travel over plain http unless allowed or to this machine") {
  const auto plain = *url::parse("http://hub.lan/x");
  CHECK(failure_of([&] { return start_route(plain, plain, true, false); }) == errc::refused);
  CHECK(start_route(plain, plain, true, true).with_token);
  CHECK_FALSE(start_route(plain, plain, false, false).with_token);
  const auto local = *url::parse("http://127.0.0.1:8000/x");
  CHECK(start_route(local, local, true, false).with_token);
}

TEST_CASE("relative redirects keep the token") {
  const auto next = follow(start_route(file, hub, true, false), "/api/resolve-cache/x?etag=1", hub);
  CHECK(next.where.text() == "https://hub.example/api/resolve-cache/x?etag=1");
  CHECK(next.with_token);
  CHECK(next.hops == 1);
  CHECK(follow(next, "../y", hub).where.text() == "https://hub.example/api/y");
}

TEST_CASE("the token is dropped at the first other origin and never comes back") {
  const auto away = follow(start_route(file, hub, true, false), "//cdn.example/x", hub);
  CHECK(away.where.text() == "https://cdn.example/x");
  CHECK_FALSE(away.with_token);
  CHECK_FALSE(follow(away, "https://hub.example/x", hub).with_token);
}

TEST_CASE("a redirect never adds a token") {
  CHECK_FALSE(follow(start_route(file, hub, false, false), "/y", hub).with_token);
}

TEST_CASE("an upgrade to https is followed, without the token of the other origin") {
  const auto plain = *url::parse("http://127.0.0.1/x");
  const auto next = follow(start_route(plain, plain, true, false), "https://127.0.0.1/x", plain);
  CHECK(next.where.secure());
  CHECK_FALSE(next.with_token);
}

TEST_CASE("redirects to where nobody should go are refused") {
  const auto from = start_route(file, hub, true, false);
  for (const char* location : {"http://hub.example/x", "http://127.0.0.1/", "file:///etc/passwd", "ftp://h/x",
                               "https://", "https://u:p@h/", "a b", "x\r\nHost: y", "//"}) {
    CAPTURE(location);
    CHECK(failure_of([&] { return follow(from, location, hub); }) == errc::refused);
  }
}

TEST_CASE("ten redirects are followed, an eleventh is refused") {
  auto at = start_route(file, hub, true, false);
  for (int i = 0; i < 10; ++i) at = follow(at, "/loop", hub);
  CHECK(at.hops == 10);
  CHECK(failure_of([&] { return follow(at, "/loop", hub); }) == errc::refused);
}

TEST_CASE("a refused redirect does not show a signed query") {
  try {
    (void)follow(start_route(*url::parse("https://c/x?Signature=secret"), hub, false, false),
                 "http://d/?key=secret", hub);
    FAIL("no error");
  } catch (const error& e) {
    CHECK(std::string(e.what()).find("secret") == std::string::npos);
  }
}
