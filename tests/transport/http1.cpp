#include <hubcache/error.hpp>
#include <hubcache/transport/http1.hpp>

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>

namespace {

using hubcache::errc;
using hubcache::http1::chunk_decoder;
using hubcache::http1::format_request;
using hubcache::http1::framing;
using hubcache::http1::response_parser;

response_parser parsed(std::string_view head, std::string_view method = "GET") {
  response_parser parser(method);
  REQUIRE(parser.feed(head) == head.size());
  REQUIRE(parser.complete());
  return parser;
}

bool is_refused(std::string_view head) {
  response_parser parser("GET");
  try {
    parser.feed(head);
  } catch (const hubcache::error& e) {
    return e.reason() == errc::bad_response;
  }
  return false;
}

/// The whole body, or "!" if the decoder refuses it, or "?" if it waits for more. `step` bytes at a time.
std::string decoded(std::string_view bytes, std::size_t step = 1, std::string_view* rest = nullptr) {
  chunk_decoder decoder;
  std::string body;
  try {
    while (!decoder.done() && !bytes.empty()) {
      auto some = bytes.substr(0, step);
      const auto size = some.size();
      body += decoder.next(some);
      bytes.remove_prefix(size - some.size());
    }
  } catch (const hubcache::error& e) {
    return e.reason() == errc::bad_response ? "!" : "wrong error";
  }
  if (rest) *rest = bytes;
  return decoder.done() ? body : body + "?";
}

TEST_CASE("response_parser reads status and fields, and stops at the end of the head") {
  const std::string_view bytes =
      "HTTP/1.1 206 Partial Content\r\nContent-Length:  5 \r\nX-Empty:\r\nX-Tab: a\tb\r\n\r\nhello";
  response_parser parser("GET");
  CHECK(parser.feed(bytes) == bytes.size() - 5);
  REQUIRE(parser.complete());
  CHECK(parser.head().status == 206);
  CHECK(parser.head().headers.find("content-length") == "5");
  CHECK(parser.head().headers.find("X-Empty") == "");
  CHECK(parser.head().headers.find("X-Tab") == "a\tb");
  CHECK(parser.head().content_length == 5);
  CHECK(parser.body() == framing::length);
  CHECK(parser.keep_alive());
  CHECK_FALSE(parser.interim());
}

TEST_CASE("response_parser makes the same of every split, and of bare LF line ends") {
  for (const std::string bytes :
       {"HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\n\r\n", "HTTP/1.1 200 OK\nA: 1\nB: 2\n\n"}) {
    for (std::size_t step = 1; step <= bytes.size(); ++step) {
      response_parser parser("GET");
      for (std::size_t at = 0; at < bytes.size(); at += step) {
        CHECK_FALSE(parser.complete());
        parser.feed(std::string_view(bytes).substr(at, step));
      }
      REQUIRE(parser.complete());
      CHECK(parser.head().headers.fields().size() == 2);
      CHECK(parser.head().headers.find("B") == "2");
    }
  }
}

TEST_CASE("response_parser takes status lines without a reason") {
  CHECK(parsed("HTTP/1.1 200\r\n\r\n").head().status == 200);
  CHECK(parsed("HTTP/1.0 200 \r\n\r\n").head().status == 200);
  CHECK(parsed("HTTP/1.1 999 caf\xc3\xa9\r\n\r\n").head().status == 999);
}

TEST_CASE("response_parser refuses what is no HTTP/1 head") {
  for (const std::string_view head :
       {"\r\nHTTP/1.1 200 OK\r\n\r\n", "HTTP/1.2 200 OK\r\n", "HTTP/2 200\r\n", "http/1.1 200 OK\r\n",
        "HTTP/1.1 20 OK\r\n", "HTTP/1.1 2000 OK\r\n", "HTTP/1.1 099 OK\r\n", "HTTP/1.1  200 OK\r\n",
        "HTTP/1.1 200OK\r\n", "HTTP/1.1 101 Switching Protocols\r\n", "ICY 200 OK\r\n"}) {
    CAPTURE(head);
    CHECK(is_refused(head));
  }
  for (const std::string_view field :
       {"A: 1\r\n folded\r\n", "A : 1\r\n", ": 1\r\n", "A\r\n", "A B: 1\r\n", "A: 1\rB: 2\r\n", "A: 1\r\r\n",
        "(A): 1\r\n", "\xc3\xa4: 1\r\n", "A: \x01\r\n", "A: \x7f\r\n"}) {
    CAPTURE(field);
    CHECK(is_refused("HTTP/1.1 200 OK\r\n" + std::string(field)));
  }
  CHECK(is_refused(std::string_view("HTTP/1.1 200 OK\r\nA: \0\r\n", 23)));
}

TEST_CASE("response_parser bounds the head") {
  const std::string start = "HTTP/1.1 200 OK\r\n";
  std::string fields;
  for (std::size_t k = 0; k < response_parser::max_fields; ++k) fields += "A: 1\r\n";
  CHECK(parsed(start + fields + "\r\n").head().headers.fields().size() == response_parser::max_fields);
  CHECK(is_refused(start + fields + "A: 1\r\n\r\n"));
  const std::string value(response_parser::max_head_size - start.size() - 7, 'v');
  CHECK(parsed(start + "A: " + value + "\r\n\r\n").head().status == 200);
  CHECK(is_refused(start + "A: v" + value + "\r\n\r\n"));
  CHECK(is_refused(start + "A: v" + value + value));
}

TEST_CASE("response_parser tells how the body ends as RFC 9112 section 6.3 does") {
  const auto framing_of = [](std::string_view method, std::string_view status, std::string_view fields) {
    return parsed("HTTP/1.1 " + std::string(status) + "\r\n" + std::string(fields) + "\r\n", method).body();
  };
  CHECK(framing_of("GET", "200 OK", "") == framing::until_close);
  CHECK(framing_of("GET", "200 OK", "Content-Length: 0\r\n") == framing::length);
  CHECK(framing_of("GET", "200 OK", "Transfer-Encoding: Chunked\r\n") == framing::chunked);
  CHECK(framing_of("HEAD", "200 OK", "Transfer-Encoding: chunked\r\n") == framing::none);
  CHECK(framing_of("HEAD", "200 OK", "Content-Length: 7\r\n") == framing::none);
  CHECK(framing_of("GET", "100 Continue", "") == framing::none);
  CHECK(framing_of("GET", "204 No Content", "Content-Length: 7\r\n") == framing::none);
  CHECK(framing_of("GET", "304 Not Modified", "Content-Length: 7\r\n") == framing::none);
  CHECK(framing_of("CONNECT", "200 OK", "Content-Length: 7\r\n") == framing::none);
  CHECK(framing_of("CONNECT", "407 No", "Content-Length: 7\r\n") == framing::length);
}

TEST_CASE("response_parser lets chunked overrule Content-Length and then distrusts the connection") {
  const auto parser = parsed("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n");
  CHECK(parser.body() == framing::chunked);
  CHECK_FALSE(parser.head().content_length.has_value());
  CHECK_FALSE(parser.keep_alive());
}

TEST_CASE("response_parser accepts one length however often it is given, and refuses any doubt") {
  const auto with = [](const std::string& fields) { return "HTTP/1.1 200 OK\r\n" + fields + "\r\n"; };
  CHECK(parsed(with("Content-Length: 5\r\nContent-Length: 5\r\n")).head().content_length == 5);
  CHECK(parsed(with("Content-Length: 5, 5\r\n")).head().content_length == 5);
  CHECK(parsed(with("Content-Length: 18446744073709551615\r\n")).head().content_length == UINT64_MAX);
  for (const std::string fields :
       {"Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: 5, 6\r\n", "Content-Length: 5,\r\n",
        "Content-Length:\r\n", "Content-Length: +5\r\n", "Content-Length: -5\r\n", "Content-Length: 5 5\r\n",
        "Content-Length: 0x5\r\n", "Content-Length: 18446744073709551616\r\n", "Transfer-Encoding: gzip\r\n",
        "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding:\r\n",
        "Transfer-Encoding: identity\r\n"}) {
    CAPTURE(fields);
    CHECK(is_refused(with(fields)));
  }
}

TEST_CASE("response_parser keeps a connection alive only when both sides can tell where the body ends") {
  CHECK(parsed("HTTP/1.1 204 X\r\n\r\n").keep_alive());
  CHECK_FALSE(parsed("HTTP/1.1 200 X\r\n\r\n").keep_alive());
  CHECK_FALSE(parsed("HTTP/1.1 204 X\r\nConnection: foo, CLOSE\r\n\r\n").keep_alive());
  CHECK_FALSE(parsed("HTTP/1.0 204 X\r\n\r\n").keep_alive());
  CHECK(parsed("HTTP/1.0 204 X\r\nConnection: Keep-Alive\r\n\r\n").keep_alive());
  CHECK_FALSE(
      parsed("HTTP/1.0 200 X\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n").keep_alive());
}

TEST_CASE("chunk_decoder gives the body, whatever the split, and leaves what follows") {
  const std::string bytes =
      "5;name=\"v\"\r\nhello\r\n0A \r\n, chunked!\r\n000\r\nTrailer: x\r\nOther: y\r\n\r\nnext";
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    std::string_view rest;
    CHECK(decoded(bytes, step, &rest) == "hello, chunked!");
    CHECK(rest == "next");
  }
}

TEST_CASE("chunk_decoder waits for the very end") {
  const std::string bytes = "1\r\na\r\n0\r\nT: v\r\n\r\n";
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK(decoded(bytes.substr(0, size)).ends_with('?'));
  CHECK(decoded(bytes) == "a");
}

TEST_CASE("chunk_decoder refuses what two readers could understand differently") {
  for (const std::string_view bytes :
       {"\r\n", "x\r\n", " 5\r\nhello", "-1\r\n", "0x5\r\n", "5\nhello", "5\rhello", "5;a\nhello\r\n",
        "5\r\nhello0\r\n", "5\r\nhello\n0", "5\r\nhello\rx", ";ext\r\n", "10000000000000000\r\n",
        "fffffffffffffffff\r\n", "0\r\n\rx", "0\r\nT: v\rx", "0\r\n\n", "5;\x01\r\n"}) {
    CAPTURE(bytes);
    CHECK(decoded(bytes) == "!");
  }
}

TEST_CASE("chunk_decoder bounds what it skips") {
  const std::string line(chunk_decoder::max_line_size - 2, 'e');
  CHECK(decoded("1;" + line.substr(1) + "\r\na\r\n0\r\n\r\n", 64) == "a");
  CHECK(decoded("1;" + line + "xxx\r\na\r\n0\r\n\r\n", 64) == "!");
  CHECK(decoded(std::string(chunk_decoder::max_line_size + 1, '0'), 64) == "!");
  CHECK(decoded("0\r\n" + std::string(chunk_decoder::max_trailer_size + 1, 't'), 64) == "!");
}

hubcache::http_request request_to(const std::string& text) {
  hubcache::http_request request;
  request.target = hubcache::url::parse(text).value();
  return request;
}

template <class Call>
bool is_invalid(Call call) {
  try {
    call();
  } catch (const hubcache::error& e) {
    return e.reason() == errc::invalid_argument;
  }
  return false;
}

TEST_CASE("format_request writes the request line, the transport's fields and the caller's") {
  auto request = request_to("https://hub.test:444/a?b=c");
  request.headers.add("Range", "bytes=1-");
  CHECK(format_request(request) ==
        "GET /a?b=c HTTP/1.1\r\nHost: hub.test:444\r\nConnection: keep-alive\r\nRange: bytes=1-\r\n\r\n");
}

TEST_CASE("format_request addresses a proxy in absolute form") {
  hubcache::header_list extra;
  extra.add("Proxy-Authorization", "Basic x");
  CHECK(format_request(request_to("http://[::1]/a"), hubcache::http1::target_form::absolute, extra) ==
        "GET http://[::1]/a HTTP/1.1\r\nHost: [::1]\r\nConnection: keep-alive\r\nProxy-Authorization: Basic "
        "x\r\n\r\n");
  CHECK(hubcache::http1::format_connect(hubcache::url::parse("https://[::1]/a").value(), extra) ==
        "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nProxy-Authorization: Basic x\r\n\r\n");
}

TEST_CASE("format_request gives a body its length, and POST one even without a body") {
  auto request = request_to("http://hub.test/");
  request.method = "POST";
  CHECK(format_request(request).find("\r\nContent-Length: 0\r\n\r\n") != std::string::npos);
  request.body = "{}";
  CHECK(format_request(request).ends_with("\r\nContent-Length: 2\r\n\r\n{}"));
}

TEST_CASE("format_request refuses whatever could become another request") {
  for (const auto& one : {std::pair<std::string, std::string>{"A", "1\r\nB: 2"},
                          {"A", "1\n"},
                          {"A", std::string(1, '\0')},
                          {"A: 1\r\nB", "2"},
                          {"", "1"},
                          {"A ", "1"},
                          {"Host", "x"},
                          {"content-length", "1"},
                          {"Transfer-Encoding", "chunked"},
                          {"CONNECTION", "close"}}) {
    CAPTURE(one.first);
    auto request = request_to("http://hub.test/");
    request.headers.add(one.first, one.second);
    CHECK(is_invalid([&] { (void)format_request(request); }));
  }
  for (const std::string method : {"", "GET /", "G\r\nET", "CONNECT"}) {
    CAPTURE(method);
    auto request = request_to("http://hub.test/");
    request.method = method;
    CHECK(is_invalid([&] { (void)format_request(request); }));
  }
  auto request = request_to("http://hub.test/");
  request.target = request.target.with_target("/a HTTP/1.1\r\nB: c");
  CHECK(is_invalid([&] { (void)format_request(request); }));
}

TEST_CASE("offers_basic looks at every challenge, whatever its case and place") {
  const auto offered = [](std::initializer_list<const char*> challenges) {
    hubcache::header_list headers;
    for (const auto* challenge : challenges) headers.add("proxy-authenticate", challenge);
    return hubcache::http1::offers_basic(headers);
  };
  CHECK(offered({"Basic realm=\"x\""}));
  CHECK(offered({"basic"}));
  CHECK(offered({"Negotiate", "Digest realm=\"x\", BASIC realm=\"y\""}));
  CHECK_FALSE(offered({}));
  CHECK_FALSE(offered({"Negotiate", "NTLM"}));
  CHECK_FALSE(offered({"Basically"}));
}

}  // namespace
