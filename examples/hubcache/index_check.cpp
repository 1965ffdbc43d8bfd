#include "index_check.hpp"

#include <hubcache/index/mapped_index.hpp>
#include <hubcache/plan/snapshot.hpp>

#include <array>
#include <cstdio>
#include <string>
#include <utility>

#include "json_object.hpp"
#include "table.hpp"

namespace command {

namespace {

using hubcache::index_condition;

struct index_check_arguments : common_options {};

void declare_check(CLI::App& app, index_check_arguments& into) {
  declare_common(app, into);
  app.footer(
      "A damaged index costs time, never correctness; `hubcache index rebuild` makes a new one.\n\n"
      "Examples:\n"
      "  hubcache index check");
}

void declare_stats(CLI::App& app, index_check_arguments& into) {
  declare_common(app, into);
  app.footer(
      "Examples:\n"
      "  hubcache index stats --json");
}

struct looked_at {
  std::string path;
  hubcache::index_report report;
};

looked_at look_at(const index_check_arguments& typed) {
  looked_at result;
  result.path = settings_of(typed).state_dir + "/index";
  result.report = hubcache::mapped_index(result.path).check();
  return result;
}

std::string fixed(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3f", value);
  return text.data();
}

std::string json_of(const looked_at& index) {
  const auto& r = index.report;
  json_object out;
  out.text("path", index.path)
      .text("condition", to_string(r.condition))
      .number("version", r.version)
      .number("entries", r.entries)
      .number("places", r.places)
      .number("verified", r.verified)
      .number("claimed", r.places - r.verified)
      .number("fingerprinted", r.fingerprinted)
      .number("damaged_entries", r.damaged_slots)
      .number("lost_entries", r.lost_slots)
      .number("unreachable_records", r.unreachable)
      .number("table_slots", r.slots)
      .raw("table_load", fixed(r.load()))
      .number("table_bytes", r.table_bytes)
      .number("log_bytes", r.log_bytes)
      .number("dead_bytes", r.dead_bytes)
      .raw("dead_share", fixed(r.dead_share()));
  return std::move(out).close() + "\n";
}

/// What is wrong with the index; empty if nothing is.
std::string complaint_of(const looked_at& index) {
  constexpr const char* repair = "; `hubcache index rebuild` repairs it.";
  switch (index.report.condition) {
    case index_condition::none:
    case index_condition::sound:
      return {};
    case index_condition::damaged:
      return "the index in " + index.path + " is damaged: of its entries, " +
             std::to_string(index.report.damaged_slots) + " cannot be read in full and " +
             std::to_string(index.report.lost_slots) + " are gone" + repair;
    case index_condition::unusable:
      break;
  }
  return "the index in " + index.path +
         " is not used: a file is missing, damaged, not yours, or writable by others" + repair;
}

std::string summary_of(const looked_at& index) {
  const auto& r = index.report;
  if (r.condition == index_condition::none) return "There is no index in " + index.path + " yet.\n";
  return "Read " + std::to_string(r.places) + " places of " + std::to_string(r.entries) + " contents in " +
         index.path + ": " + std::string(to_string(r.condition)) + ".\n";
}

exit_code run_check(const index_check_arguments& typed, console& display) {
  const auto index = look_at(typed);
  if (typed.json) {
    print(json_of(index));
  } else {
    print(typed.quiet ? std::string(to_string(index.report.condition)) + "\n" : summary_of(index));
  }
  const auto complaint = complaint_of(index);
  if (complaint.empty()) return exit_code::ok;
  display.error(complaint);
  return exit_code::integrity;
}

std::string table_of(const looked_at& index) {
  const auto& r = index.report;
  table rows({{"INDEX"}, {index.path, table::align::right}});
  const auto count = [&rows](const char* what, std::uint64_t n) { rows.add({what, std::to_string(n)}); };
  const auto bytes = [&rows](const char* what, std::uint64_t n) {
    rows.add({what, hubcache::format_bytes(n)});
  };
  rows.add({"condition", std::string(to_string(r.condition))});
  count("contents", r.entries);
  count("places", r.places);
  count("  verified", r.verified);
  count("  claimed", r.places - r.verified);
  count("  with a fingerprint", r.fingerprinted);
  bytes("table", r.table_bytes);
  rows.add({"  load", fixed(r.load())});
  bytes("log", r.log_bytes);
  rows.add({"  dead share", fixed(r.dead_share())});
  return rows.text();
}

exit_code run_stats(const index_check_arguments& typed, console& display) {
  const auto index = look_at(typed);
  if (typed.json) {
    print(json_of(index));
  } else {
    print(typed.quiet ? std::to_string(index.report.entries) + "\n" : table_of(index));
  }
  if (const auto complaint = complaint_of(index); !complaint.empty()) display.warning(complaint);
  return exit_code::ok;
}

}  // namespace

void declare_index_check(CLI::App& group, invocation& chosen) {
  add_subcommand<index_check_arguments>(group, "check", "Read the whole index; exit code 6 if it is damaged",
                                        chosen, declare_check, run_check);
  add_subcommand<index_check_arguments>(group, "stats",
                                        "Count what the index holds, and what it takes on disk", chosen,
                                        declare_stats, run_stats);
}

}  // namespace command
