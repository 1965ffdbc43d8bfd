#pragma once

#include <hubcache/fetch/fan_out.hpp>
#include <hubcache/fetch/fetch.hpp>
#include <hubcache/fetch/on_workers.hpp>
#include <hubcache/os/folder.hpp>
#include <hubcache/run_fetches.hpp>
#include <hubcache/run_jobs.hpp>
#include <hubcache/run_links.hpp>
#include <hubcache/run_results.hpp>
#include <hubcache/run_small_files.hpp>
#include <hubcache/source/pause.hpp>

#include <asio/this_coro.hpp>

#include <algorithm>
#include <chrono>
#include <deque>

namespace hubcache::inline v0_1::detail {

/// A batch holds its locks and files open: with two descriptors each it stays far below common limits.
inline constexpr std::size_t batch_files = 64;
inline constexpr std::uint64_t batch_bytes = std::uint64_t{256} << 20U;
inline constexpr auto batch_age = std::chrono::seconds(1);

/// The contents that have partials of their own: fetched some at a time, the largest first, and published in batches.
class big_files {
 public:
  big_files(run_state& run, fetch_services& fetching, fetch_results& results, std::vector<std::size_t> steps)
      : run_(run), fetching_(fetching), results_(results), queue_(steps.begin(), steps.end()) {
    const auto& all = run_.what->steps;
    std::sort(queue_.begin(), queue_.end(), [&all](std::size_t a, std::size_t b) {
      return all[a].what.size != all[b].what.size ? all[a].what.size > all[b].what.size : a < b;
    });
  }

  /// Run as many of these side by side as files may be open.
  asio::awaitable<void> fetch_some() {
    while (!queue_.empty() && !results_.stopped()) {
      const auto i = queue_.front();
      queue_.pop_front();
      std::exception_ptr failure;
      try {
        co_await one(i);
      } catch (const error&) {
        failure = std::current_exception();
      }
      if (failure) results_.failed(*error_of(failure));
    }
    co_await publish_pending();  // who has nothing left to fetch lets nothing wait for the slowest transfer
  }

 private:
  asio::awaitable<void> one(std::size_t i) {
    const auto step = run_.what->steps[i];
    auto begun = co_await begin(i, step);
    if (begun.present) {
      run_.what->steps[i].action = file_action::present;
    } else if (!begun.places.empty()) {
      begun.lock.reset();
      co_await link_instead(i, std::move(begun.places));
    } else if (!begun.file) {
      co_await wait_for_others(i);
    } else {
      co_await fetch_content(fetching_, run_.what->repo, run_.what->listing.commit, step.file, begun.file);
      co_await keep_for_batch(i, step, std::move(begun));
    }
  }

  asio::awaitable<begun_transfer> begin(std::size_t i, plan_step step) {
    auto at = transfer_place_of(run_, i);
    at.partial = run_.what->partial_of(step.what);
    auto work = [at = std::move(at), what = step.what, with = run_.with,
                 digests = run_.digests](const std::stop_token&) {
      content_locks locks(with.config.state_dir);
      return begin_transfer(locks, what, at, digests, with.index);
    };
    co_return co_await on_workers(run_.with.pool, std::move(work));
  }

  /// The content was published elsewhere since the plan was made.
  asio::awaitable<void> link_instead(std::size_t i, std::vector<place> places) {
    run_.what->steps[i].places = std::move(places);
    const std::vector<std::size_t> chosen{i};
    co_await link_some(run_, chosen);
    if (run_.what->steps[i].action != file_action::linked) queue_.push_front(i);
  }

  /// Somebody else moves this content: it goes to the tail of the queue.
  asio::awaitable<void> wait_for_others(std::size_t i) {
    auto& waits = run_.steps[i].waits;
    if (waits++ == 0) {
      run_.with.warn("Another process is fetching " + run_.what->steps[i].file + "; waiting for it.");
    }
    queue_.push_back(i);
    co_await publish_pending();  // others may wait for what we hold
    const auto pause = std::chrono::milliseconds(std::min(1000, 50 * waits));
    co_await pause_until(std::chrono::steady_clock::now() + pause);
  }

  asio::awaitable<void> keep_for_batch(std::size_t i, plan_step step, begun_transfer begun) {
    const auto now = std::chrono::steady_clock::now();
    if (pending_.empty()) pending_since_ = now;
    verified_partial ready;
    ready.step = i;
    ready.targets = step.targets;
    ready.rules = step.rules;
    ready.file = std::move(begun.file);
    ready.lock = std::move(begun.lock);
    pending_bytes_ += step.what.size;
    pending_.push_back(std::move(ready));
    const bool due = pending_.size() >= batch_files || pending_bytes_ >= batch_bytes ||
                     now - pending_since_ >= batch_age || run_.with.config.fsync != fsync_mode::batch;
    if (due) co_await publish_pending();
  }

  asio::awaitable<void> publish_pending() {
    if (pending_.empty()) co_return;
    auto batch = std::exchange(pending_, {});
    pending_bytes_ = 0;
    std::vector<std::size_t> steps;
    for (const auto& item : batch) steps.push_back(item.step);
    auto work = [batch = std::move(batch), where = run_.where,
                 with = run_.with](const std::stop_token& stop) mutable {
      return publish(std::move(batch), where, with.config.fsync, with.hashes, with.links, with.index, stop);
    };
    const auto placed = co_await on_workers(run_.with.pool, std::move(work));
    for (std::size_t k = 0; k < placed.size(); ++k) results_.published(steps[k], placed[k]);
  }

  run_state& run_;
  fetch_services& fetching_;
  fetch_results& results_;
  std::deque<std::size_t> queue_;  // steps to fetch
  std::vector<verified_partial> pending_;
  std::uint64_t pending_bytes_ = 0;
  std::chrono::steady_clock::time_point pending_since_;
};

/// The steps to fetch, by how.
struct fetch_shares {
  fetch_shares() = default;
  std::vector<std::size_t> small;
  std::vector<std::size_t>
      big;  ///< Also small ones that an earlier run began: their partials are resumed, and go.
};

HUBCACHE_DECL asio::awaitable<fetch_shares> share(run_state& run) {
  fetch_shares result;
  std::vector<std::size_t> wanted;
  for (std::size_t i = 0; i < run.what->steps.size(); ++i) {
    if (run.what->steps[i].action == file_action::fetched) wanted.push_back(i);
  }
  if (wanted.empty()) co_return result;
  auto look = [what = run.what](const std::stop_token&) { return begun_partials(*what); };
  const auto begun = co_await on_workers(run.with.pool, std::move(look));
  for (const auto i : wanted) {
    const auto& what = run.what->steps[i].what;
    const bool whole = what.size <= whole_limit &&
                       (begun.empty() || !begun.contains(os::last_segment(run.what->partial_of(what))));
    (whole ? result.small : result.big).push_back(i);
  }
  co_return result;
}

HUBCACHE_DECL asio::awaitable<void> fetch_all(run_state& run) {
  const auto executor = co_await asio::this_coro::executor;
  const auto shares = co_await share(run);
  const auto most = std::max<std::size_t>(run.what->options.max_transfers, 1);
  exchange_slots slots(executor, most);
  fetch_services fetching(run.with.config, run.hub, run.with.pool, run.with.observer, slots, executor);
  fetch_results results(run);
  big_files big(run, fetching, results, shares.big);
  small_files small(executor, run, fetching, results, shares.small);
  const auto bigs = std::min(most, shares.big.size());
  const auto smalls = shares.small.empty() ? 0 : 2 + std::min(most, shares.small.size());
  // It lives until fan_out() is done. NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines)
  auto some_big = [&big, &small]() -> asio::awaitable<void> {
    co_await big.fetch_some();
    small.wake();  // a failure may have stopped the run
  };
  auto stage = [&some_big, &small, bigs](std::size_t k) -> asio::awaitable<void> {
    if (k < bigs) return some_big();
    return k == bigs ? small.begin_all() : k == bigs + 1 ? small.publish_all() : small.fetch_some();
  };
  if (bigs + smalls > 0) co_await fan_out(bigs + smalls, std::move(stage));
  results.rethrow();
}

}  // namespace hubcache::inline v0_1::detail
