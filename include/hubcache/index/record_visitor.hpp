#pragma once
/// @file
/// What `each` of an index calls, erased.

#include <hubcache/index/content_index.hpp>

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace hubcache::inline v0_1 {

/// A non-owning reference to a callable object `bool(const index_record&)` that returns false to stop. For
/// parameters: the object must outlive the call.
class record_visitor {
 public:
  /// Refers to `visit`.
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, record_visitor> &&
           std::is_object_v<std::remove_reference_t<F>> &&
           std::is_invocable_r_v<bool, F&, const index_record&>) record_visitor(F&& visit)
  noexcept  // NOLINT: a reference wrapper
      : self_(const_cast<void*>(static_cast<const void*>(std::addressof(visit)))),
        call_([](void* self, const index_record& record) -> bool {
          return (*static_cast<std::remove_reference_t<F>*>(self))(record);
        }) {}

  /// Returns whether the visit goes on.
  bool operator()(const index_record& record) const { return call_(self_, record); }

 private:
  void* self_;
  bool (*call_)(void*, const index_record&);
};

}  // namespace hubcache::inline v0_1
