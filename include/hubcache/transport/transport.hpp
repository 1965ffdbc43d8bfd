#pragma once
/// @file
/// The contract of transports.

/// @concept hubcache::transport
/// One HTTP exchange. It knows nothing of the Hub, of caches or of retries.
///
/// Notation: T the type, t an lvalue of T, rq a const `http_request`, s an lvalue of a type derived from
/// `body_sink`.
///
/// | expression        | returns                        | requirement                                          |
/// |-------------------|--------------------------------|------------------------------------------------------|
/// | t.exchange(rq, s) | `asio::awaitable<http_response>` | Sends rq, gives the body to s, completes with the  |
/// |                   |                                | final response. rq and s outlive the awaitable.      |
///
/// - Any status is a result, never an error; a proxy's 407 may be errc::proxy_failed. Redirects are not followed; 1xx answers are skipped.
/// - Failures are thrown as `error` with errc::{host_not_found, connection_failed, connection_lost, timed_out,
///   tls_failed, proxy_failed, bad_response}, its context holding the redacted URL.
/// - The body: `s.begin(head)` is called once, before the first body byte (also for an empty body). On `take` the
///   transport repeats `co_await s.acquire()`, puts bytes into the span, `s.commit(n)`, in order, n <= size. On
///   `keep` up to `http_request::body_limit` bytes go to `http_response::body`, a longer one is cut. On `stop`
///   the body is not read and the connection is not used again.
/// - A body is complete when Content-Length bytes or the last chunk arrived; anything less is errc::connection_lost,
///   malformed framing errc::bad_response. HEAD, 1xx, 204 and 304 have no body.
/// - `http_request::timeout` bounds the connect and each wait for bytes, not the time that a sink takes; a body that comes
///   below `minimum_rate`, if that is not 0, is errc::timed_out.
/// - No retries, with one exception: a kept-alive connection that died before the first byte of an answer to GET or
///   HEAD is replaced once.
/// - Many exchanges may be outstanding at a time, all used from one executor. Terminal cancellation ends an
///   exchange with errc::cancelled or asio::error::operation_aborted; its connection is closed.
/// - Construction is free of I/O. TLS material loads at the first https exchange.
///
/// Models: https_transport, memory_transport, any_transport; examples/plugins has one on libcurl and a mirror in a
/// folder. tests/conformance/transport.hpp tests a model.

#include <hubcache/config.hpp>
#include <hubcache/error.hpp>
#include <hubcache/http_message.hpp>

#include <asio/awaitable.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>

#if defined(__clang__) && !defined(ASIO_HAS_CO_AWAIT)
#error \
    "asio was included without coroutines: compile with -DASIO_HAS_CO_AWAIT=1 (hubcache's CMake target does)"
#endif

namespace hubcache::inline v0_1 {

/// Takes the body of one response. Called on the transport's executor, one call at a time.
class body_sink {
 public:
  /// What to do with a body.
  enum class verdict : unsigned char { take, keep, stop };

  /// Looks at the head and decides what happens to the body.
  [[nodiscard]] virtual verdict begin(const response_head& head) = 0;
  /// Where the next bytes go, at least one. May suspend: that is how memory stays bounded. Throwing ends the
  /// exchange with that exception and closes its connection.
  [[nodiscard]] virtual asio::awaitable<std::span<std::byte>> acquire() = 0;
  /// `n` bytes were put at the start of the last acquired span.
  virtual void commit(std::size_t n) = 0;

 protected:
  body_sink() = default;
  body_sink(const body_sink&) = default;
  body_sink& operator=(const body_sink&) = default;
  ~body_sink() = default;
};

/// Keeps every body in `http_response::body`: for metadata and errors.
class keep_sink final : public body_sink {
 public:
  [[nodiscard]] verdict begin(const response_head&) override { return verdict::keep; }
  [[nodiscard]] asio::awaitable<std::span<std::byte>> acquire() override { co_return std::span<std::byte>{}; }
  void commit(std::size_t) override {}
};

/// Puts all of `bytes` into `sink`, as `take` asks for it: for transports that have the body in memory of their own.
/// @param bytes, sink  outlive the awaitable
/// @throws error errc::internal if the sink acquires no room, and what its acquire() throws
[[nodiscard]] HUBCACHE_DECL asio::awaitable<void> write_to(body_sink& sink, std::string_view bytes);

template <class T>
concept transport = requires(T& t, const http_request& request, body_sink& sink) {
  { t.exchange(request, sink) } -> std::same_as<asio::awaitable<http_response>>;
};

/// A non-owning reference to any transport: one indirect call per exchange lets everything above be compiled once.
class transport_ref {
 public:
  /// Refers to `model`.
  template <transport T>
  requires(!std::is_same_v<T, transport_ref>) transport_ref(T& model)
  noexcept  // NOLINT: a reference wrapper
      : self_(std::addressof(model)), exchange_([](void* self, const http_request& request, body_sink& sink) {
          return static_cast<T*>(self)->exchange(request, sink);
        }) {}

  /// As transport says.
  [[nodiscard]] asio::awaitable<http_response> exchange(const http_request& request, body_sink& sink) const {
    return exchange_(self_, request, sink);
  }

 private:
  void* self_;
  asio::awaitable<http_response> (*exchange_)(void*, const http_request&, body_sink&);
};

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/transport.ipp>
#endif
