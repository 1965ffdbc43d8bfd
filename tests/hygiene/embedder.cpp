#include "embedder.hpp"

// What fwd.hpp named is what the headers say it is: g++ and clang compare, and each name is completed by one of these.
#include <hubcache.hpp>
#include <hubcache/hash/any_hash_policy.hpp>
#include <hubcache/index/any_content_index.hpp>
#include <hubcache/index/memory_index.hpp>
#include <hubcache/link/any_link_strategy.hpp>
#include <hubcache/transport/any_transport.hpp>
#include <hubcache/transport/memory_transport.hpp>
#include <hubcache/upkeep/clean_up.hpp>
#include <hubcache/upkeep/dedupe.hpp>
#include <hubcache/upkeep/gc.hpp>
#include <hubcache/upkeep/index_folder.hpp>
#include <hubcache/upkeep/quarantine.hpp>
#include <hubcache/upkeep/rebuild.hpp>
#include <hubcache/upkeep/survey.hpp>
#include <hubcache/upkeep/verify.hpp>
#include <hubcache/upkeep/why.hpp>

#include <utility>

namespace hubcache {
using namespace events;
#include "fwd_names.inc"
}  // namespace hubcache

model_store::model_store(const hubcache::settings& config)
    : own_(std::make_unique<hubcache::cache>(config)), cache_(*own_) {}
model_store::model_store(hubcache::cache& shared) : cache_(shared) {}
model_store::~model_store() = default;

bool model_store::has(const hubcache::repo& which, const hubcache::snapshot_options& options) const {
  return cache_.cached(which, options).has_value();
}
hubcache::plan model_store::plan(hubcache::repo which) { return cache_.plan(std::move(which)); }
