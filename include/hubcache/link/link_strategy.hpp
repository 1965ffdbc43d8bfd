#pragma once
/// @file
/// The contract of link strategies.

/// @concept hubcache::link_strategy
/// Give the content of an open, confirmed file a second name.
///
/// Notation: L the type, l a const lvalue of L, have an `opened_file`, want a `link_target`, kinds a
/// `link_kinds`, ec an `error_code`.
///
/// | expression                    | returns       | requirement                                              |
/// |-------------------------------|---------------|----------------------------------------------------------|
/// | l.link(have, want, kinds, ec) | `link_report` | Makes `want` hold the content of `have` by one of        |
/// |                               |               | `kinds`. On failure `ec` is set and `want` untouched.    |
///
/// Preconditions: `have.file` is open for reading, its identity was just confirmed; the parent of `want`
/// exists. Postconditions: `want` appears at once and complete, or not at all; an existing `want` (symlinks
/// included) is never replaced or followed: `ec` is then std::errc::file_exists. The source is never
/// modified, its mode and times included (a hard link changes its link count and ctime). A new inode is never
/// readable by users whom the source's own permission bits keep out. Nothing is synced. Leftovers: a process
/// that dies may leave `<want>.<8 hex>.incomplete`, which Hub clients prune. Errors: none of `kinds` is among
/// L's kinds: std::errc::operation_not_supported. The source changed since it was opened: ESTALE. Others are
/// the system's; `classify()` (link_failure.hpp) says what they mean. Blocking: a copy takes as long as the
/// bytes take, and ends with errc::cancelled within a few MiB once `want.stop` is requested. Thread safety:
/// distinct calls on one object are safe.
///
/// A `single_link_strategy` makes one kind only, and `L::kind` says which.
///
/// Models: reflink, hard_link, symlink, copy (each single), first_of, any_link_strategy, link_ref.
/// tests/conformance/link_strategy.hpp tests a model.

#include <hubcache/link_kind.hpp>
#include <hubcache/os/file.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

/// A file opened for linking. `path` is the absolute path it was opened by; content is taken from `file`.
struct opened_file {
  opened_file() = default;

  std::string path;        ///< Absolute.
  os::descriptor file;     ///< Open for reading.
  os::file_status status;  ///< Of the open file.
};
static_assert(!std::is_aggregate_v<opened_file>);

/// The name to make.
struct link_target {
  link_target() = default;
  /// Sets path and mode.
  link_target(std::string p, std::uint32_t m) : path(std::move(p)), mode(m) {}

  std::string path;        ///< Absolute.
  std::uint32_t mode = 0;  ///< Permission bits of a new inode, the umask not applied; less what the source
                           ///< keeps others from. A hard link keeps the source's.
  std::stop_token stop;    ///< Requested when the name is not wanted any more.
};
static_assert(!std::is_aggregate_v<link_target>);

/// What a link attempt did, and why it did not do better.
struct link_report {
  link_report() = default;
  /// Of a link that was made.
  explicit link_report(link_kind kind) : used(kind) {}

  /// Why one kind was not used.
  struct refusal {
    link_kind kind;          ///< That was refused.
    std::error_code reason;  ///< What the system said.

    friend bool operator==(const refusal&, const refusal&) = default;
  };

  std::optional<link_kind> used;  ///< None on failure.
  std::vector<refusal> refusals;  ///< In the order tried; empty for a strategy that tries one kind only.

  friend bool operator==(const link_report&, const link_report&) = default;
};
static_assert(!std::is_aggregate_v<link_report>);

template <class L>
concept link_strategy = requires(const L& l, const opened_file& have, const link_target& want,
                                 link_kinds kinds, std::error_code& ec) {
  { l.link(have, want, kinds, ec) } -> std::same_as<link_report>;
};

template <class L>
concept single_link_strategy = link_strategy<L> && requires {
  { L::kind } -> std::convertible_to<link_kind>;
};

}  // namespace hubcache::inline v0_1
