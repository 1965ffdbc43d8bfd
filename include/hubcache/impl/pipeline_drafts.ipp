#pragma once

#include <hubcache/error.hpp>
#include <hubcache/pipeline.hpp>
#include <hubcache/prepare.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

/// One pipeline while it is planned.
struct pipeline_draft {
  pipeline_draft() = default;

  pipeline_request asked;
  std::size_t asker =
      0;  ///< The number of the request that led to it: its options are those of all its parts.
  model_index index;
  bool connects = false;
  std::set<std::string> variants;                       ///< Of the components from elsewhere.
  std::map<std::string, planned_component> components;  ///< By name.
  planned_pipeline planned;                             ///< Parts are numbered as in pipeline_drafts.

  [[nodiscard]] bool skips(const std::string& component) const {
    const auto& skip = asked.options.wish.skip;
    return std::find(skip.begin(), skip.end(), component) != skip.end();
  }
  /// For messages: "the component 'vae' of acme/pipe".
  [[nodiscard]] std::string component_label(const std::string& name) const {
    return "the component '" + name + "' of " + asked.repo.display();
  }
};
static_assert(!std::is_aggregate_v<pipeline_draft>);

/// What pipelines that are planned together have in common.
class pipeline_drafts {
 public:
  explicit pipeline_drafts(services s) : with(s), hub(s.config, s.transport, s.observer) {}

  /// The number of the part for `which` with the options of the request `asker`. A revision is asked for once.
  asio::awaitable<std::size_t> part_of(std::size_t asker, repo which, snapshot_options options);
  /// The bytes of a small file of a part. @pre the part's listing has it
  asio::awaitable<std::string> text_of(std::size_t part, std::string path);

  [[nodiscard]] const plan& draft(std::size_t part) const { return parts_[part].chosen.draft.what; }
  [[nodiscard]] bool has(std::size_t part, std::string_view path) const {
    return draft(part).listing.find(path) != nullptr;
  }
  /// Whether the part's listing is that of a snapshot folder, which may lack files.
  [[nodiscard]] bool is_partial(std::size_t part) const { return parts_[part].chosen.draft.partial; }
  /// The paths of a part's listing.
  [[nodiscard]] std::vector<std::string> paths_of(std::size_t part) const;
  /// Those below `folder`; if it is empty, those at the root.
  [[nodiscard]] std::vector<std::string> paths_in(std::size_t part, const std::string& folder) const;
  /// `e`, met in a part's listing: with its repo, and saying so if the cache serves what the Hub should.
  [[nodiscard]] error failure_in(std::size_t part, const error& e) const {
    const auto& from = parts_[part].chosen.draft;
    return failure_to_tell(e, from.unreachable, from.partial, context_of(from.what));
  }
  /// The result of `choose()`, which chooses from a part's listing.
  template <class Choose>
  auto chosen_from(std::size_t part, Choose choose) const {
    try {
      return choose();
    } catch (const error& e) {
      throw failure_in(part, e);
    }
  }
  /// The result of `read()` on the bytes of the file `path`; its failures name the file.
  template <class Read>
  auto read_from(std::size_t part, const std::string& path, Read read) const {
    try {
      return read();
    } catch (const error& e) {
      throw e.within(context_of(draft(part))).within(error_context{}.with_file(path));
    }
  }

  /// Chooses a file of a part; with an empty role it has none.
  void take(std::size_t part, file_role file) {
    auto& chosen = parts_[part].chosen;
    chosen.draft.what.options.files.push_back(file.path);
    if (!file.role.empty()) chosen.roles.push_back(std::move(file));
  }
  /// Who wants `which`, for messages. The first one counts; empty: the caller himself.
  void wanted(const repo& which, std::string by) { wanted_by_.try_emplace(which.display(), std::move(by)); }
  /// Notes a link to another repo. @throws error errc::refused if there are very many
  void count_link(const repo& to, const std::string& by);
  /// Who wants the repo `label`; empty: nobody else than the caller.
  [[nodiscard]] std::string wanter_of(const std::string& label) const {
    const auto at = wanted_by_.find(label);
    return at == wanted_by_.end() ? std::string() : at->second;
  }
  /// `e`, with a word on who wants the repo that it is about.
  [[nodiscard]] error explained(const error& e) const;
  /// Gives the parts away, their files sorted.
  [[nodiscard]] std::vector<part_draft> release();

  services with;
  hub_source hub;
  std::vector<pipeline_draft> pipelines;
  std::vector<std::string> warnings;

 private:
  struct drafted_part {
    drafted_part() = default;
    std::size_t asker = 0;
    part_draft chosen;
  };
  static_assert(!std::is_aggregate_v<drafted_part>);

  std::vector<drafted_part> parts_;
  std::map<std::string, std::string> wanted_by_;
  std::set<std::string> linked_;                             // the repos of links
  std::map<std::array<std::string, 3>, std::string> texts_;  // by repo, commit and path
};

HUBCACHE_DECL asio::awaitable<std::size_t> pipeline_drafts::part_of(std::size_t asker, repo which,
                                                                    snapshot_options options) {
  const auto asked_for = [&](const drafted_part& p) {
    const auto& known = p.chosen.draft.what;
    return known.repo == which && known.revision == options.revision &&
           known.options.local_dir == options.local_dir;
  };
  const auto same = std::find_if(parts_.begin(), parts_.end(),
                                 [&](const drafted_part& p) { return p.asker == asker && asked_for(p); });
  if (same != parts_.end()) co_return static_cast<std::size_t>(same - parts_.begin());
  drafted_part fresh;
  fresh.asker = asker;
  if (const auto twin = std::find_if(parts_.begin(), parts_.end(), asked_for); twin != parts_.end()) {
    fresh.chosen.draft = twin->chosen.draft;
    options.require = options.require | with.config.require;
    fresh.chosen.draft.what.options = std::move(options);
    fresh.chosen.draft.what.warnings.clear();
  } else {
    fresh.chosen.draft = co_await draft_plan(with, hub, std::move(which), std::move(options));
  }
  parts_.push_back(std::move(fresh));
  co_return parts_.size() - 1;
}

HUBCACHE_DECL asio::awaitable<std::string> pipeline_drafts::text_of(std::size_t number, std::string path) {
  constexpr std::uint64_t limit = std::uint64_t{1} << 20U;
  const auto& from = draft(number);
  const std::array key{from.repo.display(), from.listing.commit, path};
  const auto known = texts_.find(key);
  if (known != texts_.end()) co_return known->second;
  auto text = co_await peek_whole(with, hub, from, *from.listing.find(path), limit);
  texts_.emplace(key, text);
  co_return text;
}

HUBCACHE_DECL std::vector<std::string> pipeline_drafts::paths_of(std::size_t number) const {
  std::vector<std::string> paths;
  for (const auto& file : draft(number).listing.files) paths.push_back(file.path);
  return paths;
}

HUBCACHE_DECL std::vector<std::string> pipeline_drafts::paths_in(std::size_t number,
                                                                 const std::string& folder) const {
  const auto below = folder.empty() ? std::string() : folder + "/";
  const auto& files = draft(number).listing.files;
  std::vector<std::string> paths;
  const auto first = std::lower_bound(files.begin(), files.end(), below,
                                      [](const file_entry& f, const std::string& p) { return f.path < p; });
  for (auto at = first; at != files.end() && at->path.starts_with(below); ++at) {
    if (!folder.empty() || at->path.find('/') == std::string::npos) paths.push_back(at->path);
  }
  return paths;
}

HUBCACHE_DECL void pipeline_drafts::count_link(const repo& to, const std::string& by) {
  constexpr std::size_t most = 64;
  linked_.insert(to.display());
  if (linked_.size() <= most) return;
  throw error(errc::refused,
              "there are links to more than " + std::to_string(most) + " repos; this one is of " + by,
              error_context{}.with_repo(to.display()));
}

HUBCACHE_DECL error pipeline_drafts::explained(const error& e) const {
  const auto wanter = wanter_of(e.context().repo);
  if (wanter.empty()) return e;
  return {e.reason(), e.detail() + (e.detail().empty() ? "" : "; ") + "it is for " + wanter, e.context()};
}

HUBCACHE_DECL std::vector<part_draft> pipeline_drafts::release() {
  const auto tidy = [](auto& list) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
  };
  std::vector<part_draft> result;
  for (auto& p : parts_) {
    tidy(p.chosen.draft.what.options.files);
    tidy(p.chosen.roles);
    result.push_back(std::move(p.chosen));
  }
  parts_.clear();
  return result;
}

}  // namespace detail

}  // namespace hubcache::inline v0_1
