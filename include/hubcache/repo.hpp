#pragma once
/// @file
/// Names on the Hub: repo type, repo, revision, commit. Validation by the Hub's own rules,
/// stricter where a name becomes a path on disk.

#include <hubcache/config.hpp>
#include <hubcache/print.hpp>

#include <compare>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace hubcache::inline v0_1 {

/// What kind of repo: the Hub keeps each kind under names of its own.
enum class repo_type : unsigned char { model, dataset, space };

/// "model", "dataset" or "space".
[[nodiscard]] HUBCACHE_DECL std::string_view to_string(repo_type type) noexcept;
/// Reads a type in singular or plural ("dataset", "datasets"); anything else is none.
[[nodiscard]] HUBCACHE_DECL std::optional<repo_type> parse_repo_type(std::string_view text) noexcept;

/// A repo: id ("owner/name", or a legacy "name") and type.
class repo {
 public:
  repo() = default;
  /// @throws error errc::invalid_argument if `id` is none the Hub would accept.
  repo(std::string id, repo_type type = repo_type::model);  // NOLINT: a string names a model
  /// The model `id`, as above.
  repo(const char* id) : repo(std::string(id)) {}           // NOLINT: likewise

  /// "owner/name", or a legacy "name".
  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  /// Its type.
  [[nodiscard]] repo_type type() const noexcept { return type_; }
  /// Name of the repo's folder in a Hub cache: "models--owner--name".
  [[nodiscard]] std::string folder() const;
  /// For people: "owner/name", with the type in front unless it is a model.
  [[nodiscard]] std::string display() const;

  /// display(); streams print it.
  [[nodiscard]] friend std::string to_string(const repo& value) { return value.display(); }
  friend bool operator==(const repo&, const repo&) noexcept = default;
  friend std::strong_ordering operator<=>(const repo&, const repo&) noexcept = default;

 private:
  std::string id_;
  repo_type type_ = repo_type::model;
};
static_assert(!std::is_aggregate_v<repo>);

/// A reference as users write it: `hf://[datasets/|spaces/|models/]owner/name[@revision][/path]`.
struct repo_url {
  repo_url() = default;

  hubcache::repo repo;   ///< The repo that it names.
  std::string revision;  ///< Empty if none was named.
  std::string path;      ///< Empty if none was named.

  friend bool operator==(const repo_url&, const repo_url&) = default;
};

/// Reads an hf:// reference. A revision with slashes is recognised as `refs/pr/N` and `refs/convert/NAME`.
/// @throws error errc::invalid_argument if `text` is no such reference.
[[nodiscard]] HUBCACHE_DECL repo_url parse_repo_url(std::string_view text);

/// True for exactly 40 lower-case hex digits: a commit, which never changes.
[[nodiscard]] HUBCACHE_DECL bool is_commit(std::string_view revision) noexcept;

/// Checks what the user typed as a revision; it becomes part of a path under refs/.
/// @throws error errc::invalid_argument for empty, absolute or escaping names and control characters.
HUBCACHE_DECL void check_revision(std::string_view revision);

/// Whether `path` may be created below a folder: relative, no empty, "." or ".." segment between '/' or '\', no drive, no
/// ".git" in any case, no control character, no segment over 255 bytes, at most 128 segments and 3072 bytes. What only
/// some systems take for special (CON, a dot or blank at the end) is a name like others: those refuse it themselves.
[[nodiscard]] HUBCACHE_DECL bool is_safe_path(std::string_view path) noexcept;

}  // namespace hubcache::inline v0_1

/// Equal repos have equal hashes: repos are keys of unordered containers.
template <>
struct std::hash<hubcache::repo> {
  /// Of id and type.
  std::size_t operator()(const hubcache::repo& which) const noexcept {
    return std::hash<std::string>{}(which.id()) ^ static_cast<std::size_t>(which.type());
  }
};

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/repo.ipp>
#endif
