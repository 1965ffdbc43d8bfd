#pragma once
/// @file
/// Lock files (select/lock_file.hpp) and this machine: written from what was downloaded, compared with what is here.

#include <hubcache/hash/hash_set.hpp>
#include <hubcache/plan/snapshot.hpp>
#include <hubcache/select/lock_file.hpp>
#include <hubcache/upkeep/verify.hpp>

#include <stop_token>
#include <string>

namespace hubcache::inline v0_1 {

/// Reads the lock file at `path`; symlinks are followed.
/// @throws error errc::invalid_argument as parse_lock_file(), naming the file, or a disk error.
[[nodiscard]] HUBCACHE_DECL lock_file read_lock_file(const std::string& path);

/// Writes it, by rename. @throws error as format_lock_file(), or a disk error.
HUBCACHE_DECL void write_lock_file(const std::string& path, const lock_file& lock);

/// The lock of what `done`, a finished run, shows. Files that are named by their sha256 are not read; of the others it
/// is taken from their content, which must be what its git sha1 says. Blocking.
/// @throws error errc::invalid_argument if there is no file, errc::digest_mismatch, errc::cancelled, or a disk error.
[[nodiscard]] HUBCACHE_DECL locked_repo lock_of(const snapshot& done, const hash_set_ref& hashes,
                                                const std::stop_token& stop);

/// What of `lock` is in the Hub cache `cache_dir`, as a plan for verify(): links to blobs of the right name and size are
/// ok, unless `rehash`; what nothing names by its sha256 is to be hashed. Looks at names and sizes, reads nothing.
[[nodiscard]] HUBCACHE_DECL verification plan_verify_lock(const lock_file& lock, const std::string& cache_dir,
                                                          bool rehash);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/locked_repos.ipp>
#endif
