#pragma once
/// @file
/// What one operation works with: the cache's policies, erased, so that everything below basic_cache is compiled
/// once.

#include <hubcache/event.hpp>
#include <hubcache/hash/hash_set.hpp>
#include <hubcache/index/index_ref.hpp>
#include <hubcache/link/link_ref.hpp>
#include <hubcache/settings.hpp>
#include <hubcache/transport/transport.hpp>
#include <hubcache/work/workers.hpp>

namespace hubcache::inline v0_1 {

/// References only; whatever they name outlives the operation and every job it posted to `pool`.
struct services {
  /// All of them.
  services(const settings& c, transport_ref t, hash_set_ref h, link_ref l, index_ref i, workers& w,
           observer_ref o)
      : config(c), transport(t), hashes(h), links(l), index(i), pool(w), observer(o) {}

  const settings& config;   ///< The cache's settings.
  transport_ref transport;  ///< Its transport.
  hash_set_ref hashes;      ///< Its hashes.
  link_ref links;           ///< Its link strategy.
  index_ref index;          ///< Its index.
  workers& pool;            ///< For what blocks.
  observer_ref observer;    ///< Of this operation.

  /// Tells the observer an events::warning.
  void warn(std::string text) const {
    const event news = events::warning(std::move(text));
    observer(news);
  }
};

}  // namespace hubcache::inline v0_1
