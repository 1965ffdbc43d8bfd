#pragma once

#include <hubcache/os/folder.hpp>
#include <hubcache/os/sharing.hpp>
#include <hubcache/upkeep/dedupe.hpp>
#include <hubcache/work/for_each.hpp>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL std::uint64_t dedupe_group::saves() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& step : steps) sum += step.saves;
  return sum;
}

HUBCACHE_DECL std::uint64_t dedupe_plan::saves() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& group : groups) sum += group.saves();
  return sum;
}

namespace detail {

/// An inode that may be equal to others, with what its file system says of it.
struct dedupe_candidate {
  dedupe_file file;
  os::extent_space file_system;
  os::extent_list extents;  ///< Sorted by address.
  bool opened = false;
  bool located = false;  ///< `extents` are known.
};

/// Inodes by what their names say they hold.
using candidate_map = std::map<content, std::map<std::pair<std::uint64_t, std::uint64_t>, dedupe_candidate>>;

/// Collects candidates from censuses and the index.
class dedupe_search {
 public:
  explicit dedupe_search(const dedupe_options& options) : options_(options) {}

  HUBCACHE_DECL void add(const census& seen);
  HUBCACHE_DECL void add(const index_record& record, std::span<const census> caches,
                         std::span<const store> stores);
  /// By content, those with more than one inode.
  [[nodiscard]] HUBCACHE_DECL candidate_map finish();

 private:
  HUBCACHE_DECL void add(const digest& name, const os::file_status& status, dedupe_name where,
                         mutability store);

  const dedupe_options& options_;
  candidate_map found_;
};

HUBCACHE_DECL void dedupe_search::add(const digest& name, const os::file_status& status, dedupe_name where,
                                      mutability store) {
  const auto& id = status.identity;
  if (!status.regular || id.size < options_.min_size || id.size == 0) return;
  auto& file = found_[{name, id.size}][{id.device, id.inode}].file;
  const auto known = std::any_of(file.names.begin(), file.names.end(),
                                 [&where](const dedupe_name& n) { return n.path == where.path; });
  if (known) return;
  file.status = status;
  if (store == mutability::mutable_store) file.store = store;
  file.names.push_back(std::move(where));
}

HUBCACHE_DECL void dedupe_search::add(const census& seen) {
  for (const auto& repo : seen.repos) {
    for (const auto& one : repo.contents) {
      const auto name = digest::parse(one.name);
      if (!name || one.path != one.payload) continue;  // what a symlink leads to is another store's
      dedupe_name where;
      where.path = one.path;
      where.cache_dir = seen.cache_dir;
      where.repo_folder = os::last_segment(repo.path);
      // A plain file in a snapshot may be an edited copy.
      add(*name, one.status, std::move(where),
          one.blob ? mutability::immutable_store : mutability::mutable_store);
    }
  }
}

HUBCACHE_DECL void dedupe_search::add(const index_record& record, std::span<const census> caches,
                                      std::span<const store> stores) {
  const store* in = nullptr;  // the innermost that holds it
  for (const auto& one : stores) {
    if (one.holds(record.where.path) && (in == nullptr || in->path.size() < one.path.size())) in = &one;
  }
  const bool counted = std::any_of(caches.begin(), caches.end(), [&record](const census& seen) {
    return record.where.path.starts_with(seen.cache_dir + "/");
  });
  if (in == nullptr || in->read_only || in->kind == store_kind::hub_cache || counted) return;
  std::error_code ec;
  const auto status = os::status(record.where.path, ec);
  if (ec || status.identity != record.where.identity) return;
  dedupe_name where;
  where.path = record.where.path;
  add(record.name, status, std::move(where), mutability_of(in->kind));
}

HUBCACHE_DECL candidate_map dedupe_search::finish() {
  std::erase_if(found_, [](const auto& one) { return one.second.size() < 2; });
  return std::move(found_);
}

/// Asks the file system about one candidate; one that changed meanwhile stays unopened, and is left out.
HUBCACHE_DECL void look_at(dedupe_candidate& one) {
  std::error_code ec;
  const auto file = os::open_read(one.file.names.front().path, ec);
  if (ec || os::status(file, ec).identity != one.file.status.identity || ec) return;
  one.opened = true;
  const auto space = os::extent_space_of(file);
  one.file_system.low = one.file.status.identity.device;
  if (!space) return;
  one.file_system = *space;
  one.extents = os::read_extents(file, ec, std::size_t{1} << 16U);
  one.located = !ec;
  std::sort(one.extents.extents.begin(), one.extents.extents.end(),
            [](const os::extent& a, const os::extent& b) { return a.physical < b.physical; });
}

/// Bytes of `one` that `among` (sorted by address) holds, too.
HUBCACHE_DECL std::uint64_t shared_bytes(const os::extent& one, const std::vector<os::extent>& among) {
  std::uint64_t sum = 0;
  auto at = std::lower_bound(
      among.begin(), among.end(), one.physical,
      [](const os::extent& e, std::uint64_t physical) { return e.physical + e.length <= physical; });
  for (; at != among.end() && at->physical < one.physical + one.length; ++at) {
    if (at->encoded != one.encoded) continue;
    if (one.encoded) {
      if (at->physical == one.physical) return one.length;
    } else {
      sum += std::min(at->physical + at->length, one.physical + one.length) -
             std::max(at->physical, one.physical);
    }
  }
  return std::min(sum, one.length);
}

/// Bytes of `one` that `kept` does not share.
HUBCACHE_DECL std::uint64_t unshared_bytes(const dedupe_candidate& one, const dedupe_candidate& kept) {
  if (!one.located) return one.file.status.allocated;
  std::uint64_t sum = one.extents.delayed;
  for (const auto& e : one.extents.extents) sum += e.length - shared_bytes(e, kept.extents.extents);
  return sum;
}

/// Bytes that become free when the extents of `one` are given up, given that those of `earlier` were before and those
/// of `later` will be. What is shared with others than these stays.
HUBCACHE_DECL std::uint64_t freed_bytes(const dedupe_candidate& one, const dedupe_candidate& kept,
                                        std::span<const dedupe_candidate> earlier,
                                        std::span<const dedupe_candidate> later) {
  const auto most_shared = [](const os::extent& e, std::span<const dedupe_candidate> others) {
    std::uint64_t most = 0;
    for (const auto& other : others) most = std::max(most, shared_bytes(e, other.extents.extents));
    return most;
  };
  if (!one.located) return one.file.status.allocated;
  std::uint64_t sum = one.extents.delayed;
  for (const auto& e : one.extents.extents) {
    const auto alone = e.length - shared_bytes(e, kept.extents.extents);
    if (!e.shared) {
      sum += alone;
    } else if (most_shared(e, earlier) == 0) {
      sum += std::min(alone, most_shared(e, later));
    }
  }
  return sum;
}

/// Why `other` cannot become a hard link to `kept`; empty if nothing is known against it.
HUBCACHE_DECL std::string hard_link_refusal(const dedupe_file& kept, const dedupe_file& other) {
  const auto& a = kept.status;
  const auto& b = other.status;
  if (kept.store == mutability::mutable_store || other.store == mutability::mutable_store)
    return "users may edit it, and its blocks cannot be shared here";
  if (b.identity.size < hard_link::smallest) return "it is too small for a hard link";
  if (a.owner != b.owner || a.group != b.group || a.mode != b.mode)
    return "its owner or mode is not that of " + kept.names.front().path;
  if (b.links > other.names.size()) return "it has names in places that are not looked at";
  return {};
}

HUBCACHE_DECL std::string sharing_refusal(const dedupe_file& kept, const dedupe_file& other,
                                          bool shares_blocks, const dedupe_options& options) {
  if (kept.status.owner != other.status.owner && !options.across_owners)
    return "it belongs to another user than " + kept.names.front().path;
  return shares_blocks ? std::string() : hard_link_refusal(kept, other);
}

/// A group while it is put together.
struct dedupe_draft {
  dedupe_candidate kept;
  std::vector<dedupe_candidate> others;
  std::vector<dedupe_step> left;
};

/// The best file to keep first: one that nobody edits, whose bytes others hold already.
HUBCACHE_DECL void sort_by_worth(std::vector<dedupe_candidate>& files) {
  const auto worth = [](const dedupe_candidate& one) {
    std::uint64_t shared = 0;
    for (const auto& e : one.extents.extents) shared += e.shared ? e.length : 0;
    return std::tuple(one.file.store == mutability::mutable_store, ~one.file.status.links, ~shared,
                      one.file.status.identity.mtime_ns, std::string_view(one.file.names.front().path));
  };
  std::sort(files.begin(), files.end(),
            [&worth](const dedupe_candidate& a, const dedupe_candidate& b) { return worth(a) < worth(b); });
}

HUBCACHE_DECL std::vector<dedupe_draft> draft_groups(std::vector<dedupe_candidate> files, bool shares_blocks,
                                                     const dedupe_options& options) {
  sort_by_worth(files);
  std::vector<dedupe_draft> drafts;
  for (auto& one : files) {
    std::string refusal;
    const auto home = std::find_if(drafts.begin(), drafts.end(), [&](const dedupe_draft& draft) {
      auto why = sharing_refusal(draft.kept.file, one.file, shares_blocks, options);
      if (refusal.empty()) refusal = why;
      return why.empty();
    });
    if (home != drafts.end()) {
      const bool shared_already = shares_blocks && unshared_bytes(one, home->kept) == 0;
      if (!shared_already) home->others.push_back(std::move(one));
      continue;
    }
    if (!drafts.empty()) {
      auto& left = drafts.front().left.emplace_back();
      left.file = one.file;
      left.problem = std::move(refusal);
    }
    drafts.emplace_back().kept = std::move(one);
  }
  return drafts;
}

HUBCACHE_DECL dedupe_group group_of(dedupe_draft draft, const content& what, bool shares_blocks) {
  dedupe_group group;
  group.what = what;
  group.file_system = draft.kept.file_system;
  const std::span<const dedupe_candidate> all(draft.others);
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto& step = group.steps.emplace_back();
    step.file = all[i].file;
    step.how = shares_blocks ? link_kind::reflink : link_kind::hard_link;
    step.saves = shares_blocks ? freed_bytes(all[i], draft.kept, all.first(i), all.subspan(i + 1))
                               : all[i].file.status.allocated;
  }
  std::move(draft.left.begin(), draft.left.end(), std::back_inserter(group.steps));
  group.kept = std::move(draft.kept.file);
  return group;
}

}  // namespace detail

HUBCACHE_DECL dedupe_plan plan_dedupe(std::span<const census> caches, std::span<const store> stores,
                                      const index_ref& index, std::span<const index_record> claims,
                                      const dedupe_options& options, workers& pool,
                                      const std::stop_token& stop) {
  detail::dedupe_search search(options);
  for (const auto& seen : caches) search.add(seen);
  for (const auto& claim : claims) search.add(claim, caches, stores);
  index.each([&](const index_record& record) {
    search.add(record, caches, stores);
    return !stop.stop_requested();
  });
  auto found = search.finish();

  std::vector<detail::dedupe_candidate*> all;
  for (auto& [what, inodes] : found) {
    for (auto& [inode, one] : inodes) all.push_back(&one);
  }
  for_each_index(
      pool, all.size(), [&all](std::size_t i) { detail::look_at(*all[i]); }, stop);
  dedupe_plan plan;
  if (stop.stop_requested()) return plan;

  std::map<os::extent_space, bool> shares;
  for (auto& [what, inodes] : found) {
    std::map<os::extent_space, std::vector<detail::dedupe_candidate>> by_file_system;
    for (auto& [inode, one] : inodes) {
      if (one.opened) by_file_system[one.file_system].push_back(std::move(one));
    }
    for (auto& [file_system, files] : by_file_system) {
      if (files.size() < 2) continue;
      const auto& path = files.front().file.names.front().path;
      const auto [known, added] = shares.try_emplace(file_system, false);
      if (added) known->second = os::can_share_blocks(path.substr(0, path.rfind('/')));
      for (auto& draft : detail::draft_groups(std::move(files), known->second, options)) {
        auto group = detail::group_of(std::move(draft), what, known->second);
        if (!group.steps.empty()) plan.groups.push_back(std::move(group));
      }
    }
  }
  // Not std::stable_sort: clang tells embedders that libstdc++ 12 calls what it uses deprecated.
  std::sort(plan.groups.begin(), plan.groups.end(), [](const dedupe_group& a, const dedupe_group& b) {
    const auto saved_by_a = a.saves(), saved_by_b = b.saves();
    return saved_by_a != saved_by_b ? saved_by_a > saved_by_b
                                    : a.kept.names.front().path < b.kept.names.front().path;
  });
  return plan;
}

}  // namespace hubcache::inline v0_1
