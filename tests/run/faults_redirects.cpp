// Where redirects may lead, and what goes along.
#include <doctest/doctest.h>

#include <string>
#include <support/faulty.hpp>

using embedded::fault;
using embedded::listener;
using hubcache::errc;
using test::faulty_hub;

namespace {

constexpr auto always = fault::always;

embedded::hub_options tls() {
  embedded::hub_options options;
  options.tls = true;
  return options;
}

std::size_t with_token(embedded::hub& hub) {
  return hub.log().count([](const auto& r) { return r.has_auth; });
}

}  // namespace

TEST_CASE("a redirect that goes round is left after ten steps, of metadata and of content") {
  for (const auto* where : {"/revision/", "/tree/", "/resolve/"}) {
    CAPTURE(where);
    faulty_hub s(embedded::one_file(1000));
    const auto hit = s.hub.inject(fault(embedded::redirect_to("?again=1")).on(where).repeated(always));
    const auto failure = s.here.failure("acme/one");
    REQUIRE(failure);
    CHECK(failure->reason() == errc::refused);
    CHECK(hit.fired() == 11);
    CHECK(s.nothing_named());
  }
}

TEST_CASE("two hosts that send each other the request are left, too") {
  embedded::hub other;
  faulty_hub s(embedded::one_file(1000));
  s.hub.inject(fault(embedded::redirect_to(other.endpoint() + "/x")).on("/resolve/").repeated(always));
  s.hub.inject(fault(embedded::redirect_to(other.endpoint() + "/x")).on("/back").repeated(always));
  other.inject(fault(embedded::redirect_to(s.hub.endpoint() + "/back")).repeated(always));
  CHECK(s.here.failure("acme/one")->reason() == errc::refused);
  CHECK(other.log().count() <= 6);
}

TEST_CASE("redirects to what is no http URL are refused, of metadata and of content") {
  for (const auto* where : {"/revision/", "/tree/", "/resolve/"}) {
    for (const auto* location : {"ftp://127.0.0.1/x", "file:///etc/passwd", "javascript:0", "http://",
                                 "http://[bad/", "http://user@127.0.0.1:99999/"}) {
      CAPTURE(location);
      faulty_hub s(embedded::one_file(1000));
      const auto hit = s.hub.inject(fault(embedded::redirect_to(location)).on(where).repeated(always));
      const auto failure = s.here.failure("acme/one");
      REQUIRE(failure);
      CHECK(failure->reason() == errc::refused);
      CHECK(hit.fired() == 1);
    }
  }
}

TEST_CASE("metadata and content are refused from plain http after https") {
  for (const auto* where : {"/revision/", "/tree/", "/resolve/"}) {
    embedded::hub secure(tls());
    embedded::hub plain;
    secure.put(embedded::tiny());
    test::machine here(secure);
    here.config.token = hubcache::secret("hf_reader");
    secure.inject(fault(embedded::redirect_to(plain.endpoint() + "/x")).on(where).repeated(always));
    CHECK(here.failure("acme/tiny")->reason() == errc::refused);
    CHECK(plain.log().count() == 0);
  }
}

TEST_CASE("another host gets no token, of metadata, of content, and after coming back") {
  for (const auto* where : {"/revision/", "/tree/", "/resolve/"}) {
    CAPTURE(where);
    embedded::hub other;
    faulty_hub s(embedded::one_file(1000));
    s.here.config.token = hubcache::secret("hf_reader");
    s.hub.inject(fault(embedded::redirect_to(other.endpoint() + "/x")).of("GET").on(where).repeated(always));
    const auto back = other.inject(fault(embedded::redirect_to(s.hub.endpoint() + "/back")).repeated(always));
    CHECK(s.here.failure("acme/one"));
    CHECK(back.fired() > 0);
    CHECK(with_token(other) == 0);
    CHECK(s.hub.log().count([](const auto& r) { return r.path == "/back"; }) > 0);
    CHECK(s.hub.log().count([](const auto& r) { return r.path == "/back" && r.has_auth; }) == 0);
    CHECK(with_token(s.hub) > 0);
  }
}

TEST_CASE("a mirror that redirects to another host serves, without the token and verified") {
  embedded::hub other;
  faulty_hub s(embedded::one_file(1000));
  other.put(s.repo);
  s.here.config.token = hubcache::secret("hf_reader");
  const auto commit = s.repo.find("main")->id;
  const auto there = other.endpoint() + "/acme/one/resolve/" + commit + "/model.safetensors";
  s.hub.inject(fault(embedded::redirect_to(there)).on("/resolve/").repeated(always));
  CHECK(s.complete(s.here.snapshot("acme/one")));
  CHECK(s.hub.log().content_gets() == 0);
  CHECK(with_token(other) == 0);
  CHECK(s.only_whole_blobs());
}

TEST_CASE("the CDN never gets the token") {
  faulty_hub s(embedded::one_file(3'000'000));
  s.here.config.token = hubcache::secret("hf_reader");
  s.hub.inject(fault(embedded::drop_after_body(100'000)).on(listener::cdn).repeated(2));
  CHECK(s.complete(s.here.snapshot("acme/one")));
  CHECK(s.hub.log().count([](const auto& r) { return r.where == listener::cdn && r.has_auth; }) == 0);
  CHECK(s.hub.log().count([](const auto& r) { return r.where == listener::endpoint && !r.has_auth; }) == 0);
}
