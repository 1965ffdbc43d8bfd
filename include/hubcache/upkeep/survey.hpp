#pragma once
/// @file
/// A Hub cache at one moment: all that listing it, or choosing what to remove, asks for.

#include <hubcache/settings.hpp>
#include <hubcache/upkeep/clean_up.hpp>

#include <stop_token>
#include <type_traits>
#include <utility>

namespace hubcache::inline v0_1 {

/// A census, and what is known of it.
struct survey {
  /// Sets seen, map and book.
  survey(census c, disk_map m, ledger_view l) : seen(std::move(c)), map(std::move(m)), book(std::move(l)) {}

  census seen;       ///< What the cache holds.
  disk_map map;      ///< Of `seen`.
  ledger_view book;  ///< What the ledger says of `seen`: last uses, pins, leases.

  friend bool operator==(const survey&, const survey&) = default;
};
static_assert(!std::is_aggregate_v<survey>);

/// Takes the census of `config.cache_dir`, maps what it occupies and reads the ledger in `config.state_dir`. Changes
/// nothing. Once `stop` is requested the result is incomplete: nothing must be removed by it. Blocking; it waits for the
/// disk more than it computes, so give it more threads than there are cores.
/// @throws error a disk error if there are pins that cannot be listed
[[nodiscard]] HUBCACHE_DECL survey take_survey(const settings& config, workers& pool,
                                               const std::stop_token& stop = {});

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/survey.ipp>
#endif
