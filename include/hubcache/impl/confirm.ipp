#pragma once

#include <hubcache/hash/hash_file.hpp>
#include <hubcache/store/confirm.hpp>

#include <algorithm>
#include <chrono>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL confirmed_place confirm(const place& where, const std::vector<place>& siblings,
                                      const content& what, const hash_set_ref& hashes,
                                      const std::stop_token& stop) {
  confirmed_place result;
  opened_file opened;
  opened.path = where.path;
  std::error_code ec;
  opened.file = os::open_read(where.path, ec);
  if (!ec) opened.status = os::status(opened.file, ec);
  if (ec) {
    result.stale = ec == std::errc::no_such_file_or_directory || ec == std::errc::not_a_directory ||
                   ec == std::errc::too_many_symbolic_link_levels || ec == std::errc::invalid_argument;
    result.problem = ec.message();
    return result;
  }
  if (opened.status.identity.size != what.size) {
    result.stale = true;
    result.problem = "it has " + std::to_string(opened.status.identity.size) + " bytes instead of " +
                     std::to_string(what.size);
    return result;
  }
  // Every hard link to an inode changes its ctime, so an identity may stand in the record of another name.
  const auto vouches = [&opened](const place& p) {
    return p.state == trust::verified && p.identity == opened.status.identity;
  };
  if (!vouches(where) && std::none_of(siblings.begin(), siblings.end(), vouches)) {
    // Asked before the first byte is read: who writes within the same tick of the clock goes unseen.
    const bool lasting = trust_after_hash(opened.status.identity, where.store) == trust::verified;
    const auto found = hash_file(hashes, opened.file, what.name.algorithm(), what.size, stop, ec);
    const auto after = os::status(opened.file, ec).identity;
    if (!found || ec || after != opened.status.identity) {
      result.problem = found ? "it changed while it was read" : "it could not be read";
      return result;
    }
    result.hashed = lasting;
    if (*found != what.name) {
      result.stale = true;
      result.problem = "it holds other content: " + found->hex();
      return result;
    }
  }
  result.file = std::move(opened);
  return result;
}

HUBCACHE_DECL trust trust_after_hash(const os::file_identity& now, mutability store) noexcept {
  const auto clock = std::chrono::system_clock::now().time_since_epoch();
  const auto age = std::chrono::duration_cast<std::chrono::nanoseconds>(clock).count() - now.mtime_ns;
  return store == mutability::mutable_store && age < 2'000'000'000 ? trust::claimed : trust::verified;
}

HUBCACHE_DECL std::optional<index_record> confirmed_record(const digest& name, const opened_file& have,
                                                           mutability store) {
  std::error_code ec;
  place where;
  where.path = have.path;
  where.identity = os::status(have.file, ec).identity;
  where.state = trust_after_hash(where.identity, store);
  where.store = store;
  const auto& then = have.status.identity;
  if (ec || where.identity.size != then.size || where.identity.mtime_ns != then.mtime_ns) return std::nullopt;
  return index_record(name, std::move(where));
}

HUBCACHE_DECL link_kinds kinds_for(const place& where, link_kinds allowed) noexcept {
  if (allowed.single()) return allowed | link_kind::copy;
  allowed = allowed.without(link_kind::symlink);
  return where.store == mutability::mutable_store ? allowed.without(link_kind::hard_link) : allowed;
}

}  // namespace hubcache::inline v0_1
