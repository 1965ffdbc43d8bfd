#pragma once
/// @file
/// A ladder of strategies: the first that works, of those the caller allows.

#include <hubcache/fwd.hpp>
#include <hubcache/link/copy.hpp>
#include <hubcache/link/hard_link.hpp>
#include <hubcache/link/link_strategy.hpp>
#include <hubcache/link/reflink.hpp>
#include <hubcache/link/symlink.hpp>

#include <cstdint>
#include <mutex>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

namespace detail {

/// From and to which device (st_dev) a link is to be made.
struct device_pair {
  std::uint64_t from = 0;
  std::uint64_t to = 0;

  friend bool operator==(const device_pair&, const device_pair&) noexcept = default;
};

/// Which kinds do not work between which devices. Any thread; grows with the pairs of devices, so it stays
/// small.
class link_memory {
 public:
  /// Why `kind` does not work; success if nothing is known.
  [[nodiscard]] HUBCACHE_DECL std::error_code recall(const device_pair& devices, link_kind kind) const;
  HUBCACHE_DECL void remember(const device_pair& devices, link_kind kind, const std::error_code& reason);

 private:
  struct fact {
    device_pair devices;
    link_kind kind;
    std::error_code reason;
  };
  mutable std::mutex mutex_;
  std::vector<fact> facts_;
};

/// One descent of the ladder: what was tried, and whether to go on.
class link_search {
 public:
  HUBCACHE_DECL link_search(link_memory& memory, const opened_file& have, const link_target& want,
                            link_kinds kinds);

  /// Whether `kind` is allowed and not known to fail here.
  [[nodiscard]] HUBCACHE_DECL bool tries(link_kind kind);
  /// Takes the outcome of an attempt; true if it ends the search.
  [[nodiscard]] HUBCACHE_DECL bool settles(link_kind kind, const std::error_code& outcome);
  [[nodiscard]] HUBCACHE_DECL link_report finish(std::error_code& ec) &&;

 private:
  HUBCACHE_DECL void refuse(link_kind kind, const std::error_code& reason);

  link_memory& memory_;
  device_pair devices_;
  link_kinds allowed_;
  std::error_code failure_ = std::make_error_code(std::errc::operation_not_supported);
  link_report report_;
};

}  // namespace detail

/// Models `link_strategy`: tries `Ls` in order. That a kind does not work between two devices is remembered
/// for the life of this object; what is wrong with one file is not. A lack of space rules out a copy. A name
/// that is taken, a source that changed and a broken file system end the search. `link_report::refusals`
/// names each allowed kind that failed or was known to. On failure `ec` is what ended the search, else a lack
/// of space, else the last refusal. Neither copyable nor movable.
template <class... Ls>
class first_of {
  static_assert((single_link_strategy<Ls> && ...),
                "first_of takes strategies of one kind each: see docs/extending/link.md");

 public:
  first_of() = default;
  /// With strategies of the caller's.
  explicit first_of(Ls... models) requires(sizeof...(Ls) > 0) : models_(std::move(models)...) {}

  /// As link_strategy says: the first that succeeds.
  link_report link(const opened_file& have, const link_target& want, link_kinds kinds,
                   std::error_code& ec) const {
    detail::link_search search(memory_, have, want, kinds);
    const auto ends = [&](const auto& model) {
      constexpr link_kind kind = std::remove_cvref_t<decltype(model)>::kind;
      if (!search.tries(kind)) return false;
      model.link(have, want, kind, ec);
      return search.settles(kind, ec);
    };
    std::apply([&](const Ls&... model) { (void)(ends(model) || ...); }, models_);
    return std::move(search).finish(ec);
  }

 private:
  std::tuple<Ls...> models_;
  mutable detail::link_memory memory_;
};

static_assert(link_strategy<default_link>);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/link_first_of.ipp>
#endif
