#pragma once
/// @file
/// A reference to any index: what plan, run and upkeep take, so that they are compiled once.

#include <hubcache/index/content_index.hpp>
#include <hubcache/index/record_visitor.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// A non-owning reference to any content_index, itself a model. The index must outlive it. Copying is free;
/// as thread-safe as the index.
class index_ref {
 public:
  /// Refers to `model`.
  template <content_index I>
  requires(!std::is_same_v<I, index_ref>) index_ref(I& model)
  noexcept  // NOLINT: a reference wrapper
      : self_(std::addressof(model)), calls_(&calls_of<I>) {}

  /// @{

  /// As content_index says.
  [[nodiscard]] std::vector<place> find(const digest& name) const { return calls_->find(self_, name); }
  std::size_t insert(std::span<const index_record> records) { return calls_->insert(self_, records); }
  void forget(const digest& name, const std::string& path) { calls_->forget(self_, name, path); }
  void each(record_visitor visit) const { calls_->each(self_, visit); }
  [[nodiscard]] std::uint64_t size() const { return calls_->size(self_); }
  /// @}

 private:
  struct calls {
    std::vector<place> (*find)(const void*, const digest&);
    std::size_t (*insert)(void*, std::span<const index_record>);
    void (*forget)(void*, const digest&, const std::string&);
    void (*each)(const void*, record_visitor);
    std::uint64_t (*size)(const void*);
  };

  template <class I>
  static constexpr calls calls_of{
      [](const void* self, const digest& name) { return static_cast<const I*>(self)->find(name); },
      [](void* self, std::span<const index_record> records) -> std::size_t {
        return static_cast<std::size_t>(static_cast<I*>(self)->insert(records));
      },
      [](void* self, const digest& name, const std::string& path) {
        static_cast<I*>(self)->forget(name, path);
      },
      [](const void* self, record_visitor visit) { static_cast<const I*>(self)->each(visit); },
      [](const void* self) -> std::uint64_t { return static_cast<const I*>(self)->size(); }};

  void* self_;
  const calls* calls_;
};
static_assert(content_index<index_ref>);

}  // namespace hubcache::inline v0_1
