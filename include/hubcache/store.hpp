#pragma once
/// @file
/// A store: a directory tree in some tool's layout that holds content.

#include <hubcache/config.hpp>
#include <hubcache/print.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace hubcache::inline v0_1 {

/// Whether `path` lies below `folder`, by their names alone; both absolute.
[[nodiscard]] constexpr bool is_below(std::string_view path, std::string_view folder) noexcept {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

/// Whether the tool that owns a store, or its users, edit files there: decides what may be linked.
enum class mutability : std::uint8_t {
  immutable_store = 0,  ///< Hub caches, Ollama, git-lfs: every kind of link.
  mutable_store =
      1,  ///< Plain folders, local_dir, a user's mapping: reflink or copy; a hard link on request.
};

/// Whose layout a store has. A closed table: each kind has one adapter in store/scan.
enum class store_kind : std::uint8_t {
  hub_cache,  ///< huggingface_hub's cache and its relatives', llama.cpp's newer one included.
  local_dir,  ///< A folder filled by a download with local_dir.
  ollama,     ///< Ollama's models folder: `blobs/sha256-<hex>`.
  git_lfs,    ///< A git repository's .git/lfs: `objects/aa/bb/<sha256>`.
  llama_cpp,  ///< llama.cpp's own cache of single files, with a .json or .etag file beside each.
  comfy_ui,   ///< ComfyUI's models folder. Hashed on request only.
  folder,     ///< Any other folder. Hashed on request only.
};

/// "hub-cache", "local-dir", "ollama", "git-lfs", "llama-cpp", "comfy-ui" or "folder".
[[nodiscard]] constexpr std::string_view to_string(store_kind kind) noexcept {
  switch (kind) {
    case store_kind::hub_cache:
      return "hub-cache";
    case store_kind::local_dir:
      return "local-dir";
    case store_kind::ollama:
      return "ollama";
    case store_kind::git_lfs:
      return "git-lfs";
    case store_kind::llama_cpp:
      return "llama-cpp";
    case store_kind::comfy_ui:
      return "comfy-ui";
    case store_kind::folder:
      break;
  }
  return "folder";
}

/// Reads what to_string() writes.
[[nodiscard]] constexpr std::optional<store_kind> parse_store_kind(std::string_view text) noexcept {
  for (auto kind : {store_kind::hub_cache, store_kind::local_dir, store_kind::ollama, store_kind::git_lfs,
                    store_kind::llama_cpp, store_kind::comfy_ui, store_kind::folder}) {
    if (text == to_string(kind)) return kind;
  }
  return std::nullopt;
}

/// Whether files of such a store are edited in place.
[[nodiscard]] constexpr mutability mutability_of(store_kind kind) noexcept {
  switch (kind) {
    case store_kind::hub_cache:
    case store_kind::ollama:
    case store_kind::git_lfs:
      return mutability::immutable_store;
    case store_kind::local_dir:
    case store_kind::llama_cpp:
    case store_kind::comfy_ui:
    case store_kind::folder:
      break;
  }
  return mutability::mutable_store;
}

/// How hubcache learned of a store.
enum class store_origin : std::uint8_t {
  own,         ///< settings::cache_dir itself.
  configured,  ///< Named in HUBCACHE_STORES or stores.toml.
  found,       ///< Lies where its tool puts it.
  added,       ///< Given to `hubcache index add`.
};

/// "own", "configured", "found" or "added".
[[nodiscard]] constexpr std::string_view to_string(store_origin origin) noexcept {
  switch (origin) {
    case store_origin::own:
      return "own";
    case store_origin::configured:
      return "configured";
    case store_origin::found:
      return "found";
    case store_origin::added:
      break;
  }
  return "added";
}

/// A place where content is looked for.
struct store {
  store() = default;
  /// Sets kind, path and origin.
  store(store_kind k, std::string p, store_origin o) : kind(k), path(std::move(p)), origin(o) {}

  store_kind kind = store_kind::hub_cache;  ///< Whose layout it has.
  std::string path;  ///< Absolute, without a trailing '/'.
  store_origin origin = store_origin::own;  ///< How hubcache learned of it.
  /// Content found here is shown by an absolute symlink from the blob instead of a link of its bytes.
  bool in_place = false;
  bool read_only = false;  ///< Never written to, even where the file system would let us.

  /// Whether `file` (absolute) lies in this store.
  [[nodiscard]] bool holds(std::string_view file) const noexcept { return is_below(file, path); }

  friend bool operator==(const store&, const store&) = default;
};
static_assert(!std::is_aggregate_v<store>);

}  // namespace hubcache::inline v0_1
