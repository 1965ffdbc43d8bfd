#pragma once
/// @file
/// One small content from the Hub into memory.

#include <hubcache/digest.hpp>
#include <hubcache/fetch/fetch.hpp>
#include <hubcache/fetch/slots.hpp>
#include <hubcache/source/retry.hpp>
#include <hubcache/transport/transport.hpp>

#include <asio/awaitable.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <type_traits>

namespace hubcache::inline v0_1 {

/// Puts the body of one exchange into memory that holds the whole content, behind the bytes that are there already.
class whole_sink final : public body_sink {
 public:
  /// @param filled How many bytes of `into` are there; follows what arrives. Outlives the sink.
  whole_sink(std::span<std::byte> into, std::size_t& filled) : into_(into), filled_(filled) {}

  [[nodiscard]] HUBCACHE_DECL verdict begin(const response_head& head) override;
  [[nodiscard]] HUBCACHE_DECL asio::awaitable<std::span<std::byte>> acquire() override;
  HUBCACHE_DECL void commit(std::size_t n) override;

  /// 200 to a Range request: the content must start again.
  [[nodiscard]] bool range_ignored() const noexcept { return range_ignored_; }
  /// How the answer contradicts the listing; empty if it does not.
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

 private:
  std::span<std::byte> into_;
  std::size_t& filled_;
  std::byte beyond_{};  // where a byte after the last one would go
  bool range_ignored_ = false;
  std::string problem_;
};

/// What is remembered of one content, however often it is fetched.
struct whole_history {
  whole_history() = default;

  retry_state integrity;  ///< Failures to deliver the right content.
  std::string came_from;  ///< Who sent the last bytes of it: a URL, redacted. Empty if nobody did.
};
static_assert(!std::is_aggregate_v<whole_history>);

/// Fetches the content of `path` whole, with one exchange at a time: continues where a connection broke, retries what
/// may pass. Takes a slot for each exchange and none for the pauses between them. The bytes are not verified.
/// @param so_far kept up to date
/// @return null if the lane of small files was closed before all had come
/// @throws error errc::size_mismatch after bounded retries, or what the network said last
/// Cancellation: terminal; nothing is kept.
[[nodiscard]] HUBCACHE_DECL asio::awaitable<std::unique_ptr<std::byte[]>> fetch_whole(
    fetch_services& with, const repo& which, const std::string& commit, const std::string& path, content what,
    whole_history& so_far);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/fetch_whole.ipp>
#endif
