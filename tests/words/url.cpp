#include <hubcache/url.hpp>

#include <doctest/doctest.h>

#include <string>

using hubcache::url;

TEST_CASE("a URL is split into scheme, host, port and target") {
  const auto u = url::parse("HTTPS://Hugging-Face.co:8443/a/b?x=1#part");
  REQUIRE(u);
  CHECK(u->secure());
  CHECK(u->host() == "hugging-face.co");
  CHECK(u->port() == 8443);
  CHECK(u->target() == "/a/b?x=1");
  CHECK(u->authority() == "hugging-face.co:8443");
  CHECK(u->text() == "https://hugging-face.co:8443/a/b?x=1");
}

TEST_CASE("a missing port and path take the scheme's defaults") {
  CHECK(url::parse("http://h")->text() == "http://h/");
  CHECK(url::parse("http://h")->port() == 80);
  CHECK(url::parse("https://h?q")->text() == "https://h/?q");
  CHECK(url::parse("https://h:443/")->authority() == "h");
  CHECK(url::parse("https://h:/")->port() == 443);
}

TEST_CASE("an IPv6 host is kept without brackets and written with them") {
  const auto u = url::parse("http://[::1]:8080/x");
  REQUIRE(u);
  CHECK(u->host() == "::1");
  CHECK(u->text() == "http://[::1]:8080/x");
}

TEST_CASE("what is no plain http(s) URL is refused") {
  for (const char* text : {"",
                           "h",
                           "/path",
                           "//h/x",
                           "ftp://h/",
                           "file:///etc/passwd",
                           "http://",
                           "http:///x",
                           "http://user@h/",
                           "https://user:secret@h/",
                           "http://h:0/",
                           "http://h:65536/",
                           "http://h:80a/",
                           "http://h:+80/",
                           "http://h x/",
                           "http://h/a b",
                           "http://h/\n",
                           "http://h/\xC3\xA9",
                           "http://\xC3\xA9/",
                           "http://[::1/",
                           "http://[]/",
                           "http://[abc]/",
                           "http://[::1]x/",
                           "http://h%41/"}) {
    CAPTURE(text);
    CHECK_FALSE(url::parse(text));
  }
  CHECK_FALSE(url::parse("http://h/" + std::string(20'000, 'a')));
}

TEST_CASE("references resolve as in RFC 3986, 5.4") {
  const auto base = *url::parse("http://a/b/c/d;p?q");
  const std::pair<const char*, const char*> cases[] = {{"g", "http://a/b/c/g"},
                                                       {"./g", "http://a/b/c/g"},
                                                       {"g/", "http://a/b/c/g/"},
                                                       {"/g", "http://a/g"},
                                                       {"//g", "http://g/"},
                                                       {"?y", "http://a/b/c/d;p?y"},
                                                       {"g?y", "http://a/b/c/g?y"},
                                                       {"#s", "http://a/b/c/d;p?q"},
                                                       {"g#s", "http://a/b/c/g"},
                                                       {"g?y#s", "http://a/b/c/g?y"},
                                                       {";x", "http://a/b/c/;x"},
                                                       {"", "http://a/b/c/d;p?q"},
                                                       {".", "http://a/b/c/"},
                                                       {"./", "http://a/b/c/"},
                                                       {"..", "http://a/b/"},
                                                       {"../", "http://a/b/"},
                                                       {"../g", "http://a/b/g"},
                                                       {"../..", "http://a/"},
                                                       {"../../g", "http://a/g"},
                                                       {"../../../g", "http://a/g"},
                                                       {"/./g", "http://a/g"},
                                                       {"/../g", "http://a/g"},
                                                       {"g.", "http://a/b/c/g."},
                                                       {"..g", "http://a/b/c/..g"},
                                                       {"./../g", "http://a/b/g"},
                                                       {"./g/.", "http://a/b/c/g/"},
                                                       {"g/../h", "http://a/b/c/h"},
                                                       {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
                                                       {"g?y/../x", "http://a/b/c/g?y/../x"},
                                                       {"https://o:1/p?q", "https://o:1/p?q"}};
  for (const auto& one : cases) {
    const auto& [reference, expected] = one;
    CAPTURE(one.first);
    const auto result = base.resolve(reference);
    REQUIRE(result);
    CHECK(result->text() == expected);
  }
}

TEST_CASE("a relative redirect of the Hub keeps its own query") {
  const auto base = *url::parse("https://huggingface.co/gpt2/resolve/main/config.json?old=1");
  const auto next = base.resolve("/api/resolve-cache/models/gpt2/c0/config.json?%2Fx=&etag=%22aa%22");
  REQUIRE(next);
  CHECK(next->text() ==
        "https://huggingface.co/api/resolve-cache/models/gpt2/c0/config.json?%2Fx=&etag=%22aa%22");
}

TEST_CASE("a reference of another scheme or with wild bytes does not resolve") {
  const auto base = *url::parse("https://h/a");
  for (const char* reference : {"file:///etc/passwd", "javascript:x", "g:h", "http:g", "//", "///x", "//u@h/",
                                "a b", "a\r\nb", "\xE2\x82\xAC"}) {
    CAPTURE(reference);
    CHECK_FALSE(base.resolve(reference));
  }
}

TEST_CASE("a chain of long relative references does not grow a URL past its limit") {
  const auto base = *url::parse("http://h/" + std::string(10'000, 'a') + "/");
  CHECK(base.resolve(std::string(1'000, 'b')));
  CHECK_FALSE(base.resolve(std::string(10'000, 'b')));
  CHECK(base.resolve("/" + std::string(10'000, 'b')));
}

TEST_CASE("a redacted URL shows that there was a query, not what it was") {
  CHECK(url::parse("https://h/a?Signature=secret")->redacted() == "https://h/a?...");
  CHECK(url::parse("https://h/a")->redacted() == "https://h/a");
}

TEST_CASE("an origin is scheme, host and port") {
  const auto u = *url::parse("https://h/a");
  CHECK(u.same_origin(*url::parse("https://H:443/b")));
  CHECK_FALSE(u.same_origin(*url::parse("http://h/a")));
  CHECK_FALSE(u.same_origin(*url::parse("https://h:444/a")));
  CHECK_FALSE(u.same_origin(*url::parse("https://sub.h/a")));
}

TEST_CASE("only names and addresses that must mean this machine are loopback") {
  for (const char* text :
       {"http://localhost/", "http://127.0.0.1/", "http://127.255.0.9:8/", "http://[::1]/"}) {
    CAPTURE(text);
    CHECK(url::parse(text)->is_loopback());
  }
  for (const char* text : {"http://127.evil.com/", "http://127.0.0.1.example/", "http://127.0.0.1.2/",
                           "http://127.1/", "http://127.0.0.256/", "http://127.0.0./", "http://127.0..1/",
                           "http://localhost.evil/", "http://128.0.0.1/", "http://[::2]/"}) {
    CAPTURE(text);
    CHECK_FALSE(url::parse(text)->is_loopback());
  }
}
