#pragma once

#include <hubcache/hash/hash_file.hpp>
#include <hubcache/select/pickle.hpp>
#include <hubcache/store/inspection.hpp>

#include <algorithm>

namespace hubcache::inline v0_1 {

namespace detail {

HUBCACHE_DECL std::optional<objection> object_to_pickle(std::uint64_t size, const content_reader& read) {
  const auto found = find_pickle(size, read);
  if (found.empty()) return std::nullopt;
  return objection(errc::disallowed, "its content is " + found + ", which may run code when it is loaded");
}

HUBCACHE_DECL std::optional<objection> object_to_digest(const digest& locked, const digest& found) {
  if (found == locked) return std::nullopt;
  return objection(errc::lock_mismatch,
                   "the lock file has sha256 " + locked.hex() + ", the content has " + found.hex());
}

}  // namespace detail

HUBCACHE_DECL std::optional<objection> inspect(const inspection& rules, byte_view bytes,
                                               const digest& sha256) {
  if (rules.sha256) {
    if (auto found = detail::object_to_digest(*rules.sha256, sha256)) return found;
  }
  if (!rules.pickles) return std::nullopt;
  return detail::object_to_pickle(bytes.size(), [bytes](std::uint64_t offset, std::span<std::byte> into) {
    const auto from = bytes.subspan(std::min<std::size_t>(bytes.size(), offset));
    const auto count = std::min(from.size(), into.size());
    std::copy_n(from.begin(), count, into.begin());
    return count;
  });
}

HUBCACHE_DECL std::optional<objection> inspect(const inspection& rules, const os::descriptor& file,
                                               const content& what, const hash_set_ref& hashes,
                                               const std::stop_token& stop, std::error_code& ec) {
  ec.clear();
  std::optional<objection> found;
  if (rules.sha256) {
    const auto name = hash_file(hashes, file, digest_algorithm::sha256, what.size, stop, ec);
    if (name) found = detail::object_to_digest(*rules.sha256, *name);
  }
  if (ec || found || !rules.pickles) return found;
  std::error_code failed;
  found = detail::object_to_pickle(what.size, [&](std::uint64_t offset, std::span<std::byte> into) {
    std::error_code here;
    const auto count = os::read_at(file, into, offset, here);
    if (here) failed = here;
    return count;
  });
  ec = failed;
  return failed ? std::nullopt : found;
}

}  // namespace hubcache::inline v0_1
