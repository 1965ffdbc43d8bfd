#include "download.hpp"

#include <hubcache/os/file.hpp>
#include <hubcache/run_present.hpp>
#include <hubcache/store/environment.hpp>
#include <hubcache/upkeep/locked_repos.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "report.hpp"
#include "working_cache.hpp"

namespace command {

namespace {

std::string path_of(const download_request& request, const hubcache::snapshot& result) {
  return request.single_file ? result.path_of(*request.single_file) : result.path;
}

/// Merges the mapping of `result` into the user's file, and tells which of his entries were wrong.
void complete_mapping(const std::string& file, const hubcache::snapshot& result, console& display) {
  hubcache::merge_mapping(file, result.mapping, result.stale_mapping);
  for (const auto& [name, path] : result.stale_mapping) {
    const auto now = result.mapping.find(name);
    display.warning(
        "the cache mapping's " + path + " is missing or does not hold " + name.hex() +
        (now == result.mapping.end() ? "; the entry was dropped" : "; it is " + now->second + " now"));
  }
}

/// Downloads one GGUF model, or previews it.
hubcache::bundle fetch_gguf(const download_request& request, console& display) {
  working_cache with(request.config, display);
  auto plan = with.here.run<hubcache::bundle_plan>([&](auto handler) {
    with.cache.async_plan_gguf(request.repo, *request.gguf, request.options, std::move(handler));
  });
  if (request.dry_run) {
    for (const auto& text : plan.parts.front().what.warnings) display.warning(text);
    return hubcache::preview(plan);
  }
  const hubcache::observer_ref observer(display);
  return with.here.run<hubcache::bundle>(
      [&](auto handler) { with.cache.async_run(std::move(plan), observer, std::move(handler)); });
}

/// The file that an engine is given.
std::string primary_of(const hubcache::bundle& result) {
  const auto* primary = result.find("model");
  return result.path_of(*(primary != nullptr ? primary : result.find("preset")));
}

/// Completes the cache mapping and tells of `result`: of `part`, or of a bundle that is this part.
template <class Result>
void finish(const download_request& request, const Result& result, const hubcache::snapshot& part,
            const std::string& path, console& display) {
  if (request.cache_mapping && !request.dry_run) complete_mapping(*request.cache_mapping, part, display);
  if (request.json) return print(json_of(result, path) + "\n");
  if (!request.dry_run) {
    display.success(summary_of(result));
    for (const auto& text : refusals_of(result)) display.hint(text);
  } else if (!request.quiet) {
    print(preview_of(result) + "\n");
  }
  print(path + "\n");
}

hubcache::snapshot preview(const download_request& request, console& display) {
  working_cache with(request.config, display);
  const auto plan = with.here.run<hubcache::plan>(
      [&](auto handler) { with.cache.async_plan(request.repo, request.options, std::move(handler)); });
  for (const auto& text : plan.warnings) display.warning(text);
  return hubcache::preview(plan);
}

/// Makes what the lock file says of the repo a condition.
void use_lock(download_request& request) {
  const auto lock = hubcache::read_lock_file(*request.lock);
  const auto* locked = lock.find(request.repo);
  if (locked == nullptr) {
    throw hubcache::error(hubcache::errc::lock_mismatch,
                          "the lock file " + *request.lock + " does not name the repo",
                          hubcache::error_context{}.with_repo(request.repo.display()));
  }
  request.options.lock = *locked;
  if (!request.revision_named) request.options.revision = locked->commit;
}

exit_code run_download(const download_arguments& typed, console& display) {
  download(request_of(typed, hubcache::environment_settings()), display);
  return exit_code::ok;
}

}  // namespace

void check_place_of(const std::string& file, std::string_view what) {
  const auto folder = std::filesystem::path(hubcache::os::absolute_path(file)).parent_path().string();
  std::error_code ec;
  static_cast<void>(hubcache::os::status(folder, ec, true));
  if (ec) hubcache::throw_disk_error(ec, "use the folder of the " + std::string(what), folder);
}

void declare_download(CLI::App& app, invocation& chosen) {
  add_subcommand<download_arguments>(app, "download",
                                     "Fetch a repo, or some of its files, and print the path", chosen,
                                     declare, run_download);
}

hubcache::snapshot fetch(const download_request& request, console& display) {
  if (request.gguf) return std::move(fetch_gguf(request, display).parts.front());
  const hubcache::observer_ref observer(display);
  // What is complete needs neither threads nor a network.
  auto found = hubcache::cached_snapshot(request.config, request.repo, request.options, observer);
  if (found) return std::move(*found);
  working_cache with(request.config, display);
  return with.here.run<hubcache::snapshot>([&](auto handler) {
    with.cache.async_snapshot(request.repo, request.options, observer, std::move(handler));
  });
}

void download(download_request request, console& display) {
  if (request.lock) use_lock(request);
  if (request.cache_mapping) {
    request.options.mapping = hubcache::read_mapping(*request.cache_mapping);
    check_place_of(*request.cache_mapping, "cache mapping");
  }
  for (const auto& text : request.warnings) display.warning(text);

  if (request.gguf) {
    const auto result = fetch_gguf(request, display);
    return finish(request, result, result.parts.front(), primary_of(result), display);
  }
  const auto result = request.dry_run ? preview(request, display) : fetch(request, display);
  finish(request, result, result, path_of(request, result), display);
}

}  // namespace command
