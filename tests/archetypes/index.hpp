#pragma once
/// @file
/// An index that offers nothing beyond its contract. docs/extending/index.md shows it.

#include <hubcache/index/content_index.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace minimal {

/// A table in memory: the places of each digest, newest first.
class index {
 public:
  index() = default;
  index(const index&) = delete;
  index& operator=(const index&) = delete;

  std::vector<hubcache::place> find(const hubcache::digest& name) const {
    const std::lock_guard hold(using_);
    const auto known = places_.find(name);
    return known == places_.end() ? std::vector<hubcache::place>() : known->second;
  }
  std::size_t insert(std::span<const hubcache::index_record> records) {
    const std::lock_guard hold(using_);
    for (const auto& record : records) {
      auto& places = places_[record.name];
      auto newest = record.where;
      std::erase_if(places, [&newest](const hubcache::place& known) {
        if (known.path != newest.path) return false;
        newest = hubcache::merged_place(newest, known);
        return true;
      });
      places.insert(places.begin(), newest);
      if (places.size() > hubcache::max_places) places.pop_back();
    }
    return records.size();
  }
  void forget(const hubcache::digest& name, const std::string& path) {
    const std::lock_guard hold(using_);
    std::erase_if(places_[name], [&path](const hubcache::place& known) { return known.path == path; });
  }
  void each(auto visit) const {
    const std::lock_guard hold(using_);
    for (const auto& [name, places] : places_) {
      for (const auto& where : places) {
        if (!visit(hubcache::index_record(name, where))) return;
      }
    }
  }
  std::uint64_t size() const {
    const std::lock_guard hold(using_);
    std::uint64_t count = 0;
    for (const auto& [name, places] : places_) count += places.size();
    return count;
  }

 private:
  mutable std::mutex using_;
  std::map<hubcache::digest, std::vector<hubcache::place>> places_;
};
static_assert(hubcache::content_index<index>);

}  // namespace minimal
