#pragma once

#include <hubcache/error.hpp>
#include <hubcache/transport/connection.hpp>
#include <hubcache/transport/https.hpp>
#include <hubcache/transport/proxy.hpp>

#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

namespace detail {

/// The body that follows a head, whatever its framing.
class body_reader {
 public:
  body_reader(connection& from, const http1::response_parser& head)
      : from_(from),
        framing_(head.body()),
        left_(framing_ == http1::framing::none     ? 0
              : framing_ == http1::framing::length ? head.head().content_length.value_or(0)
                                                   : std::numeric_limits<std::uint64_t>::max()) {}

  [[nodiscard]] bool finished() const noexcept { return left_ == 0 || decoder_.done(); }
  /// Whether bytes may go to their destination without a copy.
  [[nodiscard]] bool direct() const noexcept {
    return framing_ != http1::framing::chunked && from_.buffered().empty();
  }
  /// At least one byte, or 0 at the end. @pre direct() && !finished()
  [[nodiscard]] asio::awaitable<std::size_t> read(std::span<std::byte> into);
  /// The next piece, valid until the next call; empty at the end. @pre !finished()
  [[nodiscard]] asio::awaitable<std::string_view> next();

 private:
  void end_of_stream();

  connection& from_;
  http1::framing framing_;
  std::uint64_t left_;
  http1::chunk_decoder decoder_;
};

HUBCACHE_DECL void body_reader::end_of_stream() {
  if (framing_ != http1::framing::until_close)
    throw error(errc::connection_lost, from_.peer() + " closed the connection within the body" +
                                           (framing_ == http1::framing::length
                                                ? ", " + std::to_string(left_) + " bytes before its end"
                                                : ""));
  left_ = 0;
}

HUBCACHE_DECL asio::awaitable<std::size_t> body_reader::read(std::span<std::byte> into) {
  const auto n =
      co_await from_.read(into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left_))));
  if (n == 0) end_of_stream();
  if (framing_ == http1::framing::length) left_ -= n;
  co_return n;
}

HUBCACHE_DECL asio::awaitable<std::string_view> body_reader::next() {
  while (!finished()) {
    if (from_.buffered().empty() && !co_await from_.fill()) {
      end_of_stream();
      break;
    }
    const auto bytes = from_.buffered();
    if (framing_ != http1::framing::chunked) {
      const auto piece =
          bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), left_)));
      from_.consume(piece.size());
      if (framing_ == http1::framing::length) left_ -= piece.size();
      co_return piece;
    }
    auto rest = bytes;
    const auto piece = decoder_.next(rest);
    from_.consume(bytes.size() - rest.size());
    if (!piece.empty()) co_return piece;
  }
  co_return std::string_view{};
}

/// What https_transport and its running exchanges share.
class connection_pool {
 public:
  connection_pool(asio::any_io_executor executor, transport_options options)
      : executor_(std::move(executor)), options_(std::move(options)) {}

  [[nodiscard]] asio::awaitable<http_response> exchange(const http_request& request, body_sink& sink);

 private:
  using handle = std::shared_ptr<connection>;
  [[nodiscard]] route route_to(const url& target) const;
  [[nodiscard]] asio::awaitable<http_response> run(handle used, const http_request& request,
                                                   const std::string& bytes, body_sink& sink);
  [[nodiscard]] asio::awaitable<bool> keep(body_reader& body, std::size_t limit, http_response& response);
  [[nodiscard]] asio::awaitable<void> take(body_reader& body, body_sink& sink, http_response& response);
  [[nodiscard]] asio::ssl::context& tls();
  void load_roots(asio::ssl::context& context) const;
  [[nodiscard]] handle take_idle(const std::string& key);
  void give_back(handle used);
  void drop_expired();

  asio::any_io_executor executor_;
  transport_options options_;
  std::optional<asio::ssl::context> tls_;
  std::vector<handle> idle_;  // oldest first
};

HUBCACHE_DECL route connection_pool::route_to(const url& target) const {
  route way;
  way.target = target;
  way.proxy = proxy_for(options_.proxy, target);
  if (way.proxy)
    way.authorization = basic_authorization(target.secure() ? options_.proxy.https_credentials
                                                            : options_.proxy.http_credentials);
  return way;
}

HUBCACHE_DECL asio::awaitable<http_response> connection_pool::exchange(const http_request& request,
                                                                       body_sink& sink) {
  const auto way = route_to(request.target);
  const bool plain_proxy = way.proxy && !request.target.secure();
  header_list extra;
  if (plain_proxy && !way.authorization.empty()) extra.add("Proxy-Authorization", way.authorization);
  const auto bytes = http1::format_request(
      request, plain_proxy ? http1::target_form::absolute : http1::target_form::origin, extra);
  const auto key = way.key();

  if (auto kept = take_idle(key)) {
    kept->begin_exchange(request.timeout, request.minimum_rate, options_.rate_window);
    try {
      co_return co_await run(kept, request, bytes, sink);
    } catch (const error& failure) {
      // The server may have closed it while the request was on its way; then nobody has acted on the request.
      const bool repeatable = request.method == "GET" || request.method == "HEAD";
      if (failure.reason() != errc::connection_lost || kept->answered() || !repeatable) throw;
    }
  }
  const auto fresh = std::make_shared<connection>(executor_, key);
  fresh->begin_exchange(request.timeout, request.minimum_rate, options_.rate_window);
  co_await fresh->open(way, request.target.secure() ? &tls() : nullptr);
  co_return co_await run(fresh, request, bytes, sink);
}

HUBCACHE_DECL asio::awaitable<http_response> connection_pool::run(handle used, const http_request& request,
                                                                  const std::string& bytes, body_sink& sink) {
  co_await used->write(bytes);
  const auto parser = co_await used->read_head(request.method);
  http_response response;
  response.head = parser.head();
  const auto verdict = sink.begin(response.head);
  bool reusable = parser.keep_alive() && verdict != body_sink::verdict::stop;
  body_reader body(*used, parser);
  if (verdict == body_sink::verdict::take) co_await take(body, sink, response);
  if (verdict == body_sink::verdict::keep && !co_await keep(body, request.body_limit, response))
    reusable = false;
  used->end_exchange();
  if (reusable) give_back(std::move(used));
  co_return response;
}

HUBCACHE_DECL asio::awaitable<void> connection_pool::take(body_reader& body, body_sink& sink,
                                                          http_response& response) {
  while (!body.finished()) {
    std::string_view piece;
    const bool direct = body.direct();
    if (!direct) {
      piece = co_await body.next();
      if (piece.empty()) break;
    }
    do {
      const auto room = co_await sink.acquire();
      if (room.empty()) throw error(errc::internal, "a sink acquired no room");
      std::size_t n = std::min(room.size(), piece.size());
      if (direct) {
        n = co_await body.read(room);
        if (n == 0) break;
      } else {
        std::memcpy(room.data(), piece.data(), n);
        piece.remove_prefix(n);
      }
      response.body_bytes += n;
      sink.commit(n);
    } while (!piece.empty());
  }
}

/// Whether the whole body fitted.
HUBCACHE_DECL asio::awaitable<bool> connection_pool::keep(body_reader& body, std::size_t limit,
                                                          http_response& response) {
  while (!body.finished()) {
    const auto piece = co_await body.next();
    response.body_bytes += piece.size();
    const auto room = limit - response.body.size();
    response.body.append(piece.substr(0, room));
    if (piece.size() > room) co_return false;
  }
  co_return true;
}

HUBCACHE_DECL asio::ssl::context& connection_pool::tls() {
  if (!tls_) {
    asio::ssl::context context(asio::ssl::context::tls_client);
    SSL_CTX* const native = context.native_handle();
    // AES-128 first: as safe, and a quarter less work per byte than AES-256.
    if (SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(native,
                                 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                 "TLS_CHACHA20_POLY1305_SHA256") != 1)
      throw error(errc::tls_failed, "this OpenSSL cannot do TLS 1.2");
    context.set_verify_mode(asio::ssl::verify_peer);
    load_roots(context);
    tls_.emplace(std::move(context));
  }
  return *tls_;
}

HUBCACHE_DECL void connection_pool::load_roots(asio::ssl::context& context) const {
  asio::error_code ec;
  if (!options_.ca_file.empty()) context.load_verify_file(options_.ca_file, ec);
  if (ec)
    throw error(errc::tls_failed,
                "cannot read the trusted roots in " + options_.ca_file + ": " + ec.message());
  if (!options_.ca_dir.empty()) context.add_verify_path(options_.ca_dir, ec);
  if (!ec && options_.ca_file.empty() && options_.ca_dir.empty()) context.set_default_verify_paths(ec);
  if (ec) throw error(errc::tls_failed, "cannot read the trusted roots: " + ec.message());
}

HUBCACHE_DECL connection_pool::handle connection_pool::take_idle(const std::string& key) {
  drop_expired();
  for (auto at = idle_.size(); at-- != 0;) {
    if (idle_[at]->key() != key) continue;
    auto found = std::move(idle_[at]);
    idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(at));
    if (found->is_fresh()) return found;
  }
  return nullptr;
}

HUBCACHE_DECL void connection_pool::give_back(handle used) {
  drop_expired();
  const auto same = std::count_if(idle_.begin(), idle_.end(),
                                  [&](const handle& other) { return other->key() == used->key(); });
  if (static_cast<std::size_t>(same) < options_.max_idle_per_origin && used->is_fresh())
    idle_.push_back(std::move(used));
}

HUBCACHE_DECL void connection_pool::drop_expired() {
  const auto oldest = connection::clock::now() - options_.idle_expiry;
  std::erase_if(idle_, [&](const handle& one) { return one->idle_since() < oldest; });
}

}  // namespace detail

HUBCACHE_DECL https_transport::https_transport(asio::any_io_executor executor, transport_options options)
    : pool_(std::make_shared<detail::connection_pool>(std::move(executor), std::move(options))) {}

HUBCACHE_DECL asio::awaitable<http_response> https_transport::exchange(const http_request& request,
                                                                       body_sink& sink) {
  const auto pool = pool_;  // keeps it for a frame that outlives this
  try {
    co_return co_await pool->exchange(request, sink);
  } catch (const error& failure) {
    error_context where;
    where.url = request.target.redacted();
    throw failure.within(where);
  }
}

}  // namespace hubcache::inline v0_1
