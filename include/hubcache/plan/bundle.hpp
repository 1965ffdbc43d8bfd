#pragma once
/// @file
/// Several repos fetched together: what each role is played by, and what everything costs if every content is moved
/// once.

#include <hubcache/plan/plan.hpp>
#include <hubcache/plan/snapshot.hpp>
#include <hubcache/select/role.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// One commit of one repo, as part of a bundle.
struct bundle_part {
  bundle_part() = default;

  plan what;                     ///< Its plan.
  std::vector<file_role> roles;  ///< Of files of `what`; those not named have none. Sorted.

  friend bool operator==(const bundle_part&, const bundle_part&) = default;
};
static_assert(!std::is_aggregate_v<bundle_part>);

/// Carried out in order. A content that several parts need is moved by the first of them and linked by the others; their
/// plans say so.
struct bundle_plan {
  bundle_plan() = default;

  std::vector<bundle_part> parts;     ///< Each commit of a repo once, if their folders are the same.
  std::vector<std::string> warnings;  ///< Beyond those of the parts' plans.

  /// Bytes of all contents whose step is `action`: each content counts once a part.
  [[nodiscard]] HUBCACHE_DECL std::uint64_t bytes(file_action action) const;
  /// Bytes that will cross the network.
  [[nodiscard]] std::uint64_t bytes_to_fetch() const { return bytes(file_action::fetched); }

  friend bool operator==(const bundle_plan&, const bundle_plan&) = default;
};
static_assert(!std::is_aggregate_v<bundle_plan>);

/// For people: to_string() of each part, the warnings, and a line of what is to be fetched in all.
[[nodiscard]] HUBCACHE_DECL std::string to_string(const bundle_plan& what);

/// Makes links of the fetches of `later` whose content a part of `earlier` fetches or has; what their common blobs/ will
/// hold by then is present. The source is the name that the earlier part gives it: it need not exist before the run.
/// @param let_in  whether content of other repos may be linked. O(contents of all parts).
HUBCACHE_DECL void share_contents(std::span<const bundle_part> earlier, plan& later, bool let_in);

/// What one part of a bundle costs, beside the others. Contents count once.
struct part_cost {
  part_cost() = default;

  std::uint64_t bytes_total = 0;     ///< All its contents.
  std::uint64_t bytes_shared = 0;    ///< Of these: what at least one other part has, too.
  std::uint64_t bytes_alone = 0;     ///< The rest: what leaving this part out would save.
  std::uint64_t bytes_to_fetch = 0;  ///< By this part.

  friend bool operator==(const part_cost&, const part_cost&) = default;
};
static_assert(!std::is_aggregate_v<part_cost>);

/// The cost of each part. O(contents).
[[nodiscard]] HUBCACHE_DECL std::vector<part_cost> costs_of(const bundle_plan& what);

/// One file of a bundle, where it lies now. One with two roles stands there twice; the second time it is present.
struct bundle_file {
  bundle_file() = default;

  std::size_t part = 0;  ///< In bundle::parts.
  std::string role;      ///< Empty if it has none.
  snapshot_file file;    ///< What became of it.
  /// Known for LFS files at once; of a small one after the run, which hashes it.
  std::optional<digest> sha256;

  friend bool operator==(const bundle_file&, const bundle_file&) = default;
};
static_assert(!std::is_aggregate_v<bundle_file>);

/// What a run of a bundle_plan brought.
struct bundle {
  bundle() = default;

  std::vector<snapshot> parts;     ///< As bundle_plan::parts.
  std::vector<bundle_file> files;  ///< Of all parts, in their order.
  snapshot_totals totals;          ///< Sums over the parts; seconds of the whole.
  bool dry_run = false;            ///< A preview: what a run would do.

  /// Absolute path of `one`. @pre it is one of `files`.
  [[nodiscard]] std::string path_of(const bundle_file& one) const {
    return parts[one.part].path_of(one.file.path);
  }
  /// The first file with this role, or nullptr. O(files).
  [[nodiscard]] HUBCACHE_DECL const bundle_file* find(std::string_view role) const noexcept;

  friend bool operator==(const bundle&, const bundle&) = default;
};
static_assert(!std::is_aggregate_v<bundle>);

/// What a run of `what` would report.
[[nodiscard]] HUBCACHE_DECL bundle preview(const bundle_plan& what);

namespace detail {

/// Adds what became of the next part, whose files play `roles` (sorted).
HUBCACHE_DECL void add_part(bundle& whole, snapshot part, const std::vector<file_role>& roles);

}  // namespace detail

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/plan_bundle.ipp>
#endif
