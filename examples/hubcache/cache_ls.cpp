#include "cache_ls.hpp"

#include <hubcache/plan/snapshot.hpp>
#include <hubcache/store/ledger.hpp>
#include <hubcache/upkeep/census.hpp>
#include <hubcache/upkeep/disk_map.hpp>

#include <algorithm>
#include <chrono>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "ages.hpp"
#include "cache_rows.hpp"
#include "filters.hpp"
#include "foreground.hpp"
#include "json_object.hpp"
#include "table.hpp"

namespace command {

namespace {

/// Threads that wait for the disk, not for a core: 8 look at a cold cache about three times as fast as 2.
constexpr std::size_t disk_depth = 8;

struct cache_ls_arguments : common_options {
  bool revisions = false;
  bool show_warnings = false;
  std::vector<std::string> filters;
  std::string sort;
  std::optional<std::size_t> limit;
};

void declare(CLI::App& app, cache_ls_arguments& into) {
  app.alias("list");
  app.add_flag("--revisions", into.revisions, "Print one line per revision instead of per repo");
  app.add_option("-f,--filter", into.filters,
                 "List only what fits, as in size>1GB, accessed>30d, modified<=2w, type=model, refs=main; "
                 "repeatable, to narrow down")
      ->type_name("EXPR")
      ->allow_extra_args(false);
  app.add_option(
         "--sort", into.sort,
         "Order of the lines; unique is what deleting frees. Names ascend, all else descends, unless told")
      ->type_name("accessed|modified|name|size|unique[:asc|desc]");
  app.add_option("--limit", into.limit, "List so many lines at most (default: all)")
      ->type_name("N")
      ->check(whole_number(0));
  app.add_flag("--show-warnings", into.show_warnings, "Print what is wrong with the cache on stderr");
  declare_common(app, into);
  app.footer(
      "SIZE is what a repo shows, UNIQUE what deleting it would free, SHARED what other repos or stores "
      "keep.\n"
      "\n"
      "Examples:\n"
      "  hubcache cache ls\n"
      "  hubcache cache ls --filter 'size>10GB' --filter 'accessed>30d' --sort unique\n"
      "  hubcache cache ls --revisions -q");
}

/// The cache, and the lines that the user asked for.
struct cache_listing {
  hubcache::census seen;
  hubcache::disk_map map;
  std::vector<cache_row> rows;
};

/// A use that hubcache recorded counts as access: many systems do not record every read of a file.
void add_recorded_uses(const hubcache::census& seen, const std::string& state_dir,
                       std::vector<cache_row>& rows) {
  const hubcache::ledger uses(state_dir);
  for (auto& row : rows) {
    const auto& repo = seen.repos[row.repo];
    const auto folder = repo.path.substr(repo.path.rfind('/') + 1);
    for (const auto& revision : repo.revisions) {
      const auto used = uses.last_use(seen.cache_dir, folder, revision.commit);
      row.accessed_ns = std::max(row.accessed_ns, used.value_or(0));
    }
  }
}

cache_listing look(const cache_ls_arguments& typed, const hubcache::settings& config,
                   const std::vector<row_filter>& filters, const row_order& order,
                   const std::stop_token& stop) {
  hubcache::workers pool(disk_depth);
  cache_listing result;
  result.seen = hubcache::take_census(config.cache_dir, pool, stop);
  result.map = hubcache::map_disk(result.seen, pool, stop);
  if (stop.stop_requested()) throw hubcache::error(hubcache::errc::cancelled, "the cache was not listed");
  auto& rows = result.rows;
  rows = typed.revisions ? revision_rows(result.seen, result.map) : repo_rows(result.seen, result.map);
  add_recorded_uses(result.seen, config.state_dir, rows);
  std::erase_if(rows, [&](const cache_row& row) {
    return !std::all_of(filters.begin(), filters.end(), [&](const auto& fits) { return fits(row); });
  });
  if (order) std::stable_sort(rows.begin(), rows.end(), order);
  if (typed.limit && *typed.limit < rows.size())
    rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(*typed.limit), rows.end());
  return result;
}

std::string joined(const std::vector<std::string>& texts, std::size_t limit) {
  std::string all;
  for (std::size_t i = 0; i < std::min(limit, texts.size()); ++i)
    all.append(i > 0 ? ", " : "").append(texts[i]);
  if (texts.size() > limit) all += " +" + std::to_string(texts.size() - limit);
  return all;
}

std::string neighbours_of(const cache_row& row) {
  auto names = row.shared_with;
  if (row.shared_outside) names.insert(names.begin(), "(outside the cache)");
  return joined(names, 2);
}

const hubcache::census_revision& revision_of(const hubcache::census& seen, const cache_row& row) {
  return seen.repos[row.repo].revisions[*row.revision];
}

std::string table_of_repos(const cache_listing& shown, std::int64_t now_ns) {
  using enum table::align;
  table lines({{"ID"},
               {"SIZE", right},
               {"UNIQUE", right},
               {"SHARED", right},
               {"LAST_ACCESSED"},
               {"LAST_MODIFIED"},
               {"REFS"},
               {"SHARED_WITH"}});
  for (const auto& row : shown.rows) {
    lines.add({row.label, hubcache::format_bytes(row.size), hubcache::format_bytes(row.unique),
               hubcache::format_bytes(row.shared()), age_of(row.accessed_ns, now_ns),
               age_of(row.modified_ns, now_ns), joined(row.refs, row.refs.size()), neighbours_of(row)});
  }
  return lines.text();
}

std::string table_of_revisions(const cache_listing& shown, std::int64_t now_ns) {
  using enum table::align;
  table lines({{"ID"}, {"REVISION"}, {"SIZE", right}, {"UNIQUE", right}, {"LAST_MODIFIED"}, {"REFS"}});
  for (const auto& row : shown.rows) {
    lines.add({row.label, revision_of(shown.seen, row).commit, hubcache::format_bytes(row.size),
               hubcache::format_bytes(row.unique), age_of(row.modified_ns, now_ns),
               joined(row.refs, row.refs.size())});
  }
  return lines.text();
}

/// What the lines stand for in all.
struct listing_sums {
  std::size_t repos = 0;
  std::size_t revisions = 0;
  std::uint64_t on_disk = 0;
  std::uint64_t apparent = 0;
};

listing_sums sums_of(const cache_listing& shown) {
  listing_sums sums;
  std::set<std::size_t> repos;
  for (const auto& row : shown.rows) {
    repos.insert(row.repo);
    sums.revisions += row.revision ? 1 : shown.seen.repos[row.repo].revisions.size();
  }
  sums.repos = repos.size();
  const auto chosen = contents_of(shown.seen, shown.rows);
  sums.on_disk = shown.map.held_by(chosen);
  for (std::size_t r = 0; r < chosen.size(); ++r) {
    for (std::size_t c = 0; c < chosen[r].size(); ++c) {
      if (chosen[r][c]) sums.apparent += shown.seen.repos[r].contents[c].status.identity.size;
    }
  }
  return sums;
}

std::string text_of(const cache_listing& shown, bool revisions, std::int64_t now_ns) {
  if (shown.rows.empty())
    return revisions ? "No cached revisions found.\n" : "No cached repositories found.\n";
  const auto sums = sums_of(shown);
  const auto real = hubcache::format_bytes(sums.on_disk);
  const auto apparent = hubcache::format_bytes(sums.apparent);
  return (revisions ? table_of_revisions(shown, now_ns) : table_of_repos(shown, now_ns)) + "\nFound " +
         std::to_string(sums.repos) + " repo(s) for a total of " + std::to_string(sums.revisions) +
         " revision(s) and " + real + " on disk" +
         (real == apparent ? "" : " (" + apparent + " by file sizes)") + ".\n";
}

std::string names_of(const cache_listing& shown) {
  std::string names;
  for (const auto& row : shown.rows) {
    names += sanitised(row.revision ? revision_of(shown.seen, row).commit : row.label) + "\n";
  }
  return names;
}

std::uint64_t seconds_of(std::int64_t ns) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(ns, 0)) / 1'000'000'000;
}

std::string json_of_row(const hubcache::census& seen, const cache_row& row) {
  const auto& repo = seen.repos[row.repo];
  json_object out;
  out.text("id", row.label).text("repo_id", repo.id).text("repo_type", repo.type);
  if (row.revision) {
    const auto& revision = repo.revisions[*row.revision];
    out.text("revision", revision.commit)
        .text("path", revision.path)
        .number("files", revision.entries.size());
  } else {
    out.text("path", repo.path).number("revisions", repo.revisions.size());
  }
  out.number("size", row.size).number("on_disk", row.on_disk).number("unique", row.unique);
  out.number("shared", row.shared());
  if (!row.revision) {
    out.raw("shared_with", json_array(row.shared_with, json_string))
        .boolean("shared_outside", row.shared_outside);
    out.number("last_accessed", seconds_of(row.accessed_ns));
  }
  out.number("last_modified", seconds_of(row.modified_ns)).raw("refs", json_array(row.refs, json_string));
  return std::move(out).close();
}

std::string json_of(const cache_listing& shown, bool revisions) {
  const auto sums = sums_of(shown);
  std::vector<std::pair<std::string, std::uint64_t>> partials;
  for (const auto& repo : shown.seen.repos) {
    for (const auto& one : repo.partials) partials.emplace_back(one.path, one.status.allocated);
  }
  json_object out;
  out.text("cache_dir", shown.seen.cache_dir);
  out.raw(revisions ? "revisions" : "repos",
          json_array(shown.rows, [&](const cache_row& row) { return json_of_row(shown.seen, row); }));
  out.number("repo_count", sums.repos).number("revision_count", sums.revisions);
  out.number("on_disk", sums.on_disk).number("size", sums.apparent);
  out.raw("incomplete", json_array(partials, [](const auto& one) {
            json_object partial;
            partial.text("path", one.first).number("on_disk", one.second);
            return std::move(partial).close();
          }));
  out.raw("warnings", json_array(shown.seen.problems, [](const hubcache::census_problem& p) {
            json_object problem;
            problem.text("path", p.path).text("text", p.text).boolean("unreadable", p.unreadable);
            return std::move(problem).close();
          }));
  return std::move(out).close() + "\n";
}

/// What is wrong or left over, on stderr.
void tell_problems(const hubcache::census& seen, bool all, console& display) {
  for (const auto& p : seen.problems) {
    if (all && !p.unreadable) display.warning(p.path + ": " + p.text);
  }
  if (!all && !seen.problems.empty())
    display.warning(counted(seen.problems.size(), "warning") +
                    " about the cache; --show-warnings prints them.");
  std::size_t count = 0;
  std::uint64_t bytes = 0;
  for (const auto& repo : seen.repos) {
    for (const auto& one : repo.partials) bytes += one.status.allocated;
    count += repo.partials.size();
  }
  if (count > 0) {
    display.hint(counted(count, "incomplete file") + " of " + hubcache::format_bytes(bytes) +
                 " left by downloads that did not end; `hubcache cache prune` removes them.");
  }
}

exit_code run_cache_ls(const cache_ls_arguments& typed, console& display) {
  const auto now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  std::vector<row_filter> filters;
  for (const auto& text : typed.filters) filters.push_back(parse_filter(text, now_ns));
  const auto order = typed.sort.empty() ? row_order() : parse_order(typed.sort);
  const auto config = settings_of(typed);

  foreground here(display);
  const auto shown = here.block<cache_listing>(
      [&](const std::stop_token& stop) { return look(typed, config, filters, order, stop); });
  if (typed.json) {
    print(json_of(shown, typed.revisions));
  } else {
    print(typed.quiet ? names_of(shown) : text_of(shown, typed.revisions, now_ns));
    tell_problems(shown.seen, typed.show_warnings, display);
  }
  auto code = exit_code::ok;
  for (const auto& p : shown.seen.problems) {
    if (!p.unreadable) continue;
    display.error(p.path + " " + p.text);
    code = exit_code::other;
  }
  return code;
}

}  // namespace

void declare_cache_ls(CLI::App& group, invocation& chosen) {
  add_subcommand<cache_ls_arguments>(group, "ls", "List cached repos or revisions, and what they occupy",
                                     chosen, declare, run_cache_ls);
}

}  // namespace command
