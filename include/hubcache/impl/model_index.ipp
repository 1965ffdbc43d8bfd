#pragma once

#include <hubcache/error.hpp>
#include <hubcache/format/model_index.hpp>
#include <hubcache/impl/hub_parse.ipp>
#include <hubcache/impl/weights.ipp>
#include <hubcache/select/weight_patterns.hpp>
#include <hubcache/text.hpp>
#include <hubcache/url.hpp>

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

HUBCACHE_DECL error index_syntax(std::string_view member, const std::string& problem) {
  return {errc::malformed_file, "the member '" + printable(member, 80) + "': " + problem};
}

/// `text` with %XX replaced by the byte; a '%' of any other use stays.
HUBCACHE_DECL std::string percent_decoded(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    unsigned char byte = 0;
    const auto hex = text.substr(0, 3);
    const auto* const end = hex.data() + hex.size();
    if (hex.size() == 3 && hex.front() == '%' && std::from_chars(hex.data() + 1, end, byte, 16).ptr == end) {
      result += static_cast<char>(byte);
      text.remove_prefix(3);
    } else {
      result += text.front();
      text.remove_prefix(1);
    }
  }
  return result;
}

/// Whether `name` ends as only single files of weights do.
HUBCACHE_DECL bool names_weight_file(std::string_view name) noexcept {
  const auto suffixes = {".safetensors", ".sft", ".gguf", ".bin", ".ckpt", ".pt", ".pth", ".onnx", ".pb"};
  return std::any_of(suffixes.begin(), suffixes.end(),
                     [name](std::string_view suffix) { return name.ends_with(suffix); });
}

/// The segments of the path `target`, decoded; a '/' at its end ends the last one. @pre target starts with '/'
HUBCACHE_DECL std::vector<std::string> link_segments(std::string_view target) {
  std::vector<std::string> segments;
  while (!target.empty()) {
    target.remove_prefix(1);  // '/'
    const auto end = std::min(target.find('/'), target.size());
    segments.push_back(percent_decoded(target.substr(0, end)));
    target.remove_prefix(end);
  }
  if (segments.back().empty()) segments.pop_back();
  return segments;
}

/// Takes the revision off the front of `segments`: one, or the three of refs/pr/N and refs/convert/NAME.
HUBCACHE_DECL std::string take_link_revision(std::span<const std::string>& segments) {
  const bool long_name =
      segments.size() >= 3 && segments[0] == "refs" && (segments[1] == "pr" || segments[1] == "convert");
  const auto revision = long_name ? segments[0] + "/" + segments[1] + "/" + segments[2] : segments.front();
  segments = segments.subspan(long_name ? 3 : 1);
  check_revision(revision);
  return revision;
}

HUBCACHE_DECL component_link read_web_link(std::string_view text) {
  constexpr auto form =
      "must have the form https://HOST/OWNER/NAME[/tree/REVISION[/SUBFOLDER]], with no query";
  const auto address = url::parse(text);
  // What is no URL of ours may hold credentials: it is not shown.
  if (!address) throw error(errc::malformed_file, std::string("a link ") + form);
  const auto malformed = [&] {
    return error(errc::malformed_file, "the link '" + printable(address->redacted()) + "' " + form);
  };
  if (address->target().find('?') != std::string::npos) throw malformed();
  const auto all = link_segments(address->target());
  std::span<const std::string> rest = all;
  if (rest.size() < 2 || parse_repo_type(rest[0])) throw malformed();  // OWNER is "datasets" or "spaces"
  component_link link;
  link.host = address->authority();
  link.repo = rest[0] + "/" + rest[1];
  rest = rest.subspan(2);
  if (rest.empty()) return link;
  if (rest.size() < 2 || rest[0] != "tree") throw malformed();
  rest = rest.subspan(1);
  link.revision = take_link_revision(rest);
  if (rest.empty()) return link;
  for (const auto& segment : rest) link.subfolder.append(segment).append("/");
  link.subfolder.pop_back();
  if (!is_safe_path(link.subfolder)) throw malformed();
  return link;
}

HUBCACHE_DECL component_link read_hub_link(std::string_view text) {
  auto parts = parse_repo_url(text);
  if (parts.repo.type() != repo_type::model) {
    throw error(errc::malformed_file, "the link '" + printable(text) + "' names no model");
  }
  component_link link;
  link.repo = std::move(parts.repo);
  link.revision = std::move(parts.revision);
  link.subfolder = std::move(parts.path);
  if (link.subfolder.ends_with('/')) link.subfolder.pop_back();
  return link;
}

/// The text `key` of a modular component's spec; empty if it is missing or null.
HUBCACHE_DECL std::string spec_text(const simdjson::dom::element& spec, std::string_view key) {
  if (!json_present(spec, key)) return {};
  const auto text = json_member<std::string_view>(spec, key);
  if (!text) throw error(errc::malformed_file, "its " + std::string(key) + " is no text");
  return std::string(*text);
}

/// The link that a modular component's spec is; none if it names no repo.
HUBCACHE_DECL std::optional<component_link> read_component_spec(const simdjson::dom::element& spec) {
  auto where = spec_text(spec, "pretrained_model_name_or_path");
  if (where.empty()) return std::nullopt;
  if (names_weight_file(where)) {
    throw error(errc::malformed_file, "its pretrained_model_name_or_path is a single file, not a repo");
  }
  auto link = parse_component_link(where);
  if (!link) link.emplace().repo = repo(std::move(where));
  if (auto revision = spec_text(spec, "revision"); !revision.empty()) {
    check_revision(revision);
    link->revision = std::move(revision);
  }
  if (auto subfolder = spec_text(spec, "subfolder"); !subfolder.empty()) {
    if (!is_safe_path(subfolder)) {
      throw error(errc::malformed_file,
                  "its subfolder '" + printable(subfolder) + "' is no path below the repo");
    }
    link->subfolder = std::move(subfolder);
  }
  link->variant = spec_text(spec, "variant");
  if (!link->variant.empty() && !is_variant_text(link->variant)) {
    throw error(errc::malformed_file, "its variant '" + printable(link->variant, 80) +
                                          "' must be of letters, digits, '-', '_' and '.'");
  }
  return link;
}

/// Reads [library, class] into what of `component` is empty; what is no text is passed over.
HUBCACHE_DECL void read_component_class(const simdjson::dom::array& pair, model_component& component) {
  std::string_view text;
  if (component.library.empty() && pair.at(0).get(text) == simdjson::SUCCESS) component.library = text;
  if (component.class_name.empty() && pair.at(1).get(text) == simdjson::SUCCESS) component.class_name = text;
}

/// Reads the list [library, class] or [library, class, link or spec].
HUBCACHE_DECL void read_component_list(const simdjson::dom::array& list, model_component& component) {
  read_component_class(list, component);
  simdjson::dom::element third;
  if (list.at(2).get(third) != simdjson::SUCCESS) return;
  if (std::string_view text; third.get(text) == simdjson::SUCCESS) {
    component.link = parse_component_link(text);
  } else if (third.is_object()) {
    component.link = read_component_spec(third);
    if (const auto hint = json_member<simdjson::dom::array>(third, "type_hint"); hint && component.link) {
      read_component_class(*hint, component);
    }
  }
}

/// The link that `text` is; none if it is any other text: of what configures a pipeline some are addresses.
HUBCACHE_DECL std::optional<component_link> read_bare_link(std::string_view text) {
  try {
    return parse_component_link(text);
  } catch (const error&) {
    return std::nullopt;
  }
}

/// The component that the member `name` is; none if it is no list and no link.
HUBCACHE_DECL std::optional<model_component> read_component(std::string_view name,
                                                            const simdjson::dom::element& json) {
  model_component component;
  component.name = name;
  if (simdjson::dom::array list; json.get(list) == simdjson::SUCCESS) {
    try {
      read_component_list(list, component);
    } catch (const error& e) {  // whoever does not want this component need not know
      component.link.reset();
      component.problem = e.detail();
    }
  } else if (std::string_view text; json.get(text) == simdjson::SUCCESS && !name.starts_with('_')) {
    component.link = read_bare_link(text);
    component.bare = true;
    if (!component.link) return std::nullopt;
  } else {
    return std::nullopt;
  }
  if (!is_safe_path(name) || name.find_first_of("/\\") != name.npos) {
    throw error(errc::malformed_file, "the name of a component must be one segment of a path");
  }
  return component;
}

/// The texts in the list `json`; none if it is no list.
HUBCACHE_DECL std::vector<std::string> list_of_texts(const simdjson::dom::element& json) {
  std::vector<std::string> texts;
  simdjson::dom::array list;
  if (json.get(list) != simdjson::SUCCESS) return texts;
  for (const auto each : list) {
    if (std::string_view text; each.get(text) == simdjson::SUCCESS) texts.emplace_back(text);
  }
  return texts;
}

HUBCACHE_DECL void read_index_member(std::string_view name, const simdjson::dom::element& json,
                                     model_index& out) {
  if (name == "_ignore_files") {
    out.ignore_files = list_of_texts(json);
  } else if (name == "_class_name") {
    if (std::string_view text; json.get(text) == simdjson::SUCCESS) out.class_name = text;
    if (auto both = list_of_texts(json); both.size() >= 2) {
      out.custom_module = std::move(both[0]);
      out.class_name = std::move(both[1]);
    }
  } else if (auto component = read_component(name, json)) {
    constexpr std::size_t most = 256;
    if (out.components.size() == most) {
      throw error(errc::malformed_file, "there are more than " + std::to_string(most) + " components");
    }
    out.components.push_back(std::move(*component));
  }
}

/// The lines of YAML front matter: what stands between two lines "---", with nothing but blank lines before the first.
/// None if there is none.
HUBCACHE_DECL std::vector<std::string_view> front_matter_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  bool open = false;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (open && line.starts_with("---") && line.find_first_not_of(" \t", 3) == line.npos) return lines;
    if (open) {
      lines.push_back(line);
    } else if (line == "---") {
      open = true;
    } else {
      return {};
    }
  }
  return {};
}

/// `text` without blanks at its ends and without a comment, which '#' begins after a blank or at the beginning.
HUBCACHE_DECL std::string_view yaml_scalar(std::string_view text) {
  for (auto at = text.find('#'); at != text.npos; at = text.find('#', at + 1)) {
    if (at != 0 && text[at - 1] != ' ' && text[at - 1] != '\t') continue;
    text = text.substr(0, at);
    break;
  }
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

HUBCACHE_DECL repo prior_repo(std::string_view text) {
  text = yaml_scalar(text);
  const bool quoted =
      text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front();
  try {
    return {std::string(quoted ? text.substr(1, text.size() - 2) : text)};
  } catch (const error& e) {
    throw error(errc::malformed_file, "under 'prior': " + e.detail());
  }
}

HUBCACHE_DECL void add_prior(std::vector<repo>& priors, std::string_view text) {
  constexpr std::size_t most = 64;
  if (priors.size() == most) {
    throw error(errc::malformed_file, "under 'prior' stand more than " + std::to_string(most) + " repos");
  }
  priors.push_back(prior_repo(text));
}

/// Reads the list between '[' and ']', which may go on in the following lines.
HUBCACHE_DECL std::vector<repo> flow_priors(std::span<const std::string_view> lines, std::string_view first) {
  std::string list(first);
  auto end = list.find(']');
  while (end == list.npos && !lines.empty()) {
    const auto added = list.size();
    list.append(" ").append(yaml_scalar(lines.front()));
    lines = lines.subspan(1);
    end = list.find(']', added);
  }
  if (end == list.npos || end + 1 != list.size()) {
    throw error(errc::malformed_file, "under 'prior' must stand a list of repos: its '[' is not closed");
  }
  std::vector<repo> priors;
  std::string_view rest = std::string_view(list).substr(1, end - 1);
  while (rest.find_first_not_of(" \t") != rest.npos) {
    const auto comma = std::min(rest.find(','), rest.size());
    add_prior(priors, rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return priors;
}

/// Reads the lines "- OWNER/NAME", up to the next key.
HUBCACHE_DECL std::vector<repo> block_priors(std::span<const std::string_view> lines) {
  std::vector<repo> priors;
  for (const auto line : lines) {
    const auto text = yaml_scalar(line);
    if (text.empty()) continue;
    if (text == "-" || text.starts_with("- ")) {
      add_prior(priors, text.substr(1));
    } else if (line.front() == ' ' || line.front() == '\t') {
      throw error(errc::malformed_file,
                  "under 'prior' must stand a list of repos, not '" + printable(text, 80) + "'");
    } else {
      break;
    }
  }
  return priors;
}

}  // namespace detail

HUBCACHE_DECL const model_component* model_index::find(std::string_view name) const noexcept {
  const auto at = std::find_if(components.begin(), components.end(),
                               [name](const model_component& c) { return c.name == name; });
  return at == components.end() ? nullptr : &*at;
}

HUBCACHE_DECL model_index parse_model_index(std::string_view text) {
  detail::json_document document;
  simdjson::dom::object object;
  if (!document.read(text) || document.root().get(object) != simdjson::SUCCESS) {
    throw error(errc::malformed_file, "it must be a JSON object");
  }
  model_index result;
  std::vector<std::string_view> names;
  for (const auto [name, json] : object) {
    names.push_back(name);
    try {
      detail::read_index_member(name, json, result);
    } catch (const error& e) {
      throw detail::index_syntax(name, e.detail());
    }
  }
  if (const auto twice = detail::repeated(std::move(names)))
    throw detail::index_syntax(*twice, "it comes twice");
  return result;
}

HUBCACHE_DECL std::optional<component_link> parse_component_link(std::string_view text) {
  const bool hub = text.starts_with("hf://");
  if (!hub && !text.starts_with("https://") && !text.starts_with("http://")) return std::nullopt;
  try {
    auto link = hub ? detail::read_hub_link(text) : detail::read_web_link(text);
    if (detail::names_weight_file(link.subfolder)) {
      throw error(errc::malformed_file,
                  "a link names a folder, not the file '" + printable(link.subfolder) + "'");
    }
    return link;
  } catch (const error& e) {  // of a repo or a revision: nothing the caller has typed
    throw error(errc::malformed_file, e.detail());
  }
}

HUBCACHE_DECL std::vector<repo> parse_priors(std::string_view readme) {
  constexpr std::string_view key = "prior:";
  const auto all = detail::front_matter_lines(readme);
  const auto at = std::find_if(all.begin(), all.end(), [key](std::string_view line) {
    return line.starts_with(key) && (line.size() == key.size() || line[key.size()] == ' ');
  });
  if (at == all.end()) return {};
  const std::span<const std::string_view> below(at + 1, all.end());
  const auto value = detail::yaml_scalar(at->substr(key.size()));
  if (value.empty()) return detail::block_priors(below);
  if (value.starts_with('[')) return detail::flow_priors(below, value);
  return {detail::prior_repo(value)};
}

}  // namespace hubcache::inline v0_1
