#pragma once

#include <hubcache/hash/hash_set.hpp>

#include <atomic>
#include <cstdint>
#include <string_view>

namespace test {

inline const hubcache::default_hashes hashes;

/// The name and size of `bytes`.
inline hubcache::content content_of(
    std::string_view bytes, hubcache::digest_algorithm algorithm = hubcache::digest_algorithm::sha256) {
  auto hash = hashes.make(algorithm, bytes.size());
  hash.update(hubcache::as_byte_view(bytes));
  return {hash.finish(), bytes.size()};
}

/// A hash policy that counts how many hashes were begun.
class counting_hashes {
 public:
  [[nodiscard]] hubcache::any_hasher make(hubcache::digest_algorithm algorithm, std::uint64_t size) const {
    ++begun_;
    return hashes.make(algorithm, size);
  }
  [[nodiscard]] int begun() const { return begun_; }

 private:
  mutable std::atomic<int> begun_ = 0;
};

}  // namespace test
