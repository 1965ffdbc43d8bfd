#include "lock_check.hpp"

#include <hubcache/hash/hash_set.hpp>
#include <hubcache/upkeep/locked_repos.hpp>

#include <utility>

#include "byte_progress.hpp"
#include "foreground.hpp"
#include "json_object.hpp"
#include "table.hpp"
#include "verify_report.hpp"

namespace command {

namespace {

using hubcache::verdict;

struct lock_check_arguments : common_options {
  std::string file;
  bool verify = false;
};

void declare(CLI::App& app, lock_check_arguments& into) {
  app.add_option("FILE", into.file, "The lock file")->required();
  app.add_flag("--verify", into.verify, "Hash every file, also those that their blobs' names vouch for");
  declare_common(app, into);
  app.footer(
      "Makes no request. Exit code 0: all is here and as locked; 8: some is not here; 6: some is other.\n"
      "\n"
      "Examples:\n"
      "  hubcache lock check hubcache.lock");
}

hubcache::verification check(const lock_check_arguments& typed, const hubcache::settings& config,
                             console& display) {
  auto planned =
      hubcache::plan_verify_lock(hubcache::read_lock_file(typed.file), config.cache_dir, typed.verify);
  console progress = display;  // ends with the check
  foreground here(progress);
  hubcache::verify_options options;
  options.progress = byte_progress(here, progress, "verifying");
  auto done = here.block<hubcache::verification>([&](const std::stop_token& stop) {
    const hubcache::default_hashes hashes;
    hubcache::workers pool;
    return hubcache::verify(std::move(planned), hashes, pool, options, stop);
  });
  if (!done.complete) throw hubcache::error(hubcache::errc::cancelled, "not every file was checked");
  return done;
}

void print_findings(const hubcache::verification& done, const lock_check_arguments& typed,
                    std::size_t right) {
  std::string text;
  std::string findings;
  for (const auto& file : done.files) {
    if (file.outcome == verdict::ok) continue;
    text += typed.quiet ? file.path + "\n" : line_of(file);
    findings.append(findings.empty() ? "" : ", ").append(command::json_of(file));
  }
  if (typed.json) {
    json_object out;
    out.number("files", done.files.size()).number("ok", right).raw("findings", "[" + findings + "]");
    return print(std::move(out).close() + "\n");
  }
  if (!typed.quiet) {
    text +=
        std::to_string(right) + " of " + counted(done.files.size(), "locked file") + " here and as locked\n";
  }
  print(text);
}

exit_code run_check(const lock_check_arguments& typed, console& display) {
  const auto done = check(typed, settings_of(typed), display);
  const auto counts = done.counts();
  const auto right = counts[static_cast<std::size_t>(verdict::ok)];
  const auto missing = counts[static_cast<std::size_t>(verdict::missing)];
  print_findings(done, typed, right);
  if (right == done.files.size()) return exit_code::ok;
  return right + missing == done.files.size() ? exit_code::not_cached : exit_code::integrity;
}

}  // namespace

void declare_lock_check(CLI::App& group, invocation& chosen) {
  add_subcommand<lock_check_arguments>(group, "check", "Tell what of a lock file is here and right", chosen,
                                       declare, run_check);
}

}  // namespace command
