#pragma once
/// @file
/// An index that lives and dies with its process: for tests and for embedders who keep places elsewhere.

#include <hubcache/index/content_index.hpp>
#include <hubcache/index/record_visitor.hpp>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace hubcache::inline v0_1 {

/// Models content_index. Any thread; calls wait for each other. A visitor of each() must not call the index.
class memory_index {
 public:
  /// @{

  /// As content_index says.
  [[nodiscard]] HUBCACHE_DECL std::vector<place> find(const digest& name) const;
  HUBCACHE_DECL std::size_t insert(std::span<const index_record> records);
  HUBCACHE_DECL void forget(const digest& name, const std::string& path);
  HUBCACHE_DECL void each(record_visitor visit) const;
  [[nodiscard]] HUBCACHE_DECL std::uint64_t size() const;
  /// @}

 private:
  mutable std::mutex using_;
  std::unordered_map<digest, std::vector<place>> places_;  // newest first, max_places at most
  std::uint64_t size_ = 0;
};
static_assert(content_index<memory_index>);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/memory_index.ipp>
#endif
