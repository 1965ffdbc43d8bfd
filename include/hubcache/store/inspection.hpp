#pragma once
/// @file
/// What is required of a content's bytes besides its name. Looked at before it gets a name on disk, and where it has
/// one already, before a snapshot shows it.

#include <hubcache/error.hpp>
#include <hubcache/hash/hash_set.hpp>
#include <hubcache/os/file.hpp>

#include <optional>
#include <stop_token>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace hubcache::inline v0_1 {

/// What bytes fail.
struct objection {
  objection() = default;
  /// Sets reason and detail.
  objection(errc r, std::string d) : reason(r), detail(std::move(d)) {}

  errc reason = errc::disallowed;  ///< disallowed or lock_mismatch.
  std::string detail;

  friend bool operator==(const objection&, const objection&) = default;
};
static_assert(!std::is_aggregate_v<objection>);

/// What one content is inspected for.
struct inspection {
  inspection() = default;

  bool pickles = false;  ///< It must be none (select/pickle.hpp): else errc::disallowed.
  std::optional<digest>
      sha256;  ///< That a lock file gives, if the content's name is another: else lock_mismatch.

  /// Whether there is anything to look for.
  [[nodiscard]] bool needed() const noexcept { return pickles || sha256.has_value(); }

  friend bool operator==(const inspection&, const inspection&) = default;
};
static_assert(!std::is_aggregate_v<inspection>);

/// Why bytes in memory, whose sha256 is known, may not be used; none if they may.
[[nodiscard]] HUBCACHE_DECL std::optional<objection> inspect(const inspection& rules, byte_view bytes,
                                                             const digest& sha256);

/// The same for an open file that holds `what`. Reads as much as select/pickle.hpp says; all of it for the sha256.
/// Blocking. @param ec set if it could not be read, or `stop` was requested: then nothing is known
[[nodiscard]] HUBCACHE_DECL std::optional<objection> inspect(const inspection& rules,
                                                             const os::descriptor& file, const content& what,
                                                             const hash_set_ref& hashes,
                                                             const std::stop_token& stop,
                                                             std::error_code& ec);

}  // namespace hubcache::inline v0_1

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/inspection.ipp>
#endif
