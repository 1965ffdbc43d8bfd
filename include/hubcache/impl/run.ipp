#pragma once

#include <hubcache/fetch/fan_out.hpp>
#include <hubcache/fetch/on_workers.hpp>
#include <hubcache/prepare.hpp>
#include <hubcache/run.hpp>
#include <hubcache/run_fetches.hpp>
#include <hubcache/run_jobs.hpp>
#include <hubcache/run_links.hpp>
#include <hubcache/run_present.hpp>
#include <hubcache/run_state.hpp>
#include <hubcache/source/pause.hpp>
#include <hubcache/store/ledger.hpp>

#include <algorithm>
#include <chrono>

namespace hubcache::inline v0_1 {

namespace detail {

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

/// Completes the view: its entries, many to a job; then what says that they are complete.
HUBCACHE_DECL asio::awaitable<void> finish(const run_state& run) {
  constexpr std::size_t at_once = 1000;
  const auto all = run.what->entries.size();
  // fan_out() keeps it until all are done. NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines)
  auto some = [&run, all](std::size_t k) -> asio::awaitable<void> {
    auto work = [what = run.what, first = k * at_once, last = std::min(all, (k + 1) * at_once)](
                    const std::stop_token&) { return finish_entries(*what, first, last); };
    const auto warnings = co_await on_workers(run.with.pool, std::move(work));
    for (const auto& text : warnings) run.with.warn(text);
  };
  co_await fan_out(std::max<std::size_t>(1, (all + at_once - 1) / at_once),
                   std::move(some));  // an empty view too is made
  auto rest = [what = run.what, with = run.with](const std::stop_token&) {
    const bool unchanged = std::all_of(what->steps.begin(), what->steps.end(),
                                       [](const plan_step& s) { return s.action == file_action::present; });
    finish_view(*what, with.config.fsync, unchanged);
    if (!what->local()) {
      ledger(with.config.state_dir)
          .note_use(what->layout.cache_dir(), what->repo.folder(), what->listing.commit);
    }
    return true;
  };
  co_await on_workers(run.with.pool, std::move(rest));
}

/// The phases of run(), whose errors need not name the repo.
HUBCACHE_DECL asio::awaitable<snapshot> run_phases(services with, plan what) {
  const auto begun = std::chrono::steady_clock::now();
  run_state state(with, std::move(what));
  const auto lease = co_await lease_repo(state);
  auto folders = [what = state.what, with](const std::stop_token& stop) {
    look_again(*what);
    inspect_present(*what, false, with.hashes, stop);
    prepare_folders(*what);
    remember_scan(what->scan, with.config.state_dir, with.index);
    return true;
  };
  co_await on_workers(with.pool, std::move(folders));
  announce(with, *state.what);

  co_await link_all(state);
  co_await fetch_all(state);
  const bool ruled = std::any_of(state.what->steps.begin(), state.what->steps.end(),
                                 [](const plan_step& s) { return s.rules.needed(); });
  if (ruled) {
    auto arrived = [what = state.what, with](const std::stop_token& stop) {
      inspect_present(*what, true, with.hashes, stop);
      return true;
    };
    co_await on_workers(with.pool, std::move(arrived));
  }

  co_await finish(state);
  auto result = report(state);
  if (state.what->options.mapping) {
    auto work = [what = state.what, with](const std::stop_token& stop) {
      auto mapped = complete_mapping(*what, with.hashes, with.index, stop);
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

}  // namespace detail

HUBCACHE_DECL asio::awaitable<snapshot> run(services with, plan what) {
  const auto context = detail::context_of(what);
  try {
    co_return co_await detail::run_phases(with, std::move(what));
  } catch (const error& e) {
    throw e.within(context);
  }
}

HUBCACHE_DECL asio::awaitable<snapshot> fetch_snapshot(services with, repo which, snapshot_options options) {
  hub_source hub(with.config, with.transport, with.observer);
  auto draft = co_await detail::draft_plan(with, hub, std::move(which), std::move(options));
  // Handed to the job as it is: it may outlive this frame.
  const auto what = std::make_shared<plan>(std::move(draft.what));
  auto look = [what, with](const std::stop_token&) { return detail::present_snapshot(*what, with.config); };
  auto found = co_await on_workers(with.pool, std::move(look));
  if (found) {
    for (const auto& text : what->warnings) with.warn(text);
    detail::announce_present(with.observer, *found);
    co_return std::move(*found);
  }
  draft.what = std::move(*what);
  auto completed = co_await detail::complete_plan(with, hub, std::move(draft));
  co_return co_await run(with, std::move(completed));
}

}  // namespace hubcache::inline v0_1
