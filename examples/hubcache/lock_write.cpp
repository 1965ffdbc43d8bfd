#include "lock_write.hpp"

#include <hubcache/upkeep/locked_repos.hpp>

#include <cstdint>
#include <utility>

#include "download.hpp"
#include "json_object.hpp"
#include "table.hpp"

namespace command {

namespace {

struct lock_write_arguments : download_arguments {
  std::vector<std::string> repos;
  std::string output = "hubcache.lock";
};

void declare(CLI::App& app, lock_write_arguments& into) {
  app.add_option("REPO", into.repos, "OWNER/NAME[:TAG], or hf://[datasets/|spaces/]OWNER/NAME[@REVISION]")
      ->type_name("")
      ->required();
  app.option_defaults()->group(place_group);
  app.add_option("-o,--output", into.output, "The lock file (default: hubcache.lock)")->type_name("FILE");
  declare_choice(app, into);
  declare_source(app, into);
  app.footer(
      "Downloads the files and writes their commits, paths, sizes and sha256. Keep the lock file with what "
      "uses the models; `hubcache lock install` brings the same bytes or fails.\n"
      "\n"
      "Examples:\n"
      "  hubcache lock write acme/llm-7b acme/sd -o models.lock\n"
      "  hubcache lock write acme/llm-7b --revision v1.0 --include '*.safetensors' --include '*.json'");
}

/// The download of one REPO.
download_request request_of(const lock_write_arguments& typed, const std::string& repo) {
  download_arguments one = typed;
  one.repo = repo;
  auto result = command::request_of(one, hubcache::environment_settings());
  if (!result.options.files.empty()) {
    throw hubcache::error(hubcache::errc::invalid_argument, "name files by --include, not in the reference");
  }
  // The lock file that this makes is what gives every file a sha256.
  result.config.require = result.config.require.without(hubcache::requirement::sha256);
  return result;
}

/// All downloads: what cannot end in a lock file is refused before the first of them.
std::vector<download_request> requests_of(const lock_write_arguments& typed) {
  std::vector<download_request> result;
  for (const auto& repo : typed.repos) {
    auto next = request_of(typed, repo);
    for (const auto& before : result) {
      if (before.repo != next.repo) continue;
      throw hubcache::error(hubcache::errc::invalid_argument, "a lock file names each repo once, and " +
                                                                  next.repo.display() + " was named twice");
    }
    result.push_back(std::move(next));
  }
  return result;
}

std::string json_of(const hubcache::locked_repo& one) {
  std::uint64_t bytes = 0;
  for (const auto& file : one.files) bytes += file.size;
  json_object out;
  out.text("repo_id", one.repo.id())
      .text("repo_type", to_string(one.repo.type()))
      .text("commit", one.commit)
      .number("files", one.files.size())
      .number("bytes", bytes);
  return std::move(out).close();
}

exit_code run_write(const lock_write_arguments& typed, console& display) {
  check_place_of(typed.output, "lock file");
  hubcache::lock_file lock;
  for (const auto& request : requests_of(typed)) {
    lock.repos.push_back(hubcache::lock_of(fetch(request, display), hubcache::default_hashes(), {}));
  }
  hubcache::write_lock_file(typed.output, lock);
  print_written(typed.output, lock, typed.json, display);
  return exit_code::ok;
}

}  // namespace

void print_written(const std::string& file, const hubcache::lock_file& lock, bool json, console& display) {
  if (json) {
    json_object out;
    out.text("path", file).raw("repos", json_array(lock.repos, [](const hubcache::locked_repo& one) {
                                 return json_of(one);
                               }));
    return print(std::move(out).close() + "\n");
  }
  std::size_t files = 0;
  for (const auto& one : lock.repos) files += one.files.size();
  display.success("locked " + counted(files, "file") + " of " + counted(lock.repos.size(), "repo"));
  print(file + "\n");
}

void declare_lock_write(CLI::App& group, invocation& chosen) {
  add_subcommand<lock_write_arguments>(group, "write", "Download repos and write what came into a lock file",
                                       chosen, declare, run_write);
}

}  // namespace command
