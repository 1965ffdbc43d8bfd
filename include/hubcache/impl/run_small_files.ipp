#pragma once

#include <hubcache/fetch/on_workers.hpp>
#include <hubcache/run_links.hpp>
#include <hubcache/run_small_files.hpp>
#include <hubcache/source/pause.hpp>

#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>

namespace hubcache::inline v0_1::detail {

inline constexpr std::size_t small_batch = 64;
/// Each lock is an open file.
inline constexpr std::size_t locked_limit = 3 * small_batch;
inline constexpr std::uint64_t small_memory = std::uint64_t{16} << 20U;
/// Who waits for a lock of ours, and a crash, should not find much undone.
inline constexpr auto small_batch_age = std::chrono::seconds(1);

/// Suspends until the timer expires or somebody cancels it.
HUBCACHE_DECL asio::awaitable<void> told(asio::steady_timer& timer) {
  std::error_code woken;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

HUBCACHE_DECL transfer_place transfer_place_of(const run_state& run, std::size_t step) {
  const auto& wanted = run.what->steps[step];
  const auto& options = run.what->options;
  // Who forces or verifies does not take what merely lies there.
  const bool believing = !options.force_download && !options.verify;
  transfer_place at;
  at.hub_lock = run.hub_lock(wanted.what);
  at.target = run.where.root + "/" + wanted.targets.front();
  at.look_here = believing && !run.where.plain_files;
  at.look_elsewhere = believing && options.smart_cache && run.what->let_in && !run.steps[step].unlinkable;
  return at;
}

/// What one try to begin a content found, or why it failed.
struct small_files::begun_step {
  begun_step() = default;
  begun_transfer found;
  std::shared_ptr<const error> failure;
};

HUBCACHE_DECL small_files::small_files(const asio::any_io_executor& executor, run_state& run,
                                       fetch_services& fetching, fetch_results& results,
                                       std::vector<std::size_t> steps)
    : run_(run),
      fetching_(fetching),
      results_(results),
      queue_(steps.begin(), steps.end()),
      open_(steps.size()),
      to_begin_(executor, clock::time_point::max()),
      to_fetch_(executor, clock::time_point::max()),
      to_publish_(executor, clock::time_point::max()) {}

HUBCACHE_DECL asio::awaitable<void> small_files::begin_all() {
  while (!over()) {
    queue_ripe();
    const bool wanted = ready_.size() < small_batch && locked_ + small_batch <= locked_limit;
    if (wanted && !queue_.empty()) {
      co_await begin_batch();
      continue;
    }
    auto next = clock::time_point::max();
    for (const auto& later : waiting_) next = std::min(next, later.until);
    to_begin_.expires_at(wanted ? next : clock::time_point::max());
    co_await told(to_begin_);
  }
  wake();
}

HUBCACHE_DECL void small_files::queue_ripe() {
  const auto now = clock::now();
  std::erase_if(waiting_, [&](const waiting& later) {
    if (later.until > now) return false;
    queue_.push_back(later.step);
    return true;
  });
}

HUBCACHE_DECL asio::awaitable<void> small_files::begin_batch() {
  std::vector<std::size_t> steps;
  std::vector<std::pair<content, transfer_place>> wanted;
  while (!queue_.empty() && steps.size() < small_batch) {
    steps.push_back(queue_.front());
    wanted.emplace_back(run_.what->steps[queue_.front()].what, transfer_place_of(run_, queue_.front()));
    queue_.pop_front();
  }
  locked_ += steps.size();
  auto work = [wanted = std::move(wanted), with = run_.with,
               digests = run_.digests](const std::stop_token& stop) {
    std::vector<begun_step> begun(wanted.size());
    content_locks locks(with.config.state_dir);
    for (std::size_t k = 0; k < wanted.size() && !stop.stop_requested(); ++k) {
      try {
        begun[k].found = begin_transfer(locks, wanted[k].first, wanted[k].second, digests, with.index);
      } catch (const error& e) {
        begun[k].failure = std::make_shared<const error>(e);
      }
    }
    return begun;
  };
  auto begun = co_await on_workers(run_.with.pool, std::move(work));
  std::vector<std::size_t> to_link;
  for (std::size_t k = 0; k < steps.size(); ++k) {
    auto& [found, failure] = begun[k];
    const bool elsewhere = found.present || !found.places.empty();
    if (found.lock && !elsewhere) {
      ready_.push_back({steps[k], std::move(found.lock)});
      continue;
    }
    found.lock.reset();
    --locked_;
    if (failure) {
      failed(*failure);
    } else if (found.present) {
      run_.what->steps[steps[k]].action = file_action::present;
      finished();
    } else if (elsewhere) {
      run_.what->steps[steps[k]].places = std::move(found.places);
      to_link.push_back(steps[k]);
    } else {
      wait_for_others(steps[k]);
    }
  }
  to_fetch_.cancel();
  if (!to_link.empty()) co_await link_batch_of(std::move(to_link));
}

/// The contents were published elsewhere since the plan was made.
HUBCACHE_DECL asio::awaitable<void> small_files::link_batch_of(std::vector<std::size_t> steps) {
  co_await link_some(run_, steps);
  for (const auto i : steps) {
    if (run_.what->steps[i].action == file_action::linked) {
      finished();
    } else {
      queue_.push_front(i);
    }
  }
}

/// Somebody else moves this content: it goes to the tail of the queue, some time later.
HUBCACHE_DECL void small_files::wait_for_others(std::size_t i) {
  auto& waits = run_.steps[i].waits;
  if (waits++ == 0 && waiting_.empty()) {
    run_.with.warn("Another process is fetching " + run_.what->steps[i].file + "; waiting for it.");
  }
  waiting_.push_back({i, clock::now() + std::chrono::milliseconds(std::min(1000, 50 * waits))});
}

HUBCACHE_DECL bool small_files::room_for(const ready& item) const {
  return memory_ == 0 || memory_ + run_.what->steps[item.step].what.size <= small_memory;
}

HUBCACHE_DECL asio::awaitable<void> small_files::fetch_some() {
  while (!over()) {
    if (ready_.empty() || !room_for(ready_.front())) {
      co_await told(to_fetch_);
      continue;
    }
    auto item = std::move(ready_.front());
    ready_.pop_front();
    if (ready_.size() < small_batch) to_begin_.cancel();
    co_await fetch_one(std::move(item));
  }
}

HUBCACHE_DECL asio::awaitable<void> small_files::fetch_one(ready item) {
  const auto& step = run_.what->steps[item.step];
  whole_content whole;
  whole.what = step.what;
  whole.targets = step.targets;
  whole.rules = step.rules;
  whole.lock = std::move(item.lock);
  memory_ += step.what.size;
  ++fetching_now_;
  std::exception_ptr failure;
  try {
    whole.bytes = co_await fetch_whole(fetching_, run_.what->repo, run_.what->listing.commit, step.file,
                                       step.what, histories_[item.step]);
  } catch (const error&) {
    failure = std::current_exception();
  }
  --fetching_now_;
  if (!whole.bytes) {
    memory_ -= whole.what.size;
    --locked_;
    whole.lock.reset();
    if (failure) failed(*error_of(failure));  // else the run stopped before its turn came
    to_begin_.cancel();
    // It may have been the last that what arrived waits for.
    if (publishing_due()) to_publish_.cancel();
    co_return;
  }
  if (arrived_.empty()) arrived_since_ = clock::now();
  arrived_bytes_ += whole.what.size;
  arrived_.push_back(std::move(whole));
  arrived_steps_.push_back(item.step);
  // The publisher waits without an end for the first, then until the batch is old.
  if (arrived_.size() == 1 || publishing_due()) to_publish_.cancel();
}

HUBCACHE_DECL bool small_files::publishing_due() const {
  const bool idle = fetching_now_ == 0 && ready_.empty();
  return arrived_.size() >= small_batch || arrived_bytes_ >= small_memory / 4 || idle || results_.stopped() ||
         clock::now() - arrived_since_ >= small_batch_age;
}

HUBCACHE_DECL asio::awaitable<void> small_files::publish_all() {
  while (!over() || fetching_now_ > 0 || !arrived_.empty()) {
    if (!arrived_.empty() && publishing_due()) {
      co_await publish_batch();
    } else {
      to_publish_.expires_at(arrived_.empty() ? clock::time_point::max() : arrived_since_ + small_batch_age);
      co_await told(to_publish_);
    }
  }
}

HUBCACHE_DECL asio::awaitable<void> small_files::publish_batch() {
  const auto steps = std::exchange(arrived_steps_, {});
  auto batch = std::exchange(arrived_, {});
  const auto bytes = std::exchange(arrived_bytes_, 0);
  const auto example = run_.what->partial_of(batch.front().what);
  auto work = [batch = std::move(batch), where = run_.where, scratch = example.substr(0, example.rfind('/')),
               with = run_.with](const std::stop_token&) mutable {
    return publish(std::move(batch), where, scratch, with.config.fsync, with.hashes, with.links, with.index);
  };
  const auto results = co_await on_workers(run_.with.pool, std::move(work));
  memory_ -= bytes;
  locked_ -= steps.size();
  to_fetch_.cancel();
  to_begin_.cancel();
  for (std::size_t k = 0; k < steps.size(); ++k) note_published(steps[k], results[k]);
}

HUBCACHE_DECL void small_files::note_published(std::size_t i, const published_content& result) {
  if (result.altered) return fetch_again(i, *result.altered);
  histories_.erase(i);
  results_.published(i, result.placed);
  finished();
}

/// What came is not the content: it is asked for again, or given up.
HUBCACHE_DECL void small_files::fetch_again(std::size_t i, const digest& arrived) {
  const auto& step = run_.what->steps[i];
  const auto pause =
      next_attempt(run_.with.config, histories_[i].integrity, errc::digest_mismatch, {}, random_fraction());
  if (!pause) {
    error_context context;
    context.repo = run_.what->repo.display();
    context.file = step.file;
    context.url = histories_[i].came_from;
    return failed(error(errc::digest_mismatch, "expected " + step.what.name.hex() + ", got " + arrived.hex(),
                        std::move(context)));
  }
  events::retried news;
  news.file = step.file;
  news.reason = to_string(errc::digest_mismatch);
  news.lost = step.what.size;
  news.seconds = static_cast<double>(pause->count()) / 1000.0;
  run_.with.observer(news);
  waiting_.push_back({i, clock::now() + *pause});
}

HUBCACHE_DECL void small_files::failed(const error& failure) {
  finished();
  results_.failed(failure);
  if (results_.stopped()) wake();
}

HUBCACHE_DECL void small_files::finished() {
  if (--open_ == 0) wake();
}

HUBCACHE_DECL void small_files::wake() {
  if (results_.stopped()) fetching_.slots.close(exchange_slots::lane::small);
  to_begin_.cancel();
  to_fetch_.cancel();
  to_publish_.cancel();
}

}  // namespace hubcache::inline v0_1::detail
