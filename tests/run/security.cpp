#include <hubcache/transport/https.hpp>

#include <doctest/doctest.h>

#include <support/hub/proxy.hpp>
#include <support/machine.hpp>

using hubcache::errc;
using test::machine;

namespace {

embedded::hub_options tls(embedded::certificate_kind kind = embedded::certificate_kind::good) {
  embedded::hub_options options;
  options.tls = true;
  options.certificate = kind;
  return options;
}

/// Settings as the environment would make them of a proxy's URL.
void use_proxy(hubcache::settings& config, const embedded::proxy& through, const std::string& credentials) {
  const auto where = hubcache::url::parse("http://127.0.0.1:" + std::to_string(through.port()));
  config.proxy.http = config.proxy.https = where;
  config.proxy.http_credentials = config.proxy.https_credentials = hubcache::secret(credentials);
}

}  // namespace

TEST_CASE("a snapshot comes over TLS from a Hub and a CDN whose certificates are trusted") {
  embedded::hub hub(tls());
  hub.put(embedded::tiny());
  machine here(hub);
  here.config.token = hubcache::secret("hf_reader");
  CHECK(test::holds(here.snapshot("acme/tiny"), embedded::tiny().files()));
  CHECK(hub.log().count([](const auto& r) { return r.where == embedded::listener::cdn && r.has_auth; }) == 0);
}

TEST_CASE("a certificate that is expired, for another host or self-signed is refused") {
  for (const auto kind : {embedded::certificate_kind::expired, embedded::certificate_kind::wrong_host,
                          embedded::certificate_kind::self_signed}) {
    embedded::hub hub(tls(kind));
    hub.put(embedded::tiny());
    machine here(hub);
    const auto failure = here.failure("acme/tiny");
    REQUIRE(failure);
    CHECK(failure->reason() == errc::tls_failed);
    CHECK(hub.log().count() == 0);
  }
}

TEST_CASE("an unknown authority is refused") {
  embedded::hub hub(tls());
  hub.put(embedded::tiny());
  machine here(hub);
  here.config.ca_file.clear();
  CHECK(here.failure("acme/tiny")->reason() == errc::tls_failed);
}

TEST_CASE("a redirect from https to http is refused, and carries nothing there") {
  embedded::hub secure(tls());
  embedded::hub plain;
  secure.put(embedded::tiny());
  machine here(secure);
  here.config.token = hubcache::secret("hf_reader");
  secure.inject(embedded::fault(embedded::redirect_to(plain.endpoint() + "/x")).on("/resolve/").repeated(99));
  CHECK(here.failure("acme/tiny")->reason() == errc::refused);
  CHECK(plain.log().count() == 0);
}

TEST_CASE("a redirect to another host drops the token") {
  embedded::hub hub;
  embedded::hub other;
  hub.put(embedded::tiny());
  machine here(hub);
  here.config.token = hubcache::secret("hf_reader");
  hub.inject(embedded::fault(embedded::redirect_to(other.endpoint() + "/x")).on("/resolve/").repeated(99));
  here.failure("acme/tiny");
  CHECK(other.log().count() > 0);
  CHECK(other.log().count([](const auto& r) { return r.has_auth; }) == 0);
}

TEST_CASE("https goes through a CONNECT proxy with Basic authentication") {
  embedded::hub hub(tls());
  hub.put(embedded::tiny());
  embedded::proxy_options options;
  options.credentials = "user:pass word";
  embedded::proxy through(options);
  machine here(hub);
  use_proxy(here.config, through, "user:pass word");
  CHECK(test::holds(here.snapshot("acme/tiny"), embedded::tiny().files()));
  CHECK(through.tunnels() > 0);
  CHECK(through.plain_authorizations() == 0);
}

TEST_CASE("plain http goes through a proxy, too") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  embedded::proxy through;
  machine here(hub);
  use_proxy(here.config, through, "");
  CHECK(test::holds(here.snapshot("acme/tiny"), embedded::tiny().files()));
  CHECK(through.forwarded() == hub.log().count());
}

TEST_CASE("a proxy that wants credentials or refuses is named as the culprit") {
  embedded::hub hub(tls());
  hub.put(embedded::tiny());
  embedded::proxy_options closed;
  closed.credentials = "user:secret";
  embedded::proxy through(closed);
  machine here(hub);
  use_proxy(here.config, through, "user:wrong");
  const auto failure = here.failure("acme/tiny");
  CHECK(failure->reason() == errc::proxy_failed);
  CHECK(std::string(failure->what()).find("wrong") == std::string::npos);
}

TEST_CASE("NO_PROXY reaches hosts directly") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  embedded::proxy through;
  machine here(hub);
  use_proxy(here.config, through, "");
  here.config.proxy.no_proxy = "127.0.0.1,127.0.0.2";
  CHECK(test::holds(here.snapshot("acme/tiny"), embedded::tiny().files()));
  CHECK(through.forwarded() == 0);
}
