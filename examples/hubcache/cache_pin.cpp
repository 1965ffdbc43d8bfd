#include "cache_pin.hpp"

#include <hubcache/error.hpp>
#include <hubcache/store/ledger.hpp>
#include <hubcache/upkeep/clean_up.hpp>

#include <algorithm>
#include <stop_token>
#include <string>
#include <system_error>
#include <vector>

#include "ages.hpp"
#include "cache_removal.hpp"
#include "foreground.hpp"
#include "json_object.hpp"
#include "progress.hpp"
#include "table.hpp"

namespace command {

namespace {

struct cache_pin_arguments : common_options {
  std::vector<std::string> targets;
};
struct cache_unpin_arguments : cache_pin_arguments {};

void declare_targets(CLI::App& app, cache_pin_arguments& into) {
  app.add_option("TARGET", into.targets, "OWNER/NAME[@REVISION], model/OWNER/NAME, hf://..., or a commit");
  declare_common(app, into);
}
void declare_pin(CLI::App& app, cache_pin_arguments& into) {
  declare_targets(app, into);
  app.footer(
      "rm, prune and gc leave pinned repos and revisions alone.\n\n"
      "Examples:\n"
      "  hubcache cache pin acme/llm-7b@v1.0\n"
      "  hubcache cache pin");
}
void declare_unpin(CLI::App& app, cache_unpin_arguments& into) {
  declare_targets(app, into);
  app.get_option("TARGET")->required();
  app.footer(
      "Examples:\n"
      "  hubcache cache unpin acme/llm-7b@v1.0");
}

std::string name_of(const hubcache::pin& one) {
  return one.revision.empty() ? one.repo : one.repo + "@" + one.revision;
}

std::string json_of(const hubcache::pin& one) {
  json_object out;
  out.text("repo", one.repo).text_or_null("revision", one.revision);
  out.number("pinned_at", static_cast<std::uint64_t>(std::max<std::int64_t>(one.pinned_at, 0)));
  return std::move(out).close();
}

void print_pins(const std::vector<hubcache::pin>& pins, const cache_pin_arguments& typed,
                std::string_view key) {
  if (typed.json) {
    json_object out;
    out.raw(key, json_array(pins, [](const hubcache::pin& one) { return json_of(one); }));
    return print(std::move(out).close() + "\n");
  }
  std::string text;
  for (const auto& one : pins) text += sanitised(name_of(one)) + "\n";
  print(text);
}

exit_code list_pins(const cache_pin_arguments& typed, const hubcache::ledger& book,
                    const hubcache::settings& config, console& display) {
  const auto list = book.pins(config.cache_dir);
  for (const auto& text : list.problems) display.warning(text);
  if (typed.json || typed.quiet || list.pins.empty()) {
    print_pins(list.pins, typed, "pins");
    if (!typed.json && list.pins.empty())
      display.hint("nothing is pinned; `hubcache cache pin TARGET` pins.");
    return exit_code::ok;
  }
  table lines({{"ID"}, {"REVISION"}, {"PINNED"}});
  for (const auto& one : list.pins) {
    lines.add({one.repo, one.revision.empty() ? "(all)" : one.revision,
               age_of(one.pinned_at * 1'000'000'000, now_ns())});
  }
  print(lines.text());
  return exit_code::ok;
}

exit_code run_pin(const cache_pin_arguments& typed, console& display) {
  const auto config = settings_of(typed);
  const hubcache::ledger book(config.state_dir);
  if (typed.targets.empty()) return list_pins(typed, book, config, display);
  foreground here(display);
  const auto seen = here.block<hubcache::census>([&](const std::stop_token& stop) {
    hubcache::workers pool;
    auto result = hubcache::take_census(config.cache_dir, pool, stop);
    if (stop.stop_requested()) throw hubcache::error(hubcache::errc::cancelled, "nothing was pinned");
    return result;
  });
  const auto named = find_targets(seen, typed.targets);
  for (const auto& text : named.unknown) display.error(text);
  for (const auto& one : named.found) {
    std::error_code ec;
    book.add_pin(one, ec);
    if (ec) hubcache::throw_disk_error(ec, "write the pin in", config.state_dir);
  }
  print_pins(named.found, typed, "pinned");
  return named.unknown.empty() ? exit_code::ok : exit_code::not_found;
}

exit_code run_unpin(const cache_unpin_arguments& typed, console& display) {
  const auto config = settings_of(typed);
  const hubcache::ledger book(config.state_dir);
  const auto list = book.pins(config.cache_dir);
  std::vector<hubcache::pin> removed;
  auto code = exit_code::ok;
  for (const auto& target : typed.targets) {
    const auto found = find_pins(list.pins, target);
    if (found.empty()) {
      display.error("'" + target + "' is not pinned.");
      code = exit_code::not_found;
    }
    for (const auto& one : found) {
      std::error_code ec;
      if (book.remove_pin(one, ec)) removed.push_back(one);
      if (ec) hubcache::throw_disk_error(ec, "remove the pin in", config.state_dir);
    }
  }
  print_pins(removed, typed, "unpinned");
  return code;
}

}  // namespace

void declare_cache_pin(CLI::App& group, invocation& chosen) {
  add_subcommand<cache_pin_arguments>(
      group, "pin", "Keep repos or revisions whatever else is removed; without TARGET, list pins", chosen,
      declare_pin, run_pin);
  add_subcommand<cache_unpin_arguments>(group, "unpin", "Let pinned repos or revisions be removed again",
                                        chosen, declare_unpin, run_unpin);
}

}  // namespace command
