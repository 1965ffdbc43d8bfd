#pragma once

#include <hubcache/error.hpp>
#include <hubcache/os/folder.hpp>
#include <hubcache/prepare.hpp>
#include <hubcache/run_present.hpp>
#include <hubcache/store/ledger.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

namespace detail {

/// Compares the entries of one snapshot with what they should be. Entries of one folder come together in a listing:
/// each folder is opened once.
class present_view {
 public:
  present_view(const hub_layout& layout, const std::string& commit, std::error_code& ec)
      : repo_(os::folder::open(layout.repo_dir(), ec)) {
    if (!ec) blobs_ = repo_.child("blobs", ec);
    if (!ec) view_ = repo_.child("snapshots", ec);
    if (!ec) view_ = view_.child(commit, ec);
  }

  /// Whether the entry of `file` is the link to its blob, and the blob has its size and can be read.
  [[nodiscard]] bool shows(const file_entry& file, const digest& name) {
    std::error_code ec;
    const auto slash = file.path.rfind('/');
    const auto parent = std::string_view(file.path).substr(0, slash == file.path.npos ? 0 : slash);
    if (parent != parent_) enter(parent, ec);
    if (ec) return false;
    const auto& folder = parent.empty() ? view_ : folder_;
    const auto entry = slash == file.path.npos ? file.path : file.path.substr(slash + 1);
    if (folder.read_link(entry, ec) != hub_layout::entry_target(file.path, name)) return false;
    const auto hex = name.hex();
    // A blob may be a symlink into the shared store of huggingface_hub.
    const auto blob = blobs_.status(hex, ec, true);
    return !ec && blob.regular && blob.identity.size == file.size && blobs_.is_readable(hex, blob);
  }

 private:
  void enter(std::string_view parent, std::error_code& ec) {
    parent_ = parent;
    for (bool first = true; !ec && !parent.empty(); first = false) {
      const auto name = parent.substr(0, parent.find('/'));
      folder_ = (first ? view_ : folder_).child(std::string(name), ec);
      parent.remove_prefix(std::min(parent.size(), name.size() + 1));
    }
    if (ec) parent_.clear();
  }

  os::folder repo_;
  os::folder blobs_;
  os::folder view_;
  std::string parent_;  ///< Below the view.
  os::folder folder_;   ///< It, opened; not used if it is the view itself.
};

/// Whether names and sizes tell all that a run with `options` would do.
HUBCACHE_DECL bool can_be_present(const snapshot_options& options, const settings& config) {
  const bool ruled = !options.require.empty() || !config.require.empty() || options.lock;
  return !ruled && options.local_dir.empty() && config.use_symlinks && !options.force_download &&
         !options.verify && !options.mapping;
}

/// The files that a run of `draft` would report; none if one of them is not in its place.
HUBCACHE_DECL std::optional<std::vector<snapshot_file>> present_files(const plan& draft) {
  std::vector<const file_entry*> selected;
  try {
    selected = select_files(draft.listing, draft.options);
  } catch (const error&) {
    return std::nullopt;  // who plans says it with its context
  }
  std::error_code ec;
  present_view view(draft.layout, draft.listing.commit, ec);
  if (ec) return std::nullopt;
  std::vector<snapshot_file> files;
  files.reserve(selected.size());
  for (const auto* file : selected) {
    const auto name = file->name();
    if (!name || !view.shows(*file, *name)) return std::nullopt;
    auto& shown = files.emplace_back();
    shown.path = file->path;
    shown.what = content(*name, file->size);
  }
  return files;
}

HUBCACHE_DECL std::optional<snapshot> present_snapshot(const plan& draft, const settings& config) {
  const auto begun = std::chrono::steady_clock::now();
  if (draft.write_tree || !can_be_present(draft.options, config)) return std::nullopt;
  std::error_code ec;
  const ledger books(config.state_dir);
  const auto lease =
      books.try_lease(draft.layout.cache_dir(), draft.repo.folder(), os::lock_mode::shared, ec);
  if (!lease && !ec) return std::nullopt;  // somebody removes from the repo
  auto files = present_files(draft);
  if (!files) return std::nullopt;
  ec.clear();
  if (draft.write_ref && draft.revision != draft.listing.commit) {
    write_ref(draft.layout, draft.revision, draft.listing.commit, ec, config.fsync);
  }
  if (ec) return std::nullopt;  // a run knows which failures matter
  books.note_use(draft.layout.cache_dir(), draft.repo.folder(), draft.listing.commit);

  snapshot result;
  result.path = draft.view;
  result.repo = draft.repo;
  result.revision = draft.revision;
  result.commit = draft.listing.commit;
  result.files = std::move(*files);
  for (const auto& file : result.files) result.totals.bytes_total += file.what.size;
  result.totals.bytes_present = result.totals.bytes_total;
  result.totals.requests = draft.requests;
  result.totals.seconds = draft.seconds + seconds_since(begun);
  return result;
}

HUBCACHE_DECL void announce_present(observer_ref observer, const snapshot& what) {
  if (!observer) return;
  std::unordered_set<content> counted;
  events::planned news;
  news.repo = what.repo.display();
  news.commit = what.commit;
  news.files = what.files.size();
  for (const auto& file : what.files) {
    if (counted.insert(file.what).second) news.bytes_present += file.what.size;
  }
  const event told = std::move(news);
  observer(told);
}

}  // namespace detail

HUBCACHE_DECL std::optional<snapshot> cached_snapshot(const settings& config, repo which,
                                                      snapshot_options options, observer_ref observer) {
  if (!detail::can_be_present(options, config)) return std::nullopt;
  const auto draft = detail::draft_from_cache(config, std::move(which), std::move(options));
  auto found = draft ? detail::present_snapshot(*draft, config) : std::nullopt;
  if (found) detail::announce_present(observer, *found);
  return found;
}

}  // namespace hubcache::inline v0_1
