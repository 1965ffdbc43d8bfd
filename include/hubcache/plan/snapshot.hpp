#pragma once
/// @file
/// The result of a run: where the files are, and what each one cost.

#include <hubcache/digest.hpp>
#include <hubcache/link_kind.hpp>
#include <hubcache/repo.hpp>
#include <hubcache/store/mapping.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// Where a file's content came from.
enum class file_action : std::uint8_t {
  present,  ///< It was in this view or this repo's cache before, or another file of this run has the same content.
  linked,   ///< It lay elsewhere on this machine.
  fetched,  ///< It crossed the network.
};

/// "present", "linked" or "fetched".
[[nodiscard]] constexpr std::string_view to_string(file_action action) noexcept {
  switch (action) {
    case file_action::present:
      return "present";
    case file_action::linked:
      return "linked";
    case file_action::fetched:
      break;
  }
  return "fetched";
}

/// One file of a snapshot, and how it got there.
struct snapshot_file {
  snapshot_file() = default;

  std::string path;  ///< In the repo.
  content what;      ///< Its content.
  file_action action = file_action::present;  ///< How it got there.
  std::optional<link_kind> link;      ///< How, if linked; in a dry run not known yet.
  std::string source;                 ///< Absolute path it was linked from, if linked.
  std::vector<link_refusal> refused;  ///< Why it was not linked by a better kind, if linked; best first.

  friend bool operator==(const snapshot_file&, const snapshot_file&) = default;
};
static_assert(!std::is_aggregate_v<snapshot_file>);

/// Sums over the files of a run: each counts, a second name of the same content as present.
/// bytes_total = bytes_present + bytes_linked + bytes_fetched.
struct snapshot_totals {
  std::uint64_t bytes_total = 0;    ///< Of all files.
  std::uint64_t bytes_present = 0;  ///< Were here before, or are second names of what this run brought.
  std::uint64_t bytes_linked = 0;   ///< Lay elsewhere on this machine.
  std::uint64_t bytes_fetched = 0;  ///< Content bytes of the files fetched.
  std::uint64_t bytes_wire = 0;     ///< Content bytes received, retries included, resumed parts not.
  std::uint64_t requests = 0;       ///< HTTP exchanges, redirects and CDN included.
  std::uint64_t disk_delta =
      0;               ///< Bytes that new files occupy by st_blocks; hard links and reflinks occupy none.
  double seconds = 0;  ///< Wall time, planning included.

  friend bool operator==(const snapshot_totals&, const snapshot_totals&) = default;
};

/// One line for people: "300.0M in all: 0.0 present, 200.0M linked, 100.0M fetched in 1.2 s (14 requests)".
[[nodiscard]] HUBCACHE_DECL std::string to_string(const snapshot_totals& totals);
/// Bytes as `hf` prints them: divided by 1000 until below 1000, one digit after the point: "116.3K".
[[nodiscard]] HUBCACHE_DECL std::string format_bytes(std::uint64_t bytes);

/// What a run brought, or in a preview would bring.
struct snapshot {
  snapshot() = default;

  std::string path;  ///< The folder that shows the files, absolute.
  hubcache::repo repo;   ///< Of the snapshot.
  std::string revision;  ///< As it was asked for.
  std::string commit;  ///< 40 hex.
  std::vector<snapshot_file> files;  ///< Sorted by path, each path once.
  snapshot_totals totals;            ///< Sums over the files.
  bool dry_run = false;  ///< A preview: what a run would do.
  /// After a run with snapshot_options::mapping: its valid entries and every content of the snapshot, small files
  /// included, at an absolute path.
  cache_mapping mapping;
  /// Entries of the caller's mapping that were missing or held other content.
  cache_mapping stale_mapping;

  /// What became of `file`, a path in the repo, or nullptr. O(log files).
  [[nodiscard]] HUBCACHE_DECL const snapshot_file* find(std::string_view file) const noexcept;
  /// Absolute path of a file of this snapshot. @pre `file` is the path of one of `files`.
  [[nodiscard]] std::string path_of(std::string_view file) const { return path + "/" + std::string(file); }

  friend bool operator==(const snapshot&, const snapshot&) = default;
};
static_assert(!std::is_aggregate_v<snapshot>);

/// One line for people: "PATH (commit COMMIT): " and the totals.
[[nodiscard]] HUBCACHE_DECL std::string to_string(const snapshot& result);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/snapshot.ipp>
#endif
