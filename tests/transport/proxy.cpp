#include <hubcache/transport/proxy.hpp>

#include <doctest/doctest.h>

namespace {

bool direct(std::string_view no_proxy, std::string_view target) {
  return hubcache::bypasses_proxy(no_proxy, hubcache::url::parse(target).value());
}

TEST_CASE("no_proxy names a host and every host below it") {
  CHECK(direct("hub.test", "https://hub.test/"));
  CHECK(direct("hub.test", "https://cdn.hub.test/"));
  CHECK(direct(".hub.test", "https://hub.test/"));
  CHECK(direct(".hub.test", "https://cdn.hub.test/"));
  CHECK(direct("HUB.Test", "https://hub.test/"));
  CHECK(direct("hub.test.", "https://hub.test/"));
  CHECK(direct("hub.test", "https://hub.test./"));
  CHECK_FALSE(direct("hub.test", "https://nothub.test/"));
  CHECK_FALSE(direct("cdn.hub.test", "https://hub.test/"));
  CHECK_FALSE(direct("hub", "https://hub.test/"));
}

TEST_CASE("no_proxy is a list, and a star in it is every host") {
  CHECK(direct("a.test, b.test", "http://b.test/"));
  CHECK(direct("a.test b.test", "http://b.test/"));
  CHECK(direct(",,a.test,,", "http://a.test/"));
  CHECK(direct("*", "http://a.test/"));
  CHECK(direct("x.test,*", "http://a.test/"));
  CHECK_FALSE(direct("", "http://a.test/"));
  CHECK_FALSE(direct(" , ,", "http://a.test/"));
  CHECK_FALSE(direct("*.test", "http://a.test/"));
}

TEST_CASE("no_proxy entries with a port are for that port") {
  CHECK(direct("a.test:8080", "http://a.test:8080/"));
  CHECK(direct("a.test:80", "http://a.test/"));
  CHECK(direct("a.test:443", "https://sub.a.test/"));
  CHECK_FALSE(direct("a.test:8080", "http://a.test/"));
  CHECK_FALSE(direct("a.test:", "http://a.test/"));
  CHECK_FALSE(direct("a.test:x", "http://a.test/"));
  CHECK_FALSE(direct(":80", "http://a.test/"));
}

TEST_CASE("no_proxy addresses match as a whole") {
  CHECK(direct("127.0.0.1", "http://127.0.0.1/"));
  CHECK(direct("127.0.0.1:81", "http://127.0.0.1:81/"));
  CHECK(direct("::1", "http://[::1]/"));
  CHECK(direct("[::1]", "http://[::1]/"));
  CHECK(direct("[::1]:81", "http://[::1]:81/"));
  CHECK_FALSE(direct("0.0.1", "http://127.0.0.1/"));
  CHECK_FALSE(direct(".1", "http://127.0.0.1/"));
  CHECK_FALSE(direct(":1", "http://[::1]/"));
  CHECK_FALSE(direct("[::1]:81", "http://[::1]/"));
  CHECK_FALSE(direct("[::1", "http://[::1]/"));
}

TEST_CASE("loopback goes through a proxy on this machine only, unless no_proxy says otherwise") {
  hubcache::proxy_settings settings;
  settings.http = hubcache::url::parse("http://127.0.0.1:3128").value();
  const auto local = hubcache::url::parse("http://localhost/").value();
  CHECK(hubcache::proxy_for(settings, local) == &*settings.http);
  settings.no_proxy = "localhost";
  CHECK(hubcache::proxy_for(settings, local) == nullptr);
  settings.no_proxy.clear();
  settings.http = settings.https = hubcache::url::parse("http://proxy.test:3128").value();
  for (const auto* target : {"http://localhost/", "http://127.0.0.1:8080/", "https://[::1]/"})
    CHECK(hubcache::proxy_for(settings, hubcache::url::parse(target).value()) == nullptr);
}

TEST_CASE("each scheme has its own proxy") {
  hubcache::proxy_settings settings;
  settings.https = hubcache::url::parse("http://proxy.test:3128").value();
  CHECK(hubcache::proxy_for(settings, hubcache::url::parse("http://a.test").value()) == nullptr);
  CHECK(hubcache::proxy_for(settings, hubcache::url::parse("https://a.test").value()) == &*settings.https);
}

TEST_CASE("basic authorization is base64") {
  const auto of = [](const char* text) { return hubcache::basic_authorization(hubcache::secret(text)); };
  CHECK(of("") == "");
  CHECK(of("Aladdin:open sesame") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  CHECK(of("a:b") == "Basic YTpi");
  CHECK(of("a:\xff\xfe") == "Basic YTr//g==");
}

}  // namespace
