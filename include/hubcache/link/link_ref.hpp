#pragma once
/// @file
/// Any link strategy, by reference.

#include <hubcache/link/link_strategy.hpp>

#include <memory>
#include <system_error>
#include <type_traits>

namespace hubcache::inline v0_1 {

/// A non-owning reference to any `link_strategy`, itself one: what links is compiled once.
class link_ref {
 public:
  /// Refers to `model`.
  template <link_strategy L>
  requires(!std::is_same_v<L, link_ref>) link_ref(const L& model)
  noexcept  // NOLINT: a reference wrapper
      : self_(std::addressof(model)),
        link_([](const void* self, const opened_file& have, const link_target& want, link_kinds kinds,
                 std::error_code& ec) { return static_cast<const L*>(self)->link(have, want, kinds, ec); }) {}

  /// As link_strategy says.
  link_report link(const opened_file& have, const link_target& want, link_kinds kinds,
                   std::error_code& ec) const {
    return link_(self_, have, want, kinds, ec);
  }

 private:
  const void* self_;
  link_report (*link_)(const void*, const opened_file&, const link_target&, link_kinds, std::error_code&);
};
static_assert(link_strategy<link_ref>);

}  // namespace hubcache::inline v0_1
