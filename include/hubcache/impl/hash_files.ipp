#pragma once

#include <hubcache/error.hpp>
#include <hubcache/hash/hash_files.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

namespace detail {

/// The files that hash_files() has in hand.
class files_in_hand {
 public:
  files_in_hand(const hash_set_ref& hashes, file_feed& feed, const std::stop_token& stop)
      : hashes_(hashes), feed_(feed), stop_(stop) {}

  /// Has files, or there are none.
  [[nodiscard]] HUBCACHE_DECL bool fill();
  /// Goes on by a block where files are hashed alone, else by what all have read.
  HUBCACHE_DECL void advance();

 private:
  static constexpr std::uint64_t block_size = 256U << 10U;

  struct slot {
    slot(file_to_hash f, any_hasher h, std::unique_ptr<std::byte[]> b)
        : what(std::move(f)), stream(std::move(h)), buffer(std::move(b)) {}

    file_to_hash what;
    any_hasher stream;
    std::unique_ptr<std::byte[]> buffer;
    byte_view rest;            ///< Of the buffer, not hashed yet.
    std::uint64_t offset = 0;  ///< Behind what was read.
    std::error_code ec;
  };

  HUBCACHE_DECL void read(slot& from) const noexcept;
  HUBCACHE_DECL void hash(std::span<slot*> alike) noexcept;
  HUBCACHE_DECL void let_go();

  hash_set_ref hashes_;
  file_feed& feed_;
  const std::stop_token& stop_;
  lane_range range_;  ///< The widest of the streams so far.
  std::vector<std::unique_ptr<std::byte[]>> spare_;
  std::vector<slot> slots_;
  std::uint64_t hashed_ = 0;  ///< In this step.
};

HUBCACHE_DECL bool files_in_hand::fill() {
  while (slots_.size() < range_.most && !stop_.stop_requested()) {
    auto next = feed_.next();
    if (!next) break;
    auto stream = hashes_.make(next->algorithm, next->identity.size);
    if (const auto lanes = stream.lanes(); lanes.most > range_.most) range_ = lanes;
    if (spare_.empty()) spare_.push_back(std::make_unique_for_overwrite<std::byte[]>(block_size));
    slots_.emplace_back(std::move(*next), std::move(stream), std::move(spare_.back()));
    spare_.pop_back();
  }
  return !slots_.empty();
}

HUBCACHE_DECL void files_in_hand::read(slot& from) const noexcept {
  const auto size = from.what.identity.size;
  if (!from.rest.empty() || from.offset == size) return;
  if (stop_.stop_requested()) {
    from.ec = errc::cancelled;
    return;
  }
  const std::span block(from.buffer.get(), std::min(size - from.offset, block_size));
  const auto n = os::read_at(from.what.file, block, from.offset, from.ec);
  if (!from.ec && n < block.size()) from.ec = errc::size_mismatch;
  if (from.ec) return;
  from.rest = block;
  from.offset += n;
}

/// @pre all of `alike` have bytes, and their streams are like each other
HUBCACHE_DECL void files_in_hand::hash(std::span<slot*> alike) noexcept {
  std::array<any_hasher*, most_lanes> streams;
  std::array<const std::byte*, most_lanes> bytes;
  auto size = alike.front()->rest.size();
  for (std::size_t i = 0; i < alike.size(); ++i) {
    streams[i] = &alike[i]->stream;
    bytes[i] = alike[i]->rest.data();
    size = std::min(size, alike[i]->rest.size());
  }
  any_hasher::update_many(std::span(streams).first(alike.size()), std::span(bytes).first(alike.size()), size);
  for (auto* one : alike) one->rest = one->rest.subspan(size);
  hashed_ += size * alike.size();
}

HUBCACHE_DECL void files_in_hand::advance() {
  const bool together = slots_.size() > 1 && slots_.size() >= range_.fewest;
  std::vector<slot*> ready;
  for (auto& one : slots_) {
    read(one);
    if (one.ec || one.rest.empty()) continue;
    ready.push_back(&one);
    if (together) continue;
    hash(ready);  // while its block is warm
    ready.clear();
  }
  for (std::span left(ready); !left.empty();) {
    auto* const first = left.front();
    const auto others = std::partition(left.begin(), left.end(),
                                       [&](const slot* one) { return first->stream.is_like(one->stream); });
    const auto count = static_cast<std::size_t>(others - left.begin());
    hash(left.first(count));
    left = left.subspan(count);
  }
  feed_.advance(std::exchange(hashed_, 0));
  let_go();
}

/// Of files that have ended.
HUBCACHE_DECL void files_in_hand::let_go() {
  for (std::size_t i = 0; i < slots_.size();) {
    auto& one = slots_[i];
    const bool whole = one.rest.empty() && one.offset == one.what.identity.size;
    if (!one.ec && !whole) {
      ++i;
      continue;
    }
    feed_.end(one.what, one.ec ? std::nullopt : std::optional(one.stream.finish()), one.ec);
    spare_.push_back(std::move(one.buffer));
    if (&one != &slots_.back()) one = std::move(slots_.back());
    slots_.pop_back();
  }
}

}  // namespace detail

HUBCACHE_DECL void hash_files(const hash_set_ref& hashes, file_feed& feed, const std::stop_token& stop) {
  detail::files_in_hand files(hashes, feed, stop);
  while (files.fill()) files.advance();
}

}  // namespace hubcache::inline v0_1
