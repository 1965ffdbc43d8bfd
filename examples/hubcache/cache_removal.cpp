#include "cache_removal.hpp"

#include <hubcache/index/mapped_index.hpp>
#include <hubcache/plan/snapshot.hpp>

#include <algorithm>
#include <chrono>
#include <stop_token>
#include <utility>

#include "foreground.hpp"
#include "json_object.hpp"
#include "progress.hpp"

namespace command {

namespace {

using hubcache::format_bytes;

hubcache::survey look(const hubcache::settings& config, const std::stop_token& stop) {
  hubcache::workers pool;
  auto seen = hubcache::take_survey(config, pool, stop);
  // Half a census would show blobs without their users.
  if (stop.stop_requested()) throw hubcache::error(hubcache::errc::cancelled, "nothing was removed");
  return seen;
}

/// What was looked at, and what is to go.
struct choice {
  choice(hubcache::survey v, chosen_removal c) : view(std::move(v)), chosen(std::move(c)) {}

  hubcache::survey view;
  chosen_removal chosen;
};

choice look_and_choose(const hubcache::settings& config, const removal_chooser& choose,
                       const std::stop_token& stop) {
  auto view = look(config, stop);
  auto chosen = choose(view, stop);
  if (stop.stop_requested()) throw hubcache::error(hubcache::errc::cancelled, "nothing was removed");
  return {std::move(view), std::move(chosen)};
}

/// Names alone, of what is planned: repos that go whole, commits, and leftovers by their paths.
std::string names_of(const hubcache::removal& what) {
  std::string text;
  const auto add = [&text](const std::string& name) { text += sanitised(name) + "\n"; };
  for (const auto& repo : what.repos) {
    if (repo.whole) {
      add(repo.label);
      continue;
    }
    for (const auto& revision : repo.revisions) add(revision.commit);
    for (const auto& name : repo.partials) add(repo.path + "/blobs/" + name);
    if (!repo.revisions.empty()) continue;
    for (const auto& name : repo.blobs) add(repo.path + "/blobs/" + name);
  }
  return text;
}

/// Names alone, of what was removed: repos and commits.
std::string names_of(const hubcache::removal_report& done) {
  std::string text;
  for (const auto& name : done.removed) text += sanitised(name.substr(name.find('@') + 1)) + "\n";
  return text;
}

std::string json_of(const hubcache::repo_removal& repo) {
  json_object out;
  out.text("repo", repo.label).boolean("whole", repo.whole);
  out.raw("revisions", json_array(repo.revisions, [](const hubcache::removed_revision& one) {
            json_object revision;
            revision.text("commit", one.commit)
                .raw("refs", json_array(one.refs, json_string))
                .number("size", one.apparent);
            return std::move(revision).close();
          }));
  out.raw("blobs", json_array(repo.blobs, json_string));
  out.raw("partials", json_array(repo.partials, json_string));
  return std::move(out).close();
}

/// `done` is null if nothing was carried out.
std::string json_of(const chosen_removal& chosen, bool dry_run, const hubcache::removal_report* done) {
  const auto& what = chosen.what;
  auto warnings = chosen.warnings;
  warnings.insert(warnings.end(), what.withheld.begin(), what.withheld.end());
  if (!chosen.refusal.empty()) warnings.push_back(chosen.refusal);
  json_object out;
  out.boolean("dry_run", dry_run).boolean("removed", done != nullptr);
  out.raw("repos", json_array(what.repos, [](const auto& repo) { return json_of(repo); }));
  out.number("repo_count", what.whole_repos()).number("revision_count", what.revisions());
  out.number("size", what.apparent).number("freed", what.freed);
  out.raw("notes", json_array(what.notes, json_string));
  out.raw("warnings", json_array(warnings, json_string));
  if (done != nullptr) {
    json_object report;
    report.number("repos", done->repos).number("revisions", done->revisions);
    report.number("blobs", done->blobs).number("partials", done->partials);
    report.raw("names", json_array(done->removed, json_string));
    report.number("free_before", done->free_before).number("free_after", done->free_after);
    report.raw("kept", json_array(done->kept, json_string));
    report.raw("failures", json_array(done->failures, [](const hubcache::census_problem& problem) {
                 json_object failure;
                 failure.text("path", problem.path).text("text", problem.text);
                 return std::move(failure).close();
               }));
    out.raw("report", std::move(report).close());
  }
  return std::move(out).close() + "\n";
}

/// "1 repo(s) and 2 revision(s)"; blobs are told where no revision speaks for them.
std::string counted_parts(std::size_t repos, std::size_t revisions, std::size_t blobs, std::size_t partials) {
  std::vector<std::string> parts;
  const auto add = [&parts](std::size_t count, const char* noun) {
    if (count > 0) parts.push_back(std::to_string(count) + " " + noun);
  };
  add(repos, "repo(s)");
  add(revisions, "revision(s)");
  add(revisions == 0 ? blobs : 0, "unused blob(s)");
  add(partials, "incomplete file(s)");
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    text.append(i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ").append(parts[i]);
  }
  return text.empty() ? "nothing" : text;
}

std::string summary_of(const hubcache::removal& what, const hubcache::removal_report& done) {
  auto text = "Deleted " + counted_parts(done.repos, done.revisions, done.blobs, done.partials);
  const auto measured = done.free_after > done.free_before ? done.free_after - done.free_before : 0;
  return text + "; freed " + format_bytes(done.complete() ? what.freed : measured) + ".\n";
}

std::string counts_of(const hubcache::removal& what) {
  return counted_parts(what.whole_repos(), what.revisions(), what.blobs(), what.partials());
}

/// A list as `hf cache rm` prints it: what goes of each repo.
std::string list_of(const hubcache::removal& what) {
  std::string text;
  for (const auto& repo : what.repos) {
    text += "  - " + sanitised(repo.label) + (repo.whole ? " (entire repo)\n" : ":\n");
    if (repo.whole) continue;
    for (const auto& revision : repo.revisions) {
      std::string refs;
      for (const auto& ref : revision.refs) refs.append(refs.empty() ? "" : " ").append(ref);
      text += "      " + sanitised(revision.commit) + " [" + (refs.empty() ? "detached" : sanitised(refs)) +
              "] " + format_bytes(revision.apparent) + "\n";
    }
    const auto blobs = repo.revisions.empty() ? repo.blobs.size() : 0;
    if (blobs + repo.partials.size() > 0) {
      text += "      " + counted_parts(0, 0, blobs, repo.partials.size()) + "\n";
    }
  }
  return text;
}

std::string heading_of(const hubcache::removal& what) {
  return "About to delete " + counts_of(what) + " totalling " + format_bytes(what.apparent) + "; " +
         format_bytes(what.freed) + " become free on disk.";
}

exit_code tell_outcome(const hubcache::removal_report& done, console& display) {
  for (const auto& text : done.kept) display.warning(text);
  for (const auto& failure : done.failures) display.error(failure.path + " " + failure.text);
  if (!done.failures.empty()) return exit_code::disk;
  return done.kept.empty() ? exit_code::ok : exit_code::other;
}

/// For who was not shown them as hints.
std::string listed_notes(const hubcache::removal& what) {
  std::string text;
  for (const auto& note : what.notes) text += sanitised(note) + "\n";
  return text;
}

/// Shows what goes and asks. @return whether to go on
bool agreed(const common_options& typed, const hubcache::removal& what) {
  std::string question = "Proceed with deletion?";
  if (typed.json || typed.quiet) {
    question = heading_of(what) + "\n" + list_of(what) + listed_notes(what) + question;
  } else {
    print(heading_of(what) + "\n" + list_of(what));
  }
  return !typed.dry_run && confirmed(typed, question);
}

exit_code carry_out_shown(const common_options& typed, const hubcache::settings& config,
                          const chosen_removal& chosen, foreground& here, console& display) {
  const auto done = here.block<hubcache::removal_report>([&](const std::stop_token& stop) {
    hubcache::mapped_index index(config.state_dir + "/index");
    return carry_out(chosen.what, config.state_dir, index, stop);
  });
  const auto code = tell_outcome(done, display);
  if (typed.json) {
    print(json_of(chosen, false, &done));
  } else {
    print(typed.quiet ? names_of(done) : summary_of(chosen.what, done));
  }
  return done.stopped ? exit_code::interrupted : code;
}

}  // namespace

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

exit_code run_removal(const common_options& typed, console& display, const removal_chooser& choose,
                      const std::string& nothing) {
  const auto config = settings_of(typed);
  foreground here(display);
  const auto [view, chosen] =
      here.block<choice>([&](const std::stop_token& stop) { return look_and_choose(config, choose, stop); });
  for (const auto& text : view.book.unknown_pins) display.warning(text);
  auto code = exit_code::ok;
  for (const auto& problem : view.seen.problems) {
    if (!problem.unreadable) continue;
    display.error(problem.path + " " + problem.text);
    code = exit_code::other;
  }

  for (const auto* texts : {&chosen.warnings, &chosen.what.withheld}) {
    for (const auto& text : *texts) display.warning(text);
  }
  for (const auto& text : chosen.what.notes) display.hint(text);
  if (!chosen.refusal.empty()) display.error(chosen.refusal);
  if (chosen.code != exit_code::ok) code = chosen.code;
  const auto worst = [code](exit_code other) { return other == exit_code::ok ? code : other; };

  if (chosen.what.empty() || !agreed(typed, chosen.what)) {
    const bool dry = typed.dry_run && !chosen.what.empty();
    if (typed.json) {
      print(json_of(chosen, typed.dry_run, nullptr));
    } else if (typed.quiet) {
      print(dry ? names_of(chosen.what) : "");
    } else {
      print((chosen.what.empty() ? nothing
             : dry               ? "Dry run: no files were deleted."
                                 : "Deletion cancelled.") +
            std::string("\n"));
    }
    return code;
  }
  return worst(carry_out_shown(typed, config, chosen, here, display));
}

}  // namespace command
