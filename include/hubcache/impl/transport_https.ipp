#pragma once

#include <hubcache/error.hpp>
#include <hubcache/transport/connection.hpp>
#include <hubcache/transport/connection_pool.hpp>
#include <hubcache/transport/https.hpp>
#include <hubcache/transport/proxy.hpp>
#if !defined(HUBCACHE_WITHOUT_TLS)
#include <hubcache/transport/tls.hpp>
#endif

#include <algorithm>
#include <limits>
#include <utility>

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
class http_client {
 public:
  http_client(const asio::any_io_executor& executor, transport_options options)
      : executor_(executor),
        options_(std::move(options)),
        timeouts_(std::make_shared<watchdog>(executor)),
        connections_(executor, limits_of(options_)) {}

  [[nodiscard]] asio::awaitable<http_response> exchange(const http_request& request, body_sink& sink);

 private:
  using lease = connection_pool::lease;
  using handle = connection_pool::handle;
  [[nodiscard]] static connection_pool::limits limits_of(const transport_options& options);
  [[nodiscard]] origin_route route_to(const url& target) const;
  [[nodiscard]] std::shared_ptr<secure_context> make_tls() const;
  [[nodiscard]] asio::awaitable<http_response> run(lease& place, handle used, const http_request& request,
                                                   const std::string& bytes, body_sink& sink);
  [[nodiscard]] asio::awaitable<bool> keep(body_reader& body, std::size_t limit, http_response& response);
  [[nodiscard]] asio::awaitable<void> take(body_reader& body, body_sink& sink, http_response& response);

  asio::any_io_executor executor_;
  transport_options options_;
  std::shared_ptr<watchdog> timeouts_;
  std::shared_ptr<secure_context> tls_;  // null until an https exchange needs it
  connection_pool connections_;
};

HUBCACHE_DECL connection_pool::limits http_client::limits_of(const transport_options& options) {
  connection_pool::limits bounds;
  bounds.max_running = std::max<std::size_t>(options.max_per_origin, 1);
  bounds.max_idle = options.max_idle_per_origin;
  bounds.idle_expiry = options.idle_expiry;
  return bounds;
}

HUBCACHE_DECL origin_route http_client::route_to(const url& target) const {
  origin_route way;
  way.target = &target;
  way.proxy = proxy_for(options_.proxy, target);
  if (way.proxy)
    way.authorization = basic_authorization(target.secure() ? options_.proxy.https_credentials
                                                            : options_.proxy.http_credentials);
  return way;
}

HUBCACHE_DECL std::shared_ptr<secure_context> http_client::make_tls() const {
#if defined(HUBCACHE_WITHOUT_TLS)
  throw error(
      errc::tls_failed,
      "this hubcache was built without TLS. Use an http endpoint or a transport of your own, or build it "
      "with TLS: CMake's option HUBCACHE_TLS, no HUBCACHE_WITHOUT_TLS");
#else
  return std::make_shared<tls_context>(options_.ca_file, options_.ca_dir);
#endif
}

HUBCACHE_DECL asio::awaitable<http_response> http_client::exchange(const http_request& request,
                                                                   body_sink& sink) {
  const auto way = route_to(request.target);
  const bool plain_proxy = way.proxy && !request.target.secure();
  header_list extra;
  if (plain_proxy && !way.authorization.empty()) extra.add("Proxy-Authorization", way.authorization);
  const auto bytes = http1::format_request(
      request, plain_proxy ? http1::target_form::absolute : http1::target_form::origin, extra);

  auto place = co_await connections_.enter(way.key());
  if (auto kept = place.take_idle()) {
    kept->begin_exchange(request.timeout);
    try {
      co_return co_await run(place, kept, request, bytes, sink);
    } catch (const error& failure) {
      // The server may have closed it while the request was on its way; then nobody has acted on the request.
      const bool repeatable = request.method == "GET" || request.method == "HEAD";
      if (failure.reason() != errc::connection_lost || kept->answered() || !repeatable) throw;
    }
  }
  const auto fresh = std::make_shared<connection>(executor_, timeouts_);
  fresh->begin_exchange(request.timeout);
  if (request.target.secure() && !tls_) tls_ = make_tls();
  co_await fresh->open(way, tls_);
  co_return co_await run(place, fresh, request, bytes, sink);
}

HUBCACHE_DECL asio::awaitable<http_response> http_client::run(lease& place, handle used,
                                                              const http_request& request,
                                                              const std::string& bytes, body_sink& sink) {
  co_await used->write(bytes);
  auto parser = co_await used->read_head(request.method);
  used->begin_body(request.minimum_rate, options_.rate_window);
  body_reader body(*used, parser);
  http_response response;
  response.head = parser.take_head();
  const auto verdict = sink.begin(response.head);
  bool reusable = parser.keep_alive() && verdict != body_sink::verdict::stop;
  if (verdict == body_sink::verdict::take) co_await take(body, sink, response);
  if (verdict == body_sink::verdict::keep && !co_await keep(body, request.body_limit, response))
    reusable = false;
  used->end_exchange();
  if (reusable) place.keep(std::move(used));
  co_return response;
}

HUBCACHE_DECL asio::awaitable<void> http_client::take(body_reader& body, body_sink& sink,
                                                      http_response& response) {
  while (!body.finished()) {
    if (!body.direct()) {
      const auto piece = co_await body.next();
      response.body_bytes += piece.size();
      co_await write_to(sink, piece);
      continue;
    }
    const auto room = co_await sink.acquire();
    if (room.empty()) throw error(errc::internal, "a sink acquired no room");
    const auto n = co_await body.read(room);
    if (n == 0) break;
    response.body_bytes += n;
    sink.commit(n);
  }
}

/// Whether the whole body fitted.
HUBCACHE_DECL asio::awaitable<bool> http_client::keep(body_reader& body, std::size_t limit,
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

}  // namespace detail

HUBCACHE_DECL https_transport::https_transport(asio::any_io_executor executor, transport_options options)
    : client_(std::make_shared<detail::http_client>(executor, std::move(options))) {}

HUBCACHE_DECL asio::awaitable<http_response> https_transport::exchange(const http_request& request,
                                                                       body_sink& sink) {
  return run(client_, request, sink);  // no coroutine itself: its frame would need this when it begins
}

HUBCACHE_DECL asio::awaitable<http_response> https_transport::run(std::shared_ptr<detail::http_client> client,
                                                                  const http_request& request,
                                                                  body_sink& sink) {
  try {
    co_return co_await client->exchange(request, sink);
  } catch (const error& failure) {
    error_context where;
    where.url = request.target.redacted();
    throw failure.within(where);
  }
}

}  // namespace hubcache::inline v0_1
