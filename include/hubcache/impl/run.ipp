#pragma once

#include <hubcache/fetch/fan_out.hpp>
#include <hubcache/fetch/fetch.hpp>
#include <hubcache/fetch/on_workers.hpp>
#include <hubcache/prepare.hpp>
#include <hubcache/run.hpp>
#include <hubcache/run_jobs.hpp>
#include <hubcache/source/hub_source.hpp>
#include <hubcache/source/pause.hpp>
#include <hubcache/store/ledger.hpp>
#include <hubcache/store/link_batch.hpp>

#include <algorithm>
#include <chrono>
#include <deque>

namespace hubcache::inline v0_1 {

namespace detail {

inline constexpr std::size_t links_per_job = 64;
/// A batch holds its locks and files open: with three descriptors each it stays far below common limits.
inline constexpr std::size_t batch_files = 64;
inline constexpr std::uint64_t batch_bytes = std::uint64_t{256} << 20U;
inline constexpr auto batch_age = std::chrono::seconds(1);

/// What has become of one step so far.
struct step_state {
  placed_content placed;
  int waits = 0;            ///< How often somebody else was moving the content.
  bool unlinkable = false;  ///< No place of it can be linked.
};

/// What the phases of one run share. Lives on the executor; jobs get copies, and the plan by shared ownership: it
/// changes only while no job reads it.
struct run_state {
  run_state(services w, plan p)
      : with(w),
        what(std::make_shared<plan>(std::move(p))),
        hub(with.config, with.transport, with.observer),
        steps(what->steps.size()) {
    hub.counters().requests = what->requests;
    where.base = what->local() ? what->view : what->layout.repo_dir();
    where.root = what->target_root;
    where.plain_files = what->plain_files;
    where.mode = what->local() ? os::default_file_mode() : os::default_file_mode() & ~0222U;
  }

  [[nodiscard]] std::string hub_lock(const content& c) const {
    return what->local() ? std::string{} : what->layout.lock(c.name);
  }

  services with;
  std::shared_ptr<plan> what;
  hub_source hub;
  destination where;
  std::vector<step_state> steps;  ///< As plan::steps.
};

/// Links what lies elsewhere on this machine, many contents to a job.
class link_phase {
 public:
  explicit link_phase(run_state& run) : run_(run) {}

  asio::awaitable<void> all() {
    std::vector<std::size_t> wanted;
    for (std::size_t i = 0; i < run_.what->steps.size(); ++i) {
      if (run_.what->steps[i].action == file_action::linked) wanted.push_back(i);
    }
    std::size_t next = 0;
    auto worker = [this, &wanted, &next](std::size_t) -> asio::awaitable<void> { return some(wanted, next); };
    if (wanted.empty()) co_return;
    co_await fan_out(std::clamp<std::size_t>(run_.with.pool.threads(), 1, 4), std::move(worker));
  }

  /// Tries the places of these steps. Those that stay unlinked become fetches.
  asio::awaitable<void> batch(std::vector<std::size_t> chosen) {
    std::vector<order> orders;
    for (const auto i : chosen) {
      const auto& step = run_.what->steps[i];
      orders.push_back({step, run_.hub_lock(step.what), run_.what->partial_of(step.what)});
    }
    auto work = [orders = std::move(orders), where = run_.where,
                 with = run_.with](const std::stop_token& stop) { return link(orders, where, with, stop); };
    const auto outcomes = co_await on_workers(run_.with.pool, std::move(work));
    for (std::size_t k = 0; k < chosen.size(); ++k) note(chosen[k], outcomes[k]);
  }

 private:
  struct order {
    plan_step step;
    std::string hub_lock;
    std::string scratch;
  };
  struct outcome {
    placed_content placed;
    bool tried = false;
  };

  asio::awaitable<void> some(const std::vector<std::size_t>& wanted, std::size_t& next) {
    while (next < wanted.size()) {
      const auto first = wanted.begin() + static_cast<std::ptrdiff_t>(next);
      const auto count = std::min(links_per_job, wanted.size() - next);
      next += count;
      const std::vector<std::size_t> mine(first, first + static_cast<std::ptrdiff_t>(count));
      co_await batch(mine);
    }
  }

  /// The job. The locks are held until the index knows what was linked.
  static std::vector<outcome> link(const std::vector<order>& orders, const destination& where,
                                   const services& with, const std::stop_token& stop) {
    std::vector<content_lock> locks;
    link_batch links(where, with.hashes, with.links, with.config.fsync, with.config.stores);
    std::vector<std::size_t> tried;
    for (std::size_t k = 0; k < orders.size() && !stop.stop_requested(); ++k) {
      const auto& [step, hub_lock, scratch] = orders[k];
      std::error_code ec;
      auto lock = content_lock::try_lock(with.config.state_dir, step.what.name, hub_lock, ec);
      if (!lock) continue;
      locks.push_back(std::move(*lock));
      links.add(step.what, step.places, step.targets, scratch, step.links, stop);
      tried.push_back(k);
    }
    auto placed = links.publish();
    std::vector<outcome> outcomes(orders.size());
    std::vector<index_record> records;
    auto index = with.index;
    for (std::size_t i = 0; i < placed.size(); ++i) {
      records.insert(records.end(), placed[i].records.begin(), placed[i].records.end());
      for (const auto& stale : placed[i].stale) index.forget(stale.name, stale.where.path);
      outcomes[tried[i]].placed = std::move(placed[i]);
      outcomes[tried[i]].tried = true;
    }
    index.insert(records);
    return outcomes;
  }

  void note(std::size_t i, const outcome& result) {
    auto& step = run_.what->steps[i];
    auto& state = run_.steps[i];
    for (const auto& text : result.placed.warnings) run_.with.warn(text);
    if (!result.placed.target) {
      step.action = file_action::fetched;
      state.unlinkable = result.tried;
      return;
    }
    state.placed = result.placed;
    step.action = file_action::linked;
    events::linked news;
    news.file = step.file;
    news.source = result.placed.source;
    news.kind = result.placed.link.value_or(link_kind::copy);
    news.bytes = step.what.size;
    run_.with.observer(news);
  }

  run_state& run_;
};

/// Fetches what is nowhere on this machine, and publishes it in batches.
class fetch_phase {
 public:
  fetch_phase(run_state& run, link_phase& links)
      : run_(run), links_(links), fetching_(run.with.config, run.hub, run.with.pool, run.with.observer) {}

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
    co_await links_.batch(chosen);
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
  link_phase& links_;
  fetch_services fetching_;
  std::deque<std::size_t> queue_;  // steps to fetch
  std::vector<verified_partial> pending_;
  std::uint64_t pending_bytes_ = 0;
  std::chrono::steady_clock::time_point pending_since_;
  std::shared_ptr<const error> worst_;
  bool stopped_ = false;
};

/// Waits until nobody removes anything from the repo's folder, and keeps it so as long as the lease is held. Where no
/// lease can be taken (a read-only home), there is none.
/// @throws error errc::refused if somebody holds the folder for a minute
HUBCACHE_DECL asio::awaitable<std::optional<os::file_lock>> lease_repo(const run_state& run) {
  const auto begun = std::chrono::steady_clock::now();
  bool told = false;
  for (;;) {
    auto work = [what = run.what, state_dir = run.with.config.state_dir](const std::stop_token&) {
      std::error_code ec;
      auto lease = ledger(state_dir).try_lease(what->layout.cache_dir(), what->repo.folder(),
                                               os::lock_mode::shared, ec);
      return std::pair(std::move(lease), static_cast<bool>(ec));
    };
    auto [lease, failed] = co_await on_workers(run.with.pool, std::move(work));
    if (lease || failed) co_return std::move(lease);
    const auto now = std::chrono::steady_clock::now();
    if (now - begun > std::chrono::minutes(1)) {
      throw error(errc::refused, "another process has been removing from the repo's folder for a minute",
                  error_context{}.with_repo(run.what->repo.display()));
    }
    if (!told && now - begun > std::chrono::seconds(1)) {
      run.with.warn("Another process removes from the cache of " + run.what->repo.display() +
                    "; waiting for it.");
      told = true;
    }
    co_await pause_until(now + std::chrono::milliseconds(50));
  }
}

HUBCACHE_DECL void announce(const services& with, const plan& what) {
  for (const auto& text : what.warnings) with.warn(text);
  events::planned news;
  news.repo = what.repo.display();
  news.commit = what.listing.commit;
  news.files = what.entries.size();
  news.bytes_present = what.bytes(file_action::present);
  news.bytes_to_link = what.bytes_to_link();
  news.bytes_to_fetch = what.bytes_to_fetch();
  with.observer(news);
}

HUBCACHE_DECL snapshot report(const run_state& run) {
  auto result = preview(*run.what);
  result.dry_run = false;
  for (std::size_t k = 0; k < result.files.size(); ++k) {
    const auto& placed = run.steps[run.what->entries[k].step].placed;
    auto& file = result.files[k];
    if (file.action != file_action::linked) continue;
    file.link = placed.link;
    file.source = placed.source;
    file.refused = placed.refused;
  }
  for (const auto& step : run.steps) result.totals.disk_delta += step.placed.allocated;
  result.totals.requests = run.hub.counters().requests;
  result.totals.bytes_wire = run.hub.counters().bytes_wire;
  return result;
}

}  // namespace detail

HUBCACHE_DECL asio::awaitable<snapshot> run(services with, plan what) {
  const auto begun = std::chrono::steady_clock::now();
  detail::run_state state(with, std::move(what));
  const auto lease = co_await detail::lease_repo(state);
  auto folders = [what = state.what, with](const std::stop_token&) {
    detail::look_again(*what);
    detail::prepare_folders(*what);
    remember_scan(what->scan, with.config.state_dir, with.index);
    return true;
  };
  co_await on_workers(with.pool, std::move(folders));
  detail::announce(with, *state.what);

  detail::link_phase links(state);
  co_await links.all();
  detail::fetch_phase fetches(state, links);
  co_await fetches.all();

  auto finish = [what = state.what, with](const std::stop_token&) {
    const bool unchanged = std::all_of(what->steps.begin(), what->steps.end(),
                                       [](const plan_step& s) { return s.action == file_action::present; });
    auto warnings = detail::finish_view(*what, unchanged);
    if (!what->local()) {
      ledger(with.config.state_dir)
          .note_use(what->layout.cache_dir(), what->repo.folder(), what->listing.commit);
    }
    return warnings;
  };
  const auto warnings = co_await on_workers(with.pool, std::move(finish));
  for (const auto& text : warnings) with.warn(text);
  auto result = detail::report(state);
  if (state.what->options.mapping) {
    auto work = [what = state.what, with](const std::stop_token& stop) {
      auto mapped = detail::complete_mapping(*what, with.hashes, with.index, stop);
      auto index = with.index;
      index.insert(mapped.records);
      return mapped;
    };
    auto mapped = co_await on_workers(with.pool, std::move(work));
    result.mapping = std::move(mapped.valid);
    result.stale_mapping = std::move(mapped.stale);
  }
  const auto spent = std::chrono::steady_clock::now() - begun;
  result.totals.seconds = state.what->seconds + std::chrono::duration<double>(spent).count();
  co_return result;
}

HUBCACHE_DECL asio::awaitable<snapshot> fetch_snapshot(services with, repo which, snapshot_options options) {
  auto what = co_await prepare(with, std::move(which), std::move(options));
  co_return co_await run(with, std::move(what));
}

}  // namespace hubcache::inline v0_1
