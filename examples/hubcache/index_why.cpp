#include "index_why.hpp"

#include <hubcache/index/mapped_index.hpp>
#include <hubcache/plan/snapshot.hpp>
#include <hubcache/upkeep/why.hpp>

#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "foreground.hpp"
#include "json_object.hpp"
#include "table.hpp"

namespace command {

namespace {

/// Threads that wait for the disk, not for a core: 8 look at a cold cache about three times as fast as 2.
constexpr std::size_t disk_depth = 8;

struct index_why_arguments : common_options {
  std::string asked;
};

void declare(CLI::App& app, index_why_arguments& into) {
  app.add_option("HASH|PATH", into.asked,
                 "A sha256 or git sha1 (its first 8 digits or more), or a file of a cache or a store")
      ->required();
  declare_common(app, into);
  app.footer(
      "Examples:\n"
      "  hubcache index why 04ae745b\n"
      "  hubcache index why \"$(hubcache download acme/llm-7b model.safetensors -q)\"");
}

/// The own cache first, then the others.
std::vector<hubcache::store> stores_of(const hubcache::settings& config) {
  std::vector<hubcache::store> all{
      {hubcache::store_kind::hub_cache, config.cache_dir, hubcache::store_origin::own}};
  for (const auto& one : config.stores) {
    if (one.path != config.cache_dir) all.push_back(one);
  }
  return all;
}

hubcache::why_report look(const std::string& asked, const hubcache::settings& config,
                          const std::stop_token& stop) {
  hubcache::workers pool(disk_depth);
  hubcache::mapped_index index(config.state_dir + "/index");
  const hubcache::ledger records(config.state_dir);
  hubcache::why_scope scope;
  scope.stores = stores_of(config);
  for (const auto& one : scope.stores) {
    if (one.kind != hubcache::store_kind::hub_cache) continue;
    scope.censuses.push_back(hubcache::take_census(one.path, pool, stop));
    auto found = records.pins(one.path);
    scope.pins.insert(scope.pins.end(), found.pins.begin(), found.pins.end());
  }
  if (stop.stop_requested())
    throw hubcache::error(hubcache::errc::cancelled, "the stores were not looked at");
  return hubcache::explain(asked, index, scope);
}

std::string_view algorithm_of(const hubcache::digest& name) {
  return name.algorithm() == hubcache::digest_algorithm::sha256 ? "sha256" : "git_sha1";
}

std::string_view kind_of(const hubcache::why_place& place) {
  return place.in ? hubcache::to_string(place.in->kind) : std::string_view();
}

std::string_view trust_of(const hubcache::why_place& place) {
  return place.state == hubcache::trust::verified ? "verified" : "claimed";
}

std::string_view state_of(const hubcache::why_place& place) {
  if (!place.exists) return "gone";
  return place.unchanged ? "present" : "changed";
}

std::string text_of(const hubcache::why_report& report) {
  std::string text;
  for (const auto& name : report.names)
    text.append(algorithm_of(name)).append(" ").append(name.hex()) += '\n';
  if (report.size)
    text +=
        "size " + hubcache::format_bytes(*report.size) + " (" + std::to_string(*report.size) + " bytes)\n";
  table places({{"PLACE"}, {"STORE"}, {"TRUST"}, {"LINKS", table::align::right}, {"STATE"}});
  for (const auto& place : report.places) {
    places.add({place.path, std::string(kind_of(place)), std::string(trust_of(place)),
                place.exists ? std::to_string(place.links) : "-", std::string(state_of(place))});
  }
  text += "\n" + places.text();
  if (report.uses.empty()) return text + "\nNo repo uses it.\n";
  table uses({{"ID"}, {"REVISION"}, {"REFS"}, {"FILE"}, {"PINNED"}, {"CACHE"}});
  for (const auto& use : report.uses) {
    std::string refs;
    for (const auto& ref : use.refs) refs.append(refs.empty() ? "" : ", ").append(ref);
    uses.add({use.repo, use.commit.empty() ? "(none)" : use.commit, refs, use.path, use.pinned ? "yes" : "",
              use.cache_dir});
  }
  return text + "\n" + uses.text();
}

std::string json_of_place(const hubcache::why_place& place) {
  json_object out;
  out.text("path", place.path).text_or_null("store", kind_of(place));
  out.text_or_null("store_path", place.in ? place.in->path : "");
  out.boolean("indexed", place.indexed).text("trust", trust_of(place)).text("state", state_of(place));
  out.number("links", place.links).number("size", place.size);
  return std::move(out).close();
}

std::string json_of_use(const hubcache::why_use& use) {
  json_object out;
  out.text("cache_dir", use.cache_dir).text("id", use.repo).text_or_null("revision", use.commit);
  out.raw("refs", json_array(use.refs, json_string)).text("path", use.path).boolean("pinned", use.pinned);
  return std::move(out).close();
}

std::string json_of(const hubcache::why_report& report) {
  json_object out;
  out.boolean("found", report.found());
  out.raw("digests", json_array(report.names, [](const hubcache::digest& name) {
            json_object one;
            one.text("algorithm", algorithm_of(name)).text("hex", name.hex());
            return std::move(one).close();
          }));
  out.raw("size", report.size ? std::to_string(*report.size) : "null");
  out.raw("places", json_array(report.places, json_of_place));
  out.raw("uses", json_array(report.uses, json_of_use));
  return std::move(out).close() + "\n";
}

std::string names_of(const hubcache::why_report& report) {
  std::string names;
  for (const auto& place : report.places) {
    if (place.exists) names += sanitised(place.path) + "\n";
  }
  return names;
}

exit_code run_index_why(const index_why_arguments& typed, console& display) {
  const auto config = settings_of(typed);
  foreground here(display);
  const auto report = here.block<hubcache::why_report>(
      [&](const std::stop_token& stop) { return look(typed.asked, config, stop); });
  if (typed.json) print(json_of(report));
  if (!report.found()) {
    display.error("'" + typed.asked + "' is known neither to the index nor to a Hub cache of this machine.");
    return exit_code::not_found;
  }
  if (!typed.json) print(typed.quiet ? names_of(report) : text_of(report));
  return exit_code::ok;
}

}  // namespace

void declare_index_why(CLI::App& group, invocation& chosen) {
  add_subcommand<index_why_arguments>(group, "why", "Tell where content lies, and which repos use it", chosen,
                                      declare, run_index_why);
}

}  // namespace command
