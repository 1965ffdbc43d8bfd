#include "index_stores.hpp"

#include <hubcache/index/mapped_index.hpp>
#include <hubcache/plan/snapshot.hpp>
#include <hubcache/store/find_stores.hpp>

#include <algorithm>
#include <cstdint>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "json_object.hpp"
#include "table.hpp"

namespace command {

namespace {

struct index_stores_arguments : common_options {};

void declare(CLI::App& app, index_stores_arguments& into) {
  declare_common(app, into);
  app.footer(
      "Found are the usual places of other tools (hubcache's docs/cache.md lists them); HUBCACHE_STORES and "
      "stores.toml name others, `hubcache index add` adds folders.\n\n"
      "Examples:\n"
      "  hubcache index stores\n"
      "  HUBCACHE_STORES=hub-cache=/mnt/team/hub hubcache index stores");
}

/// A store, and what the index knows of it.
struct store_row {
  hubcache::store store;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

std::string_view access_to(const hubcache::store& store) {
  const auto may = [&store](int what) {
    return ::faccessat(AT_FDCWD, store.path.c_str(), what, AT_EACCESS) == 0;
  };
  if (!may(F_OK)) return "missing";
  if (!may(R_OK | X_OK)) return "unreadable";
  return store.read_only || !may(W_OK) ? "read-only" : "read-write";
}

/// The innermost store that holds `file`.
std::size_t holder_of(const std::string& file, const std::vector<store_row>& rows) {
  auto best = rows.size();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool inner = best == rows.size() || rows[i].store.path.size() > rows[best].store.path.size();
    if (rows[i].store.holds(file) && inner) best = i;
  }
  return best;
}

/// A file may be in the index under two digests: it is told by its path's hash, which costs 24 bytes instead of a name.
struct known_file {
  std::size_t path_hash = 0;
  std::size_t row = 0;
  std::uint64_t size = 0;
};

void count_known(const hubcache::mapped_index& index, std::vector<store_row>& rows) {
  std::vector<known_file> files;
  index.each([&](const hubcache::index_record& record) {
    const auto& path = record.where.path;
    const auto row = holder_of(path, rows);
    if (row < rows.size()) files.push_back({std::hash<std::string>()(path), row, record.where.identity.size});
    return true;
  });
  std::sort(files.begin(), files.end(),
            [](const known_file& a, const known_file& b) { return a.path_hash < b.path_hash; });
  const auto end = std::unique(files.begin(), files.end(), [](const known_file& a, const known_file& b) {
    return a.path_hash == b.path_hash;
  });
  for (auto at = files.begin(); at != end; ++at) {
    ++rows[at->row].files;
    rows[at->row].bytes += at->size;
  }
}

std::string json_of(const std::vector<store_row>& rows) {
  const auto json_of_row = [](const store_row& row) {
    json_object out;
    out.text("kind", to_string(row.store.kind))
        .text("path", row.store.path)
        .text("origin", to_string(row.store.origin))
        .text("access", access_to(row.store))
        .boolean("in_place", row.store.in_place)
        .number("files", row.files)
        .number("bytes", row.bytes);
    return std::move(out).close();
  };
  return std::move(json_object().raw("stores", json_array(rows, json_of_row))).close() + "\n";
}

std::string text_of(const std::vector<store_row>& rows) {
  using enum table::align;
  table lines({{"KIND"}, {"PATH"}, {"ORIGIN"}, {"ACCESS"}, {"IN-PLACE"}, {"FILES", right}, {"BYTES", right}});
  for (const auto& row : rows) {
    lines.add({std::string(to_string(row.store.kind)), row.store.path,
               std::string(to_string(row.store.origin)), std::string(access_to(row.store)),
               row.store.in_place ? "yes" : "", std::to_string(row.files),
               hubcache::format_bytes(row.bytes)});
  }
  return lines.text();
}

exit_code run_index_stores(const index_stores_arguments& typed, console&) {
  const auto config = settings_of(typed);
  std::vector<store_row> rows;
  for (auto& one : all_stores(config.cache_dir, config.stores)) rows.push_back({std::move(one), 0, 0});
  if (typed.quiet && !typed.json) {
    std::string paths;
    for (const auto& row : rows) paths.append(row.store.path).append("\n");
    print(paths);
    return exit_code::ok;
  }
  count_known(hubcache::mapped_index(config.state_dir + "/index"), rows);
  print(typed.json ? json_of(rows) : text_of(rows));
  return exit_code::ok;
}

}  // namespace

void declare_index_stores(CLI::App& group, invocation& chosen) {
  add_subcommand<index_stores_arguments>(group, "stores", "List where content is looked for, best first",
                                         chosen, declare, run_index_stores);
}

}  // namespace command
