#pragma once
/// @file
/// Repos of the embedded Hub as plain values: commits, refs, files, who may read them.

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/hub/file_content.hpp"

namespace embedded {

enum class repo_type { model, dataset, space };
/// "models", "datasets" or "spaces": the name in API paths.
[[nodiscard]] std::string_view plural(repo_type type) noexcept;

/// Whether the Hub asks for an agreement first, and who grants it.
enum class gate { none, automatic, manual };

struct repo_file {
  repo_file() = default;
  repo_file(file_content bytes, bool is_lfs) : content(std::move(bytes)), lfs(is_lfs) {}

  file_content content;
  bool lfs = false;
  std::string scan = "safe";  ///< What the Hub's scans say of it; empty: nothing.

  /// The ETag of the Hub's answers: sha256 of LFS files, git sha1 of others.
  [[nodiscard]] const std::string& etag() const { return lfs ? content.sha256() : content.git_sha1(); }
  /// The id of the object in git: LFS files have that of their pointer.
  [[nodiscard]] const std::string& oid() const {
    return lfs ? content.lfs_pointer_oid() : content.git_sha1();
  }
};

/// By path relative to the repo's root.
using file_map = std::map<std::string, repo_file, std::less<>>;

struct commit_model {
  std::string id;      ///< 40 hex.
  std::string parent;  ///< Empty for the first commit.
  std::string title;
  file_map files;
};

/// The sum of the sizes of all files.
[[nodiscard]] std::uint64_t total_bytes(const file_map& files);
/// A regular file.
[[nodiscard]] repo_file regular(std::string bytes);
/// A file stored by LFS.
[[nodiscard]] repo_file lfs(file_content content);

struct repo_model {
  explicit repo_model(std::string repo_id, repo_type kind = repo_type::model)
      : type(kind), id(std::move(repo_id)) {}

  repo_type type;
  std::string id;
  /// Former ids: answered with 307 to `id`. Another case of `id` is one too.
  std::vector<std::string> aliases;
  gate gated = gate::none;
  bool is_private = false;
  bool disabled = false;
  std::set<std::string, std::less<>> grants;  ///< Tokens that may read the repo where it is gated or private.
  std::map<std::string, commit_model, std::less<>> commits;  ///< By id.
  std::map<std::string, std::string, std::less<>> refs;      ///< Full name ("refs/heads/main") to commit.
  std::vector<std::string> listed_first;  ///< Paths that listings name before all others, in this order.

  /// Commits `files` as the whole tree on top of branch `branch`, which then points to the new commit. The id
  /// is a function of all of that: equal calls give equal ids in every run. Returns it.
  std::string commit(file_map files, std::string title = "Upload", std::string_view branch = "main");
  /// Points a tag (may contain '/') to a commit.
  void tag(std::string_view name, std::string commit_id);
  /// Points refs/pr/`number` to a commit.
  void pull_request(int number, std::string commit_id);

  /// The commit that a branch, tag, full ref, commit id, unique prefix of one (at least 4 digits) or "HEAD"
  /// names; nullptr if none.
  [[nodiscard]] const commit_model* find(std::string_view revision) const;
  /// The latest commit at or before `tip` that changed `path`.
  [[nodiscard]] const commit_model& last_change(const commit_model& tip, std::string_view path) const;
  /// The tree of the main branch. @throws std::logic_error if there is none
  [[nodiscard]] const file_map& files() const&;
  [[nodiscard]] file_map files() && { return std::as_const(*this).files(); }
};

}  // namespace embedded
