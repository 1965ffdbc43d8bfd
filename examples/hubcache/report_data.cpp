#include "report_data.hpp"

#include <hubcache/digest.hpp>
#include <hubcache/link/hard_link.hpp>
#include <hubcache/os/folder.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <string_view>
#include <tuple>
#include <utility>

namespace command {

namespace {

using hubcache::census;
using hubcache::census_repo;
using hubcache::content_ref;
using hubcache::disk_map;
using hubcache::disk_piece;

constexpr std::int64_t second_in_ns = 1'000'000'000;

std::uint64_t& at(held_bytes& bytes, hold why) { return bytes[static_cast<std::size_t>(why)]; }

void add(held_bytes& to, const held_bytes& more) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += more[i];
}

/// One value per content: [repo][content], as in the census.
template <class T>
using per_content = std::vector<std::vector<T>>;

template <class T>
per_content<T> for_each_content(const census& seen) {
  per_content<T> result;
  for (const auto& repo : seen.repos) result.emplace_back(repo.contents.size());
  return result;
}

/// What the newest revision that names it calls each content of `repo`; empty if none does.
std::vector<std::string> names_of(const census_repo& repo) {
  std::vector<const hubcache::census_revision*> newest_first;
  for (const auto& revision : repo.revisions) newest_first.push_back(&revision);
  std::stable_sort(newest_first.begin(), newest_first.end(),
                   [](const auto* a, const auto* b) { return a->modified_ns > b->modified_ns; });
  std::vector<std::string> names(repo.contents.size());
  for (const auto* revision : newest_first) {
    for (const auto& entry : revision->entries) {
      if (entry.content && names[*entry.content].empty()) names[*entry.content] = entry.path;
    }
  }
  return names;
}

/// Finds contents that lie on the disk more than once, and the pieces that need not.
class duplicate_search {
 public:
  duplicate_search(const census& seen, const disk_map& map, const per_content<std::string>& names)
      : seen_(seen), map_(map), names_(names), pieces_(for_each_content<std::vector<std::size_t>>(seen)) {
    redundant.resize(map.pieces.size());
    for (std::size_t i = 0; i < map.pieces.size(); ++i) {
      for (const auto& user : map.pieces[i].users) pieces_[user.repo][user.content].push_back(i);
    }
    for (const auto& [what, users] : equal_contents()) {
      if (users.size() > 1) look_at(std::get<0>(what), std::get<1>(what), users);
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& a, const auto& b) { return a.saves > b.saves; });
  }

  std::vector<report_duplicate> found;
  std::vector<bool> redundant;  ///< Per piece of the map.

 private:
  /// By name, size and device: no link leads from one file system to another.
  using key = std::tuple<std::string_view, std::uint64_t, std::uint64_t>;
  using groups = std::map<key, std::vector<content_ref>>;

  /// The contents that are worth a link.
  [[nodiscard]] groups equal_contents() const {
    groups result;
    for (std::size_t r = 0; r < seen_.repos.size(); ++r) {
      const auto& contents = seen_.repos[r].contents;
      for (std::size_t c = 0; c < contents.size(); ++c) {
        const auto& file = contents[c].status.identity;
        if (file.size < hubcache::hard_link::smallest || pieces_[r][c].empty()) continue;
        if (!hubcache::digest::parse(contents[c].name)) continue;
        result[{contents[c].name, file.size, file.device}].push_back({r, c});
      }
    }
    return result;
  }

  /// Linking frees the pieces that only `users` hold, but for those of the one that is kept: where fewest go with it.
  void look_at(std::string_view name, std::uint64_t size, const std::vector<content_ref>& users) {
    const auto freed_with = [&](const content_ref& user) {
      std::vector<std::size_t> freed;
      for (const auto i : pieces_[user.repo][user.content]) {
        const auto& piece = map_.pieces[i];
        if (!piece.outside &&
            std::includes(users.begin(), users.end(), piece.users.begin(), piece.users.end())) {
          freed.push_back(i);
        }
      }
      return freed;
    };
    const auto bytes_of = [this](const std::vector<std::size_t>& pieces) {
      return std::accumulate(pieces.begin(), pieces.end(), std::uint64_t{0},
                             [this](auto sum, auto i) { return sum + map_.pieces[i].bytes; });
    };
    std::vector<std::vector<std::size_t>> freed;
    for (const auto& user : users) freed.push_back(freed_with(user));
    const auto kept = std::min_element(
        freed.begin(), freed.end(), [&](const auto& a, const auto& b) { return bytes_of(a) < bytes_of(b); });

    report_duplicate result;
    for (const auto& pieces : freed) {
      for (const auto i : pieces) {
        if (redundant[i] || std::binary_search(kept->begin(), kept->end(), i)) continue;
        redundant[i] = true;
        result.saves += map_.pieces[i].bytes;
      }
    }
    if (result.saves == 0) return;
    result.name = name;
    result.size = size;
    for (const auto& user : users) {
      const auto& path = names_[user.repo][user.content];
      result.places.push_back({user.repo, path.empty() ? std::string(name) : path});
    }
    found.push_back(std::move(result));
  }

  const census& seen_;
  const disk_map& map_;
  const per_content<std::string>& names_;
  per_content<std::vector<std::size_t>> pieces_;  ///< Of the map, ascending.
};

hold hold_of(const disk_piece& piece, const content_ref& user, bool redundant, bool named) {
  if (redundant) return hold::duplicate;
  if (!named) return hold::leftover;
  const bool alone = std::all_of(piece.users.begin(), piece.users.end(),
                                 [&](const content_ref& other) { return other.repo == user.repo; });
  return alone && !piece.outside ? hold::own : hold::shared;
}

/// Divides every piece among its users, to the byte.
per_content<held_bytes> divided(const census& seen, const disk_map& map,
                                const per_content<std::string>& names, const std::vector<bool>& redundant) {
  auto result = for_each_content<held_bytes>(seen);
  for (std::size_t i = 0; i < map.pieces.size(); ++i) {
    const auto& piece = map.pieces[i];
    for (std::size_t u = 0; u < piece.users.size(); ++u) {
      const auto& user = piece.users[u];
      const bool named = !names[user.repo][user.content].empty();
      at(result[user.repo][user.content], hold_of(piece, user, redundant[i], named)) +=
          piece.bytes / piece.users.size() + (u < piece.bytes % piece.users.size() ? 1 : 0);
    }
  }
  return result;
}

report_file file_of(const hubcache::os::file_status& status, std::string_view name, const held_bytes& bytes) {
  report_file result;
  result.name = name;
  result.bytes = bytes;
  result.accessed = status.accessed_ns / second_in_ns;
  return result;
}

report_file file_of(const hubcache::census_partial& partial) {
  held_bytes bytes{};
  at(bytes, hold::leftover) = partial.status.allocated;
  return file_of(partial.status, hubcache::os::last_segment(partial.path), bytes);
}

/// Sorts the contents of `repo` into folders.
void fill(report_repo& to, const census_repo& repo, const std::vector<std::string>& names,
          const std::vector<held_bytes>& bytes) {
  std::map<std::string, std::vector<report_file>, std::less<>> named;
  report_folder unnamed{report_folder::sort::unnamed, {}, {}};
  report_folder unfinished{report_folder::sort::unfinished, {}, {}};
  for (std::size_t c = 0; c < repo.contents.size(); ++c) {
    const auto& status = repo.contents[c].status;
    const std::string_view name = names[c];
    if (const auto slash = name.find('/'); name.empty()) {
      unnamed.files.push_back(file_of(status, hubcache::os::last_segment(repo.contents[c].path), bytes[c]));
    } else if (slash == name.npos) {
      to.top.push_back(file_of(status, name, bytes[c]));
    } else {
      named[std::string(name.substr(0, slash))].push_back(file_of(status, name.substr(slash + 1), bytes[c]));
    }
    to.accessed = std::max(to.accessed, status.accessed_ns / second_in_ns);
    to.modified = std::max(to.modified, status.identity.mtime_ns / second_in_ns);
  }
  for (const auto& partial : repo.partials) unfinished.files.push_back(file_of(partial));

  for (auto& [name, files] : named)
    to.folders.push_back({report_folder::sort::named, name, std::move(files)});
  if (!unnamed.files.empty()) to.folders.push_back(std::move(unnamed));
  if (!unfinished.files.empty()) to.folders.push_back(std::move(unfinished));
}

report_repo repo_of(const census_repo& repo, const hubcache::repo_usage& usage,
                    const std::vector<std::string>& names, const std::vector<held_bytes>& bytes) {
  report_repo result;
  result.label = repo.label();
  result.usage = usage;
  for (const auto& partial : repo.partials) {
    result.usage.apparent += partial.status.identity.size;
    result.usage.on_disk += partial.status.allocated;
    result.usage.unique += partial.status.allocated;
  }
  result.files = repo.contents.size();
  result.revisions = repo.revisions.size();
  result.partials = repo.partials.size();
  for (const auto& [name, commit] : repo.refs) result.refs.push_back(name);
  fill(result, repo, names, bytes);
  return result;
}

/// Calls `visit` with every list of files.
template <class Visit>
void each_list(report_repo& repo, Visit visit) {
  visit(repo.top);
  for (auto& folder : repo.folders) visit(folder.files);
}

void merge_up_to(std::uint64_t bytes, std::vector<report_file>& files) {
  const auto small = std::stable_partition(files.begin(), files.end(), [bytes](const report_file& file) {
    return !file.name.empty() && sum_of(file.bytes) > bytes;
  });
  if (small == files.end()) return;
  report_file rest;
  rest.count = 0;
  for (auto file = small; file != files.end(); ++file) {
    rest.count += file->count;
    add(rest.bytes, file->bytes);
    rest.accessed = std::max(rest.accessed, file->accessed);
  }
  files.erase(small, files.end());
  files.push_back(std::move(rest));
}

}  // namespace

std::uint64_t sum_of(const held_bytes& bytes) noexcept {
  return std::accumulate(bytes.begin(), bytes.end(), std::uint64_t{0});
}

cache_report report_of(const census& seen, const disk_map& map,
                       const std::vector<hubcache::repo_usage>& usages,
                       std::chrono::system_clock::time_point now) {
  per_content<std::string> names;
  for (const auto& repo : seen.repos) names.push_back(names_of(repo));
  duplicate_search duplicates(seen, map, names);
  const auto bytes = divided(seen, map, names, duplicates.redundant);

  cache_report result;
  result.cache_dir = seen.cache_dir;
  result.taken = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  result.problems = seen.problems;
  result.duplicates = std::move(duplicates.found);
  for (const auto& piece : map.pieces)
    result.saved += piece.bytes * (std::max<std::size_t>(piece.users.size(), 1) - 1);
  for (std::size_t r = 0; r < seen.repos.size(); ++r) {
    auto repo = repo_of(seen.repos[r], usages[r], names[r], bytes[r]);
    result.apparent += repo.usage.apparent;
    each_list(repo, [&](const std::vector<report_file>& files) {
      for (const auto& file : files) add(result.bytes, file.bytes);
    });
    result.repos.push_back(std::move(repo));
  }
  return result;
}

void merge_smaller(cache_report& report, std::size_t limit) {
  std::vector<std::uint64_t> sizes;
  for (auto& repo : report.repos) {
    each_list(repo, [&](const std::vector<report_file>& files) {
      for (const auto& file : files) sizes.push_back(sum_of(file.bytes));
    });
  }
  if (sizes.size() <= limit) return;
  const auto cut = sizes.begin() + static_cast<std::ptrdiff_t>(limit);
  std::nth_element(sizes.begin(), cut, sizes.end(), std::greater<>());
  for (auto& repo : report.repos) {
    each_list(repo, [largest = *cut](std::vector<report_file>& files) { merge_up_to(largest, files); });
    std::erase_if(repo.folders, [&repo](report_folder& folder) {
      if (folder.what != report_folder::sort::named || !folder.files.front().name.empty()) return false;
      repo.top.push_back(std::move(folder.files.front()));
      return true;
    });
    merge_up_to(*cut, repo.top);
  }
}

}  // namespace command
