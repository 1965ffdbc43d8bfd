#pragma once

#include <hubcache/fetch/fan_out.hpp>
#include <hubcache/fetch/fetch.hpp>
#include <hubcache/fetch/on_workers.hpp>
#include <hubcache/prepare.hpp>
#include <hubcache/run.hpp>
#include <hubcache/run_jobs.hpp>
#include <hubcache/source/hub_source.hpp>
#include <hubcache/source/pause.hpp>

#include <algorithm>
#include <chrono>
#include <deque>

namespace hubcache::inline v0_1 {

namespace detail {

inline constexpr std::size_t links_per_job = 64;
inline constexpr std::size_t batch_files = 512;
inline constexpr std::uint64_t batch_bytes = std::uint64_t{256} << 20U;

/// Failures that concern one file only: the others go on.
HUBCACHE_DECL bool concerns_one_file(errc failure) noexcept {
  return failure == errc::digest_mismatch || failure == errc::size_mismatch || failure == errc::file_not_found;
}

/// One run, on the executor; jobs get copies of what they need.
class snapshot_run {
 public:
  snapshot_run(services with, plan what)
      : with_(with),
        plan_(std::move(what)),
        hub_(with_.config, with_.transport),
        fetching_(with_.config, hub_, with_.pool, with_.observer),
        results_(plan_.steps.size()),
        waits_(plan_.steps.size()) {
    hub_.counters().requests = plan_.requests;
    where_.root = plan_.target_root;
    where_.plain_files = plan_.plain_files;
    where_.mode = plan_.local() ? os::default_file_mode() : os::default_file_mode() & ~0222U;
  }

  asio::awaitable<snapshot> run() {
    const auto begun = std::chrono::steady_clock::now();
    announce();
    auto folders = [what = plan_, with = with_](const std::stop_token&) {
      prepare_folders(what);
      remember_scan(what.scan, with.config.state_dir, with.index);
      return true;
    };
    co_await on_workers(with_.pool, std::move(folders));
    co_await link_all();
    co_await fetch_all();
    if (worst_) throw *worst_;
    auto finish = [what = plan_](const std::stop_token&) {
      finish_view(what);
      return true;
    };
    co_await on_workers(with_.pool, std::move(finish));
    auto result = report();
    if (plan_.options.mapping) co_await map_contents(result);
    result.totals.seconds =
        plan_.seconds + std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    co_return result;
  }

 private:
  void announce() const {
    for (const auto& text : plan_.warnings) with_.warn(text);
    events::planned news;
    news.repo = plan_.repo.display();
    news.commit = plan_.listing.commit;
    news.files = plan_.entries.size();
    news.bytes_present = plan_.bytes(file_action::present);
    news.bytes_to_link = plan_.bytes_to_link();
    news.bytes_to_fetch = plan_.bytes_to_fetch();
    with_.observer(news);
  }

  [[nodiscard]] std::string hub_lock(const content& what) const {
    return plan_.local() ? std::string{} : plan_.layout.lock(what.name);
  }
  [[nodiscard]] error_context context(const plan_step& step) const {
    error_context result;
    result.repo = plan_.repo.display();
    result.file = step.file;
    return result;
  }

  // ---- links

  asio::awaitable<void> link_all() {
    std::vector<std::size_t> wanted;
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      if (plan_.steps[i].action == file_action::linked) wanted.push_back(i);
    }
    std::size_t next = 0;
    auto worker = [this, &wanted, &next](std::size_t) -> asio::awaitable<void> { return link_some(wanted, next); };
    if (!wanted.empty()) co_await fan_out(std::clamp<std::size_t>(with_.pool.threads(), 1, 4), std::move(worker));
  }

  asio::awaitable<void> link_some(const std::vector<std::size_t>& wanted, std::size_t& next) {
    while (next < wanted.size()) {
      const auto first = next;
      next = std::min(wanted.size(), first + links_per_job);
      const std::vector<std::size_t> mine(wanted.begin() + static_cast<std::ptrdiff_t>(first),
                                          wanted.begin() + static_cast<std::ptrdiff_t>(next));
      co_await link_batch(mine);
    }
  }

  struct link_outcome {
    placed_content placed;
    bool busy = false;
  };

  asio::awaitable<void> link_batch(std::vector<std::size_t> batch) {
    std::vector<plan_step> steps;
    std::vector<std::string> locks;
    std::vector<std::string> scratch;
    for (const auto i : batch) {
      steps.push_back(plan_.steps[i]);
      locks.push_back(hub_lock(plan_.steps[i].what));
      scratch.push_back(plan_.partial_of(plan_.steps[i].what));
    }
    auto work = [steps = std::move(steps), locks = std::move(locks), scratch = std::move(scratch), where = where_,
                 with = with_, kinds = plan_.options.links](const std::stop_token& stop) mutable {
      std::vector<link_outcome> outcomes(steps.size());
      for (std::size_t i = 0; i < steps.size() && !stop.stop_requested(); ++i) {
        const auto& step = steps[i];
        std::error_code ec;
        const auto lock = content_lock::try_lock(with.config.state_dir, step.what.name, locks[i], ec);
        outcomes[i].busy = !lock;
        if (!lock) continue;
        auto& placed = outcomes[i].placed;
        placed = link_content(step.what, step.places, step.targets, where, scratch[i], kinds, with.hashes,
                              with.links, stop);
        with.index.insert(placed.records);
        for (const auto& stale : placed.stale) with.index.forget(stale.name, stale.where.path);
      }
      return outcomes;
    };
    auto outcomes = co_await on_workers(with_.pool, std::move(work));
    for (std::size_t i = 0; i < batch.size(); ++i) note_link_outcome(batch[i], outcomes[i]);
  }

  void note_link_outcome(std::size_t i, const link_outcome& outcome) {
    auto& step = plan_.steps[i];
    for (const auto& text : outcome.placed.warnings) with_.warn(text);
    if (!outcome.placed.target) {
      // Busy, or not to be linked: the fetch phase looks again and fetches if it must.
      if (!outcome.busy) step.places.clear();
      step.action = file_action::fetched;
      return;
    }
    results_[i] = outcome.placed;
    step.action = file_action::linked;
    events::linked news;
    news.file = step.file;
    news.source = outcome.placed.source;
    news.kind = outcome.placed.link.value_or(link_kind::copy);
    news.bytes = step.what.size;
    with_.observer(news);
  }

  // ---- fetches

  asio::awaitable<void> fetch_all() {
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      if (plan_.steps[i].action == file_action::fetched) queue_.push_back(i);
    }
    std::sort(queue_.begin(), queue_.end(), [this](std::size_t a, std::size_t b) {
      const auto size = [this](std::size_t i) { return plan_.steps[i].what.size; };
      return size(a) != size(b) ? size(a) > size(b) : a < b;
    });
    const auto slots = std::min(std::max<std::size_t>(plan_.options.max_transfers, 1), queue_.size());
    auto worker = [this](std::size_t) -> asio::awaitable<void> { return fetch_some(); };
    if (slots > 0) co_await fan_out(slots, std::move(worker));
    co_await publish_pending();
  }

  asio::awaitable<void> fetch_some() {
    while (!queue_.empty() && !stopped_) {
      const auto i = queue_.front();
      queue_.pop_front();
      std::exception_ptr failure;
      try {
        co_await fetch_step(i);
      } catch (const error&) {
        failure = std::current_exception();
      }
      if (failure) note_failure(*error_of(failure));
    }
  }

  void note_failure(const error& failure) {
    const auto severity = [](const error& e) { return concerns_one_file(e.reason()) ? 0 : 1; };
    if (!worst_ || severity(failure) > severity(*worst_)) worst_ = std::make_shared<const error>(failure);
    if (failure.reason() == errc::cancelled) throw failure;
    stopped_ = stopped_ || !concerns_one_file(failure.reason());
  }

  asio::awaitable<void> fetch_step(std::size_t i) {
    const auto step = plan_.steps[i];
    if (waits_[i] > 0 && co_await link_instead(i)) co_return;

    const bool may_be_there = !plan_.plain_files && !plan_.options.force_download && waits_[i] > 0;
    const auto expected = may_be_there ? where_.root + "/" + step.targets.front() : std::string{};
    auto open = [state = with_.config.state_dir, what = step.what, lock = hub_lock(step.what),
                 path = plan_.partial_of(step.what), expected, hashes = with_.hashes](const std::stop_token&) {
      return begin_transfer(state, what, lock, path, expected, hashes);
    };
    auto begun = co_await on_workers(with_.pool, std::move(open));
    if (begun.present) {
      plan_.steps[i].action = file_action::present;
      co_return;
    }
    if (!begun.file) {
      co_await wait_for_others(i);
      co_return;
    }
    co_await fetch_content(fetching_, plan_.repo, plan_.listing.commit, step.file, begun.file);
    verified_partial ready;
    ready.step = i;
    ready.targets = step.targets;
    ready.file = std::move(begun.file);
    ready.lock = std::move(begun.lock);
    pending_bytes_ += step.what.size;
    pending_.push_back(std::move(ready));
    const bool full = pending_.size() >= batch_files || pending_bytes_ >= batch_bytes;
    if (full || with_.config.fsync != fsync_mode::batch) co_await publish_pending();
  }

  /// Somebody else moves this content: it goes to the tail of the queue.
  asio::awaitable<void> wait_for_others(std::size_t i) {
    if (waits_[i]++ == 0) with_.warn("Another process is fetching " + plan_.steps[i].file + "; waiting for it.");
    queue_.push_back(i);
    co_await publish_pending();  // others may wait for what we hold
    const auto pause = std::chrono::milliseconds(std::min(1000, 50 * waits_[i]));
    co_await pause_until(std::chrono::steady_clock::now() + pause);
  }

  /// After a wait: what the other process published may be linked now.
  asio::awaitable<bool> link_instead(std::size_t i) {
    auto& step = plan_.steps[i];
    if (!plan_.let_in || !plan_.options.smart_cache || plan_.options.force_download) co_return false;
    step.places = places_of(plan_, with_.index, step.what);
    if (step.places.empty()) co_return false;
    const std::vector<std::size_t> one{i};
    co_await link_batch(one);
    co_return step.action == file_action::linked;
  }

  asio::awaitable<void> publish_pending() {
    if (pending_.empty()) co_return;
    auto batch = std::exchange(pending_, {});
    pending_bytes_ = 0;
    std::vector<std::size_t> steps;
    for (const auto& item : batch) steps.push_back(item.step);
    auto work = [batch = std::move(batch), where = where_, with = with_](const std::stop_token&) mutable {
      auto placed = publish(std::move(batch), where, with.config.fsync, with.hashes, with.links);
      for (const auto& one : placed) with.index.insert(one.records);
      return placed;
    };
    const auto placed = co_await on_workers(with_.pool, std::move(work));
    for (std::size_t k = 0; k < placed.size(); ++k) note_published(steps[k], placed[k]);
  }

  void note_published(std::size_t i, const placed_content& placed) {
    const auto& step = plan_.steps[i];
    if (placed.failure) {
      note_failure(error(disk_errc(placed.failure), "cannot publish the file: " + placed.failure.message(),
                         context(step)));
      return;
    }
    results_[i] = placed;
    events::fetched news;
    news.file = step.file;
    news.bytes = step.what.size;
    with_.observer(news);
  }

  // ---- the result

  [[nodiscard]] snapshot report() const {
    auto result = preview(plan_);
    result.dry_run = false;
    for (std::size_t k = 0; k < result.files.size(); ++k) {
      const auto& placed = results_[plan_.entries[k].step];
      auto& file = result.files[k];
      if (file.action != file_action::linked) continue;
      file.link = placed.link;
      file.source = placed.source;
    }
    for (const auto& placed : results_) result.totals.disk_delta += placed.allocated;
    result.totals.requests = hub_.counters().requests;
    result.totals.bytes_wire = hub_.counters().bytes_wire;
    return result;
  }

  asio::awaitable<void> map_contents(snapshot& result) {
    auto work = [what = plan_, with = with_](const std::stop_token& stop) {
      auto mapped = complete_mapping(what, with.hashes, with.index, stop);
      index_ref index = with.index;
      index.insert(mapped.records);
      return mapped;
    };
    auto mapped = co_await on_workers(with_.pool, std::move(work));
    result.mapping = std::move(mapped.valid);
    result.stale_mapping = std::move(mapped.stale);
  }

  services with_;
  plan plan_;
  hub_source hub_;
  fetch_services fetching_;
  destination where_;
  std::vector<placed_content> results_;  // by step
  std::vector<int> waits_;               // by step: how often somebody else was at it
  std::deque<std::size_t> queue_;        // steps to fetch
  std::vector<verified_partial> pending_;
  std::uint64_t pending_bytes_ = 0;
  std::shared_ptr<const error> worst_;
  bool stopped_ = false;
};

}  // namespace detail

HUBCACHE_DECL asio::awaitable<snapshot> run(services with, plan what) {
  detail::snapshot_run one(with, std::move(what));
  co_return co_await one.run();
}

HUBCACHE_DECL asio::awaitable<snapshot> fetch_snapshot(services with, repo which, snapshot_options options) {
  auto what = co_await prepare(with, std::move(which), std::move(options));
  co_return co_await run(with, std::move(what));
}

}  // namespace hubcache::inline v0_1
