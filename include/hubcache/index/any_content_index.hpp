#pragma once
/// @file
/// Any index, owned: for programs that choose one at run time.
///
///   using on_disk = hubcache::mapped_index;  // does not move
///   auto index = folder.empty() ? hubcache::any_content_index(std::in_place_type<hubcache::memory_index>)
///                               : hubcache::any_content_index(std::in_place_type<on_disk>, folder);

#include <hubcache/index/content_index.hpp>
#include <hubcache/index/index_ref.hpp>
#include <hubcache/index/record_visitor.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

/// Owns some model of `content_index`, itself one: one allocation when it is made, one indirect call per call.
///
/// Never empty but after a move, when it is good for assignment and destruction only. As thread-safe as the model.
/// What several caches share is an `index_ref` to one index.
class any_content_index {
 public:
  /// Takes a model over.
  template <class I>
  requires(!std::is_same_v<I, any_content_index> && content_index<I>) explicit any_content_index(I model)
      : any_content_index(std::in_place_type<I>, std::move(model)) {}
  /// Makes a model in its place, where it stays: for those that cannot be moved.
  template <content_index I, class... Arguments>
  explicit any_content_index(std::in_place_type_t<I>, Arguments&&... arguments)
      : any_content_index(std::make_shared<I>(std::forward<Arguments>(arguments)...)) {}
  /// Takes over what the other owns.
  any_content_index(any_content_index&&) noexcept = default;
  any_content_index& operator=(any_content_index&&) noexcept = default;

  /// @{

  /// As content_index says, and so the others.
  [[nodiscard]] std::vector<place> find(const digest& name) const { return calls_.find(name); }
  std::size_t insert(std::span<const index_record> records) { return calls_.insert(records); }
  void forget(const digest& name, const std::string& path) { calls_.forget(name, path); }
  void each(record_visitor visit) const { calls_.each(visit); }
  [[nodiscard]] std::uint64_t size() const { return calls_.size(); }
  /// @}

 private:
  template <class I>
  explicit any_content_index(std::shared_ptr<I> model) : calls_(*model), self_(std::move(model)) {}

  index_ref calls_;
  std::shared_ptr<void> self_;  // shared with nobody: it remembers how to destroy what it owns
};
static_assert(content_index<any_content_index>);

}  // namespace hubcache::inline v0_1
