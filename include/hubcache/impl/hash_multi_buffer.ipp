#pragma once

#include <hubcache/hash/multi_buffer.hpp>

#include <algorithm>
#include <chrono>
#include <cstring>

namespace hubcache::inline v0_1 {

namespace detail {

/// Which kernel is the fastest for how many messages, on this CPU as OpenSSL sees it.
class sha256_schedule {
 public:
  [[nodiscard]] static const sha256_schedule& here() noexcept {
    static const sha256_schedule measured;
    return measured;
  }

  /// None: one message after another.
  [[nodiscard]] const sha256_lane_kernel* best_for(std::size_t messages) const noexcept {
    return best_[std::min(messages, most_lanes)];
  }
  [[nodiscard]] lane_range lanes() const noexcept { return lanes_; }

 private:
  using duration = std::chrono::steady_clock::duration;
  static constexpr std::size_t blocks = 64;

  HUBCACHE_DECL sha256_schedule() noexcept;
  [[nodiscard]] HUBCACHE_DECL static duration time_of(const sha256_lane_kernel* kernel) noexcept;

  std::array<const sha256_lane_kernel*, most_lanes + 1> best_{};
  lane_range lanes_;
};

HUBCACHE_DECL sha256_schedule::sha256_schedule() noexcept {
  const auto kernels = sha256_lane_kernels();
  if (kernels.empty()) return;
  const auto single = time_of(nullptr);
  std::array<duration, most_lanes + 1> fastest{};
  // What lanes gain must be more than the error of measurement.
  for (std::size_t n = 1; n <= most_lanes; ++n) fastest[n] = single * n * 9 / 10;
  for (const auto& kernel : kernels) {
    const auto once = time_of(&kernel);
    for (std::size_t n = 1; n <= most_lanes; ++n) {
      const auto all = once * ((n + kernel.lanes - 1) / kernel.lanes);
      if (all >= fastest[n]) continue;
      fastest[n] = all;
      best_[n] = &kernel;
    }
  }
  if (best_[most_lanes] == nullptr) return;
  lanes_.fewest = lanes_.most = best_[most_lanes]->lanes;
  while (best_[lanes_.fewest - 1] != nullptr) --lanes_.fewest;
}

/// The best of some runs: others may use the CPU, and the first ones wake its vector units.
HUBCACHE_DECL sha256_schedule::duration sha256_schedule::time_of(const sha256_lane_kernel* kernel) noexcept {
  static constexpr std::array<std::byte, blocks * sha256_block> message{};
  sha256_words words = sha256_start;
  std::array<sha256_words*, most_lanes> states;
  std::array<const std::byte*, most_lanes> bytes;
  states.fill(&words);
  bytes.fill(message.data());
  auto best = duration::max();
  for (int i = 0; i < 8; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    if (kernel != nullptr) {
      kernel->compress(states.data(), bytes.data(), blocks);
    } else {
      sha256_single(words, message.data(), blocks);
    }
    best = std::min(best, std::chrono::steady_clock::now() - begin);
  }
  return best;
}

}  // namespace detail

HUBCACHE_DECL void multi_buffer_sha256::update(byte_view bytes) noexcept {
  if (bytes.empty()) return;
  if (const auto there = waiting(); there != 0) {
    const auto more = std::min(bytes.size(), tail_.size() - there);
    std::memcpy(tail_.data() + there, bytes.data(), more);
    length_ += more;
    bytes = bytes.subspan(more);
    if (waiting() != 0) return;
    detail::sha256_single(words_, tail_.data(), 1);
  }
  const auto blocks = bytes.size() / detail::sha256_block;
  if (blocks != 0) detail::sha256_single(words_, bytes.data(), blocks);
  length_ += bytes.size();
  bytes = bytes.subspan(blocks * detail::sha256_block);
  std::copy(bytes.begin(), bytes.end(), tail_.begin());
}

HUBCACHE_DECL digest multi_buffer_sha256::finish() noexcept {
  const auto put = [](std::uint64_t value, std::byte* to,
                      std::size_t bytes) {  // big-endian
    for (std::size_t i = 0; i < bytes; ++i) to[i] = static_cast<std::byte>(value >> (8 * (bytes - 1 - i)));
  };
  // FIPS 180-4, section 5.1.1: a one bit, zeros to the end of a block, the last 8 bytes of which say how many
  // bits.
  std::array<std::byte, 2 * detail::sha256_block> last{};
  const auto there = waiting();
  std::copy_n(tail_.begin(), there, last.begin());
  last[there] = std::byte{0x80};
  const std::size_t blocks = there + 9 <= detail::sha256_block ? 1 : 2;
  put(length_ * 8, last.data() + blocks * detail::sha256_block - 8, 8);
  detail::sha256_single(words_, last.data(), blocks);
  std::array<std::byte, digest::max_size> name;
  for (std::size_t i = 0; i < words_.size(); ++i) put(words_[i], name.data() + 4 * i, 4);
  *this = {};
  return {algorithm, name};
}

HUBCACHE_DECL lane_range multi_buffer_sha256::lanes() noexcept {
  return detail::sha256_schedule::here().lanes();
}

HUBCACHE_DECL void multi_buffer_sha256::update_many(std::span<multi_buffer_sha256* const> streams,
                                                    std::span<const std::byte* const> bytes,
                                                    std::size_t size) noexcept {
  const auto* const kernel = detail::sha256_schedule::here().best_for(streams.size());
  if (kernel != nullptr) return update_many(*kernel, streams, bytes, size);
  for (std::size_t i = 0; i < streams.size(); ++i) streams[i]->update({bytes[i], size});
}

HUBCACHE_DECL void multi_buffer_sha256::update_many(const detail::sha256_lane_kernel& kernel,
                                                    std::span<multi_buffer_sha256* const> streams,
                                                    std::span<const std::byte* const> bytes,
                                                    std::size_t size) noexcept {
  constexpr auto block = detail::sha256_block;
  for (std::size_t first = 0; first < streams.size(); first += kernel.lanes) {
    const auto used = std::min(kernel.lanes, streams.size() - first);
    // Messages have filled different parts of a block: what completes it, and what lies behind the last block that
    // all have, is for the single kernel.
    std::array<std::size_t, most_lanes> heads{};
    std::size_t blocks = size / block;
    for (std::size_t i = 0; i < used; ++i) {
      auto& stream = *streams[first + i];
      heads[i] = std::min(size, (block - stream.waiting()) % block);
      stream.update({bytes[first + i], heads[i]});
      blocks = std::min(blocks, (size - heads[i]) / block);
    }
    detail::sha256_words unused{};
    std::array<detail::sha256_words*, most_lanes> words;
    std::array<const std::byte*, most_lanes> from;
    words.fill(&unused);
    from.fill(bytes[first] + heads[0]);  // idle lanes read it along
    for (std::size_t i = 0; i < used; ++i) {
      words[i] = &streams[first + i]->words_;
      from[i] = bytes[first + i] + heads[i];
    }
    if (blocks != 0) kernel.compress(words.data(), from.data(), blocks);
    for (std::size_t i = 0; i < used; ++i) {
      auto& stream = *streams[first + i];
      stream.length_ += blocks * block;
      stream.update({from[i] + blocks * block, size - heads[i] - blocks * block});
    }
  }
}

}  // namespace hubcache::inline v0_1
