#pragma once

#include <hubcache/work/digest_queue.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <mutex>
#include <span>
#include <thread>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

struct digest_queue::stream::message {
  struct piece {
    byte_view bytes;
    job done;
  };

  explicit message(any_hasher h) : hash(std::move(h)) {}

  /// Goes on to the next piece, if there is one, after the current one. @pre the queue's mutex is held
  void next_piece() {
    if (done || pieces.empty()) return;
    bytes = pieces.front().bytes;
    done = std::move(pieces.front().done);
    pieces.pop_front();
  }

  // Of the job that hashes it, or of nobody while it waits for that.
  any_hasher hash;
  byte_view bytes;  ///< The rest of the current piece.
  job done;         ///< To run after `bytes`; none between pieces.

  // Guarded by the queue's mutex.
  std::deque<piece> pieces;  ///< After the current one.
  bool held = false;         ///< It waits to be hashed, or is being hashed.
};

struct digest_queue::state : std::enable_shared_from_this<state> {
  using message = stream::message;
  using messages = std::vector<std::shared_ptr<message>>;

  /// The job that hashes what waits. If it is dropped, as at the end of a pool, what waits is dropped with the
  /// last one: pieces may own streams, and those own the queue.
  class drainer {
   public:
    explicit drainer(std::shared_ptr<state> queue) : queue_(std::move(queue)) {}
    drainer(drainer&&) noexcept = default;
    drainer& operator=(drainer&&) = delete;
    ~drainer() {
      if (queue_) queue_->abandon();
    }
    void operator()() { std::exchange(queue_, nullptr)->drain(); }

   private:
    std::shared_ptr<state> queue_;
  };

  state(workers& w, const hash_set_ref& h)
      : pool(w),
        hashes(h),  // embedders' pools do not say their size
        most_drainers(w.threads() != 0 ? w.threads() : std::max(1U, std::thread::hardware_concurrency())) {}

  HUBCACHE_DECL void append(const std::shared_ptr<message>& to, byte_view bytes, job done);
  HUBCACHE_DECL void drain();
  HUBCACHE_DECL void abandon() noexcept;
  [[nodiscard]] HUBCACHE_DECL bool fill(messages& lanes);
  HUBCACHE_DECL void next_pieces(messages& lanes);
  HUBCACHE_DECL void wake(std::unique_lock<std::mutex> lock);
  [[nodiscard]] HUBCACHE_DECL static std::size_t hash_common(const messages& lanes) noexcept;

  /// After so many bytes, about a millisecond's, a drainer queues up behind the other jobs of the pool.
  static constexpr std::size_t turn = std::size_t{4} << 20U;

  workers& pool;
  const hash_set_ref hashes;
  const std::size_t most_drainers;
  std::mutex mutex;  // guards the rest
  messages waiting;  ///< In the order in which they are taken.
  std::size_t drainers = 0;
};

HUBCACHE_DECL void digest_queue::state::append(const std::shared_ptr<message>& to, byte_view bytes,
                                               job done) {
  std::unique_lock lock(mutex);
  to->pieces.push_back({bytes, std::move(done)});
  if (to->held) return;
  waiting.push_back(to);
  to->held = true;
  wake(std::move(lock));
}

/// Starts another drainer if there is work and room for one.
HUBCACHE_DECL void digest_queue::state::wake(std::unique_lock<std::mutex> lock) {
  if (waiting.empty() || drainers == most_drainers) return;
  ++drainers;
  lock.unlock();
  pool.post(drainer(shared_from_this()));
}

/// Hashes what waits, for a turn or until nothing does.
HUBCACHE_DECL void digest_queue::state::drain() {
  messages lanes;
  for (std::size_t hashed = 0; hashed < turn && fill(lanes);) {
    hashed += hash_common(lanes);
    for (const auto& lane : lanes) {
      if (lane->bytes.empty()) std::exchange(lane->done, {})();
    }
  }
  std::unique_lock lock(mutex);
  next_pieces(lanes);
  waiting.insert(waiting.end(), lanes.begin(), lanes.end());
  --drainers;
  wake(std::move(lock));
}

/// Lets go of messages without further pieces. @pre the mutex is held
HUBCACHE_DECL void digest_queue::state::next_pieces(messages& lanes) {
  std::erase_if(lanes, [](const std::shared_ptr<message>& lane) {
    lane->next_piece();
    lane->held = static_cast<bool>(lane->done);
    return !lane->held;
  });
}

/// Puts into `lanes` as many messages as are best hashed together, those first that are there already; one alone
/// if too few wait, so that other drainers have the rest. @return false if none waits
HUBCACHE_DECL bool digest_queue::state::fill(messages& lanes) {
  std::unique_lock lock(mutex);
  next_pieces(lanes);
  waiting.insert(waiting.begin(), lanes.begin(), lanes.end());
  lanes.clear();
  if (waiting.empty()) return false;
  const auto first = waiting.front();
  const auto alike = [&](const std::shared_ptr<message>& one) { return first->hash.is_like(one->hash); };
  const auto range = waiting.size() > 1 ? first->hash.lanes() : lane_range{};
  const auto count = static_cast<std::size_t>(std::count_if(waiting.begin(), waiting.end(), alike));
  const auto wanted = count < range.fewest ? 1 : std::min(count, range.most);
  std::erase_if(waiting, [&](const std::shared_ptr<message>& one) {
    if (lanes.size() == wanted || !alike(one)) return false;
    lanes.push_back(one);
    one->next_piece();
    return true;
  });
  wake(std::move(lock));
  return true;
}

/// Hashes as many bytes of each as all have. @return how many that were
HUBCACHE_DECL std::size_t digest_queue::state::hash_common(const messages& lanes) noexcept {
  std::array<any_hasher*, most_lanes> streams;
  std::array<const std::byte*, most_lanes> bytes;
  auto size = turn / lanes.size();
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    streams[i] = &lanes[i]->hash;
    bytes[i] = lanes[i]->bytes.data();
    size = std::min(size, lanes[i]->bytes.size());
  }
  any_hasher::update_many(std::span(streams).first(lanes.size()), std::span(bytes).first(lanes.size()), size);
  for (const auto& lane : lanes) lane->bytes = lane->bytes.subspan(size);
  return size * lanes.size();
}

HUBCACHE_DECL void digest_queue::state::abandon() noexcept {
  messages dropped;
  {
    const std::lock_guard lock(mutex);
    if (--drainers == 0) dropped.swap(waiting);
  }
  for (const auto& one : dropped) {
    one->done = {};
    one->pieces.clear();
  }
}

HUBCACHE_DECL void digest_queue::stream::append(byte_view bytes, job done) {
  queue_->append(message_, bytes, std::move(done));
}

HUBCACHE_DECL digest digest_queue::stream::finish() { return message_->hash.finish(); }

HUBCACHE_DECL digest_queue::digest_queue(workers& pool, const hash_set_ref& hashes)
    : state_(std::make_shared<state>(pool, hashes)) {}

HUBCACHE_DECL digest_queue::stream digest_queue::open(digest_algorithm algorithm, std::uint64_t size) {
  return {state_, std::make_shared<stream::message>(state_->hashes.make(algorithm, size))};
}

}  // namespace hubcache::inline v0_1
