#pragma once

#include <hubcache/impl/clean_up.ipp>
#include <hubcache/upkeep/gc.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <tuple>

namespace hubcache::inline v0_1 {

namespace detail {

/// Whether a content's bytes are in the cache itself, not where a symlink leads out of it: [repo][content].
HUBCACHE_DECL content_selection own_contents(const census& seen) {
  auto result = select_nothing(seen);
  const auto own = real_paths(seen);
  for (std::size_t r = 0; r < seen.repos.size(); ++r) {
    for (std::size_t c = 0; c < result[r].size(); ++c) {
      result[r][c] = own.contains(seen.repos[r].contents[c].payload);
    }
  }
  return result;
}

/// Whether the bytes of `piece` become free with the cache.
HUBCACHE_DECL bool is_freeable(const disk_piece& piece, const content_selection& own) {
  return !piece.outside && std::all_of(piece.users.begin(), piece.users.end(),
                                       [&](const content_ref& user) { return own[user.repo][user.content]; });
}

/// What stays of a cache while parts of it go. Each step costs what the part touches.
class disk_account {
 public:
  disk_account(const census& seen, const disk_map& map) : map_(map), present_(map.pieces.size()) {
    for (const auto& repo : seen.repos) {
      contents_.emplace_back(repo.contents.size());
      auto& revisions = revisions_.emplace_back();
      for (const auto& revision : repo.revisions) {
        revisions.push_back(entry_contents(revision));
        for (const auto c : revisions.back()) ++contents_.back()[c].users;
      }
      for (const auto& partial : repo.partials) left_ += partial.status.allocated;
    }
    const auto own = own_contents(seen);
    for (std::size_t p = 0; p < map.pieces.size(); ++p) {
      const auto& piece = map.pieces[p];
      if (!is_freeable(piece, own)) continue;
      left_ += piece.bytes;
      present_[p] = piece.users.size();
      for (const auto& user : piece.users) contents_[user.repo][user.content].pieces.push_back(p);
    }
  }

  /// Bytes that could become free still.
  [[nodiscard]] std::uint64_t left() const noexcept { return left_; }

  void remove_revision(std::size_t r, std::size_t v) {
    for (const auto c : revisions_[r][v]) {
      if (--contents_[r][c].users == 0) remove_content(r, c);
    }
  }
  void restore_revision(std::size_t r, std::size_t v) {
    for (const auto c : revisions_[r][v]) {
      if (contents_[r][c].users++ > 0) continue;
      for (const auto p : contents_[r][c].pieces) {
        if (present_[p]++ == 0) left_ += map_.pieces[p].bytes;
      }
    }
  }
  /// The leftovers in `chosen`; once for each repo.
  void remove_leftovers(const census_repo& repo, std::size_t r, const removal_choice& chosen) {
    for (std::size_t c = 0; c < repo.contents.size(); ++c) {
      if (chosen.contents[r][c]) remove_content(r, c);
    }
    for (std::size_t p = 0; p < repo.partials.size(); ++p) {
      if (chosen.partials[r][p]) left_ -= repo.partials[p].status.allocated;
    }
  }

  /// Adds each piece that is left to the sum that `reason(content_ref)` names by its number: the least of its users'.
  template <std::size_t Count, class Reason>
  void add_up(std::array<std::uint64_t, Count>& sums, Reason reason) const {
    for (std::size_t p = 0; p < present_.size(); ++p) {
      if (present_[p] == 0) continue;
      auto least = Count - 1;
      for (const auto& user : map_.pieces[p].users) least = std::min(least, reason(user));
      sums[least] += map_.pieces[p].bytes;
    }
  }

 private:
  struct state {
    std::size_t users = 0;            ///< Revisions that stay and use it.
    std::vector<std::size_t> pieces;  ///< That could become free.
  };

  void remove_content(std::size_t r, std::size_t c) {
    for (const auto p : contents_[r][c].pieces) {
      if (--present_[p] == 0) left_ -= map_.pieces[p].bytes;
    }
  }

  const disk_map& map_;
  std::vector<std::vector<state>> contents_;                      // [repo][content]
  std::vector<std::vector<std::vector<std::size_t>>> revisions_;  // [repo][revision]: its contents
  std::vector<std::size_t> present_;  // users of each piece that stay; 0 for what cannot become free
  std::uint64_t left_ = 0;
};

/// A revision that a garbage collection may take.
struct gc_candidate {
  std::int64_t used = 0;
  std::size_t repo = 0;
  std::size_t revision = 0;
};

/// What a garbage collection goes by, found once.
struct gc_rules {
  gc_rules(const census& cache, const ledger_view& ledger)
      : seen(cache), book(ledger), unreadable(unreadable_repos(seen)) {
    for (std::size_t r = 0; r < seen.repos.size(); ++r) {
      auto& of_repo = edited.emplace_back(seen.repos[r].revisions.size());
      for (std::size_t v = 0; v < of_repo.size(); ++v) {
        of_repo[v] = !edited_files(seen.repos[r], seen.repos[r].revisions[v]).empty();
      }
    }
  }

  [[nodiscard]] bool untouchable(std::size_t r) const { return book.leased[r] || unreadable[r]; }

  /// Those not used for longest first.
  [[nodiscard]] std::vector<gc_candidate> candidates() const {
    std::vector<gc_candidate> result;
    for (std::size_t r = 0; r < seen.repos.size(); ++r) {
      if (untouchable(r)) continue;
      for (std::size_t v = 0; v < seen.repos[r].revisions.size(); ++v) {
        if (!book.pinned[r][v] && !edited[r][v]) result.push_back({book.used[r][v], r, v});
      }
    }
    std::sort(result.begin(), result.end(), [](const gc_candidate& a, const gc_candidate& b) {
      return std::tie(a.used, a.repo, a.revision) < std::tie(b.used, b.repo, b.revision);
    });
    return result;
  }

  /// The edited revisions that were last used before `when`, one sentence each.
  [[nodiscard]] std::vector<std::string> withheld(std::int64_t when) const {
    std::vector<std::string> result;
    for (std::size_t r = 0; r < seen.repos.size(); ++r) {
      for (std::size_t v = 0; v < seen.repos[r].revisions.size(); ++v) {
        if (untouchable(r) || book.pinned[r][v] || !edited[r][v] || book.used[r][v] >= when) continue;
        const auto& revision = seen.repos[r].revisions[v];
        result.push_back(edits_withhold(seen.repos[r], revision, edited_files(seen.repos[r], revision)));
      }
    }
    return result;
  }

  const census& seen;
  const ledger_view& book;
  std::vector<bool> unreadable;
  revision_selection edited;
};

/// "12.0M: 10.0M pinned, 2.0M in use": what `left` holds after all candidates went.
HUBCACHE_DECL std::string reasons_to_stay(const gc_rules& rules, const removal_choice& chosen,
                                          const disk_account& left) {
  constexpr std::array<std::string_view, 5> names{"in use by another process",
                                                  "in repos that cannot be read wholly", "pinned", "edited",
                                                  "left by downloads that can go on"};
  std::vector<std::vector<std::size_t>> reasons;
  std::array<std::uint64_t, names.size()> sums{};
  for (std::size_t r = 0; r < rules.seen.repos.size(); ++r) {
    const auto& repo = rules.seen.repos[r];
    const std::size_t of_repo = rules.book.leased[r] ? 0 : rules.unreadable[r] ? 1 : names.size() - 1;
    auto& of_contents = reasons.emplace_back(repo.contents.size(), of_repo);
    for (std::size_t v = 0; v < repo.revisions.size(); ++v) {
      const std::size_t reason = rules.book.pinned[r][v] ? 2 : rules.edited[r][v] ? 3 : names.size() - 1;
      for (const auto c : entry_contents(repo.revisions[v]))
        of_contents[c] = std::min(of_contents[c], reason);
    }
    for (std::size_t p = 0; p < repo.partials.size(); ++p) {
      if (!chosen.partials[r][p]) sums[of_repo] += repo.partials[p].status.allocated;
    }
  }
  left.add_up(sums, [&](const content_ref& user) { return reasons[user.repo][user.content]; });
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (sums[i] == 0) continue;
    text.append(text.empty() ? "" : ", ").append(format_bytes(sums[i])).append(" ").append(names[i]);
  }
  return format_bytes(left.left()) + ": " + text;
}

}  // namespace detail

HUBCACHE_DECL std::uint64_t freeable_bytes(const census& seen, const disk_map& map) {
  return detail::disk_account(seen, map).left();
}

namespace detail {

/// Chooses candidates from `at` on until `account` is within `most`, but none that frees no byte. If that cannot be
/// reached, chooses none and returns false; `account` is then what is left without all of them.
HUBCACHE_DECL bool choose_for_size(const std::vector<gc_candidate>& candidates, std::size_t at,
                                   std::uint64_t most, disk_account& account, removal_choice& chosen,
                                   const std::stop_token& stop) {
  auto end = at;
  for (; end < candidates.size() && account.left() > most && !stop.stop_requested(); ++end) {
    account.remove_revision(candidates[end].repo, candidates[end].revision);
  }
  const auto reached = account.left();
  if (reached > most) return false;
  while (end-- > at) {
    const auto& one = candidates[end];
    account.restore_revision(one.repo, one.revision);
    if (account.left() == reached) continue;
    account.remove_revision(one.repo, one.revision);
    chosen.revisions[one.repo][one.revision] = true;
  }
  return true;
}

}  // namespace detail

HUBCACHE_DECL gc_plan plan_gc(const census& seen, const disk_map& map, const ledger_view& book,
                              const gc_goal& goal, const std::stop_token& stop) {
  detail::refuse_unknown_pins(book);
  const detail::gc_rules rules(seen, book);
  const auto candidates = rules.candidates();
  detail::disk_account account(seen, map);
  removal_choice chosen(seen);
  for (std::size_t r = 0; r < seen.repos.size() && !stop.stop_requested(); ++r) {
    if (rules.untouchable(r)) continue;
    detail::choose_leftovers(seen, r, goal.leftovers, chosen);
    account.remove_leftovers(seen.repos[r], r, chosen);
  }

  auto limit = std::numeric_limits<std::int64_t>::min();  // what was used before is too old
  if (goal.max_age) limit = goal.leftovers.now_ns - std::chrono::nanoseconds(*goal.max_age).count();
  std::size_t aged = 0;
  for (; aged < candidates.size() && candidates[aged].used < limit; ++aged) {
    account.remove_revision(candidates[aged].repo, candidates[aged].revision);
    chosen.revisions[candidates[aged].repo][candidates[aged].revision] = true;
  }

  gc_plan result;
  const auto most = goal.max_bytes.value_or(std::numeric_limits<std::uint64_t>::max());
  if (!detail::choose_for_size(candidates, aged, most, account, chosen, stop)) {
    result.out_of_reach = "The cache cannot be made as small as asked. What must stay is " +
                          detail::reasons_to_stay(rules, chosen, account) + ".";
  }
  for (const auto& one : candidates) {
    if (chosen.revisions[one.repo][one.revision]) limit = std::max(limit, one.used);
  }
  result.what = plan_removal(seen, map, chosen);
  const auto withheld = rules.withheld(limit);
  result.what.withheld.insert(result.what.withheld.end(), withheld.begin(), withheld.end());
  return result;
}
}  // namespace hubcache::inline v0_1
