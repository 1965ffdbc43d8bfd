#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/read_until.hpp>
#include <asio/ssl/context.hpp>
#include <asio/ssl/host_name_verification.hpp>
#include <asio/ssl/stream.hpp>
#include <asio/write.hpp>
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/hub/fixtures.hpp"
#include "support/hub/proxy.hpp"
#include "support/hub/server.hpp"

// The hub over real sockets, asked by the simplest client there is.

namespace {

using asio::ip::tcp;
using namespace std::chrono_literals;

struct answer_text {
  int status = 0;
  std::string head, body;

  [[nodiscard]] std::string header(const std::string& name) const {
    const auto at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const auto from = at + name.size() + 4;
    return head.substr(from, head.find("\r\n", from) - from);
  }
};

answer_text parsed(const std::string& all) {
  const auto end = all.find("\r\n\r\n");
  answer_text answer;
  if (end == std::string::npos) return answer;
  answer.head = all.substr(0, end + 2);
  answer.body = all.substr(end + 4);
  answer.status = std::stoi(answer.head.substr(9));
  return answer;
}

/// Sends `text` and reads until the server closes.
std::string exchanged(std::string_view origin, std::string_view text) {
  const auto authority = origin.substr(origin.find("//") + 2);
  const auto colon = authority.find(':');
  asio::io_context context;
  tcp::socket socket(context);
  socket.connect({asio::ip::make_address(authority.substr(0, colon)),
                  static_cast<std::uint16_t>(std::stoi(std::string(authority.substr(colon + 1))))});
  asio::write(socket, asio::buffer(text));
  std::string all;
  std::error_code end;
  asio::read(socket, asio::dynamic_buffer(all), end);
  return all;
}

answer_text ask(std::string_view origin, std::string_view method, std::string_view target,
                const std::string& fields = {}) {
  return parsed(exchanged(origin, std::string(method) + " " + std::string(target) +
                                      " HTTP/1.1\r\nHost: hub.test\r\nConnection: close\r\n" + fields +
                                      "\r\n"));
}

/// The part of a URL on the CDN that goes into the request line.
std::string cdn_target(const embedded::hub& hub, const answer_text& redirect) {
  const std::string location = redirect.header("Location");
  REQUIRE(location.starts_with(hub.cdn()));
  return location.substr(hub.cdn().size());
}

}  // namespace

TEST_CASE("regular files come by a relative redirect, LFS files from another origin") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  const auto& files = hub.get("acme/tiny").files();

  const auto small = ask(hub.endpoint(), "GET", "/acme/tiny/resolve/main/config.json");
  CHECK(small.status == 307);
  CHECK(small.header("X-Repo-Commit").size() == 40);
  const auto bytes = ask(hub.endpoint(), "GET", small.header("Location"));
  CHECK(bytes.status == 200);
  CHECK(bytes.body == files.at("config.json").content.text());
  CHECK(bytes.header("ETag") == "\"" + files.at("config.json").content.git_sha1() + "\"");

  const auto large = ask(hub.endpoint(), "HEAD", "/acme/tiny/resolve/release%2F2024/model.safetensors");
  CHECK(large.status == 302);
  CHECK(large.body.empty());
  CHECK(large.header("X-Linked-Size") == "100000");
  CHECK(large.header("X-Linked-ETag") == "\"" + files.at("model.safetensors").content.sha256() + "\"");
  CHECK(ask(hub.cdn(), "GET", cdn_target(hub, large)).body == files.at("model.safetensors").content.text());
  CHECK(ask(hub.cdn(), "GET", "/cdn/unsigned").status == 403);
}

TEST_CASE("the CDN serves ranges, and 416 past the end") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  const std::string target =
      cdn_target(hub, ask(hub.endpoint(), "HEAD", "/acme/tiny/resolve/main/model.safetensors"));
  const std::string all = hub.get("acme/tiny").files().at("model.safetensors").content.text();

  const auto middle = ask(hub.cdn(), "GET", target, "Range: bytes=11-30\r\n");
  CHECK(middle.status == 206);
  CHECK(middle.header("Content-Range") == "bytes 11-30/100000");
  CHECK(middle.body == all.substr(11, 20));
  CHECK(ask(hub.cdn(), "GET", target, "Range: bytes=99990-\r\n").body == all.substr(99990));
  CHECK(ask(hub.cdn(), "GET", target, "Range: bytes=-7\r\n").body == all.substr(99993));
  const auto past = ask(hub.cdn(), "GET", target, "Range: bytes=100000-\r\n");
  CHECK(past.status == 416);
  CHECK(past.header("Content-Range") == "bytes */100000");
}

TEST_CASE("a listing comes in pages that name the next one") {
  embedded::hub_options options;
  options.site.page_size = 5;
  embedded::hub hub(options);
  hub.put(embedded::tiny());
  const auto first =
      ask(hub.endpoint(), "GET", "/api/models/acme/tiny/tree/main?recursive=true&expand=false");
  const std::string link = first.header("Link");
  REQUIRE(link.starts_with("<http://hub.test/api/"));
  const auto from = link.find("/api/");
  const auto last = ask(hub.endpoint(), "GET", link.substr(from, link.find('>') - from));
  CHECK(last.header("Link").starts_with("<"));  // 9 files and 3 folders: three pages
  CHECK(first.body.find("\"config.json\"") != std::string::npos);
  CHECK(last.body.find("\"config.json\"") == std::string::npos);
}

TEST_CASE("requests sent ahead on one connection are answered in order") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  const std::string all =
      exchanged(hub.endpoint(),
                "HEAD /api/models/acme/tiny HTTP/1.1\r\nHost: h\r\n\r\n"
                "GET /acme/tiny/resolve/main/none HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  CHECK(all.starts_with("HTTP/1.1 200"));
  CHECK(all.find("HTTP/1.1 404") != std::string::npos);
  CHECK(all.ends_with("\r\n\r\nEntry not found"));
  CHECK(hub.connections(embedded::listener::endpoint) == 1);
}

TEST_CASE("who may not see a repo is told what the Hub tells") {
  embedded::hub hub;
  auto gated = embedded::tiny();
  gated.id = "acme/gated";
  gated.gated = embedded::gate::manual;
  gated.grants.insert("hf_member");
  hub.put(std::move(gated));
  CHECK(ask(hub.endpoint(), "HEAD", "/acme/none/resolve/main/x").status == 401);
  const std::string reader = "Authorization: Bearer hf_reader\r\n";
  CHECK(ask(hub.endpoint(), "HEAD", "/acme/none/resolve/main/x", reader).header("X-Error-Code") ==
        "RepoNotFound");
  const std::string file = "/acme/gated/resolve/main/model.safetensors";
  CHECK(ask(hub.endpoint(), "HEAD", file).status == 401);
  CHECK(ask(hub.endpoint(), "HEAD", file, reader).status == 403);
  CHECK(ask(hub.endpoint(), "HEAD", file, "Authorization: Bearer hf_member\r\n").status == 302);
  const std::string tree = "/api/models/acme/gated/tree/main";
  CHECK(ask(hub.endpoint(), "GET", tree, reader).body.find(std::string(64, '*')) != std::string::npos);
  CHECK(ask(hub.endpoint(), "GET", tree, "Authorization: Bearer hf_member\r\n").body.find('*') ==
        std::string::npos);
}

TEST_CASE("the log tells hosts, tokens and bytes apart") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  const auto redirect = ask(hub.endpoint(), "GET", "/acme/tiny/resolve/main/weights/adapter.bin",
                            "Authorization: Bearer hf_reader\r\n");
  static_cast<void>(ask(hub.cdn(), "GET", cdn_target(hub, redirect), "Range: bytes=0-9\r\n"));
  CHECK(hub.log().count() == 2);
  CHECK(hub.log().count([](const auto& r) { return r.has_auth; }) == 1);
  CHECK(hub.log().content_gets() == 1);
  CHECK(hub.log().content_bytes_sent() == 10);
  CHECK(hub.log().records().back().query.find("Signature") == std::string::npos);
}

TEST_CASE("faults hit as often as told and leave the rest alone") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  const std::string target =
      cdn_target(hub, ask(hub.endpoint(), "HEAD", "/acme/tiny/resolve/main/model.safetensors"));
  const std::string all = hub.get("acme/tiny").files().at("model.safetensors").content.text();

  auto dropped =
      hub.inject(embedded::fault(embedded::drop_after_body(1000)).on(embedded::listener::cdn).repeated(2));
  CHECK(ask(hub.cdn(), "GET", target).body == all.substr(0, 1000));
  CHECK(ask(hub.cdn(), "GET", target).body == all.substr(0, 1000));
  CHECK(ask(hub.cdn(), "GET", target).body == all);
  CHECK(dropped.fired() == 2);

  hub.inject(embedded::flip_byte(50'000));
  CHECK(ask(hub.cdn(), "GET", target, "Range: bytes=0-9\r\n").body == all.substr(0, 10));
  CHECK(ask(hub.cdn(), "GET", target).body != all);

  hub.inject(embedded::ignore_range());
  CHECK(ask(hub.cdn(), "GET", target, "Range: bytes=5-\r\n").status == 200);

  embedded::fields wait;
  wait.add("Retry-After", "1");
  hub.inject(embedded::fault(embedded::status(503, wait)).on("/api/").after(1));
  CHECK(ask(hub.endpoint(), "GET", "/api/models/acme/tiny").status == 200);
  CHECK(ask(hub.endpoint(), "GET", "/api/models/acme/tiny").header("Retry-After") == "1");
  CHECK(ask(hub.endpoint(), "GET", "/api/models/acme/tiny").status == 200);

  hub.inject(embedded::chunked(30'000));
  const auto chunked = ask(hub.cdn(), "GET", target);
  CHECK(chunked.header("Content-Length").empty());
  CHECK(chunked.body.starts_with("7530\r\n"));
  CHECK(chunked.body.ends_with("\r\n0\r\nX-Checked: yes\r\n\r\n"));

  hub.inject(embedded::multipart_ranges());
  const auto parts = ask(hub.cdn(), "GET", target, "Range: bytes=5-9\r\n");
  CHECK(parts.status == 206);
  CHECK(parts.header("Content-Range").empty());
  CHECK(parts.body ==
        "--part\r\nContent-Range: bytes 5-9/100000\r\n\r\n" + all.substr(5, 5) + "\r\n--part--\r\n");

  hub.inject(embedded::rewrite("\"acme/tiny\"", "\"acme/huge\""));
  CHECK(ask(hub.endpoint(), "GET", "/api/models/acme/tiny").body.find("\"id\":\"acme/huge\"") !=
        std::string::npos);

  hub.inject(embedded::drop_after_bytes(20));
  CHECK(exchanged(hub.cdn(), "GET " + target + " HTTP/1.1\r\n\r\n").size() == 20);
}

TEST_CASE("a signed URL dies when its time is over") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  hub.set_signed_url_life(1ms);
  const std::string target =
      cdn_target(hub, ask(hub.endpoint(), "HEAD", "/acme/tiny/resolve/main/model.safetensors"));
  std::this_thread::sleep_for(2ms);
  CHECK(ask(hub.cdn(), "GET", target).status == 403);
}

TEST_CASE("a stalled answer does not keep the hub from stopping") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  hub.inject(embedded::stall_before_head(1h));
  std::thread client([&] { CHECK(ask(hub.endpoint(), "GET", "/api/models/acme/tiny").status == 0); });
  while (hub.log().count() == 0) std::this_thread::sleep_for(1ms);
  hub.stop();
  client.join();
}

TEST_CASE("generated content reads the same at any offset") {
  const auto content = embedded::file_content::generated(3, 1000);
  const std::string all = content.text();
  std::string part(101, '\0');
  content.read(13, part);
  CHECK(part == all.substr(13, 101));
  CHECK(content.sha256() == embedded::sha256_hex(all));
  CHECK(embedded::file_content().git_sha1() == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
}

TEST_CASE("the Stable Diffusion pair has the size asked for and shares all but the UNet") {
  const auto pair = embedded::stable_diffusion_pair(5'000'000);
  CHECK(embedded::total_bytes(pair[0].files()) + embedded::total_bytes(pair[1].files()) == 5'000'000);
  const auto etag = [&](std::size_t repo, const char* path) { return pair[repo].files().at(path).etag(); };
  CHECK(etag(0, "vae/diffusion_pytorch_model.safetensors") ==
        etag(1, "vae/diffusion_pytorch_model.safetensors"));
  CHECK(etag(0, "tokenizer/vocab.json") == etag(1, "tokenizer/vocab.json"));
  CHECK(etag(0, "unet/diffusion_pytorch_model.safetensors") !=
        etag(1, "unet/diffusion_pytorch_model.safetensors"));
}

TEST_CASE("TLS: the CA that is handed out vouches for the good certificate alone") {
  for (const auto kind : {embedded::certificate_kind::good, embedded::certificate_kind::expired,
                          embedded::certificate_kind::wrong_host, embedded::certificate_kind::self_signed}) {
    embedded::hub_options options;
    options.tls = true;
    options.certificate = kind;
    embedded::hub hub(options);
    asio::io_context context;
    asio::ssl::context trust(asio::ssl::context::tls_client);
    trust.add_certificate_authority(asio::buffer(hub.ca_pem()));
    trust.set_verify_mode(asio::ssl::verify_peer);
    asio::ssl::stream<tcp::socket> stream(context, trust);
    stream.set_verify_callback(asio::ssl::host_name_verification("127.0.0.1"));
    const auto port =
        static_cast<std::uint16_t>(std::stoi(hub.endpoint().substr(hub.endpoint().rfind(':') + 1)));
    stream.next_layer().connect({asio::ip::make_address("127.0.0.1"), port});
    std::error_code failed;
    stream.handshake(asio::ssl::stream_base::client, failed);
    CAPTURE(static_cast<int>(kind));
    CHECK(!failed == (kind == embedded::certificate_kind::good));
  }
}

TEST_CASE("the proxy tunnels for who knows the password, and passes plain requests on") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  embedded::proxy_options options;
  options.credentials = "user:secret";
  embedded::proxy proxy(options);
  const std::string door = "http://127.0.0.1:" + std::to_string(proxy.port());
  const std::string authority = hub.endpoint().substr(std::string_view("http://").size());
  const std::string inner = "GET /api/models/acme/tiny HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

  CHECK(exchanged(door, "CONNECT " + authority + " HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 407"));
  const std::string pass = "Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n";
  const std::string tunnelled =
      exchanged(door, "CONNECT " + authority + " HTTP/1.1\r\n" + pass + "\r\n" + inner);
  CHECK(tunnelled.find("established\r\n\r\nHTTP/1.1 200") != std::string::npos);
  CHECK(ask(door, "GET", hub.endpoint() + "/api/models/acme/tiny", pass).status == 200);
  CHECK(proxy.denied() == 1);
  CHECK(proxy.tunnels() == 1);
  CHECK(proxy.forwarded() == 1);
}
