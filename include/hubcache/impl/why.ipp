#pragma once

#include <hubcache/error.hpp>
#include <hubcache/impl/ledger.ipp>
#include <hubcache/os/file.hpp>
#include <hubcache/upkeep/why.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <tuple>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

/// `asked` as the beginning of a digest: lower-case hex of 8 to 64 digits; empty if it is none.
HUBCACHE_DECL std::string digest_prefix(std::string_view asked) {
  for (const std::string_view algorithm : {"sha256:", "sha256-"}) {
    if (asked.starts_with(algorithm)) asked.remove_prefix(algorithm.size());
  }
  std::string hex(asked);
  for (char& c : hex) c = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  const bool valid =
      hex.size() >= 8 && hex.size() <= 64 && hex.find_first_not_of("0123456789abcdef") == hex.npos;
  return valid ? hex : std::string();
}

/// Whether a file holds what it held: a new link or mode changes its ctime alone.
HUBCACHE_DECL bool holds_the_same(const os::file_identity& now, const os::file_identity& then) noexcept {
  return std::tie(now.device, now.inode, now.size, now.mtime_ns) ==
         std::tie(then.device, then.inode, then.size, then.mtime_ns);
}

/// Puts a report together. The steps of explain(), in their order.
class explanation {
 public:
  explanation(index_ref index, const why_scope& scope) : index_(index), scope_(scope), pins_(scope.pins) {
    for (auto& one : pins_) one.cache_dir = real_path(one.cache_dir);
  }

  /// Names the content by all digests that begin with `prefix`: there must be one.
  void ask_digest(const std::string& prefix) {
    if (const auto whole = digest::parse(prefix)) {
      names_.insert(*whole);
      return;
    }
    index_.each([&](const index_record& record) {
      if (record.name.hex().starts_with(prefix)) names_.insert(record.name);
      return names_.size() < 3;
    });
    each_content([&](const census&, const census_repo&, const census_content& one) {
      const auto name = digest::parse(one.name);
      if (name && one.name.starts_with(prefix)) names_.insert(*name);
    });
    if (names_.size() > 1) {
      throw error(errc::invalid_argument, "several contents begin with " + prefix + ", such as " +
                                              names_.begin()->hex() + " and " + names_.rbegin()->hex() +
                                              "; give more digits");
    }
  }

  /// Names the content by the file at `path`, symlinks followed.
  void ask_path(const std::string& path) {
    std::error_code ec;
    const auto real = std::filesystem::canonical(path, ec).string();
    const auto now = ec ? os::file_status() : os::status(real, ec);
    const bool there = !ec && now.regular;
    index_.each([&](const index_record& record) {
      const bool same_file = there && holds_the_same(now.identity, record.where.identity);
      if (same_file || (!there && record.where.path == path)) names_.insert(record.name);
      return true;
    });
    if (there) files_.emplace(file_key(now.identity.device, now.identity.inode), now.identity);
    each_content([&](const census&, const census_repo&, const census_content& one) {
      const auto name = digest::parse(one.name);
      if (name && files_.contains(file_of(one))) names_.insert(*name);
    });
  }

  [[nodiscard]] why_report report() && {
    add_indexed_places();
    add_twins();
    add_census();
    why_report result;
    result.names.assign(names_.begin(), names_.end());
    for (auto& [path, place] : places_) {
      if (place.exists && place.unchanged && !result.size) result.size = place.size;
      result.places.push_back(std::move(place));
    }
    if (!result.size && !result.places.empty()) result.size = result.places.front().size;
    result.uses = std::move(uses_);
    std::sort(result.uses.begin(), result.uses.end(), [](const why_use& a, const why_use& b) {
      return std::tie(a.cache_dir, a.repo, a.commit, a.path) <
             std::tie(b.cache_dir, b.repo, b.commit, b.path);
    });
    return result;
  }

 private:
  using file_key = std::pair<std::uint64_t, std::uint64_t>;  // device, inode

  [[nodiscard]] static file_key file_of(const census_content& one) {
    return {one.status.identity.device, one.status.identity.inode};
  }

  template <class Visit>
  void each_content(Visit visit) const {
    for (const auto& seen : scope_.censuses) {
      for (const auto& repo : seen.repos) {
        for (const auto& one : repo.contents) visit(seen, repo, one);
      }
    }
  }

  [[nodiscard]] std::optional<store> store_of(const std::string& path) const {
    std::optional<store> best;
    for (const auto& one : scope_.stores) {
      if (one.holds(path) && (!best || best->path.size() < one.path.size())) best = one;
    }
    return best;
  }

  /// The place `path`, looked at now; `then` is what it was.
  why_place& place_at(const std::string& path, const os::file_identity& then) {
    const auto [at, added] = places_.try_emplace(path);
    auto& place = at->second;
    if (!added) return place;
    std::error_code ec;
    const auto now = os::status(path, ec);
    place.path = path;
    place.in = store_of(path);
    place.exists = !ec && now.regular;
    place.unchanged = place.exists && holds_the_same(now.identity, then);
    place.links = place.exists ? now.links : 0;
    place.size = place.exists ? now.identity.size : then.size;
    if (place.unchanged) files_.emplace(file_key(now.identity.device, now.identity.inode), now.identity);
    return place;
  }

  void add_record(const index_record& record) {
    auto& place = place_at(record.where.path, record.where.identity);
    place.indexed = true;
    place.state = std::max(place.state, record.where.state);
  }

  void add_indexed_places() {
    for (const auto& name : names_) {
      for (auto& where : index_.find(name)) add_record({name, std::move(where)});
    }
  }

  /// The same bytes may be known by a digest of the other kind, too: where a file that holds them has it.
  void add_twins() {
    std::set<digest> twins;
    index_.each([&](const index_record& record) {
      const auto& file = record.where.identity;
      const auto known = files_.find({file.device, file.inode});
      const bool same = known != files_.end() && holds_the_same(known->second, file);
      if (same && record.where.state == trust::verified && !names_.contains(record.name))
        twins.insert(record.name);
      return true;
    });
    for (const auto& name : twins) {
      names_.insert(name);
      for (auto& where : index_.find(name)) add_record({name, std::move(where)});
    }
  }

  void add_census() {
    std::set<std::string> hex;
    for (const auto& name : names_) hex.insert(name.hex());
    for (const auto& seen : scope_.censuses) {
      for (const auto& repo : seen.repos) {
        std::set<std::size_t> mine;
        for (std::size_t c = 0; c < repo.contents.size(); ++c) {
          const auto& one = repo.contents[c];
          if (!hex.contains(one.name) && !files_.contains(file_of(one))) continue;
          mine.insert(c);
          place_at(one.payload, one.status.identity);
        }
        if (!mine.empty()) add_uses(seen, repo, mine);
      }
    }
  }

  void add_uses(const census& seen, const census_repo& repo, const std::set<std::size_t>& mine) {
    auto unused = mine;
    const auto cache = real_path(seen.cache_dir);
    const auto add = [&](const census_revision* revision, const std::string& path) {
      auto& use = uses_.emplace_back();
      use.cache_dir = seen.cache_dir;
      use.repo = repo.label();
      use.path = path;
      if (revision == nullptr) return;
      use.commit = revision->commit;
      use.refs = revision->refs;
      use.pinned = is_pinned(use, cache);
    };
    for (const auto& revision : repo.revisions) {
      for (const auto& entry : revision.entries) {
        if (!entry.content || !mine.contains(*entry.content)) continue;
        add(&revision, entry.path);
        unused.erase(*entry.content);
      }
    }
    for (const auto c : unused) add(nullptr, repo.contents[c].name);
  }

  /// @param cache by its real path, as all of pins_: a use names it as the user did
  [[nodiscard]] bool is_pinned(const why_use& use, const std::string& cache) const {
    return std::any_of(pins_.begin(), pins_.end(), [&](const pin& one) {
      return one.cache_dir == cache && one.repo == use.repo &&
             (one.revision.empty() || one.revision == use.commit ||
              std::find(use.refs.begin(), use.refs.end(), one.revision) != use.refs.end());
    });
  }

  index_ref index_;
  const why_scope& scope_;
  std::vector<pin> pins_;
  std::set<digest> names_;
  std::map<file_key, os::file_identity> files_;  // that hold the content now
  std::map<std::string, why_place> places_;
  std::vector<why_use> uses_;
};

}  // namespace detail

HUBCACHE_DECL why_report explain(std::string_view asked, index_ref index, const why_scope& scope) {
  if (asked.empty()) throw error(errc::invalid_argument, "neither a digest nor a path was given");
  detail::explanation result(index, scope);
  const auto prefix = detail::digest_prefix(asked);
  if (prefix.empty()) {
    result.ask_path(os::absolute_path(std::string(asked)));
  } else {
    result.ask_digest(prefix);
  }
  return std::move(result).report();
}

}  // namespace hubcache::inline v0_1
