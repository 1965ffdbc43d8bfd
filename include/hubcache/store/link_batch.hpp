#pragma once
/// @file
/// Content that lies on this machine gets further names. Blocking; every name appears by rename, with its whole
/// content behind it.

#include <hubcache/link/link_ref.hpp>
#include <hubcache/settings.hpp>
#include <hubcache/store.hpp>
#include <hubcache/store/destination.hpp>
#include <hubcache/store/readers.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// Links made in one destination and named together, so that what must be synced is synced together.
///
/// A new file is never readable by more users than its source: hard links that would be are refused, new inodes get
/// a stricter mode. Where a destination is shared (is_shared_folder()) and the others there could not read the file,
/// it is not linked at all. What is not published is removed with this object.
class link_batch {
 public:
  /// @param stores what lies in one with `in_place` is shown by a symlink, unless a single kind is asked for or the
  ///        destination is one of plain files. Outlive this, as do the models that are referred to.
  HUBCACHE_DECL link_batch(destination where, const hash_set_ref& hashes, const link_ref& links,
                           fsync_mode mode, std::span<const store> stores);
  link_batch(const link_batch&) = delete;
  link_batch& operator=(const link_batch&) = delete;
  HUBCACHE_DECL ~link_batch();

  /// Links `what` from the first of `places` that still holds it, for all `targets` (relative to the root).
  /// @param scratch path beside which temporary names are made, on the file system of the destination.
  /// @param stop    ends hashing and copying; the result then has no target
  /// @param rules what does not meet them is not linked
  HUBCACHE_DECL void add(const content& what, const std::vector<place>& places,
                         const std::vector<std::string>& targets, const std::string& scratch,
                         link_kinds allowed, const std::stop_token& stop,
                         const inspection& rules = inspection());

  /// Syncs what has bytes of its own as the mode says; for who looks at the targets right before publish().
  HUBCACHE_DECL void sync();
  /// Does the same, and names everything. One result per add(), in order.
  [[nodiscard]] HUBCACHE_DECL std::vector<placed_content> publish();

 private:
  struct unnamed {
    std::string path;
    std::string target;
    link_kind kind = link_kind::copy;
  };
  struct item {
    content what;
    place from;
    std::vector<unnamed> made;
    placed_content result;
  };
  /// How a place may be linked.
  struct terms {
    link_kinds kinds;
    std::uint32_t mode = 0;
    bool in_place = false;
    std::vector<link_refusal> refused;
    bool unfit = false;  ///< Others who use the destination could not read it.
  };

  [[nodiscard]] terms terms_for(const opened_file& have, const place& from, link_kinds allowed,
                                const std::string& scratch);
  /// Looks which group and list new files get beside `scratch`.
  void look_at_scratch(const std::string& scratch);
  [[nodiscard]] readers readers_of(const opened_file& have, std::span<const os::access_entry> list);
  /// Whether the others who use the destination could read a file with this mode and group there.
  [[nodiscard]] bool serves_all(std::uint32_t mode, std::uint32_t group) const noexcept;
  [[nodiscard]] link_report link_once(const opened_file& have, const link_target& want, const terms& on,
                                      placed_content& result);
  /// Makes all links of `into` under temporary names, or none.
  [[nodiscard]] bool link_all(item& into, const opened_file& have, const terms& on, link_kinds asked,
                              const std::vector<std::string>& targets, const std::string& scratch,
                              const std::stop_token& stop);
  void note_refusals(item& into, const link_report& report, const terms& on, link_kinds asked,
                     const std::string& target);
  [[nodiscard]] bool needs_sync(link_kind kind) const noexcept;
  void sync(item& of) const;
  void name(item& of) const;
  void discard(item& of) const noexcept;
  /// Adds a warning unless this batch gave one of this `subject` before.
  void warn_once(placed_content& result, const std::string& subject, std::string text);

  destination where_;
  hash_set_ref hashes_;
  link_ref links_;
  fsync_mode mode_;
  std::span<const store> stores_;
  readers readers_;             ///< Who gets to what lies in the destination.
  os::file_status folder_;      ///< The destination's root.
  os::folder root_;             ///< The same, open, from the first add() on.
  std::string scratch_folder_;  ///< The last one asked for.
  std::uint32_t scratch_group_ = 0;
  std::vector<os::access_entry> scratch_list_;
  std::map<std::string, readers> readers_of_;  ///< By folder of sources.
  std::set<std::string> told_;
  std::vector<item> items_;
};

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/link_batch.ipp>
#endif
