#pragma once
/// @file
/// What a snapshot will cost, as a value: contents -> steps, and the view that will show them.

#include <hubcache/index/content_index.hpp>
#include <hubcache/listing.hpp>
#include <hubcache/plan/options.hpp>
#include <hubcache/plan/snapshot.hpp>
#include <hubcache/store/hub_layout.hpp>
#include <hubcache/store/inspection.hpp>
#include <hubcache/store/scan.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// One content and how it gets where the view needs it.
struct plan_step {
  plan_step() = default;

  content what;                               ///< The content.
  file_action action = file_action::fetched;  ///< How it gets there.
  std::string file;  ///< The first of the repo's paths with this content.
  /// Paths still to be made, relative to plan::target_root; none if present.
  std::vector<std::string> targets;
  std::vector<place> places;           ///< Where it can be linked from, best first.
  link_kinds links = auto_link_kinds;  ///< How, by the options and the first of their rules that fits.
  inspection rules;                    ///< What its bytes are inspected for.

  friend bool operator==(const plan_step&, const plan_step&) = default;
};
static_assert(!std::is_aggregate_v<plan_step>);

/// One file of the view.
struct plan_entry {
  plan_entry() = default;

  std::string path;      ///< In the repo.
  std::size_t step = 0;  ///< Of its content, in plan::steps.

  friend bool operator==(const plan_entry&, const plan_entry&) = default;
};
static_assert(!std::is_aggregate_v<plan_entry>);

/// A plan is inspected and printed before it runs; it may be old when it does: the run looks again. == compares
/// every member, those that tell what making it took included; what it would do is in steps and entries.
struct plan {
  plan() = default;

  hubcache::repo repo;        ///< Of the plan.
  std::string revision;       ///< As it was asked for.
  hubcache::listing listing;  ///< Of the whole commit.
  snapshot_options options;   ///< As they were given, with settings::require.

  hub_layout layout;  ///< Of the repo's folder in the cache.
  /// The same repo in the other Hub caches that the user configured: what lies there passed its gate before, too.
  std::vector<hub_layout> tiers;
  std::string view;  ///< Absolute path of the folder that shows the files.
  /// Where targets lie: blobs/ of the repo, or the view itself if it holds plain files.
  std::string target_root;
  /// The view holds files (a local folder, or no symlinks) instead of links to blobs.
  bool plain_files = false;

  /// Path of the listing of `commit`.
  [[nodiscard]] HUBCACHE_DECL std::string tree_path(std::string_view commit) const;
  /// Path of the file that is filled before `what` gets its name.
  [[nodiscard]] HUBCACHE_DECL std::string partial_of(const content& what) const;
  /// Whether the view is a local folder.
  [[nodiscard]] bool local() const noexcept { return !options.local_dir.empty(); }

  std::vector<plan_step> steps;     ///< In the listing's order of first files.
  std::vector<plan_entry> entries;  ///< In the listing's order.
  std::vector<std::string> warnings;  ///< One sentence each; told again when it runs.
  bool let_in = false;     ///< The Hub let this caller in: content of other repos may be linked.
  bool write_ref = false;  ///< `revision` names the commit by the Hub's word of this run.
  /// Further branches and tags that name the commit, by the same word; recorded with `revision`.
  std::vector<std::string> also_refs;
  bool write_tree = false;       ///< The listing came from the Hub in this run and nothing in it is masked.
  store_scan scan;               ///< What was seen on the way; recorded by the run.
  std::uint64_t requests = 0;    ///< Made for it so far.
  std::uint64_t bytes_wire = 0;  ///< Content received for it so far.
  double seconds = 0;            ///< Spent on it so far.

  /// Bytes that will cross the network.
  [[nodiscard]] std::uint64_t bytes_to_fetch() const { return bytes(file_action::fetched); }
  /// Bytes that lie elsewhere on this machine.
  [[nodiscard]] std::uint64_t bytes_to_link() const { return bytes(file_action::linked); }
  /// Bytes of all contents whose step is `action`; each content counts once.
  [[nodiscard]] HUBCACHE_DECL std::uint64_t bytes(file_action action) const;

  friend bool operator==(const plan&, const plan&) = default;
};
static_assert(!std::is_aggregate_v<plan>);

/// What make_plan() asks about this machine.
struct plan_lookups {
  plan_lookups() = default;

  /// Whether `target` (relative to plan::target_root) holds `what` already.
  std::function<bool(const std::string& target, const content& what)> present;
  /// Where else `what` lies, best first.
  std::function<std::vector<place>(const content& what)> places;
};
static_assert(!std::is_aggregate_v<plan_lookups>);

/// Fills steps and entries of `draft` (whose repo, listing, options, layout and view are set) from the entries
/// that the options select. Equal contents make one step.
/// @pre no selected entry is masked.
/// @throws error errc::file_not_found naming a file of options.files that the listing lacks, errc::lock_mismatch if the
///         lock gives two files of one content different sha256.
HUBCACHE_DECL void make_steps(plan& draft, const plan_lookups& machine);

/// For people: a line that sums it up, one for each content, and the warnings.
///
///     acme/llm at 133a221b8aa7: 3 files, 133.0M in all: 102.0 present, 50.6M to link, 82.4M to fetch
///       fetch    82.4M model.safetensors
///       link     50.6M vae.safetensors from /home/me/models/vae.safetensors
///       present  102.0 config.json
///
/// The line of a content names the first file that has it. O(contents).
[[nodiscard]] HUBCACHE_DECL std::string to_string(const plan& p);

/// What a run of `p` would report.
[[nodiscard]] HUBCACHE_DECL snapshot preview(const plan& p);

/// The entries of `files` that `options` select, in order.
/// @throws error errc::file_not_found as make_steps().
[[nodiscard]] HUBCACHE_DECL std::vector<const file_entry*> select_files(const listing& files,
                                                                        const snapshot_options& options);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/plan.ipp>
#endif
