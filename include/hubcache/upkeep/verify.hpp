#pragma once
/// @file
/// Whether files still hold what their names and listings say. A verification is a value: plan_verify() makes it,
/// verify() fills it in, and then it is printed, recorded, or acted upon (quarantine.hpp). Corrupt content is never
/// touched here.

#include <hubcache/hash/hash_set.hpp>
#include <hubcache/index/index_ref.hpp>
#include <hubcache/listing.hpp>
#include <hubcache/store.hpp>
#include <hubcache/upkeep/census.hpp>
#include <hubcache/work/workers.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// What became of one file.
enum class verdict : std::uint8_t {
  pending,      ///< Not looked at yet.
  ok,           ///< It holds what it should.
  corrupt,      ///< It holds other bytes.
  wrong_size,   ///< Its size is not the listed one: other bytes, without a look at them.
  missing,      ///< A name in a snapshot that leads nowhere.
  unreadable,   ///< The file system does not let us read it.
  changed,      ///< It was written to while it was read, twice.
  edited,       ///< It holds other bytes, and is the user's own copy, made to be edited.
  uncheckable,  ///< Nothing says what it should hold.
  absent,  ///< The listing has it, the snapshot does not: it was not asked for, or was removed meanwhile.
  extra,   ///< The snapshot has it, the listing does not.
};
inline constexpr std::size_t verdict_count = 11;  ///< Values of verdict.

/// "pending", "ok", "corrupt", "wrong_size", ...: as in verdict.
[[nodiscard]] HUBCACHE_DECL std::string_view to_string(verdict outcome) noexcept;

/// Whether content is lost or in doubt.
[[nodiscard]] constexpr bool is_failure(verdict outcome) noexcept {
  return outcome >= verdict::corrupt && outcome <= verdict::changed;
}

/// A name and what should lie there.
struct checked_file {
  checked_file() = default;

  std::string repo;     ///< As census_repo::label(); empty in a local folder.
  std::string commit;   ///< Of the snapshot that `path` lies in; empty for a blob.
  std::string file;     ///< Path in the repo; of a blob, one of the names that snapshots give it, or empty.
  std::string path;     ///< Absolute: the name that is checked.
  std::string payload;  ///< Absolute, of the regular file that holds the bytes; empty if there is none.
  std::optional<digest> expected;                  ///< What its name, or the listing, says that it holds.
  os::file_identity identity;                      ///< Of the payload: as planned, then as it was hashed.
  mutability store = mutability::immutable_store;  ///< Of the payload.
  bool editable = false;                           ///< Other bytes are no corruption but an edit.

  verdict outcome = verdict::pending;  ///< What is known of it so far.
  std::optional<digest> found;  ///< Of what it holds instead.
  std::string detail;           ///< What is wrong, for people.

  friend bool operator==(const checked_file&, const checked_file&) = default;
};
static_assert(!std::is_aggregate_v<checked_file>);

/// Files to be checked, and then what was found.
struct verification {
  verification() = default;

  std::vector<checked_file> files;  ///< In the order of the census.
  std::uint64_t bytes = 0;    ///< That verify() had to hash; each inode counts once.
  std::uint64_t resumed = 0;  ///< Of these, bytes that an interrupted run had hashed before.
  bool complete = false;      ///< verify() was not stopped.

  /// Files by verdict.
  [[nodiscard]] HUBCACHE_DECL std::array<std::size_t, verdict_count> counts() const noexcept;

  friend bool operator==(const verification&, const verification&) = default;
};
static_assert(!std::is_aggregate_v<verification>);

/// What of a census is checked.
struct verify_scope {
  verify_scope() = default;
  /// The repo `r` of the census.
  explicit verify_scope(std::size_t r) : repo(r) {}

  std::size_t repo = 0;  ///< Of census::repos.
  /// One snapshot alone, with the blobs it names; none: all snapshots, and blobs that none names.
  std::optional<std::string> commit;
  std::map<std::string, listing>
      listed;  ///< What the Hub says, by commit; for others `trees/<commit>.json` is asked.

  friend bool operator==(const verify_scope&, const verify_scope&) = default;
};
static_assert(!std::is_aggregate_v<verify_scope>);

/// Blobs are checked against their names, entries of snapshots against listings; where an entry's blob has the listed
/// name that is one check. Names in other repos for an inode that is checked are checked along. Reads trees/, hashes
/// nothing. @param stores  other stores, which payloads may lie in
[[nodiscard]] HUBCACHE_DECL verification plan_verify(const census& seen, std::span<const verify_scope> scopes,
                                                     std::span<const store> stores);

/// The files of a local folder (store/local_layout.hpp), against `listed`, or without it against what was recorded
/// when they were downloaded. Symlinks are not followed.
[[nodiscard]] HUBCACHE_DECL verification plan_verify_local(const std::string& folder,
                                                           const std::optional<listing>& listed);

/// How much is checked.
struct verify_options {
  verify_options() = default;

  /// File that remembers what is done, written every few seconds: a run that was stopped, however, goes on from
  /// there within a week. Removed at the end; empty: none. One run at a time uses it.
  std::string checkpoint;
  /// Told of bytes hashed and to hash, ten times a second at most, one call at a time, from any thread.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
};
static_assert(!std::is_aggregate_v<verify_options>);

/// Hashes what is pending, each inode once, largest first, in parallel. Once `stop` is requested the rest stays
/// pending. Blocking.
[[nodiscard]] HUBCACHE_DECL verification verify(verification planned, const hash_set_ref& hashes,
                                                workers& pool, const verify_options& options,
                                                const std::stop_token& stop);

/// Records in the index what was learned: good files are verified there, all names of bad inodes are forgotten.
HUBCACHE_DECL void remember(const verification& done, index_ref index);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/verify.ipp>
#include <hubcache/impl/verify_plan.ipp>
#endif
