#pragma once

#include <hubcache/impl/for_each.ipp>
#include <hubcache/os/extents.hpp>
#include <hubcache/upkeep/disk_map.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

/// One inode, with all contents that are it.
struct mapped_inode {
  os::file_status status;
  std::string path;                ///< One of its names.
  std::vector<content_ref> users;  ///< Sorted.
  bool outside = false;            ///< It has names that are not in the census.
  /// Not for inodes whose file system cannot share extents, or could not be asked.
  std::optional<os::extent_space> space;
  os::extent_list extents;
};

/// Groups the contents by inode. Names are counted by payload: several blobs may be symlinks to one payload.
HUBCACHE_DECL std::vector<mapped_inode> inodes_of(const census& seen) {
  std::vector<std::tuple<std::uint64_t, std::uint64_t, std::string_view, content_ref>> all;
  for (std::size_t r = 0; r < seen.repos.size(); ++r) {
    for (std::size_t c = 0; c < seen.repos[r].contents.size(); ++c) {
      const auto& one = seen.repos[r].contents[c];
      all.emplace_back(one.status.identity.device, one.status.identity.inode, one.payload, content_ref{r, c});
    }
  }
  std::sort(all.begin(), all.end());

  std::error_code ec;
  const auto real_dir = std::filesystem::canonical(seen.cache_dir, ec).string() + "/";
  const auto in_cache = [&](std::string_view path) {
    return path.starts_with(seen.cache_dir + "/") || (!ec && path.starts_with(real_dir));
  };
  std::vector<mapped_inode> result;
  for (auto at = all.begin(); at != all.end();) {
    const auto [device, inode, first_name, first] = *at;
    auto& made = result.emplace_back();
    made.status = seen.repos[first.repo].contents[first.content].status;
    made.path = first_name;
    std::uint64_t names = 0;
    for (std::string_view last; at != all.end() && std::get<0>(*at) == device && std::get<1>(*at) == inode;
         ++at) {
      const auto name = std::get<2>(*at);
      if (std::exchange(last, name) != name && in_cache(name)) ++names;
      made.users.push_back(std::get<3>(*at));
    }
    std::sort(made.users.begin(), made.users.end());
    made.outside = made.status.links > names;
  }
  return result;
}

/// Asks one file of each device, before many threads ask for all.
HUBCACHE_DECL std::map<std::uint64_t, std::optional<os::extent_space>> spaces_of(
    const std::vector<mapped_inode>& inodes) {
  std::map<std::uint64_t, std::optional<os::extent_space>> result;
  for (const auto& one : inodes) {
    const auto device = one.status.identity.device;
    if (result.contains(device)) continue;
    std::error_code ec;
    const auto file = os::open_read(one.path, ec);
    if (!ec) result.emplace(device, os::extent_space_of(file));
  }
  return result;
}

/// Reads the extents of `one`, if it still is the file that the census saw.
HUBCACHE_DECL void locate(mapped_inode& one, const std::optional<os::extent_space>& space) {
  std::error_code ec;
  const auto file = os::open_read(one.path, ec);
  if (ec) return;
  const auto now = os::status(file, ec).identity;
  const auto& then = one.status.identity;
  if (ec || now.device != then.device || now.inode != then.inode) return;
  one.extents = os::read_extents(file, ec);
  if (!ec) one.space = space;
}

/// Adds bytes up into pieces: one for each set of inodes that share them.
class piece_sums {
 public:
  explicit piece_sums(const std::vector<mapped_inode>& inodes)
      : inodes_(inodes), alone_(inodes.size()), alone_outside_(inodes.size()) {}

  void add_alone(std::size_t inode, std::uint64_t bytes, bool outside) {
    (outside || inodes_[inode].outside ? alone_outside_ : alone_)[inode] += bytes;
  }
  /// @param owners sorted
  void add_shared(const std::vector<std::size_t>& owners, std::uint64_t bytes) { shared_[owners] += bytes; }

  [[nodiscard]] std::vector<disk_piece> pieces() const {
    std::vector<disk_piece> result;
    const auto add = [&](std::uint64_t bytes, std::vector<content_ref> users, bool outside) {
      if (bytes == 0) return;
      auto& piece = result.emplace_back();
      piece.bytes = bytes;
      piece.users = std::move(users);
      piece.outside = outside;
    };
    for (std::size_t i = 0; i < inodes_.size(); ++i) {
      add(alone_[i], inodes_[i].users, false);
      add(alone_outside_[i], inodes_[i].users, true);
    }
    for (const auto& [owners, bytes] : shared_) {
      std::vector<content_ref> users;
      bool outside = false;
      for (const auto i : owners) {
        users.insert(users.end(), inodes_[i].users.begin(), inodes_[i].users.end());
        outside = outside || inodes_[i].outside;
      }
      std::sort(users.begin(), users.end());
      add(bytes, std::move(users), outside);
    }
    return result;
  }

 private:
  const std::vector<mapped_inode>& inodes_;
  std::vector<std::uint64_t> alone_;
  std::vector<std::uint64_t> alone_outside_;
  std::map<std::vector<std::size_t>, std::uint64_t> shared_;
};

/// Where an extent begins or ends, in one space.
struct extent_edge {
  std::uint64_t at = 0;
  std::size_t inode = 0;
  bool begins = false;
  bool shared = false;
};

/// Walks over one space from edge to edge; between two of them the owners are the same.
HUBCACHE_DECL void sweep(std::vector<extent_edge>& edges, piece_sums& sums) {
  std::sort(edges.begin(), edges.end(),
            [](const extent_edge& a, const extent_edge& b) { return a.at < b.at; });
  std::map<std::size_t, std::size_t> active;  // inode -> its extents here; it may hold the same bytes twice
  std::size_t flagged = 0;                    // of those extents, how many are marked as shared
  std::vector<std::size_t> owners;
  for (std::size_t i = 0; i < edges.size();) {
    const auto from = edges[i].at;
    for (; i < edges.size() && edges[i].at == from; ++i) {
      const auto& edge = edges[i];
      flagged += edge.shared ? (edge.begins ? 1 : std::size_t{0} - 1) : 0;
      if (edge.begins) {
        ++active[edge.inode];
      } else if (const auto own = active.find(edge.inode); --own->second == 0) {
        active.erase(own);
      }
    }
    if (active.empty()) continue;
    const auto bytes = edges[i].at - from;  // what is active ends somewhere
    if (active.size() == 1) {
      const auto& [inode, times] = *active.begin();
      sums.add_alone(inode, bytes, flagged > 0 && times == 1);
    } else {
      owners.clear();
      for (const auto& [inode, times] : active) owners.push_back(inode);
      sums.add_shared(owners, bytes);
    }
  }
}

/// A compressed extent, of which nothing but equality is known.
struct encoded_extent {
  os::extent_space space;
  std::uint64_t physical = 0;
  std::size_t inode = 0;
  std::uint64_t length = 0;
  bool shared = false;

  friend auto operator<=>(const encoded_extent&, const encoded_extent&) = default;
};

HUBCACHE_DECL void add_encoded(std::vector<encoded_extent>& all, piece_sums& sums) {
  std::sort(all.begin(), all.end());
  for (auto at = all.begin(); at != all.end();) {
    const auto first = *at;
    const auto begin = at;
    std::vector<std::size_t> owners;
    std::uint64_t bytes = 0;
    for (; at != all.end() && at->space == first.space && at->physical == first.physical; ++at) {
      if (owners.empty() || owners.back() != at->inode) owners.push_back(at->inode);
      bytes = std::max(bytes, at->length);
    }
    if (owners.size() > 1) {
      sums.add_shared(owners, bytes);
    } else {
      sums.add_alone(first.inode, bytes, first.shared && at - begin == 1);
    }
  }
}

HUBCACHE_DECL std::vector<disk_piece> pieces_of(const std::vector<mapped_inode>& inodes) {
  piece_sums sums(inodes);
  std::map<os::extent_space, std::vector<extent_edge>> edges;
  std::vector<encoded_extent> encoded;
  for (std::size_t i = 0; i < inodes.size(); ++i) {
    const auto& one = inodes[i];
    if (!one.space || one.extents.unlocated > 0) {
      sums.add_alone(i, one.status.allocated, false);  // all of it: such a file has no other extents
      continue;
    }
    sums.add_alone(i, one.extents.delayed, false);
    for (const auto& e : one.extents.extents) {
      if (e.encoded) {
        encoded.push_back({*one.space, e.physical, i, e.length, e.shared});
      } else if (e.length > 0 && e.physical + e.length > e.physical) {
        edges[*one.space].push_back({e.physical, i, true, e.shared});
        edges[*one.space].push_back({e.physical + e.length, i, false, e.shared});
      }
    }
  }
  for (auto& [space, of_space] : edges) sweep(of_space, sums);
  add_encoded(encoded, sums);
  return sums.pieces();
}

/// The repos among the users of a piece, sorted.
HUBCACHE_DECL std::vector<std::size_t> repos_of(const disk_piece& piece) {
  std::vector<std::size_t> result;
  for (const auto& user : piece.users) {  // sorted
    if (result.empty() || result.back() != user.repo) result.push_back(user.repo);
  }
  return result;
}

}  // namespace detail

HUBCACHE_DECL content_selection select_nothing(const census& seen) {
  content_selection result;
  for (const auto& one : seen.repos) result.emplace_back(one.contents.size());
  return result;
}

HUBCACHE_DECL std::uint64_t disk_map::total() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& piece : pieces) sum += piece.bytes;
  return sum;
}

HUBCACHE_DECL std::uint64_t disk_map::held_by(const content_selection& chosen) const {
  std::uint64_t sum = 0;
  for (const auto& piece : pieces) {
    if (std::any_of(piece.users.begin(), piece.users.end(),
                    [&](const content_ref& user) { return chosen[user.repo][user.content]; })) {
      sum += piece.bytes;
    }
  }
  return sum;
}

HUBCACHE_DECL std::uint64_t disk_map::freed_by(const content_selection& gone) const {
  std::uint64_t sum = 0;
  for (const auto& piece : pieces) {
    if (!piece.outside && std::all_of(piece.users.begin(), piece.users.end(), [&](const content_ref& user) {
          return gone[user.repo][user.content];
        })) {
      sum += piece.bytes;
    }
  }
  return sum;
}

HUBCACHE_DECL disk_map map_disk(const census& seen, workers& pool, const std::stop_token& stop) {
  auto inodes = detail::inodes_of(seen);
  const auto spaces = detail::spaces_of(inodes);
  for_each_index(
      pool, inodes.size(),
      [&](std::size_t i) {
        const auto space = spaces.find(inodes[i].status.identity.device);
        if (space != spaces.end() && space->second) detail::locate(inodes[i], space->second);
      },
      stop);
  disk_map result;
  result.pieces = detail::pieces_of(inodes);
  return result;
}

HUBCACHE_DECL std::vector<repo_usage> usage_of(const census& seen, const disk_map& map) {
  std::vector<repo_usage> result(seen.repos.size());
  for (std::size_t r = 0; r < result.size(); ++r) {
    for (const auto& one : seen.repos[r].contents) result[r].apparent += one.status.identity.size;
  }
  std::set<std::vector<std::size_t>> groups;
  for (const auto& piece : map.pieces) {
    auto repos = detail::repos_of(piece);
    for (const auto r : repos) {
      result[r].on_disk += piece.bytes;
      if (repos.size() == 1 && !piece.outside) result[r].unique += piece.bytes;
      result[r].shared_outside = result[r].shared_outside || piece.outside;
    }
    if (repos.size() > 1) groups.insert(std::move(repos));
  }
  std::vector<std::vector<const std::vector<std::size_t>*>> groups_of(result.size());
  for (const auto& group : groups) {
    for (const auto r : group) groups_of[r].push_back(&group);
  }
  for (std::size_t r = 0; r < result.size(); ++r) {
    auto& neighbours = result[r].shared_with;
    for (const auto* group : groups_of[r]) neighbours.insert(neighbours.end(), group->begin(), group->end());
    std::sort(neighbours.begin(), neighbours.end());
    neighbours.erase(std::unique(neighbours.begin(), neighbours.end()), neighbours.end());
    std::erase(neighbours, r);
  }
  return result;
}

}  // namespace hubcache::inline v0_1
