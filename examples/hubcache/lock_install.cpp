#include "lock_install.hpp"

#include <hubcache/upkeep/locked_repos.hpp>

#include <utility>

#include "download.hpp"
#include "json_object.hpp"
#include "report.hpp"

namespace command {

namespace {

struct lock_install_arguments : download_arguments {};

void declare(CLI::App& app, lock_install_arguments& into) {
  app.add_option("FILE", into.lock, "The lock file")->required();
  app.option_defaults()->group(reuse_group);
  app.add_flag("--verify", into.verify, "Hash what is here already; fetch again what does not match");
  declare_source(app, into);
  app.footer(
      "Prints the folder of each repo. Every file is the one that was locked, or the command fails.\n"
      "\n"
      "Examples:\n"
      "  hubcache lock install hubcache.lock\n"
      "  hubcache lock install hubcache.lock --offline");
}

/// The download of one locked repo.
download_request request_of(const lock_install_arguments& typed, const hubcache::locked_repo& locked) {
  download_arguments one = typed;
  one.repo = locked.repo.id();
  one.repo_type = to_string(locked.repo.type());
  one.revision = locked.commit;
  for (const auto& file : locked.files) one.files.push_back(file.path);
  auto result = command::request_of(one, hubcache::environment_settings());
  result.options.lock = locked;
  return result;
}

exit_code run_install(const lock_install_arguments& typed, console& display) {
  const auto lock = hubcache::read_lock_file(*typed.lock);
  std::vector<hubcache::snapshot> done;
  for (const auto& locked : lock.repos) {
    done.push_back(fetch(request_of(typed, locked), display));
    if (typed.json) continue;
    display.success(command::summary_of(done.back()));
    print(done.back().path + "\n");
  }
  if (typed.json) {
    json_object out;
    out.raw("repos",
            json_array(done, [](const hubcache::snapshot& one) { return command::json_of(one, one.path); }));
    print(std::move(out).close() + "\n");
  }
  return exit_code::ok;
}

}  // namespace

void declare_lock_install(CLI::App& group, invocation& chosen) {
  add_subcommand<lock_install_arguments>(group, "install", "Download exactly what a lock file names", chosen,
                                         declare, run_install);
}

}  // namespace command
