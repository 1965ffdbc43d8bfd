#pragma once
/// @file
/// What a caller asks of one snapshot.

#include <hubcache/link_kind.hpp>
#include <hubcache/requirement.hpp>
#include <hubcache/select/lock_file.hpp>
#include <hubcache/store/mapping.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

/// How the content of files that match a pattern is linked.
struct link_rule {
  link_rule() = default;
  /// Sets pattern and kinds.
  link_rule(std::string p, link_kinds k) : pattern(std::move(p)), kinds(k) {}

  std::string pattern;  ///< As of snapshot_options::allow.
  link_kinds kinds = auto_link_kinds;  ///< How they may be linked.

  friend bool operator==(const link_rule&, const link_rule&) = default;
};
static_assert(!std::is_aggregate_v<link_rule>);

/// Options of one snapshot. Not an aggregate on purpose: g++ 12 destroys aggregate temporaries in co_await
/// expressions twice.
class snapshot_options {
 public:
  snapshot_options() = default;

  std::string revision = "main";  ///< Branch, tag, full or short commit, or refs/pr/N.

  /// Glob patterns (Python's fnmatchcase over the whole path); none = every file, empty = no file.
  std::optional<std::vector<std::string>> allow;
  std::vector<std::string> ignore;  ///< Patterns of files to leave out.
  /// Exact paths, or folders ending in '/'. If not empty, only these, each must exist; patterns do not apply.
  std::vector<std::string> files;

  /// Put plain files here instead of links into the cache; absolute or relative to the working folder.
  std::string local_dir;
  bool force_download = false;  ///< Fetch every file again, even if it is present.
  bool verify = false;          ///< Hash what is present, too; what does not match is fetched again.

  /// Use what is anywhere on this machine. Off: no index reads, no links across repos, no mapping; finished files
  /// are indexed all the same.
  bool smart_cache = true;
  /// How content is linked. A single kind is a request: where it cannot be met the content is copied, and a
  /// warning says why. Only that request makes hard links from mutable stores (the mapping, plain folders).
  link_kinds links = auto_link_kinds;
  /// Exceptions from `links`: the first rule that matches any of a content's files decides.
  std::vector<link_rule> link_rules;
  /// Files the caller has: sha256 -> path, checked before use. If given, even empty, snapshot::mapping tells
  /// where every content is afterwards.
  std::optional<cache_mapping> mapping;

  requirements require;  ///< In addition to settings::require.
  /// What the listing and the content of every selected file must be; revision is best its commit. Whatever deviates
  /// ends the call with errc::lock_mismatch.
  std::optional<locked_repo> lock;

  /// Exchanges in flight at a time, at most; at least 1. Within this bound their number follows what the network
  /// gives.
  std::size_t max_transfers = 32;

  /// @name Setters
  /// @{

  /// Sets the member of that name: for options that are made and passed on in one expression.
  snapshot_options&& with_revision(std::string value) && {
    revision = std::move(value);
    return std::move(*this);
  }
  snapshot_options&& with_allow(std::vector<std::string> value) && {
    allow = std::move(value);
    return std::move(*this);
  }
  snapshot_options&& with_ignore(std::vector<std::string> value) && {
    ignore = std::move(value);
    return std::move(*this);
  }
  snapshot_options&& with_files(std::vector<std::string> value) && {
    files = std::move(value);
    return std::move(*this);
  }
  snapshot_options&& with_local_dir(std::string value) && {
    local_dir = std::move(value);
    return std::move(*this);
  }
  snapshot_options&& with_force_download(bool value) && {
    force_download = value;
    return std::move(*this);
  }
  snapshot_options&& with_verify(bool value) && {
    verify = value;
    return std::move(*this);
  }
  snapshot_options&& with_smart_cache(bool value) && {
    smart_cache = value;
    return std::move(*this);
  }
  snapshot_options&& with_links(link_kinds value) && {
    links = value;
    return std::move(*this);
  }
  snapshot_options&& with_link_rules(std::vector<link_rule> value) && {
    link_rules = std::move(value);
    return std::move(*this);
  }
  snapshot_options&& with_mapping(cache_mapping value) && {
    mapping = std::move(value);
    return std::move(*this);
  }
  snapshot_options&& with_require(requirements value) && {
    require = value;
    return std::move(*this);
  }
  snapshot_options&& with_lock(locked_repo value) && {
    lock = std::move(value);
    return std::move(*this);
  }
  snapshot_options&& with_max_transfers(std::size_t value) && {
    max_transfers = value;
    return std::move(*this);
  }  /// @}

  friend bool operator==(const snapshot_options&, const snapshot_options&) = default;
};
static_assert(!std::is_aggregate_v<snapshot_options>);

}  // namespace hubcache::inline v0_1
