#pragma once

#include <hubcache/hash/hash_file.hpp>
#include <hubcache/store/confirm.hpp>
#include <hubcache/store/destination.hpp>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL index_record verified_record(const digest& name, const std::string& path,
                                           const os::file_identity& identity, mutability store) {
  place where;
  where.path = path;
  where.identity = identity;
  where.state = trust_after_hash(where.identity, store);
  where.store = store;
  return {name, std::move(where)};
}

namespace detail {

/// Files up to this size are hashed by both algorithms, so that twins under the other name are found.
inline constexpr std::uint64_t twin_limit = 1024 * 1024;

HUBCACHE_DECL void give_name(const destination& where, const os::folder& root, const std::string& temporary,
                             const std::string& target, fsync_mode mode, std::error_code& ec) {
  ec.clear();
  const bool nested = target.find('/') != target.npos;
  const auto parent = nested ? root.parent_of(target, ec) : os::folder{};
  if (!ec) (nested ? parent : root).take(temporary, os::last_segment(target), ec);
  if (ec || mode != fsync_mode::each) return;
  const auto path = where.root + "/" + target;
  os::sync_directory(path.substr(0, path.rfind('/')), ec);
}

HUBCACHE_DECL void give_name(const destination& where, const std::string& temporary,
                             const std::string& target, fsync_mode mode, std::error_code& ec) {
  const auto root = os::folder::open_below(where.base, where.root, ec);
  if (!ec) give_name(where, root, temporary, target, mode, ec);
}

HUBCACHE_DECL mutability store_of(const destination& where) noexcept {
  return where.plain_files ? mutability::mutable_store : mutability::immutable_store;
}

HUBCACHE_DECL void add_twin(std::vector<index_record>& records, const std::string& path, const content& what,
                            const hash_set_ref& hashes, mutability store) {
  std::error_code ec;
  if (what.size > twin_limit) return;
  const auto file = os::open_read(path, ec);
  const auto both = ec ? std::nullopt : hash_file_both(hashes, file, what.size, {}, ec);
  if (!both || (both->sha256 != what.name && both->git_sha1 != what.name)) return;
  const auto& other = what.name.algorithm() == digest_algorithm::sha256 ? both->git_sha1 : both->sha256;
  const auto identity = os::status(file, ec).identity;
  if (!ec) records.push_back(verified_record(other, path, identity, store));
}

}  // namespace detail

}  // namespace hubcache::inline v0_1
