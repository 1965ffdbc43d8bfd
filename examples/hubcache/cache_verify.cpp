#include "cache_verify.hpp"

#include <hubcache/cache.hpp>
#include <hubcache/hash/xxh3.hpp>
#include <hubcache/os/file.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "byte_progress.hpp"
#include "foreground.hpp"
#include "hub_listing.hpp"
#include "progress.hpp"
#include "table.hpp"
#include "verify_report.hpp"

namespace command {

namespace {

using hubcache::verdict;

struct verify_arguments : common_options {
  std::vector<std::string> repos;
  std::string repo_type = "model";
  std::optional<std::string> revision;
  std::optional<std::string> local_dir;
  std::optional<std::string> token;
  std::optional<std::string> endpoint;
  bool online = false;
  bool fail_on_missing = false;
  bool fail_on_extra = false;
  bool quarantine = false;
  bool repair = false;
};

void declare(CLI::App& app, verify_arguments& into) {
  const auto text = [&app](const char* name, auto& value, const char* type, const char* help) {
    return app.add_option(name, value, help)->type_name(type);
  };
  text("REPO", into.repos, "", "OWNER/NAME, TYPE/OWNER/NAME or hf://...; none = the whole cache");
  text("--repo-type,--type", into.repo_type, "model|dataset|space", "Kind of repo (default: model)");
  text("--revision", into.revision, "NAME", "One snapshot of REPO: branch, tag or commit (default: all)");
  text("--local-dir", into.local_dir, "DIR", "Check a folder that was downloaded into, not the cache");
  app.add_flag("--online", into.online, "Compare with the Hub's own listings");
  app.add_flag("--fail-on-missing-files", into.fail_on_missing,
               "Listed files that are not here are failures");
  app.add_flag("--fail-on-extra-files", into.fail_on_extra, "Files here that are not listed are failures");
  app.add_flag("--quarantine", into.quarantine, "Move corrupt files out of the cache");
  app.add_flag("--repair", into.repair, "Move corrupt files out of the cache and fetch them again");
  text("--token", into.token, "TOKEN", "Access token; HF_TOKEN is safer, as others can see command lines");
  text("--endpoint", into.endpoint, "URL", "The Hub (default: HF_ENDPOINT, or https://huggingface.co)");
  declare_common(app, into);
  declare_destructive(app, into);
  app.footer(
      "Blobs are hashed and compared with their names, plain files with the listings that downloads "
      "recorded. Interrupted, the same command goes on where it stopped. Quarantined files lie in "
      "<cache>/.locks/hubcache-quarantine. Exit code 0: all is in order, in the end.\n"
      "\n"
      "Examples:\n"
      "  hubcache cache verify\n"
      "  hubcache cache verify acme/llm-7b --online --fail-on-missing-files\n"
      "  hubcache cache verify --repair -y");
}

void check(const verify_arguments& typed, const hubcache::settings& config) {
  if (!hubcache::parse_repo_type(typed.repo_type)) {
    throw usage("--repo-type must be model, dataset or space, not '" + sanitised(typed.repo_type) + "'");
  }
  const bool mends = typed.quarantine || typed.repair;
  if (typed.revision && typed.repos.size() != 1) throw usage("--revision needs exactly one REPO");
  if ((typed.online || typed.repair) && config.offline) {
    throw usage("--online and --repair need the network, which HF_HUB_OFFLINE forbids");
  }
  if (!typed.local_dir) return;
  if (typed.cache_dir) throw usage("--cache-dir and --local-dir exclude each other");
  if (mends) {
    throw usage("a local folder is its user's: mend it by hubcache download REPO --local-dir DIR --verify");
  }
  if (typed.online != (typed.repos.size() == 1)) {
    throw usage("--local-dir takes exactly one REPO with --online, and none without");
  }
}

/// A repo as it was typed.
struct named_repo {
  std::string label;  ///< As census_repo::label().
  std::optional<std::string> revision;
};

named_repo parse_repo(const std::string& text, const verify_arguments& typed) {
  named_repo result;
  if (text.starts_with("hf://")) {
    const auto url = hubcache::parse_repo_url(text);
    if (!url.path.empty()) throw usage("whole repos are verified, not single files: " + sanitised(text));
    result.label = std::string(to_string(url.repo.type())) + "/" + url.repo.id();
    if (!url.revision.empty()) result.revision = url.revision;
  } else {
    const bool has_type = std::count(text.begin(), text.end(), '/') == 2;
    result.label =
        has_type ? text : std::string(to_string(*hubcache::parse_repo_type(typed.repo_type))) + "/" + text;
  }
  if (typed.revision) result.revision = typed.revision;
  return result;
}

/// The commit that `revision` names in `repo`, as its snapshots and refs tell.
std::string commit_of(const hubcache::census_repo& repo, const std::string& revision) {
  const auto ref = repo.refs.find(revision);
  const auto& commit = ref == repo.refs.end() ? revision : ref->second;
  const bool here = std::any_of(repo.revisions.begin(), repo.revisions.end(),
                                [&commit](const hubcache::census_revision& r) { return r.commit == commit; });
  if (!here) {
    throw hubcache::error(hubcache::errc::revision_not_found,
                          "the cache has no snapshot of " + sanitised(revision),
                          hubcache::error_context{}.with_repo(repo.label()));
  }
  return commit;
}

std::vector<hubcache::verify_scope> scopes_of(const verify_arguments& typed, const hubcache::census& seen) {
  std::vector<hubcache::verify_scope> scopes;
  if (typed.repos.empty()) {
    for (std::size_t i = 0; i < seen.repos.size(); ++i) scopes.emplace_back(i);
  }
  for (const auto& text : typed.repos) {
    const auto wanted = parse_repo(text, typed);
    const auto at = std::find_if(seen.repos.begin(), seen.repos.end(),
                                 [&](const auto& repo) { return repo.label() == wanted.label; });
    if (at == seen.repos.end()) {
      throw hubcache::error(hubcache::errc::repo_not_found, "the cache has no " + sanitised(wanted.label) +
                                                                "; hubcache cache ls shows what it has");
    }
    hubcache::verify_scope scope(static_cast<std::size_t>(at - seen.repos.begin()));
    if (wanted.revision) scope.commit = commit_of(*at, *wanted.revision);
    const bool again = std::any_of(scopes.begin(), scopes.end(), [&scope](const auto& other) {
      return other.repo == scope.repo && other.commit == scope.commit;
    });
    if (!again) scopes.push_back(std::move(scope));
  }
  return scopes;
}

/// What one run works with.
struct verify_work {
  verify_work(const verify_arguments& t, hubcache::settings c, console& d)
      : typed(t), config(std::move(c)), display(d) {}

  const verify_arguments& typed;
  hubcache::settings config;
  console& display;
  hubcache::workers pool;
  hubcache::census seen;
  verify_result result;
  exit_code trouble = exit_code::ok;  ///< Of what failed, but is no finding.
};

hubcache::repo repo_of(const std::string& type, const std::string& id) {
  const auto known = hubcache::parse_repo_type(type);
  if (!known) throw hubcache::error(hubcache::errc::refused, "the Hub is not asked for a " + type);
  return hubcache::repo(id, *known);
}

/// The Hub's listing, or none, and a word why.
std::optional<hubcache::listing> try_listing(verify_work& work, foreground& here,
                                             const hubcache::census_repo& repo, const std::string& commit) {
  try {
    auto listed = ask_listing(here, work.config, repo_of(repo.type, repo.id), commit);
    if (listed.masked()) {
      work.display.warning(repo.label() +
                           ": the Hub hides hashes from this caller; those files are "
                           "checked by name alone");
    }
    return listed;
  } catch (const hubcache::error& e) {
    if (e.reason() == hubcache::errc::cancelled) throw;
    work.display.error(e.what());
    work.trouble = exit_code_of(e.reason());
    return std::nullopt;
  }
}

/// Asks for the listings of all snapshots in `scope`.
void add_listings(verify_work& work, foreground& here, hubcache::verify_scope& scope) {
  const auto& repo = work.seen.repos[scope.repo];
  for (const auto& revision : repo.revisions) {
    if (scope.commit && *scope.commit != revision.commit) continue;
    if (auto listed = try_listing(work, here, repo, revision.commit))
      scope.listed.emplace(revision.commit, std::move(*listed));
  }
}

/// A file of the state folder that belongs to this selection alone.
std::string checkpoint_of(const verify_work& work) {
  std::string scope = work.config.cache_dir + "\n" + work.typed.local_dir.value_or("") + "\n" +
                      work.typed.revision.value_or("") + "\n" + (work.typed.online ? "online" : "");
  for (const auto& repo : work.typed.repos) scope += "\n" + parse_repo(repo, work.typed).label;
  std::array<char, 17> name{};
  std::snprintf(name.data(), name.size(), "%016llx",
                static_cast<unsigned long long>(hubcache::xxh3(hubcache::as_byte_view(scope))));
  return work.config.state_dir + "/verify/" + name.data();
}

hubcache::verification plan(verify_work& work, foreground& here) {
  const auto& typed = work.typed;
  if (typed.local_dir) {
    const auto folder = hubcache::os::absolute_path(*typed.local_dir);
    std::optional<hubcache::listing> listed;
    if (typed.online) {
      const auto wanted = parse_repo(typed.repos.front(), typed);
      const auto slash = wanted.label.find('/');
      listed = ask_listing(here, work.config,
                           repo_of(wanted.label.substr(0, slash), wanted.label.substr(slash + 1)),
                           wanted.revision.value_or("main"));
    }
    return hubcache::plan_verify_local(folder, listed);
  }
  work.seen = here.block<hubcache::census>([&](const std::stop_token& stop) {
    auto seen = hubcache::take_census(work.config.cache_dir, work.pool, stop);
    if (stop.stop_requested()) throw hubcache::error(hubcache::errc::cancelled, "");
    return seen;
  });
  for (const auto& problem : work.seen.problems) {
    if (!problem.unreadable) continue;
    work.display.error(problem.path + " " + problem.text);
    work.trouble = exit_code::other;
  }
  auto scopes = scopes_of(typed, work.seen);
  if (typed.online) {
    for (auto& scope : scopes) add_listings(work, here, scope);
  }
  return hubcache::plan_verify(work.seen, scopes, work.config.stores);
}

void hash(verify_work& work) {
  console display = work.display;  // its progress ends with it
  foreground here(display);
  auto planned = plan(work, here);
  hubcache::verify_options options;
  if (!work.typed.dry_run) options.checkpoint = checkpoint_of(work);
  options.progress = byte_progress(here, display, "verifying");
  work.result.files = here.block<hubcache::verification>([&](const std::stop_token& stop) {
    const hubcache::default_hashes hashes;
    auto done = hubcache::verify(std::move(planned), hashes, work.pool, options, stop);
    hubcache::mapped_index index(work.config.state_dir + "/index");
    if (!work.typed.dry_run) remember(done, index);
    return done;
  });
}

/// Fetches what snapshots lost. @return the snapshots that could not be completed
std::vector<hubcache::snapshot_files> fetch(verify_work& work) {
  std::vector<hubcache::snapshot_files> failed;
  foreground here(work.display);
  hubcache::workers pool;  // ends before `here`, where its jobs complete
  hubcache::cache cache(here.executor(), pool, work.config);
  for (const auto& lost : work.result.fetched) {
    try {
      if (work.trouble == exit_code::interrupted) throw hubcache::error(hubcache::errc::cancelled, "");
      auto options = hubcache::snapshot_options().with_revision(lost.commit).with_files(lost.files);
      const auto which = repo_of(lost.type, lost.id);
      here.run<hubcache::snapshot>([&](auto handler) {
        cache.async_snapshot(which, options, hubcache::observer_ref(work.display), std::move(handler));
      });
    } catch (const hubcache::error& e) {
      work.trouble = exit_code_of(e.reason());
      failed.push_back(lost);
      if (e.reason() != hubcache::errc::cancelled) work.display.error(e.what());
    }
  }
  return failed;
}

/// How to fetch later what could not be fetched now: nothing here remembers it.
void tell_lost(const std::vector<hubcache::snapshot_files>& failed, console& display) {
  for (const auto& lost : failed) {
    std::string text = "to fetch it later: hubcache download " + lost.id + " --repo-type " + lost.type +
                       " --revision " + lost.commit;
    for (const auto& file : lost.files) text += " " + file;
    display.hint(text);
  }
}

/// Whether anything of `lost` is what `file` shows.
bool touches(const hubcache::checked_file& file, const hubcache::quarantine_step* step,
             const hubcache::snapshot_files& lost) {
  if (file.repo != lost.type + "/" + lost.id) return false;
  if (!file.commit.empty()) return file.commit == lost.commit;
  const auto snapshot = "/snapshots/" + lost.commit + "/";
  return step != nullptr && std::any_of(step->entries.begin(), step->entries.end(), [&](const auto& entry) {
           return entry.find(snapshot) != entry.npos;
         });
}

/// Failures that were not mended, given what could not be fetched.
std::size_t remaining_of(const verify_result& result, bool repaired,
                         const std::vector<hubcache::snapshot_files>& failed) {
  std::size_t count = 0;
  for (const auto& file : result.files.files) {
    if (!result.fails(file.outcome)) continue;
    const auto step = std::find_if(result.moved.steps.begin(), result.moved.steps.end(),
                                   [&file](const auto& s) { return s.file.path == file.path; });
    const bool moved = step != result.moved.steps.end() && step->problem.empty();
    const bool fetchable = moved || (file.outcome == verdict::missing && !file.commit.empty());
    const auto* const entries = moved ? &*step : nullptr;
    const bool mended = repaired && fetchable &&
                        std::none_of(failed.begin(), failed.end(),
                                     [&](const auto& lost) { return touches(file, entries, lost); });
    if (!mended) ++count;
  }
  return count;
}

/// "move 1 corrupt file out of the cache and fetch 2 files anew"
std::string intention_of(const verify_result& result) {
  const auto files = std::count_if(result.moved.steps.begin(), result.moved.steps.end(),
                                   [](const auto& step) { return step.problem.empty(); });
  std::size_t lost = 0;
  for (const auto& one : result.fetched) lost += one.files.size();
  std::string text;
  if (files > 0)
    text = "move " + counted(static_cast<std::size_t>(files), "corrupt file") + " out of the cache";
  if (lost > 0) text += (text.empty() ? "fetch " : " and fetch ") + counted(lost, "file") + " anew";
  return text;
}

/// Quarantine and repair, as far as they are asked for, agreed to, and of use.
void mend(verify_work& work) {
  auto& result = work.result;
  const auto& typed = work.typed;
  if (!typed.quarantine && !typed.repair) return;
  result.moved = plan_quarantine(work.seen, result.files);
  if (typed.repair) result.fetched = files_to_fetch(work.seen, result.files, result.moved);
  const auto intention = intention_of(result);
  if (typed.dry_run && !intention.empty()) work.display.note("[dry-run] Would " + intention + ".");
  if (typed.dry_run) return;
  if (!intention.empty() && !confirmed(typed, "About to " + intention + ". Proceed?")) {
    result.moved = {};
    result.fetched.clear();
    return;
  }
  {
    foreground here(work.display);
    result.moved = here.block<hubcache::quarantine_plan>([&](const std::stop_token& stop) {
      auto moved = quarantine(std::move(result.moved), work.config.state_dir, stop);
      if (stop.stop_requested()) work.trouble = exit_code::interrupted;
      return moved;
    });
  }
  for (const auto& step : result.moved.steps) {
    if (!step.problem.empty()) work.display.warning(step.file.path + " stays: " + step.problem);
    if (!step.moved_to.empty()) work.display.note("moved " + step.file.path + " to " + step.moved_to);
  }
  if (!typed.repair) return;
  result.fetched = files_to_fetch(work.seen, result.files, result.moved);
  const auto failed = fetch(work);
  tell_lost(failed, work.display);
  result.remaining = remaining_of(result, true, failed);
}

void print_findings(const verify_work& work) {
  const auto& result = work.result;
  std::string text;
  for (const auto& file : result.files.files) {
    if (work.typed.quiet && result.fails(file.outcome)) text += file.path + "\n";
    if (!work.typed.quiet && result.tells(file.outcome)) text += line_of(file);
  }
  if (!work.typed.quiet) text += summary_of(result) + "\n";
  print(text);
  const auto counts = result.files.counts();
  const auto hint = [&](verdict outcome, bool asked, const char* words) {
    const auto count = counts[static_cast<std::size_t>(outcome)];
    if (count > 0 && !asked) work.display.hint(counted(count, "file") + words);
  };
  hint(verdict::absent, result.absent_fails,
       " of the listings not here; --fail-on-missing-files shows them.");
  hint(verdict::extra, result.extra_fails, " here not listed; --fail-on-extra-files shows them.");
}

exit_code run_verify(const verify_arguments& typed, console& display) {
  auto config = settings_of(typed);
  if (typed.token) config.token = hubcache::secret(*typed.token);
  if (typed.endpoint) config.endpoint = hubcache::parse_endpoint(*typed.endpoint);
  check(typed, config);
  verify_work work(typed, std::move(config), display);
  work.result.absent_fails = typed.fail_on_missing;
  work.result.extra_fails = typed.fail_on_extra;
  work.result.dry_run = typed.dry_run;
  hash(work);
  work.result.remaining = remaining_of(work.result, false, {});
  if (!typed.json) print_findings(work);
  if (!work.result.files.complete) {
    display.warning("interrupted; the same command goes on where it stopped");
    if (typed.json) print(json_of(work.result) + "\n");
    return exit_code::interrupted;
  }
  mend(work);
  if (typed.json) print(json_of(work.result) + "\n");
  if (work.trouble == exit_code::interrupted) return work.trouble;
  return work.result.remaining > 0 ? exit_code::integrity : work.trouble;
}

}  // namespace

void declare_cache_verify(CLI::App& group, invocation& chosen) {
  add_subcommand<verify_arguments>(group, "verify", "Hash what the cache holds, and tell what is corrupt",
                                   chosen, declare, run_verify);
}

}  // namespace command
