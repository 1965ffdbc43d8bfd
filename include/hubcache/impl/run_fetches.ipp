#pragma once

#include <hubcache/fetch/fan_out.hpp>
#include <hubcache/fetch/fetch.hpp>
#include <hubcache/fetch/on_workers.hpp>
#include <hubcache/run_fetches.hpp>
#include <hubcache/run_jobs.hpp>
#include <hubcache/run_links.hpp>
#include <hubcache/source/pause.hpp>

#include <algorithm>
#include <chrono>
#include <deque>

namespace hubcache::inline v0_1::detail {

/// A batch holds its locks and files open: with three descriptors each it stays far below common limits.
inline constexpr std::size_t batch_files = 64;
inline constexpr std::uint64_t batch_bytes = std::uint64_t{256} << 20U;
inline constexpr auto batch_age = std::chrono::seconds(1);

/// Fetches what is nowhere on this machine, and publishes it in batches.
class fetch_phase {
 public:
  explicit fetch_phase(run_state& run)
      : run_(run), fetching_(run.with.config, run.hub, run.with.pool, run.with.observer) {}

  /// @throws error the worst failure, after the other contents are done
  asio::awaitable<void> all() {
    const auto& steps = run_.what->steps;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].action == file_action::fetched) queue_.push_back(i);
    }
    std::sort(queue_.begin(), queue_.end(), [&steps](std::size_t a, std::size_t b) {
      return steps[a].what.size != steps[b].what.size ? steps[a].what.size > steps[b].what.size : a < b;
    });
    const auto slots = std::min(std::max<std::size_t>(run_.what->options.max_transfers, 1), queue_.size());
    auto worker = [this](std::size_t) -> asio::awaitable<void> { return some(); };
    if (slots > 0) co_await fan_out(slots, std::move(worker));
    if (worst_) throw *worst_;
  }

 private:
  asio::awaitable<void> some() {
    while (!queue_.empty() && !stopped_) {
      const auto i = queue_.front();
      queue_.pop_front();
      std::exception_ptr failure;
      try {
        co_await one(i);
      } catch (const error&) {
        failure = std::current_exception();
      }
      if (failure) note_failure(*error_of(failure));
    }
    co_await publish_pending();  // who has nothing left to fetch lets nothing wait for the slowest transfer
  }

  void note_failure(const error& failure) {
    const auto concerns_one_file = [](const error& e) {
      return e.reason() == errc::digest_mismatch || e.reason() == errc::size_mismatch ||
             e.reason() == errc::file_not_found;
    };
    if (!worst_ || (concerns_one_file(*worst_) && !concerns_one_file(failure))) {
      worst_ = std::make_shared<const error>(failure);
    }
    if (failure.reason() == errc::cancelled) throw failure;
    stopped_ = stopped_ || !concerns_one_file(failure);
  }

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
    const auto& options = run_.what->options;
    // Who forces or verifies does not take what merely lies there.
    const bool believing = !options.force_download && !options.verify;
    transfer_place at;
    at.hub_lock = run_.hub_lock(step.what);
    at.partial = run_.what->partial_of(step.what);
    at.target = run_.where.root + "/" + step.targets.front();
    at.look_here = believing && !run_.where.plain_files;
    at.look_elsewhere = believing && options.smart_cache && run_.what->let_in && !run_.steps[i].unlinkable;
    auto work = [at, what = step.what, with = run_.with](const std::stop_token&) {
      return begin_transfer(with.config.state_dir, what, at, with.hashes, with.index);
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
                 with = run_.with](const std::stop_token&) mutable {
      return publish(std::move(batch), where, with.config.fsync, with.hashes, with.links, with.index);
    };
    const auto placed = co_await on_workers(run_.with.pool, std::move(work));
    for (std::size_t k = 0; k < placed.size(); ++k) note_published(steps[k], placed[k]);
  }

  void note_published(std::size_t i, const placed_content& placed) {
    const auto& step = run_.what->steps[i];
    if (placed.failure) {
      error_context context;
      context.repo = run_.what->repo.display();
      context.file = step.file;
      note_failure(error(disk_errc(placed.failure), "cannot publish the file: " + placed.failure.message(),
                         std::move(context)));
      return;
    }
    run_.steps[i].placed = placed;
    events::fetched news;
    news.file = step.file;
    news.bytes = step.what.size;
    run_.with.observer(news);
  }

  run_state& run_;
  fetch_services fetching_;
  std::deque<std::size_t> queue_;  // steps to fetch
  std::vector<verified_partial> pending_;
  std::uint64_t pending_bytes_ = 0;
  std::chrono::steady_clock::time_point pending_since_;
  std::shared_ptr<const error> worst_;
  bool stopped_ = false;
};

HUBCACHE_DECL asio::awaitable<void> fetch_all(run_state& run) {
  fetch_phase fetches(run);
  co_await fetches.all();
}

}  // namespace hubcache::inline v0_1::detail
