#pragma once

#include <hubcache/fetch/slots.hpp>

#include <asio/error.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

/// Somebody in the queue; leaves it on destruction, wherever its frame is
/// destroyed.
class exchange_slots::waiter {
 public:
  waiter(std::shared_ptr<state> all, const asio::any_io_executor& executor, lane who, file* of);
  waiter(const waiter&) = delete;
  waiter& operator=(const waiter&) = delete;
  ~waiter();

  std::shared_ptr<state> all;
  lane who;
  file* of;
  bool granted = false;
  bool dismissed = false;
  asio::steady_timer turn;  // never expires; cancelled when its turn has come
};

struct exchange_slots::state {
  state(const asio::any_io_executor& e, std::size_t most) : executor(e), speed(most, pace::clock::now()) {}

  asio::any_io_executor executor;
  pace speed;
  std::array<std::size_t, 2> taken{};  // per lane
  std::array<bool, 2> closed{};        // per lane
  std::size_t files = 0;
  std::vector<waiter*> queue;  // who came first stands first

  [[nodiscard]] std::size_t in_flight() const noexcept { return taken[0] + taken[1]; }
  [[nodiscard]] std::size_t& of(lane who) noexcept { return taken[static_cast<std::size_t>(who)]; }
  /// Lets go whoever of those that wait is one of these.
  template <class Predicate>
  void dismiss(Predicate chosen) {
    std::erase_if(queue, [&](waiter* one) {
      if (!chosen(*one)) return false;
      one->dismissed = true;
      one->turn.cancel();
      return true;
    });
  }
  [[nodiscard]] bool is_closed(lane who) const noexcept { return closed[static_cast<std::size_t>(who)]; }
  [[nodiscard]] bool waits(lane who) const noexcept {
    return std::any_of(queue.begin(), queue.end(), [who](const waiter* one) { return one->who == who; });
  }
  /// Whether small files have less than what is theirs while both kinds wait.
  [[nodiscard]] bool small_is_due() const noexcept {
    return taken[0] < std::max<std::size_t>(speed.width() / 4, 1);
  }

  void enter(lane who, file* of_file) noexcept {
    ++of(who);
    if (of_file != nullptr) ++of_file->in_flight_;
  }
  void leave(lane who, file* of_file) {
    --of(who);
    if (of_file != nullptr) --of_file->in_flight_;
    grant();
  }
  [[nodiscard]] waiter* next() noexcept;
  void grant();
};

HUBCACHE_DECL exchange_slots::waiter* exchange_slots::state::next() noexcept {
  const bool both = waits(lane::small) && waits(lane::big);
  const auto wanted = both ? (small_is_due() ? lane::small : lane::big) : queue.front()->who;
  waiter* best = nullptr;
  for (auto* const one : queue) {
    if (one->who != wanted) continue;
    const bool better = best == nullptr || (best->of != nullptr && one->of != nullptr &&
                                            one->of->in_flight_ < best->of->in_flight_);
    if (better) best = one;
  }
  return best;
}

HUBCACHE_DECL void exchange_slots::state::grant() {
  while (!queue.empty() && in_flight() < speed.width()) {
    auto* const one = next();
    std::erase(queue, one);
    enter(one->who, one->of);
    one->granted = true;
    one->turn.cancel();
  }
}

HUBCACHE_DECL
exchange_slots::waiter::waiter(std::shared_ptr<state> a, const asio::any_io_executor& executor, lane w,
                               file* f)
    : all(std::move(a)), who(w), of(f), turn(executor, asio::steady_timer::time_point::max()) {
  all->queue.push_back(this);
}

HUBCACHE_DECL exchange_slots::waiter::~waiter() {
  std::erase(all->queue, this);
  if (granted) all->leave(who, of);
}

HUBCACHE_DECL exchange_slots::file::file(const exchange_slots& all) : all_(all.all_) { ++all_->files; }
HUBCACHE_DECL exchange_slots::file::~file() { --all_->files; }

HUBCACHE_DECL void exchange_slots::file::wants_no_more() {
  all_->dismiss([this](const waiter& one) { return one.of == this; });
}

HUBCACHE_DECL std::uint64_t exchange_slots::file::range_size(std::uint64_t untaken) const noexcept {
  constexpr std::uint64_t least = std::uint64_t{2} << 20U;
  // Never all that is left: what comes last is small.
  const auto share = std::max<std::size_t>(all_->speed.width() / std::max<std::size_t>(all_->files, 1), 2);
  return std::min(all_->speed.range_size(), std::max(untaken / share, least));
}

HUBCACHE_DECL exchange_slots::slot& exchange_slots::slot::operator=(slot&& other) noexcept {
  std::swap(all_, other.all_);
  std::swap(who_, other.who_);
  std::swap(of_, other.of_);
  return *this;
}

HUBCACHE_DECL exchange_slots::slot::~slot() {
  if (all_) all_->leave(who_, of_);
}

HUBCACHE_DECL void exchange_slots::slot::received(std::uint64_t bytes) {
  all_->speed.received(bytes, all_->in_flight(), pace::clock::now());
  all_->grant();
}

HUBCACHE_DECL void exchange_slots::slot::failed(errc reason) {
  all_->speed.failed(reason, pace::clock::now());
}

HUBCACHE_DECL void exchange_slots::slot::exchanged(std::uint64_t bytes, pace::clock::duration wait,
                                                   pace::clock::duration body) {
  all_->speed.exchanged(bytes, wait, body);
}

HUBCACHE_DECL bool exchange_slots::slot::may_stay() const noexcept {
  if (all_->in_flight() > all_->speed.width()) return false;
  return std::none_of(all_->queue.begin(), all_->queue.end(), [this](const waiter* one) {
    if (one->who != who_) return who_ == lane::small ? !all_->small_is_due() : all_->small_is_due();
    return one->of != nullptr && of_ != nullptr && one->of->in_flight_ + 1 < of_->in_flight_;
  });
}

HUBCACHE_DECL
exchange_slots::exchange_slots(const asio::any_io_executor& executor, std::size_t most)
    : all_(std::make_shared<state>(executor, most)) {}

HUBCACHE_DECL asio::awaitable<std::optional<exchange_slots::slot>> exchange_slots::take(lane who, file* of) {
  const auto all = all_;
  if (all->is_closed(who)) co_return std::nullopt;
  if (all->queue.empty() && all->in_flight() < all->speed.width()) {
    all->enter(who, of);
    co_return slot(all, who, of);
  }
  waiter here(all, all->executor, who, of);
  all->grant();
  while (!here.granted && !here.dismissed) {
    std::error_code woken;
    co_await here.turn.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    const auto cancelled = co_await asio::this_coro::cancellation_state;
    if (cancelled.cancelled() != asio::cancellation_type::none)
      throw std::system_error(asio::error::operation_aborted);
  }
  if (!here.granted || all->is_closed(who)) co_return std::nullopt;
  here.granted = false;
  co_return slot(all, who, of);
}

HUBCACHE_DECL bool exchange_slots::is_closed(lane who) const noexcept { return all_->is_closed(who); }

HUBCACHE_DECL void exchange_slots::close(lane who) {
  all_->closed[static_cast<std::size_t>(who)] = true;
  all_->dismiss([who](const waiter& one) { return one.who == who; });
}

HUBCACHE_DECL std::size_t exchange_slots::width() const noexcept { return all_->speed.width(); }
HUBCACHE_DECL std::size_t exchange_slots::most() const noexcept { return all_->speed.most(); }

}  // namespace hubcache::inline v0_1
