#pragma once

#include <hubcache/index/content_index.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace test {

/// A digest that looks random and is the same for the same `n`.
inline hubcache::digest digest_number(
    std::uint64_t n, hubcache::digest_algorithm algorithm = hubcache::digest_algorithm::sha256) {
  std::array<std::uint64_t, 4> words{};
  std::uint64_t x = n;
  for (auto& word : words) {  // splitmix64
    x += 0x9E3779B97F4A7C15;
    word = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9;
    word = (word ^ (word >> 27U)) * 0x94D049BB133111EB;
    word ^= word >> 31U;
  }
  return {algorithm, std::as_bytes(std::span(words))};
}

/// The one record that these tests ever insert for digest number `n` and version `v`: a place with every
/// field set.
inline hubcache::index_record record_number(std::uint64_t n, std::uint64_t v = 0) {
  hubcache::index_record record;
  record.name = digest_number(n);
  record.where.path = "/cache/models--acme--" + std::to_string(v) + "/blobs/" + record.name.hex();
  record.where.identity.device = 7;
  record.where.identity.inode = n;
  record.where.identity.size = n * 1000 + v;
  record.where.identity.mtime_ns = -static_cast<std::int64_t>(n);
  record.where.identity.ctime_ns = static_cast<std::int64_t>(v);
  record.where.state = n % 2 == 0 ? hubcache::trust::verified : hubcache::trust::claimed;
  record.where.store =
      v % 2 == 0 ? hubcache::mutability::immutable_store : hubcache::mutability::mutable_store;
  record.where.fingerprint = n % 3 == 0 ? 0 : ~n;
  return record;
}

/// Whether `record` is one that record_number() makes.
inline bool is_genuine(const hubcache::index_record& record) {
  const auto& identity = record.where.identity;
  return record == record_number(identity.inode, static_cast<std::uint64_t>(identity.ctime_ns));
}

}  // namespace test
