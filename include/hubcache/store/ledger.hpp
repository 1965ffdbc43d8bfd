#pragma once
/// @file
/// The ledger: what must survive in the state folder. Its files, all small, one per fact:
///
/// | path                                   | says                                                          |
/// |----------------------------------------|---------------------------------------------------------------|
/// | `pins/<hash>.json`                     | a repo or a revision must not be removed                      |
/// | `used/<cache>/<repo folder>/<commit>`  | its mtime is when the snapshot was used last; it is empty     |
/// | `leases/<cache>/<repo folder>.lock`    | locked shared while a process works on the repo's folder      |
///
/// `<cache>` is a hash of the cache's real path. Whatever else lies there is ignored.

#include <hubcache/config.hpp>
#include <hubcache/os/lock.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

/// What must not be removed.
struct pin {
  pin() = default;
  /// Sets cache_dir, repo and revision.
  pin(std::string hub, std::string label, std::string rev)
      : cache_dir(std::move(hub)), repo(std::move(label)), revision(std::move(rev)) {}

  std::string cache_dir;       ///< Absolute.
  std::string repo;            ///< "model/owner/name", as census_repo::label().
  std::string revision;        ///< A commit, or a ref: what that names at the time. Empty: all revisions.
  std::int64_t pinned_at = 0;  ///< Seconds since 1970.

  friend bool operator==(const pin&, const pin&) = default;
};
static_assert(!std::is_aggregate_v<pin>);

/// The pins in one cache.
struct pin_list {
  pin_list() = default;

  std::vector<pin> pins;  ///< Sorted by repo and revision.
  /// Files that are no pins, one sentence each: perhaps pins once, so who removes things must stop at them.
  std::vector<std::string> problems;

  friend bool operator==(const pin_list&, const pin_list&) = default;
};
static_assert(!std::is_aggregate_v<pin_list>);

/// The ledger of one state folder. Nothing is cached: processes share it by its files. Any thread. Repos are named
/// by their folders in the cache, "models--owner--name".
class ledger {
 public:
  /// Of the state folder `state_dir`.
  explicit ledger(std::string state_dir) noexcept : folder_(std::move(state_dir)) {}

  /// Records that the snapshot is used now. Never fails: a use that cannot be recorded is not.
  HUBCACHE_DECL void note_use(const std::string& cache_dir, std::string_view repo_folder,
                              std::string_view commit) const noexcept;
  /// When the snapshot was used last, in ns since 1970; none if no use was recorded.
  [[nodiscard]] HUBCACHE_DECL std::optional<std::int64_t> last_use(const std::string& cache_dir,
                                                                   std::string_view repo_folder,
                                                                   std::string_view commit) const;
  /// Drops the record of a snapshot that is gone.
  HUBCACHE_DECL void forget_use(const std::string& cache_dir, std::string_view repo_folder,
                                std::string_view commit) const noexcept;

  /// Adds a pin, dated now; an equal one is replaced. Once it returns, the pin survives a crash of the machine.
  HUBCACHE_DECL void add_pin(pin what, std::error_code& ec) const;
  /// Takes a pin away. @return whether there was one.
  HUBCACHE_DECL bool remove_pin(const pin& what, std::error_code& ec) const;
  /// The pins in one cache. @throws error a disk error if there are pins that cannot be listed
  [[nodiscard]] HUBCACHE_DECL pin_list pins(const std::string& cache_dir) const;

  /// A lease on a repo's folder: held shared by every process that works there, exclusive by one that removes from
  /// it. Tried, never waited for; gone with its process.
  /// @return none if others hold it (`ec` clear), or if its file cannot be made.
  [[nodiscard]] HUBCACHE_DECL std::optional<os::file_lock> try_lease(const std::string& cache_dir,
                                                                     std::string_view repo_folder,
                                                                     os::lock_mode mode,
                                                                     std::error_code& ec) const;
  /// A shared lease, tried for up to a second: is_leased() holds one for a moment. Blocking. @return as try_lease()
  [[nodiscard]] HUBCACHE_DECL std::optional<os::file_lock> wait_for_lease(const std::string& cache_dir,
                                                                          std::string_view repo_folder,
                                                                          std::error_code& ec) const;
  /// Whether another process, or another lock of this one, holds a lease now.
  [[nodiscard]] HUBCACHE_DECL bool is_leased(const std::string& cache_dir,
                                             std::string_view repo_folder) const;

  /// Removes the temporaries in the state folder whose writers were killed: those that are an hour old.
  /// @param now_ns since 1970
  HUBCACHE_DECL void sweep(std::int64_t now_ns) const;

 private:
  [[nodiscard]] HUBCACHE_DECL std::string use_path(const std::string& cache_dir, std::string_view repo_folder,
                                                   std::string_view commit) const;
  [[nodiscard]] HUBCACHE_DECL std::string lease_path(const std::string& cache_dir,
                                                     std::string_view repo_folder) const;
  [[nodiscard]] HUBCACHE_DECL std::string pin_path(const pin& what) const;

  std::string folder_;
};

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/ledger.ipp>
#endif
