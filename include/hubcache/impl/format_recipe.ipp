#pragma once

#include <hubcache/error.hpp>
#include <hubcache/format/recipe.hpp>
#include <hubcache/format/toml_lines.hpp>
#include <hubcache/select/gguf.hpp>
#include <hubcache/text.hpp>

#include <toml++/toml.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

HUBCACHE_DECL error wrong_role(const recipe_role& role, const std::string& what) {
  return {errc::invalid_argument, "role '" + printable(role.name, 80) + "': " + what};
}

/// Checks one role by itself.
HUBCACHE_DECL void check_role(const recipe_role& role) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  if (role.name.empty() || role.name.find_first_not_of(letters) != role.name.npos) {
    throw wrong_role(role, "expected a name of letters, digits, '.', '_' and '-'");
  }
  if (role.repo.id().empty()) throw wrong_role(role, "expected a 'repo'");
  if (role.file.empty() == !role.quant) {
    throw wrong_role(role,
                     "expected either a 'file' or a 'quant'" + std::string(role.quant ? ", not both" : ""));
  }
  if (role.quant && !role.quant->empty() && !is_gguf_tag(*role.quant)) {
    throw wrong_role(role, "expected a 'quant' of letters, digits, '.', '_' and '-', found '" +
                               printable(*role.quant, 80) + "'");
  }
  std::string_view path = role.file;
  if (path.ends_with('/')) path.remove_suffix(1);
  if (!role.quant && !is_safe_path(path)) {
    throw wrong_role(role,
                     "expected a 'file' that is a relative path inside the repo, or a folder's with '/' "
                     "at its end, found '" +
                         printable(role.file) + "'");
  }
  try {
    check_revision(role.revision);
  } catch (const error& e) {
    throw wrong_role(role, e.detail());
  }
}

/// Checks what roles must be beside each other.
HUBCACHE_DECL void check_names(const recipe& what) {
  if (what.roles.empty()) throw error(errc::invalid_argument, "expected at least one role: [roles.NAME]");
  std::set<std::string, std::less<>> names;
  for (const auto& role : what.roles) {
    if (!names.insert(role.name).second) throw wrong_role(role, "expected each role once");
    if (role.quant && !names.insert(role.name + ".mmproj").second) {
      throw wrong_role(role,
                       "its projector is the role '" + role.name + ".mmproj'; name the other one otherwise");
    }
  }
}

/// `where` is the place of a key, of a value or of what cannot be read.
HUBCACHE_DECL error recipe_syntax(const toml::source_region& where, const std::string& what) {
  return {errc::invalid_argument, "line " + std::to_string(where.begin.line) + ", column " +
                                      std::to_string(where.begin.column) + ": " + what};
}

HUBCACHE_DECL error unknown_key(const toml::key& key, const std::string& expected) {
  return recipe_syntax(key.source(), "expected " + expected + ", found '" + printable(key.str(), 80) + "'");
}

HUBCACHE_DECL std::string recipe_text(const toml::key& key, const toml::node& value) {
  if (!value.is_string()) {
    throw recipe_syntax(value.source(), "expected a string for '" + std::string(key.str()) + "'");
  }
  return value.as_string()->get();
}

/// Reads what repo::display() writes.
HUBCACHE_DECL repo parse_display(std::string_view text) {
  for (const auto type : {repo_type::dataset, repo_type::space}) {
    const auto prefix = std::string(to_string(type)) + "s/";
    if (text.starts_with(prefix)) return {std::string(text.substr(prefix.size())), type};
  }
  return std::string(text);
}

/// What `read` returns; what it complains of is told with the place.
template <class Read>
auto located(const toml::source_region& where, Read read) {
  try {
    return read();
  } catch (const error& e) {
    throw recipe_syntax(where, e.detail());
  }
}

HUBCACHE_DECL recipe_role read_role(const toml::key& name, const toml::node& value) {
  const auto* const members = value.as_table();
  if (members == nullptr) throw recipe_syntax(value.source(), "expected [roles.NAME]");
  recipe_role role;
  role.name = name.str();
  for (const auto& [key, member] : *members) {
    if (key == "repo") {
      const auto text = recipe_text(key, member);
      role.repo = located(member.source(), [&text] { return parse_display(text); });
    } else if (key == "file") {
      role.file = recipe_text(key, member);
    } else if (key == "quant") {
      role.quant = recipe_text(key, member);
    } else if (key == "revision") {
      role.revision = recipe_text(key, member);
    } else {
      throw unknown_key(key, "'repo', 'file', 'quant' or 'revision'");
    }
  }
  located(value.source(), [&role] { check_role(role); });
  return role;
}

/// The roles in the order of the file: tables of toml++ are sorted by name.
HUBCACHE_DECL std::vector<recipe_role> read_roles(const toml::node& value) {
  const auto* const tables = value.as_table();
  if (tables == nullptr) throw recipe_syntax(value.source(), "expected [roles.NAME]");
  std::map<std::size_t, recipe_role> by_line;
  for (const auto& [name, table] : *tables) {
    by_line.emplace(table.source().begin.line, read_role(name, table));
  }
  std::vector<recipe_role> result;
  for (auto& [line, role] : by_line) result.push_back(std::move(role));
  return result;
}

HUBCACHE_DECL recipe read_tables(const toml::table& root) {
  recipe result;
  for (const auto& [key, value] : root) {
    if (key == "name") {
      result.name = recipe_text(key, value);
    } else if (key == "roles") {
      result.roles = read_roles(value);
    } else {
      throw unknown_key(key, "'name' or [roles.NAME]");
    }
  }
  return result;
}

}  // namespace detail

HUBCACHE_DECL recipe parse_recipe(std::string_view text) {
  if (text.size() > std::size_t{1} << 20U) {
    throw error(errc::invalid_argument, "a recipe has at most 1 MiB");
  }
  if (const auto line = detail::first_odd_line(text); line != 0) {
    throw error(errc::invalid_argument,
                "line " + std::to_string(line) +
                    ": expected [roles.NAME] (a name with a '.' in quotes), or KEY = \"text\" on this line");
  }
  try {
    auto result = detail::read_tables(toml::parse(text));
    detail::check_names(result);
    return result;
  } catch (const toml::parse_error& e) {
    throw detail::recipe_syntax(e.source(), std::string(e.description()));
  }
}

HUBCACHE_DECL void check_recipe(const recipe& what) {
  for (const auto& role : what.roles) detail::check_role(role);
  detail::check_names(what);
}

HUBCACHE_DECL void check_lockable(const recipe& what) {
  for (const auto& role : what.roles) {
    const auto other = std::find_if(what.roles.begin(), what.roles.end(), [&role](const recipe_role& r) {
      return r.repo == role.repo && r.revision != role.revision;
    });
    if (other == what.roles.end()) continue;
    throw error(errc::invalid_argument,
                "a lock file has each repo at one commit, and role '" + role.name + "' asks for revision '" +
                    role.revision + "', role '" + other->name + "' for '" + other->revision + "'",
                error_context{}.with_repo(role.repo.display()));
  }
}

}  // namespace hubcache::inline v0_1
