// Tokens and signatures in the hands of servers that fail, lie and repeat what they were sent: they appear in no error,
// event or file, and reach no other host.
#include <doctest/doctest.h>

#include <support/hub/proxy.hpp>
#include <support/machine.hpp>

namespace fs = std::filesystem;
using embedded::fault;
using embedded::listener;
using hubcache::snapshot_options;
using test::machine;

namespace {

const std::string token = "hf_hunter2token";
const std::string signature = "hunter2signature";

/// A private repo behind a CDN with signed URLs.
struct scene {
  scene() {
    embedded::repo_model repo("acme/secret");
    repo.is_private = true;
    repo.grants = {token};
    repo.commit({{"config.json", embedded::regular("{}")},
                 {"model.bin", embedded::lfs(embedded::file_content::generated(1, 300'000))},
                 {"large.bin", embedded::lfs(embedded::file_content::generated(2, 1'500'000))}});
    hub.put(repo);
    here.config.token = hubcache::secret(token);
    here.config.attempts = 2;
  }

  /// Runs, and gathers all that anybody could read afterwards.
  std::string words_of_a_run(const snapshot_options& options = snapshot_options()) {
    std::string words;
    if (const auto failure = here.failure("acme/secret", options)) {
      const auto& where = failure->context();
      for (const auto& text : {std::string(failure->what()), failure->detail(), where.repo, where.file,
                               where.url, where.request_id, failure->code().message()}) {
        words += text + "\n";
      }
    }
    for (const auto& text : here.warnings()) words += text + "\n";
    for (const auto& news : here.news.all<hubcache::events::retried>())
      words += news.file + news.reason + "\n";
    for (const auto& news : here.news.all<hubcache::events::linked>()) words += news.source + "\n";
    for (const auto& file : fs::recursive_directory_iterator(here.home.path())) {
      words += file.path().string() + "\n";
      if (file.is_regular_file() && !file.is_symlink()) words += test::read_file(file.path()) + "\n";
    }
    return words;
  }

  embedded::hub hub;
  machine here{hub};
};

/// Signs redirects with a word that a test knows, too.
embedded::fault_action signed_redirect() {
  embedded::fault_action action;
  action.apply = [](embedded::exchange& e) {
    if (const auto* where = e.answer.headers.find("Location")) {
      e.answer.headers.set("Location", std::string(*where) + "&X-Amz-Signature=" + signature);
    }
  };
  return action;
}

/// An answer that repeats the whole request in its body and in its fields.
embedded::fault_action repeat_the_request(int status) {
  embedded::fault_action action;
  action.apply = [status](embedded::exchange& e) {
    std::string text = "cannot serve http://" + *e.asked.headers.find("Host") + e.asked.target;
    if (const auto* sent = e.asked.headers.find("Authorization")) text += " for " + *sent;
    e.answer.status = status;
    e.answer.text(R"({"error":")" + text + "\"}", "application/json");
    e.answer.headers.set("X-Error-Message", text);
    e.answer.headers.set("X-Request-Id", text);
  };
  return action;
}

std::vector<embedded::fault_action> failures(const embedded::hub& other) {
  using namespace std::chrono_literals;
  std::vector<embedded::fault_action> all{
      embedded::close_without_answer(),
      embedded::drop_after_bytes(40),
      embedded::garbage_status_line(),
      embedded::header_bomb(2000),
      embedded::wrong_content_length(-1),
      embedded::extra_bytes(100),
      embedded::bad_chunk(),
      embedded::gzip_anyway(),
      embedded::redirect_to("ftp://x/y"),
      embedded::redirect_to(other.endpoint() + "/x?X-Amz-Signature=" + signature),
      embedded::redirect_to("/loop?X-Amz-Signature=" + signature),
      embedded::body("no JSON " + signature.substr(0, 3)),
      embedded::other_bytes(),
      embedded::expired_signature(),
      embedded::set_header("Link", "<" + other.endpoint() + "/next>; rel=\"next\"")};
  for (const int status : {400, 401, 403, 404, 416, 429, 500, 503}) {
    all.push_back(embedded::status(status));
    all.push_back(repeat_the_request(status));
  }
  return all;
}

}  // namespace

TEST_CASE("however a Hub or its CDN fails, no word of it and no file holds the token or a signature") {
  embedded::hub other;
  for (const auto& failure : failures(other)) {
    for (const std::string part : {"/api/", "/tree/", "/resolve/", "cdn"}) {
      scene s;
      auto broken = fault(failure).repeated(fault::always);
      if (part == "cdn") {
        broken.on(listener::cdn);
        s.hub.inject(fault(signed_redirect()).on("/resolve/").repeated(fault::always));
      } else {
        broken.on(part);
      }
      s.hub.inject(broken);
      const auto words = s.words_of_a_run();
      CHECK(words.find("hunter2") == std::string::npos);
    }
  }
  CHECK(other.log().count() > 0);
  CHECK(other.log().count([](const auto& r) { return r.has_auth; }) == 0);
}

TEST_CASE(
    "a run that ends well leaves the token and signatures in no file, and the CDN never sees the token") {
  scene s;
  s.hub.inject(fault(signed_redirect()).on("/resolve/").repeated(fault::always));
  s.hub.inject(fault(embedded::drop_after_body(700'000)).on(listener::cdn));
  CHECK(s.words_of_a_run().find("hunter2") == std::string::npos);
  CHECK(test::holds(s.here.snapshot("acme/secret"), s.hub.get("acme/secret").files()));
  CHECK(s.hub.log().count([](const auto& r) { return r.where == listener::cdn; }) > 0);
  CHECK(s.hub.log().count([](const auto& r) { return r.where == listener::cdn && r.has_auth; }) == 0);
}

TEST_CASE("a token with a line break is never sent, nor shown") {
  for (const auto& bad :
       std::vector<std::string>{"hf_hunter2\r\nX-Evil: 1", "hf_hunter2\nX", {"hf_hunter2\0x", 12}}) {
    scene s;
    s.here.config.token = hubcache::secret(bad);
    const auto words = s.words_of_a_run();
    CHECK(words.find("hunter2") == std::string::npos);
    CHECK(s.hub.log().count() == 0);
  }
}

TEST_CASE("a proxy's password is in no error and no file") {
  scene s;
  embedded::proxy_options closed;
  closed.credentials = "user:right";
  embedded::proxy through(closed);
  s.here.config.proxy.http = hubcache::url::parse("http://127.0.0.1:" + std::to_string(through.port()));
  s.here.config.proxy.http_credentials = hubcache::secret("user:hunter2password");
  const auto words = s.words_of_a_run();
  CHECK(words.find("hunter2") == std::string::npos);
  CHECK(words.find("dXNlcjpodW50ZXIy") == std::string::npos);  // base64 of its beginning
}
