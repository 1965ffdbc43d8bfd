#include "index_rebuild.hpp"

#include <algorithm>
#include <utility>

#include "foreground.hpp"
#include "json_object.hpp"
#include "table.hpp"

namespace command {

namespace {

struct index_rebuild_arguments : common_options {};

void declare(CLI::App& app, index_rebuild_arguments& into) {
  declare_common(app, into);
  app.footer(
      "Nothing is hashed again: what was verified and has not changed stays so, other files are known by "
      "their "
      "names until they are used.\n\n"
      "Examples:\n"
      "  hubcache index rebuild");
}

/// Whether a problem is the user's: who does not read other tools' folders need not know of them.
bool matters(const hubcache::scan_problem& problem) {
  return problem.origin != hubcache::store_origin::found;
}

exit_code run_rebuild(const index_rebuild_arguments& typed, console& display) {
  const auto config = settings_of(typed);
  const auto folder = config.state_dir + "/index";
  hubcache::mapped_index index(folder);
  foreground here(display);
  const auto report = here.block<hubcache::rebuild_report>(
      [&](const std::stop_token& stop) { return hubcache::rebuild_index(index, config, stop); });
  bool failed = false;
  for (const auto& problem : report.problems) {
    if (!matters(problem)) continue;
    failed = true;
    display.warning(problem.path + ": " + problem.text);
  }
  if (!report.complete) display.warning("interrupted; run it again, the index lacks what was not looked at");
  print(typed.json    ? command::json_of(report, folder) + "\n"
        : typed.quiet ? folder + "\n"
                      : command::text_of(report));
  return !report.complete ? exit_code::interrupted : failed ? exit_code::other : exit_code::ok;
}

}  // namespace

void declare_index_rebuild(CLI::App& index, invocation& chosen) {
  add_subcommand<index_rebuild_arguments>(
      index, "rebuild", "Make the index anew, from its own records and the names in the stores", chosen,
      declare, run_rebuild);
}

std::string text_of(const hubcache::rebuild_report& report) {
  using enum table::align;
  table rows({{"FILES", right}, {"STORE", left}, {"PATH", left}});
  std::size_t claims = 0;
  for (const auto& [where, count] : report.claims) {
    rows.add({std::to_string(count), where.path.empty() ? "elsewhere" : std::string(to_string(where.kind)),
              where.path});
    claims += count;
  }
  return (report.claims.empty() ? "" : rows.text()) + std::to_string(report.verified) +
         " verified before and unchanged, " + std::to_string(claims) + " known by name, " +
         std::to_string(report.dropped) + " dropped\n";
}

std::string json_of(const hubcache::rebuild_report& report, const std::string& index_folder) {
  json_object out;
  out.text("index", index_folder).number("verified", report.verified).number("dropped", report.dropped);
  out.raw("claims", json_array(report.claims, [](const auto& each) {
            json_object claim;
            claim.text("kind", to_string(each.first.kind))
                .text_or_null("path", each.first.path)
                .number("files", each.second);
            return std::move(claim).close();
          }));
  out.raw("problems", json_array(report.problems, [](const hubcache::scan_problem& each) {
            json_object problem;
            problem.text("path", each.path).text("text", each.text);
            return std::move(problem).close();
          }));
  out.boolean("complete", report.complete);
  return std::move(out).close();
}

}  // namespace command
