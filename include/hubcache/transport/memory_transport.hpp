#pragma once
/// @file
/// A transport without a network, for tests of whatever stands above one.

#include <hubcache/config.hpp>
#include <hubcache/transport/transport.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace hubcache::inline v0_1 {

/// Models `transport`: a function answers each request, from memory.
///
/// The answer's `body` goes to the sink in chunks as a server would send it: a HEAD, 204 or 304 sends none; a
/// body of another size than the answer's `head.content_length` is cut, or ends in errc::connection_lost.
/// Every exchange suspends before each step, so that concurrent ones interleave. What the function throws,
/// the exchange throws.
/// @par Thread safety  One executor at a time. Copies share the record and the steps.
class memory_transport {
 public:
  /// Answers one request; may throw `error`.
  using handler = std::function<http_response(const http_request&)>;

  /// Hands the answers' bodies to sinks in chunks of at most `chunk_size` bytes.
  explicit memory_transport(handler answer, std::size_t chunk_size = 16 * 1024);

  /// As transport says.
  [[nodiscard]] asio::awaitable<http_response> exchange(const http_request& request, body_sink& sink);

  /// Every request so far, in the order of the exchanges' starts.
  [[nodiscard]] const std::vector<http_request>& requests() const noexcept;
  /// Makes step `n` from now on fail (0 is the next one), once, with `reason`. A step is the sending of a
  /// request or the arrival of one chunk: loop over n to see every failure that a transfer can meet.
  void fail_at(std::size_t n, errc reason = errc::connection_lost);

 private:
  struct state;
  static void step(state& shared);
  [[nodiscard]] static asio::awaitable<http_response> run(state& shared, const http_request& request,
                                                          body_sink& sink);
  std::shared_ptr<state> state_;
};
static_assert(transport<memory_transport>);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/transport_memory.ipp>
#endif
