#pragma once
/// @file
/// Finds the content of stores that the index does not know yet. Nothing is hashed: what names and records of the
/// tools say becomes claims.
///
/// | kind             | read                                                      | names the content             |
/// |------------------|-----------------------------------------------------------|-------------------------------|
/// | hub_cache        | `<repo>/blobs/`; plain files in snapshots/; shared payloads | file name; `trees/<commit>.json`|
/// | local_dir        | .cache/huggingface/download/                              | its .metadata files           |
/// | ollama           | blobs/                                                    | file name                     |
/// | git_lfs          | objects/, there or below lfs/ or .git/lfs/                | file name                     |
/// | llama_cpp        | the folder                                                | its manifests and .etag files |
/// | comfy_ui, folder | nothing: only what was added to the index is known there  |                               |
///
/// A folder is read again only if its mtime is another than when it was read; what was written to within two seconds
/// of the scan, or cannot be read, is read again next time. Below a store's own path no symlink is followed, with two
/// exceptions: a blob may be a symlink to another file in the same Hub cache (huggingface_hub's shared store), and
/// the folder of a repo in the own cache may be one.

#include <hubcache/index/index_ref.hpp>
#include <hubcache/store.hpp>

#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// Something that could not be read; the scan went on without it.
struct scan_problem {
  scan_problem() = default;
  /// Sets path, text and origin.
  scan_problem(std::string p, std::string t, store_origin o)
      : path(std::move(p)), text(std::move(t)), origin(o) {}

  std::string path;                         ///< Absolute.
  std::string text;                         ///< Why, for people.
  store_origin origin = store_origin::own;  ///< Of its store: what was merely found need not bother anybody.

  friend bool operator==(const scan_problem&, const scan_problem&) = default;
};
static_assert(!std::is_aggregate_v<scan_problem>);

/// What a scan saw. A value: nothing is recorded until remember_scan().
struct store_scan {
  store_scan() = default;

  /// What the index does not know, or knows in another state; sorted by digest, then by path.
  std::vector<index_record> claims;
  /// Every folder seen, and those of stores that were not asked for -> its mtime (ns) when it was read; 0 = read it
  /// again.
  std::map<std::string, std::int64_t> folders;
  std::vector<scan_problem> problems;  ///< What could not be read.

  friend bool operator==(const store_scan&, const store_scan&) = default;
};
static_assert(!std::is_aggregate_v<store_scan>);

/// Looks at what changed in the Hub cache `cache_dir` and in `stores` since the scan remembered in `state_dir`. A
/// store that is missing holds nothing; what cannot be read is a problem. Blocking; writes nothing. Once `stop` is
/// requested it returns what it saw so far.
/// Costs one stat per folder in the table above, and one per file of changed folders.
[[nodiscard]] HUBCACHE_DECL store_scan scan_stores(const std::string& cache_dir,
                                                   const std::vector<store>& stores,
                                                   const std::string& state_dir, index_ref index,
                                                   const std::stop_token& stop = {});

/// Records the claims, and what need not be read again: in `<state_dir>/scanned`, without folders that are gone. A
/// failure costs only a later scan.
HUBCACHE_DECL void remember_scan(const store_scan& scan, const std::string& state_dir, index_ref index);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/scan.ipp>
#include <hubcache/impl/scan_hub_cache.ipp>
#include <hubcache/impl/scan_tools.ipp>
#endif
