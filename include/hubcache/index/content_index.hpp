#pragma once
/// @file
/// The contract of content indexes.

/// @concept hubcache::content_index
/// Where content lies on this machine. A hint: every place is confirmed against the file
/// before it is used, so a wrong or lost index costs time, never correctness.
///
/// Notation: I the type, i an lvalue of I, c a const lvalue, d a `digest`, p a path, r a span of `index_record`,
/// v a callable `bool(const index_record&)`.
///
/// | expression      | returns              | requirement                                                         |
/// |-----------------|----------------------|---------------------------------------------------------------------|
/// | c.find(d)       | `std::vector<place>` | At most 16 places recorded for d, newest first; each path once.     |
/// | i.insert(r)     | `std::size_t`        | Records all of r; a record for (digest, path) replaces the earlier, |
/// |                 |                      | as merged_place() says.                                             |
/// |                 |                      | Returns how many were stored; a failure is no error (hints only).   |
/// | i.forget(d, p)  | `void`               | Drops the place p of d, if it is there.                             |
/// | c.each(v)       | `void`               | Visits every live record once, in no order, until v returns false.  |
/// | c.size()        | `std::uint64_t`      | Live records; an estimate is allowed.                               |
///
/// Thread safety: any thread may call any of them at any time; other processes may share the same index.
/// find() is O(1) and allocates only its result. Models: mapped_index, memory_index,
/// any_content_index, index_ref.

#include <hubcache/digest.hpp>
#include <hubcache/os/file.hpp>
#include <hubcache/store.hpp>

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace hubcache::inline v0_1 {

/// Why a place is believed.
enum class trust : std::uint8_t {
  claimed = 0,   ///< A name or a listing says so. Hashed before the first link from it.
  verified = 1,  ///< We hashed it; believed while the file's identity is the recorded one.
};

/// One place where content lies.
struct place {
  place() = default;

  std::string path;            ///< Absolute, of a regular file.
  os::file_identity identity;  ///< When it was recorded.
  trust state = trust::claimed;  ///< Why it is believed.
  mutability store =
      mutability::immutable_store;  ///< Of the store that it lies in: decides what may be linked.
  /// XXH3 of the bytes, or 0 if it was not taken: tells an untouched file whose times changed from an edited one.
  std::uint64_t fingerprint = 0;

  friend bool operator==(const place&, const place&) = default;
};
static_assert(!std::is_aggregate_v<place>);

/// What is known of a path: `later`, and whatever `earlier` knows about the same state of the file besides.
/// So a scan that only claims takes nothing from a file that was hashed and has not changed.
[[nodiscard]] inline place merged_place(place later, const place& earlier) {
  if (later.identity == earlier.identity) {
    if (earlier.state == trust::verified) later.state = trust::verified;
    if (later.fingerprint == 0) later.fingerprint = earlier.fingerprint;
  }
  return later;
}

/// A place and the digest of what lies there.
struct index_record {
  index_record() = default;
  /// Sets name and where.
  index_record(const digest& d, place p) : name(d), where(std::move(p)) {}

  digest name;  ///< Of the content.
  place where;  ///< A place that holds it.

  friend bool operator==(const index_record&, const index_record&) = default;
};
static_assert(!std::is_aggregate_v<index_record>);

inline constexpr std::size_t max_places = 16;  ///< That find() tells of one digest.

template <class I>
concept content_index = requires(I& i, const I& c, const digest& d, const std::string& path,
                                 std::span<const index_record> records, bool (*visit)(const index_record&)) {
  { c.find(d) } -> std::same_as<std::vector<place>>;
  { i.insert(records) } -> std::convertible_to<std::size_t>;
  i.forget(d, path);
  c.each(visit);
  { c.size() } -> std::convertible_to<std::uint64_t>;
};

}  // namespace hubcache::inline v0_1
