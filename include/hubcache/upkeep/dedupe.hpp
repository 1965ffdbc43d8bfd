#pragma once
/// @file
/// Equal content that lies on the disk more than once becomes one: a plan, then a run that no death of the process
/// can hurt. Which files may be equal is told by names and the index; that they are is found by comparing every byte.

#include <hubcache/digest.hpp>
#include <hubcache/index/index_ref.hpp>
#include <hubcache/link/hard_link.hpp>
#include <hubcache/os/extents.hpp>
#include <hubcache/store.hpp>
#include <hubcache/upkeep/census.hpp>
#include <hubcache/work/workers.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// One name of an inode.
struct dedupe_name {
  dedupe_name() = default;

  std::string path;         ///< Absolute.
  std::string cache_dir;    ///< Of the Hub cache it lies in, or empty.
  std::string repo_folder;  ///< Its folder there.

  friend bool operator==(const dedupe_name&, const dedupe_name&) = default;
};
static_assert(!std::is_aggregate_v<dedupe_name>);

/// One inode that holds some content.
struct dedupe_file {
  dedupe_file() = default;

  std::vector<dedupe_name> names;  ///< Those that are known; at least one.
  os::file_status status;          ///< When it was looked at.
  mutability store = mutability::immutable_store;  ///< Mutable if any of its names lies in such a store.

  friend bool operator==(const dedupe_file&, const dedupe_file&) = default;
};
static_assert(!std::is_aggregate_v<dedupe_file>);

/// What is to be done with one file, and then what became of it.
struct dedupe_step {
  dedupe_step() = default;

  dedupe_file file;  ///< Whose bytes go.
  /// reflink: its blocks become those of the kept file; inode, owner, mode and times stay. hard_link: its names
  /// become names of the kept inode. None: it is left as it is.
  std::optional<link_kind> how;
  std::uint64_t saves = 0;  ///< Bytes; an estimate where blocks are shared.
  bool done = false;        ///< Set by dedupe(), `how` with it if it was done another way.
  std::string problem;      ///< Why it is left, or why it failed; for people.

  friend bool operator==(const dedupe_step&, const dedupe_step&) = default;
};
static_assert(!std::is_aggregate_v<dedupe_step>);

/// Files of one file system that hold the same content, as far as is known.
struct dedupe_group {
  dedupe_group() = default;

  content what;                  ///< That the files hold.
  os::extent_space file_system;  ///< That the files lie on.
  dedupe_file kept;  ///< The one whose bytes stay.
  std::vector<dedupe_step> steps;  ///< One for each other file.

  /// Bytes; an estimate where blocks are shared.
  [[nodiscard]] HUBCACHE_DECL std::uint64_t saves() const noexcept;

  friend bool operator==(const dedupe_group&, const dedupe_group&) = default;
};
static_assert(!std::is_aggregate_v<dedupe_group>);

/// What can be made one, and then what was.
struct dedupe_plan {
  dedupe_plan() = default;

  std::vector<dedupe_group> groups;  ///< Those that save most first.
  /// What the file systems have gained, all changes by others included; set by dedupe().
  std::uint64_t freed = 0;
  bool complete = false;  ///< dedupe() was not stopped.

  /// Bytes; an estimate where blocks are shared.
  [[nodiscard]] HUBCACHE_DECL std::uint64_t saves() const noexcept;

  friend bool operator==(const dedupe_plan&, const dedupe_plan&) = default;
};
static_assert(!std::is_aggregate_v<dedupe_plan>);

/// Which files may become one.
struct dedupe_options {
  dedupe_options() = default;

  std::uint64_t min_size = hard_link::smallest;  ///< Bytes; smaller files are left alone.
  bool across_owners = false;                    ///< Files of different users may share bytes.

  friend bool operator==(const dedupe_options&, const dedupe_options&) = default;
};
static_assert(!std::is_aggregate_v<dedupe_options>);

/// Looks for equal files: blobs of `caches`, plain files of their snapshots that listings name, and what the index and
/// `claims` (of a scan) know in the other `stores`. Read-only stores, and payloads of huggingface_hub's shared store, are left out, and
/// what shares its bytes already. Opens files to ask for their extents; changes nothing. Where blocks can be shared
/// that is planned; elsewhere a hard link, if both lie in immutable stores and have the same owner, group, mode and
/// extended attributes. Once `stop` is requested the plan is empty.
[[nodiscard]] HUBCACHE_DECL dedupe_plan plan_dedupe(std::span<const census> caches,
                                                    std::span<const store> stores, const index_ref& index,
                                                    std::span<const index_record> claims,
                                                    const dedupe_options& options, workers& pool,
                                                    const std::stop_token& stop);

/// Carries the plan out, file by file; a failure is that file's problem. A file that changed since it was planned, or
/// differs in a single byte, is left as it is. Records new identities in the index.
/// @param progress  told of bytes compared and to compare
[[nodiscard]] HUBCACHE_DECL dedupe_plan
dedupe(dedupe_plan planned, const std::string& state_dir, index_ref index,
       const std::function<void(std::uint64_t done, std::uint64_t total)>& progress,
       const std::stop_token& stop);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/dedupe.ipp>
#include <hubcache/impl/dedupe_plan.ipp>
#endif
