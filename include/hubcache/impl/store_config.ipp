#pragma once

#include <hubcache/error.hpp>
#include <hubcache/format/toml_lines.hpp>
#include <hubcache/os/file.hpp>
#include <hubcache/store/find_stores.hpp>
#include <hubcache/store/store_config.hpp>
#include <hubcache/text.hpp>

#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>

namespace hubcache::inline v0_1 {

namespace detail {

inline constexpr std::string_view store_kinds =
    "hub-cache, local-dir, ollama, git-lfs, llama-cpp, comfy-ui or folder";

/// The absolute path that `text` names; none if it is relative or empty, or has a NUL.
HUBCACHE_DECL std::optional<std::string> store_path(const std::string& text, const variables& env) {
  const auto path = env.expanded(text);
  if (!path.starts_with('/') || path.find('\0') != path.npos) return std::nullopt;
  return os::absolute_path(path);
}

/// @throws error for the first line of `text` that stores.toml has no use for.
HUBCACHE_DECL void check_lines(std::string_view text, const std::string& file) {
  const auto line = first_odd_line(text);
  if (line == 0) return;
  throw error(errc::invalid_argument, file + ", line " + std::to_string(line) +
                                          ": expected [[store]], or NAME = VALUE with a string on this line, "
                                          "true or false");
}

/// Reads the tables of one stores.toml.
class store_config_reader {
 public:
  store_config_reader(const std::string& file, const variables& env) : file_(file), env_(env) {}

  [[nodiscard]] store_config read(const toml::table& root) const {
    store_config result;
    for (const auto& [key, value] : root) {
      if (key == "find") {
        result.find = boolean(key, value);
      } else if (key == "store") {
        const auto* const tables = value.as_array();
        if (tables == nullptr) throw wrong(value, "expected [[store]], with two brackets");
        for (const auto& each : *tables) result.stores.push_back(entry(*each.as_table()));
      } else {
        throw wrong(key, "expected 'find' or [[store]], found '" + printable(key.str(), 80) + "'");
      }
    }
    return result;
  }

  [[nodiscard]] error malformed(const toml::parse_error& e) const {
    return wrong(e, std::string(e.description()));
  }

 private:
  /// `where` is a key, a value or a parse error: whatever knows its place.
  [[nodiscard]] error wrong(const auto& where, const std::string& what) const {
    return {errc::invalid_argument,
            file_ + ", line " + std::to_string(where.source().begin.line) + ": " + what};
  }

  [[nodiscard]] bool boolean(const toml::key& key, const toml::node& value) const {
    if (!value.is_boolean()) {
      throw wrong(value, "expected true or false for '" + std::string(key.str()) + "'");
    }
    return value.as_boolean()->get();
  }

  [[nodiscard]] std::string text(const toml::key& key, const toml::node& value) const {
    if (!value.is_string()) throw wrong(value, "expected a string for '" + std::string(key.str()) + "'");
    return value.as_string()->get();
  }

  [[nodiscard]] store_entry entry(const toml::table& table) const {
    store_entry result;
    for (const auto& [key, value] : table) {
      if (key == "path") {
        const auto path = store_path(text(key, value), env_);
        if (!path) throw wrong(value, "expected an absolute path (or one that begins with ~) for 'path'");
        result.path = *path;
      } else if (key == "kind") {
        result.kind = parse_store_kind(text(key, value));
        if (!result.kind) throw wrong(value, "expected a kind: " + std::string(store_kinds));
      } else if (key == "in-place") {
        result.in_place = boolean(key, value);
      } else if (key == "read-only") {
        result.read_only = boolean(key, value);
      } else {
        throw wrong(key, "expected 'path', 'kind', 'in-place' or 'read-only', found '" +
                             printable(key.str(), 80) + "'");
      }
    }
    if (result.path.empty()) throw wrong(table, "expected a 'path' in [[store]]");
    return result;
  }

  const std::string& file_;
  const variables& env_;
};

}  // namespace detail

HUBCACHE_DECL store_config parse_store_config(std::string_view text, const std::string& file,
                                              const variables& env) {
  detail::check_lines(text, file);
  const detail::store_config_reader reader(file, env);
  try {
    return reader.read(toml::parse(text, file));
  } catch (const toml::parse_error& e) {
    throw reader.malformed(e);
  }
}

HUBCACHE_DECL store_config read_store_config(const std::string& path, const variables& env) {
  std::error_code ec;
  // People keep such files elsewhere and link to them.
  const auto real = std::filesystem::canonical(path, ec).string();
  const auto text = ec ? std::string{} : os::read_text(real, std::size_t{1} << 20U, ec);
  if (ec == std::errc::no_such_file_or_directory || ec == std::errc::not_a_directory) return {};
  if (ec) throw_disk_error(ec, "read the list of stores", path);
  return parse_store_config(text, path, env);
}

HUBCACHE_DECL std::vector<store_entry> parse_store_list(std::string_view text, const variables& env) {
  std::vector<store_entry> result;
  while (!text.empty()) {
    const auto item = text.substr(0, text.find(':'));
    text.remove_prefix(std::min(item.size() + 1, text.size()));
    if (item.empty()) continue;
    const auto wrong = [item](const std::string& what) {
      return error(errc::invalid_argument, "HUBCACHE_STORES: '" + printable(item) + "': expected " + what);
    };
    store_entry entry;
    auto path = item;
    const auto equals = item.find('=');
    if (equals < item.find_first_of("/~$")) {
      entry.kind = parse_store_kind(item.substr(0, equals));
      if (!entry.kind) throw wrong("KIND=PATH with a kind of " + std::string(detail::store_kinds));
      path.remove_prefix(equals + 1);
    }
    const auto absolute = detail::store_path(std::string(path), env);
    if (!absolute) throw wrong("an absolute path, or KIND=PATH");
    entry.path = *absolute;
    result.push_back(std::move(entry));
  }
  return result;
}

HUBCACHE_DECL store to_store(const store_entry& entry) {
  const auto kind = entry.kind ? entry.kind : recognise_store(entry.path);
  store result(kind.value_or(store_kind::folder), entry.path, store_origin::configured);
  result.in_place = entry.in_place;
  result.read_only = entry.read_only;
  return result;
}

}  // namespace hubcache::inline v0_1
