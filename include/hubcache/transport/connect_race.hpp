#pragma once
/// @file
/// Which of a host's addresses is talked to: the first that answers (RFC 8305, "Happy Eyeballs"). Not for other
/// users.

#include <hubcache/config.hpp>

#include <asio/awaitable.hpp>
#include <asio/error_code.hpp>
#include <asio/ip/tcp.hpp>

#include <chrono>
#include <vector>

namespace hubcache::inline v0_1::detail {

/// How long an attempt may stay unanswered before the next address is tried beside it (RFC 8305, section 5).
inline constexpr std::chrono::milliseconds connect_head_start{250};

/// `addresses` with the families of IP by turns, the first one's first, each in the given order (RFC 8305,
/// section 4): a family that does not work here costs one head start, however many addresses it has.
[[nodiscard]] HUBCACHE_DECL std::vector<asio::ip::tcp::endpoint> in_turns(
    const std::vector<asio::ip::tcp::endpoint>& addresses);

/// Connects `socket`, which outlives the awaitable, to that of `addresses` that answers first. They are tried
/// in_turns, the next one when the one before failed or used up its head start: `connect_head_start`, or less,
/// so that each of them is tried before `deadline`. The attempts that lose are given up.
///
/// Completes with asio::error::timed_out at `deadline`; if all failed before, with the reason that tells most.
/// @pre addresses is not empty
/// @par Cancellation  terminal: asio::error::operation_aborted. However it ends, no attempt goes on.
[[nodiscard]] asio::awaitable<asio::error_code> connect_first(asio::ip::tcp::socket& socket,
                                                              std::vector<asio::ip::tcp::endpoint> addresses,
                                                              std::chrono::steady_clock::time_point deadline);

}  // namespace hubcache::inline v0_1::detail

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/transport_connect_race.ipp>
#endif
