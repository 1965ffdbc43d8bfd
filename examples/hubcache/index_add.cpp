#include "index_add.hpp"

#include <hubcache/index/mapped_index.hpp>
#include <hubcache/os/file.hpp>
#include <hubcache/plan/snapshot.hpp>
#include <hubcache/store/folders.hpp>
#include <hubcache/store/scan.hpp>

#include <asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>
#include <utility>

#include "foreground.hpp"
#include "json_object.hpp"
#include "progress.hpp"
#include "table.hpp"

namespace command {

namespace {

using hubcache::folder_progress;
using hubcache::format_bytes;

void declare(CLI::App& app, index_add_arguments& into) {
  app.add_option("DIR", into.folders, "Folders whose files are to be found by their content")->required();
  app.add_option("--min-size", into.min_size, "Leave smaller files alone, as in 500K or 1G (default: 1 byte)")
      ->type_name("SIZE")
      ->transform(CLI::AsSizeValue(false).description(""));
  declare_common(app, into);
  app.footer(
      "Files are hashed once; later runs hash what changed. The files stay where they are and are not "
      "changed.\n"
      "\n"
      "Examples:\n"
      "  hubcache index add ~/ComfyUI/models\n"
      "  hubcache index add /data/models --min-size 10M");
}

void declare(CLI::App& app, index_remove_arguments& into) {
  app.add_option("DIR", into.folders, "Folders to forget")->required();
  declare_common(app, into);
  app.footer(
      "Examples:\n"
      "  hubcache index remove ~/ComfyUI/models");
}

/// What people see while a folder is read. On the executor's thread.
class folder_display {
 public:
  /// @param before  bytes of the folders that were read before
  folder_display(console& display, std::string folder, const hubcache::folder_plan& plan,
                 std::uint64_t before)
      : display_(display),
        folder_(std::move(folder)),
        files_(plan.to_read.size()),
        bytes_(plan.bytes_to_read()),
        before_(before) {}

  void begin(const std::string& text) {
    if (files_ > 0) display_.note(text);
    // The live display is that of downloads: a file that is read grows like one that arrives.
    hubcache::events::planned total;
    total.bytes_to_fetch = before_ + bytes_;
    if (display_.live()) display_(total);
  }

  void show(folder_progress::step step, const std::string& path, std::uint64_t size, std::uint64_t read) {
    if (step == folder_progress::step::ended) ++files_done_;
    bytes_done_ = std::min(bytes_done_ + read, bytes_);
    if (display_.live()) {
      redraw(step, path.substr(folder_.size() + 1), size, read);
    } else if (display_.lines()) {
      tell(path);
    }
  }

 private:
  void redraw(folder_progress::step step, std::string name, std::uint64_t size, std::uint64_t read) {
    using namespace hubcache::events;
    if (step == folder_progress::step::begun) {
      started news;
      news.file = std::move(name);
      news.bytes = size;
      display_(news);
    } else if (step == folder_progress::step::read) {
      advanced news;
      news.file = std::move(name);
      news.bytes = read;
      display_(news);
    } else {
      fetched news;
      news.file = std::move(name);
      news.bytes = size;
      display_(news);
    }
  }

  /// A line every five seconds.
  void tell(const std::string& path) {
    const auto now = std::chrono::steady_clock::now();
    if (now - told_ < std::chrono::seconds(5)) return;
    const std::chrono::duration<double> passed = now - begun_;
    const auto rate = static_cast<std::uint64_t>(static_cast<double>(bytes_done_) / passed.count());
    display_.note(std::to_string(files_done_) + " of " + counted(files_, "file") + ", " +
                  format_bytes(bytes_done_) + " of " + format_bytes(bytes_) + ", " + format_bytes(rate) +
                  "/s: " + path);
    told_ = now;
  }

  console& display_;
  std::string folder_;
  std::size_t files_ = 0;
  std::size_t files_done_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t bytes_done_ = 0;
  std::uint64_t before_ = 0;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point told_ = begun_;
};

/// What the run of one command works with.
struct index_work {
  explicit index_work(const hubcache::settings& c, console& d) : config(c), display(d), here(d) {}

  const hubcache::settings& config;
  console& display;
  foreground here;
  hubcache::workers pool;
  hubcache::default_hashes hashes;
  hubcache::mapped_index index{config.state_dir + "/index"};
  std::uint64_t bytes = 0;  ///< To read in the folders so far.

  /// Runs `action` where the display may be used.
  template <class Action>
  void at_display(Action action) {
    asio::post(here.executor(), std::move(action));
  }
};

/// Claims what names say of the own cache's files and of those in `where`; returns what could not be read there.
std::vector<hubcache::folder_problem> claim_names(index_work& work, const hubcache::store& where,
                                                  const std::stop_token& stop) {
  const auto seen =
      hubcache::scan_stores(work.config.cache_dir, {where}, work.config.state_dir, work.index, stop);
  hubcache::remember_scan(seen, work.config.state_dir, work.index);
  std::vector<hubcache::folder_problem> problems;
  for (const auto& each : seen.problems) {
    if (each.origin == where.origin) problems.emplace_back(each.path, each.text);
  }
  return problems;
}

std::size_t files_known_in(const std::string& folder, const hubcache::mapped_index& index) {
  std::set<std::string> files;
  index.each([&](const hubcache::index_record& record) {
    if (record.where.path.starts_with(folder + "/")) files.insert(record.where.path);
    return true;
  });
  return files.size();
}

void add_mutable(index_work& work, added_folder& result, std::uint64_t min_size,
                 const std::stop_token& stop) {
  hubcache::folder_options options;
  options.min_size = min_size;
  options.skipped = hubcache::foreign_folders(result.where.path, work.config);
  result.plan = hubcache::plan_folder(result.where.path, options, work.index, stop);
  const auto& plan = result.plan;
  const auto files = counted(plan.unchanged.files + plan.to_read.size(), "file");
  // What is shown is shown later, on another thread: it owns all it needs.
  const auto view = std::make_shared<folder_display>(work.display, result.where.path, plan, work.bytes);
  work.bytes += plan.bytes_to_read();
  work.at_display([view, text = result.where.path + ": " + files + ", " + format_bytes(plan.bytes_to_read()) +
                                " to read"] { view->begin(text); });
  const auto observe = [&work, view](const folder_progress& news) {
    work.at_display([view, step = news.what, path = news.file->path, size = news.file->size,
                     read = news.bytes] { view->show(step, path, size, read); });
  };
  result.report = hubcache::index_folder(plan, work.hashes, work.index, work.pool, observe, stop);
  result.in_cache = hubcache::shared_with_cache(result.where.path, work.config.cache_dir, work.index);
}

added_folder add(index_work& work, const hubcache::store& where, std::uint64_t min_size,
                 const std::stop_token& stop) {
  added_folder result;
  result.where = where;
  // Remembered first: an interrupted run is known of, too.
  hubcache::add_folder(work.config.state_dir, where.path);
  auto problems = claim_names(work, where, stop);
  if (result.hashed()) {
    add_mutable(work, result, min_size, stop);
  } else {
    result.plan.problems = std::move(problems);
    result.claims = files_known_in(where.path, work.index);
    result.report.complete = !stop.stop_requested();
  }
  return result;
}

exit_code outcome_of(const std::vector<added_folder>& all) {
  bool failed = false;
  for (const auto& each : all) {
    if (!each.report.complete) return exit_code::interrupted;
    failed = failed || !each.problems().empty();
  }
  return failed ? exit_code::other : exit_code::ok;
}

void report(const std::vector<added_folder>& all, exit_code outcome, const common_options& typed,
            console& display) {
  for (const auto& each : all) {
    for (const auto& problem : each.problems()) display.warning(problem.path + ": " + problem.text);
  }
  if (outcome == exit_code::interrupted) {
    display.warning("interrupted; what was hashed is kept, the same command continues there");
  }
  if (typed.json) {
    json_object out;
    out.raw("folders", json_array(all, [](const added_folder& each) { return json_of(each); }));
    out.boolean("complete", outcome != exit_code::interrupted);
    print(std::move(out).close() + "\n");
    return;
  }
  for (const auto& each : all) print(typed.quiet ? each.where.path + "\n" : text_of(each));
}

exit_code run_add(const index_add_arguments& typed, console& display) {
  const auto config = settings_of(typed);
  std::vector<hubcache::store> folders;
  for (const auto& folder : typed.folders) folders.push_back(hubcache::folder_to_index(folder, config));
  index_work work(config, display);
  std::vector<added_folder> all;
  for (const auto& folder : folders) {
    all.push_back(work.here.block<added_folder>(
        [&](const std::stop_token& stop) { return add(work, folder, typed.min_size, stop); }));
    if (!all.back().report.complete) break;
  }
  const auto outcome = outcome_of(all);
  report(all, outcome, typed, display);
  return outcome;
}

/// `folder` as it was added; it may be gone by now.
std::string added_name(const std::string& folder, const std::vector<std::string>& added) {
  std::error_code ec;
  auto real = std::filesystem::canonical(folder, ec).string();
  auto typed = hubcache::os::absolute_path(folder);
  const auto knows = [&added](const std::string& path) {
    return std::find(added.begin(), added.end(), path) != added.end();
  };
  if (!ec && knows(real)) return real;
  if (knows(typed)) return typed;
  throw hubcache::error(hubcache::errc::invalid_argument, folder + " was not added to the index");
}

exit_code run_remove(const index_remove_arguments& typed, console& /*display*/) {
  const auto state_dir = settings_of(typed).state_dir;
  std::vector<std::string> folders;
  for (const auto& folder : typed.folders) {
    folders.push_back(added_name(folder, hubcache::read_folders(state_dir)));
  }
  std::vector<std::pair<std::string, std::size_t>> removed;
  for (const auto& folder : folders) {
    hubcache::remove_folder(state_dir, folder);
    // Read anew: what lies below and belongs to others stays known, what was a store because it was added is none.
    const auto config = settings_of(typed);
    auto others = hubcache::foreign_folders(folder, config);
    for (const auto& other : hubcache::read_folders(state_dir)) others.push_back(other);
    hubcache::mapped_index index(state_dir + "/index");
    removed.emplace_back(folder, hubcache::forget_folder(folder, others, index));
  }
  if (typed.json) {
    json_object out;
    out.raw("folders", json_array(removed, [](const auto& each) {
              json_object folder;
              folder.text("path", each.first).number("forgotten", each.second);
              return std::move(folder).close();
            }));
    print(std::move(out).close() + "\n");
    return exit_code::ok;
  }
  for (const auto& [path, files] : removed) {
    print(typed.quiet ? path + "\n" : sanitised(path) + ": " + counted(files, "file") + " forgotten\n");
  }
  return exit_code::ok;
}

}  // namespace

void declare_index_add(CLI::App& index, invocation& chosen) {
  add_subcommand<index_add_arguments>(
      index, "add", "Hash the files of folders, so that downloads find them there", chosen, declare, run_add);
  add_subcommand<index_remove_arguments>(index, "remove", "Forget added folders; their files stay", chosen,
                                         declare, run_remove);
}

std::vector<hubcache::folder_problem> added_folder::problems() const {
  auto all = plan.problems;
  all.insert(all.end(), report.problems.begin(), report.problems.end());
  return all;
}

std::string text_of(const added_folder& added) {
  const auto name = sanitised(added.where.path) + ": ";
  if (!added.hashed()) {
    return name + counted(added.claims, "file") + ", known by name (" +
           std::string(to_string(added.where.kind)) + "); nothing was hashed\n";
  }
  const auto& [plan, report] = std::tie(added.plan, added.report);
  const auto failed = report.failed.files + plan.problems.size();
  const auto files = plan.unchanged.files + plan.to_read.size() - report.vanished;
  auto text = name + counted(files, "file") + ", " +
              format_bytes(plan.unchanged.bytes + plan.bytes_to_read()) +
              " in all: " + std::to_string(report.hashed.files) + " hashed, " +
              std::to_string(plan.unchanged.files) + " unchanged, " + std::to_string(report.compared.files) +
              " by fingerprint, " + std::to_string(failed) + " unreadable\n";
  if (added.in_cache.files > 0) {
    text += format_bytes(added.in_cache.bytes) +
            " of it are in the cache as well: `hubcache cache dedupe` would share them\n";
  }
  return text;
}

std::string json_of(const added_folder& added) {
  const auto& [plan, report] = std::tie(added.plan, added.report);
  const auto counts = [](const hubcache::file_count& count) {
    json_object out;
    out.number("files", count.files).number("bytes", count.bytes);
    return std::move(out).close();
  };
  const auto problem = [](const hubcache::folder_problem& each) {
    json_object out;
    out.text("path", each.path).text("text", each.text);
    return std::move(out).close();
  };
  json_object out;
  out.text("path", added.where.path)
      .text("kind", to_string(added.where.kind))
      .raw("hashed", counts(report.hashed))
      .raw("unchanged", counts(plan.unchanged))
      .raw("by_fingerprint", counts(report.compared))
      .raw("unreadable", counts(report.failed))
      .raw("in_cache", counts(added.in_cache))
      .number("known_by_name", added.claims)
      .number("vanished", report.vanished)
      .number("forgotten", plan.gone.size())
      .number("symlinks", plan.symlinks)
      .number("hidden_folders", plan.hidden)
      .raw("problems", json_array(added.problems(), problem))
      .boolean("complete", report.complete);
  return std::move(out).close();
}

}  // namespace command
