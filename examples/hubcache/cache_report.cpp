#include "cache_report.hpp"

#include <hubcache/os/file.hpp>
#include <hubcache/plan/snapshot.hpp>
#include <hubcache/upkeep/census.hpp>
#include <hubcache/upkeep/disk_map.hpp>
#include <hubcache/work/workers.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "foreground.hpp"
#include "json_object.hpp"
#include "report_data.hpp"
#include "report_page.hpp"
#include "table.hpp"

namespace command {

namespace {

// Named on the page; what is smaller is added up. Keeps the page of any cache below 3 MB or so.
constexpr std::size_t most_files = 10'000;

struct cache_report_arguments : common_options {
  std::string html;
};

/// @throws hubcache::error errc::refused
[[noreturn]] void refuse(const std::string& path, std::string_view why) {
  throw hubcache::error(hubcache::errc::refused, path + " " + std::string(why),
                        hubcache::error_context().with_file(path));
}

bool is_our_page(const std::string& path) {
  std::error_code ec;
  const auto file = hubcache::os::open_read(path, ec);
  if (ec) hubcache::throw_disk_error(ec, "read", path);
  std::array<std::byte, report_page_mark.size()> start{};
  const auto length = hubcache::os::read_at(file, start, 0, ec);
  if (ec) hubcache::throw_disk_error(ec, "read", path);
  return std::ranges::equal(std::span(start).first(length), hubcache::as_byte_view(report_page_mark));
}

/// Throws unless a page may be written to `path`: over a page of ours or nothing, and not among the cache's repos,
/// where every client would take it for a damaged one.
void check_target(const std::string& path, const std::string& cache_dir) {
  std::error_code ec;
  const auto folder = std::filesystem::canonical(std::filesystem::path(path).parent_path(), ec);
  if (ec) hubcache::throw_disk_error(ec, "write to the folder of", path);
  const auto cache = std::filesystem::weakly_canonical(cache_dir, ec);
  if (!ec && std::mismatch(cache.begin(), cache.end(), folder.begin(), folder.end()).first == cache.end()) {
    refuse(path, "lies in the cache itself; choose a place outside it");
  }
  const auto there = hubcache::os::status(path, ec);
  if (ec == std::errc::no_such_file_or_directory) return;
  if (ec) hubcache::throw_disk_error(ec, "write", path);
  if (!there.regular) refuse(path, "is there and is no plain file; choose another name");
  if (!is_our_page(path)) refuse(path, "is there and is no report of hubcache; choose another name");
}

/// Stopped halfway, the sums would be wrong.
void check_complete(const std::stop_token& stop) {
  if (stop.stop_requested()) throw hubcache::error(hubcache::errc::cancelled, "no report was written");
}

cache_report look_at(const std::string& cache_dir, const std::stop_token& stop) {
  hubcache::workers pool;
  const auto seen = hubcache::take_census(cache_dir, pool, stop);
  const auto map = hubcache::map_disk(seen, pool, stop);
  check_complete(stop);
  return report_of(seen, map, hubcache::usage_of(seen, map), std::chrono::system_clock::now());
}

std::string json_of(const cache_report& report, const std::string& path, std::size_t page_bytes) {
  json_object out;
  out.text("path", path)
      .number("bytes", page_bytes)
      .text("cache_dir", report.cache_dir)
      .number("repos", report.repos.size())
      .number("on_disk", sum_of(report.bytes))
      .number("apparent", report.apparent)
      .number("saved", report.saved)
      .number("could_save", report.could_save())
      .number("problems", report.problems.size());
  return std::move(out).close();
}

/// Warns of what the report had to leave out; true if there was such.
bool warn_of_unreadable(const cache_report& report, console& display) {
  bool any = false;
  for (const auto& problem : report.problems) {
    if (!problem.unreadable) continue;
    any = true;
    display.warning(problem.path + " " + problem.text);
  }
  return any;
}

void declare(CLI::App& app, cache_report_arguments& into) {
  app.add_option("--html", into.html, "Where to write the page; an older report there is replaced")
      ->type_name("FILE")
      ->required();
  declare_common(app, into);
  app.footer(
      "The page is one file, needs no network and no server; open it in a browser.\n"
      "\n"
      "Examples:\n"
      "  hubcache cache report --html cache.html");
}

exit_code run(const cache_report_arguments& typed, console& display) {
  if (typed.html.empty()) {
    throw hubcache::error(hubcache::errc::invalid_argument, "--html needs a value that is not empty");
  }
  const auto cache_dir = settings_of(typed).cache_dir;
  const auto path = hubcache::os::absolute_path(typed.html);
  check_target(path, cache_dir);

  foreground here(display);
  const auto report = here.block<cache_report>([&](const std::stop_token& stop) {
    auto whole = look_at(cache_dir, stop);
    merge_smaller(whole, most_files);
    return whole;
  });
  const auto page = report_page(report);
  std::error_code ec;
  hubcache::os::replace_text(path, page, hubcache::os::default_file_mode(), ec);
  if (ec) hubcache::throw_disk_error(ec, "write", path);

  const bool incomplete = warn_of_unreadable(report, display);
  if (typed.json) {
    print(json_of(report, path, page.size()) + "\n");
  } else {
    print(path + "\n");
    display.success(counted(report.repos.size(), "repo") + ", " +
                    hubcache::format_bytes(sum_of(report.bytes)) + " on disk, " +
                    hubcache::format_bytes(report.could_save()) + " could still be saved");
  }
  return incomplete ? exit_code::other : exit_code::ok;
}

}  // namespace

void declare_cache_report(CLI::App& group, invocation& chosen) {
  add_subcommand<cache_report_arguments>(group, "report", "Write a page that shows what fills the disk",
                                         chosen, declare, run);
}

}  // namespace command
