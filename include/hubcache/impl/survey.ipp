#pragma once

#include <hubcache/upkeep/survey.hpp>

#include <utility>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL survey take_survey(const settings& config, workers& pool, const std::stop_token& stop) {
  auto seen = take_census(config.cache_dir, pool, stop);
  auto map = map_disk(seen, pool, stop);
  const ledger book(config.state_dir);
  auto said = view_ledger(book, book.pins(config.cache_dir), seen);
  return {std::move(seen), std::move(map), std::move(said)};
}

}  // namespace hubcache::inline v0_1
