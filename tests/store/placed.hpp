#pragma once

#include <hubcache/store/confirm.hpp>
#include <hubcache/store/destination.hpp>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string>
#include <vector>

namespace test {

inline hubcache::os::file_status status(const std::string& path) {
  std::error_code ec;
  return hubcache::os::status(path, ec);
}

inline std::size_t names_in(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

inline hubcache::place claim(const std::string& path,
                             hubcache::mutability store = hubcache::mutability::immutable_store) {
  hubcache::place where;
  where.path = path;
  where.store = store;
  return where;
}

inline bool records(const std::vector<hubcache::index_record>& in, const hubcache::digest& name,
                    const std::string& path) {
  return std::any_of(in.begin(), in.end(),
                     [&](const auto& r) { return r.name == name && r.where.path == path; });
}

/// Whether the last record of each path has the file's present identity.
inline bool are_present(const std::vector<hubcache::index_record>& in) {
  return std::all_of(in.begin(), in.end(), [&](const auto& record) {
    const auto last = std::find_if(in.rbegin(), in.rend(), [&](const auto& r) {
      return r.where.path == record.where.path && r.name == record.name;
    });
    const auto identity = status(last->where.path).identity;
    return last->where.state == hubcache::trust_after_hash(identity, last->where.store) &&
           last->where.identity == identity;
  });
}

}  // namespace test
