#pragma once
/// @file
/// Any link strategy, owned: for programs that choose one at run time.
///
///   using ladder = hubcache::default_link;  // remembers what devices cannot do, so it does not move
///   hubcache::any_link_strategy links = strict ? hubcache::any_link_strategy(hubcache::reflink())
///                                              : hubcache::any_link_strategy(std::in_place_type<ladder>);

#include <hubcache/link/link_ref.hpp>
#include <hubcache/link/link_strategy.hpp>

#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>

namespace hubcache::inline v0_1 {

/// Owns some model of `link_strategy`, itself one: one allocation when it is made, one indirect call per link.
///
/// Never empty but after a move, when it is good for assignment and destruction only. As thread-safe as the model.
class any_link_strategy {
 public:
  /// Takes a model over.
  template <class L>
  requires(!std::is_same_v<L, any_link_strategy> && link_strategy<L>) explicit any_link_strategy(L model)
      : any_link_strategy(std::in_place_type<L>, std::move(model)) {}
  /// Makes a model in its place, where it stays: for those that cannot be moved.
  template <link_strategy L, class... Arguments>
  explicit any_link_strategy(std::in_place_type_t<L>, Arguments&&... arguments)
      : any_link_strategy(std::make_shared<const L>(std::forward<Arguments>(arguments)...)) {}
  /// Takes over what the other owns.
  any_link_strategy(any_link_strategy&&) noexcept = default;
  any_link_strategy& operator=(any_link_strategy&&) noexcept = default;

  /// As link_strategy says.
  link_report link(const opened_file& have, const link_target& want, link_kinds kinds,
                   std::error_code& ec) const {
    return calls_.link(have, want, kinds, ec);
  }

 private:
  template <class L>
  explicit any_link_strategy(std::shared_ptr<const L> model) : calls_(*model), self_(std::move(model)) {}

  link_ref calls_;
  std::shared_ptr<const void> self_;  // shared with nobody: it remembers how to destroy what it owns
};
static_assert(link_strategy<any_link_strategy>);

}  // namespace hubcache::inline v0_1
