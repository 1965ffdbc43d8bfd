#pragma once
/// @file
/// The Hub cache on disk, as huggingface_hub and its relatives read and write it.

#include <hubcache/digest.hpp>
#include <hubcache/listing.hpp>
#include <hubcache/repo.hpp>
#include <hubcache/settings.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace hubcache::inline v0_1 {

/// Whether a name in a Hub cache is a repo's folder: "models--...", "datasets--...", "spaces--..." or "kernels--...".
[[nodiscard]] constexpr bool is_repo_folder(std::string_view name) noexcept {
  const auto type = name.substr(0, name.find("--"));
  return type.size() < name.size() &&
         (type == "models" || type == "datasets" || type == "spaces" || type == "kernels");
}

/// Paths in the cache folder of one repo. Pure: nothing is looked at.
class hub_layout {
 public:
  hub_layout() = default;
  /// @param cache_dir absolute path of the Hub cache.
  hub_layout(std::string cache_dir, const repo& which)
      : cache_(std::move(cache_dir)), folder_(which.folder()) {}

  /// @{

  /// Absolute path of the part of that name.
  [[nodiscard]] const std::string& cache_dir() const noexcept { return cache_; }
  [[nodiscard]] std::string repo_dir() const { return cache_ + "/" + folder_; }
  [[nodiscard]] std::string blobs_dir() const { return repo_dir() + "/blobs"; }
  [[nodiscard]] std::string blob(const digest& d) const { return blobs_dir() + "/" + d.hex(); }
  [[nodiscard]] std::string snapshots_dir() const { return repo_dir() + "/snapshots"; }
  [[nodiscard]] std::string snapshot(std::string_view commit) const {
    return snapshots_dir() + "/" + std::string(commit);
  }
  [[nodiscard]] std::string ref(std::string_view revision) const {
    return repo_dir() + "/refs/" + std::string(revision);
  }
  [[nodiscard]] std::string tree(std::string_view commit) const {
    return repo_dir() + "/trees/" + std::string(commit) + ".json";
  }
  [[nodiscard]] std::string lock(const digest& d) const {
    return cache_ + "/.locks/" + folder_ + "/" + d.hex() + ".lock";
  }
  /// @}
  /// The file being filled. Its name has the form of huggingface_hub's partial files, so that every client knows
  /// it as one; the part in the middle is ours alone and constant, so that the next run finds it.
  [[nodiscard]] std::string partial(const digest& d) const { return blob(d) + ".68756263.incomplete"; }
  /// The text of the symlink `snapshots/<commit>/<path>`: `../../blobs/<etag>`, one "../" more per folder.
  [[nodiscard]] HUBCACHE_DECL static std::string entry_target(std::string_view path, const digest& d);

  friend bool operator==(const hub_layout&, const hub_layout&) = default;

 private:
  std::string cache_;
  std::string folder_;
};

/// Creates the repo's folders and, in a new cache, CACHEDIR.TAG. Follows no symlink in the repo's folder, and
/// that itself only if it is one that os::is_trusted_link() lets pass: people move repos to other disks.
HUBCACHE_DECL void make_repo_folders(const hub_layout& layout, std::error_code& ec);

/// The commit that `revision` named when it was last seen, if a valid one is recorded.
[[nodiscard]] HUBCACHE_DECL std::optional<std::string> read_ref(const hub_layout& layout,
                                                                std::string_view revision);
/// Records it: exactly 40 hex without a newline, renamed into place, synced as `mode` says; an equal file is left alone.
/// No symlink in the repo's folder is followed.
HUBCACHE_DECL void write_ref(const hub_layout& layout, std::string_view revision, std::string_view commit,
                             std::error_code& ec, fsync_mode mode = fsync_mode::none);

/// The listing in `trees/<commit>.json` below `repo_dir` (or a local folder's .cache/huggingface); none if it is
/// missing, malformed, of another version or over 256 MiB.
[[nodiscard]] HUBCACHE_DECL std::optional<listing> read_tree(const std::string& path,
                                                             std::string_view commit);
/// Writes it as huggingface_hub would. No symlink below the folder that has `trees` in it is followed.
/// @pre the listing is complete and nothing in it is masked.
/// @param scratch folder for the temporary, in that folder, too; empty = beside `path`.
HUBCACHE_DECL void write_tree(const std::string& path, const listing& files, std::error_code& ec,
                              const std::string& scratch = {});

/// The files that a snapshot folder has, by their names and the blobs their links name: what is known of a
/// commit offline when other clients left no tree file. A dangling link is listed, with size 0. None if there is no
/// such folder, or something in it is no link to a blob.
[[nodiscard]] HUBCACHE_DECL std::optional<listing> read_snapshot(const hub_layout& layout,
                                                                 std::string_view commit);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/hub_layout.ipp>
#endif
