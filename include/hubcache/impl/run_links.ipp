#pragma once

#include <hubcache/fetch/fan_out.hpp>
#include <hubcache/fetch/on_workers.hpp>
#include <hubcache/run_jobs.hpp>
#include <hubcache/run_links.hpp>
#include <hubcache/store/content_lock.hpp>
#include <hubcache/store/link_batch.hpp>

#include <algorithm>

namespace hubcache::inline v0_1::detail {

inline constexpr std::size_t links_per_job = 64;

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
    content_locks all(with.config.state_dir);
    std::vector<content_lock> locks;
    link_batch links(where, with.hashes, with.links, with.config.fsync, with.config.stores);
    std::vector<std::size_t> tried;
    for (std::size_t k = 0; k < orders.size() && !stop.stop_requested(); ++k) {
      const auto& [step, hub_lock, scratch] = orders[k];
      std::error_code ec;
      auto lock = all.try_lock(step.what.name, hub_lock, ec);
      if (!lock) continue;
      locks.push_back(std::move(*lock));
      links.add(step.what, step.places, step.targets, scratch, step.links, stop, step.rules);
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
    // To fetch it would bring the same bytes.
    if (result.placed.objection) throw objection_error(*run_.what, step.file, *result.placed.objection);
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

HUBCACHE_DECL asio::awaitable<void> link_all(run_state& run) {
  link_phase links(run);
  co_await links.all();
}

HUBCACHE_DECL asio::awaitable<void> link_some(run_state& run, std::vector<std::size_t> chosen) {
  link_phase links(run);
  co_await links.batch(std::move(chosen));
}

}  // namespace hubcache::inline v0_1::detail
