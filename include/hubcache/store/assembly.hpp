#pragma once
/// @file
/// Assembled directories: a view of files from several repos under names of its own, which any loader opens by path.
///
/// | file                                                     | becomes                                               |
/// |----------------------------------------------------------|-------------------------------------------------------|
/// | of the cache, of hard_link::smallest bytes or more       | a reflink; else, if nobody may write to the blob, a   |
/// |                                                          | hard link; else a symlink                             |
/// | smaller                                                  | a reflink or copy; a symlink where others who share   |
/// |                                                          | the directory could not read one                      |
/// | of a snapshot that is not in the cache (a local folder)  | a reflink or copy                                     |
///
/// A symlink leads to the snapshot's entry, by its absolute path: entries stay where they are when blobs are mended,
/// deduplicated or moved. Its commit is pinned first, so nothing that obeys the ledger takes the entry away; the pin stays
/// when the directory is changed or removed. No file can be read by more users than before, the texts and
/// the manifest by none who could not read all of them. Copies and reflinks are read-only.
///
/// The manifest, hubcache-assembly.json, tells where each file comes from:
///
///     {
///      "format": "hubcache-assembly",
///      "version": 1,
///      "files": [
///       {"path": "vae/config.json", "repo": "acme/vae", "repo_type": "model", "commit": "0123...",
///        "source": "vae/config.json", "size": 553, "sha256": "7cf7...", "link": "copy"},
///       {"path": "model_index.json", "size": 541, "sha256": "248d...", "link": null}
///      ]
///     }
///
/// (one line a file; the second was written, not linked). While a directory is being changed its manifest lists the files
/// as they were and as they shall be, the latter with the link null: then a path may come twice.
///
/// A directory is filled if it is new, empty, or has a manifest: then files of that manifest which are not wanted any more
/// are removed, and no others ever; a file of it that somebody changed since is an error, and nothing is touched. One that
/// somebody changes while the directory is being filled is an error, too, and not touched. Files
/// that are there already, with the content and the symlink that are wanted, are kept. Names that begin with
/// ".hubcache-assembly" are hubcache's own: its lock, and what a killed run left, which the next one removes.

#include <hubcache/digest.hpp>
#include <hubcache/hash/hash_set.hpp>
#include <hubcache/index/index_ref.hpp>
#include <hubcache/link/link_ref.hpp>
#include <hubcache/repo.hpp>
#include <hubcache/settings.hpp>
#include <hubcache/store/ledger.hpp>

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

/// The manifest's name in the directory.
inline constexpr std::string_view assembly_manifest = "hubcache-assembly.json";

/// One file to link, and where it comes from.
struct assembly_file {
  assembly_file() = default;

  std::string path;  ///< In the directory; safe by is_safe_path().
  std::string file;  ///< Absolute: an entry of a snapshot.
  content what;      ///< What it must hold; its digest is the listing's.
  digest sha256;     ///< Of the content.
  hubcache::repo repo;  ///< That it comes from.
  std::string commit;   ///< Of that repo; 40 hex.
  std::string source;  ///< Its path in the repo.

  friend bool operator==(const assembly_file&, const assembly_file&) = default;
};
static_assert(!std::is_aggregate_v<assembly_file>);

/// One file that is written.
struct assembly_text {
  assembly_text() = default;
  /// Sets path and text.
  assembly_text(std::string p, std::string t) : path(std::move(p)), text(std::move(t)) {}

  std::string path;  ///< In the directory; safe by is_safe_path().
  std::string text;  ///< Its bytes.

  friend bool operator==(const assembly_text&, const assembly_text&) = default;
};
static_assert(!std::is_aggregate_v<assembly_text>);

/// What a directory shall show.
struct assembly {
  assembly() = default;

  std::string dir;  ///< Absolute; made if it is missing.
  std::vector<assembly_file> files;  ///< Linked from snapshots.
  std::vector<assembly_text> texts;  ///< Written.

  friend bool operator==(const assembly&, const assembly&) = default;
};
static_assert(!std::is_aggregate_v<assembly>);

/// What became of one file.
struct assembled_file {
  assembled_file() = default;

  std::string path;               ///< In the directory.
  std::optional<link_kind> link;  ///< None: written.
  bool kept = false;              ///< It was there already.

  friend bool operator==(const assembled_file&, const assembled_file&) = default;
};
static_assert(!std::is_aggregate_v<assembled_file>);

/// What became of an assembly.
struct assembly_report {
  assembly_report() = default;

  std::vector<assembled_file> files;  ///< Files, then texts, in their order.
  std::vector<std::string> removed;   ///< Files of the old manifest that are gone.
  std::vector<pin> pins;              ///< Made for symlinks; what was pinned before is not named.

  friend bool operator==(const assembly_report&, const assembly_report&) = default;
};
static_assert(!std::is_aggregate_v<assembly_report>);

/// Throws what assemble() would throw of the directory whatever it shall show, before anything is fetched for it. Changes
/// nothing. Blocking.
/// @throws error errc::refused: it has files and no manifest, or lies in a store or the state folder; errc::malformed_file:
///         the manifest; or a disk error
HUBCACHE_DECL void check_assembly_dir(const std::string& dir, const settings& config);

/// Throws what assemble() would throw of the names in the directory, which a preview knows, too.
/// @throws error errc::invalid_argument: two files of one name, an unsafe name, or one of hubcache's own
HUBCACHE_DECL void check_assembly_names(const assembly& what);

/// Makes the directory show `what`. Every file appears at once and whole, synced as `config.fsync` says. The manifest is
/// written before the first change and after the last: a run that was killed, or cancelled, is taken up by the next. No
/// symlink in the directory is followed. While it runs, nothing is removed from the repos (their leases are held) and
/// nobody else fills the directory. Blocking; equal arguments again change nothing.
/// @param config  the cache that the snapshots are in, the stores its blobs may lead to, and the state folder of the pins
/// @param links   asked for reflinks, hard links and copies
/// @param index   spares the hashing of what is known, and is told what was learned
/// @param stop    asked between files, and within copies and hashes
/// @throws error errc::refused: the directory has files and no manifest, or lies in a store or the state folder; a file of
///         another stands in the way of one that is wanted, or a file of the manifest was changed (it is named); a
///         snapshot's file is not what it was listed as; another process works there. errc::invalid_argument: two files
///         of one name, an unsafe name, or one of hubcache's own. errc::malformed_file: the manifest. errc::not_cached: a
///         snapshot's file is missing. errc::cancelled. Or a disk error.
/// @par Complexity  Hashes what the index does not know: a reflink or copy once after it was made.
[[nodiscard]] HUBCACHE_DECL assembly_report assemble(const assembly& what, const settings& config,
                                                     const link_ref& links, const hash_set_ref& hashes,
                                                     index_ref index, const std::stop_token& stop);

/// One file of a manifest.
struct manifest_file {
  manifest_file() = default;

  std::string path;                    ///< In the directory.
  std::optional<hubcache::repo> repo;  ///< None: written, no link.
  std::string commit;                  ///< 40 hex; empty without a repo.
  std::string source;                  ///< Its path in the repo; empty without one.
  std::uint64_t size = 0;              ///< In bytes.
  digest sha256;                       ///< Of the content.
  std::optional<link_kind> link;  ///< None of a file with a repo: it may not be there yet.

  friend bool operator==(const manifest_file&, const manifest_file&) = default;
};
static_assert(!std::is_aggregate_v<manifest_file>);

/// Reads a manifest. Strict: the members above and no others, safe paths, each at most twice. Safe with any bytes, at most
/// 256 MiB of them; O(n log n). @throws error errc::malformed_file that tells where, and what was expected there
[[nodiscard]] HUBCACHE_DECL std::vector<manifest_file> parse_assembly_manifest(std::string_view text);
/// The text of a manifest, its files in the given order.
[[nodiscard]] HUBCACHE_DECL std::string format_assembly_manifest(const std::vector<manifest_file>& files);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/assembled_folder.ipp>
#include <hubcache/impl/assembly.ipp>
#include <hubcache/impl/assembly_manifest.ipp>
#endif
