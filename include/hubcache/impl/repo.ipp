#pragma once

#include <hubcache/error.hpp>
#include <hubcache/repo.hpp>
#include <hubcache/text.hpp>

#include <algorithm>

namespace hubcache::inline v0_1 {

namespace detail {

constexpr bool is_alphanumeric(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

constexpr bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

/// Whether UTF-8 text has a control character, U+0080 to U+009F included: terminals obey those, too.
HUBCACHE_DECL bool has_control(std::string_view text) noexcept {
  if (std::any_of(text.begin(), text.end(), is_control)) return true;
  for (auto at = text.find('\xC2'); at != text.npos; at = text.find('\xC2', at + 1)) {
    if (at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xA0) return true;
  }
  return false;
}

/// Whether `segment` is ".git" in any case: a repo's own hooks and settings, which git runs.
HUBCACHE_DECL bool is_git_folder(std::string_view segment) noexcept {
  return segment.size() == 4 && segment[0] == '.' && (segment[1] | 0x20) == 'g' &&
         (segment[2] | 0x20) == 'i' && (segment[3] | 0x20) == 't';
}

/// One segment of a repo id: [\w\-.]{1,96}, no '-' or '.' at either end.
HUBCACHE_DECL bool is_id_segment(std::string_view segment) noexcept {
  if (segment.empty() || segment.size() > 96) return false;
  const auto edge = [](char c) { return c == '-' || c == '.'; };
  if (edge(segment.front()) || edge(segment.back())) return false;
  return std::all_of(segment.begin(), segment.end(),
                     [](char c) { return is_alphanumeric(c) || c == '_' || c == '-' || c == '.'; });
}

HUBCACHE_DECL bool is_repo_id(std::string_view id) noexcept {
  if (id.find("--") != id.npos || id.find("..") != id.npos || id.ends_with(".git")) return false;
  const auto slash = id.find('/');
  if (slash == id.npos) return is_id_segment(id);
  return is_id_segment(id.substr(0, slash)) && is_id_segment(id.substr(slash + 1));
}

}  // namespace detail

HUBCACHE_DECL std::string_view to_string(repo_type type) noexcept {
  switch (type) {
    case repo_type::dataset:
      return "dataset";
    case repo_type::space:
      return "space";
    case repo_type::model:
      break;
  }
  return "model";
}

HUBCACHE_DECL std::optional<repo_type> parse_repo_type(std::string_view text) noexcept {
  for (auto type : {repo_type::model, repo_type::dataset, repo_type::space}) {
    const auto singular = to_string(type);
    if (text == singular || (text.starts_with(singular) && text.substr(singular.size()) == "s")) return type;
  }
  return std::nullopt;
}

HUBCACHE_DECL repo::repo(std::string id, repo_type type) : id_(std::move(id)), type_(type) {
  if (!detail::is_repo_id(id_)) {
    throw error(
        errc::invalid_argument,
        "repo id '" + printable(id_) +
            "' must be NAME or OWNER/NAME of letters, digits, '-', '_' and '.' (no '--', no '..', no "
            "'.git' at the end, segments of at most 96 characters that neither start nor end with '-' "
            "or '.')");
  }
}

HUBCACHE_DECL std::string repo::folder() const {
  std::string name = std::string(to_string(type_)) + "s--" + id_;
  if (const auto slash = name.find('/'); slash != name.npos) name.replace(slash, 1, "--");
  return name;
}

HUBCACHE_DECL std::string repo::display() const {
  return type_ == repo_type::model ? id_ : std::string(to_string(type_)) + "s/" + id_;
}

HUBCACHE_DECL repo_url parse_repo_url(std::string_view text) {
  const auto malformed = [text] {
    return error(errc::invalid_argument, "'" + printable(text) +
                                             "' must have the form "
                                             "hf://[datasets/|spaces/]OWNER/NAME[@REVISION][/PATH]");
  };
  std::string_view rest = text;
  if (!rest.starts_with("hf://")) throw malformed();
  rest.remove_prefix(5);

  repo_type type = repo_type::model;
  for (const std::string_view prefix : {"models/", "datasets/", "spaces/"}) {
    if (rest.starts_with(prefix)) {
      type = *parse_repo_type(prefix.substr(0, prefix.size() - 1));
      rest.remove_prefix(prefix.size());
      break;
    }
  }
  const auto owner_end = rest.find('/');
  if (owner_end == rest.npos) throw malformed();
  const auto id_end = std::min(rest.find_first_of("@/", owner_end + 1), rest.size());

  repo_url result;
  result.repo = repo(std::string(rest.substr(0, id_end)), type);
  rest.remove_prefix(id_end);
  if (rest.starts_with('@')) {
    rest.remove_prefix(1);
    std::size_t from = 0;
    for (const std::string_view prefix : {"refs/pr/", "refs/convert/"}) {
      if (rest.starts_with(prefix)) from = prefix.size();
    }
    const auto end = std::min(rest.find('/', from), rest.size());
    result.revision = rest.substr(0, end);
    check_revision(result.revision);
    rest.remove_prefix(end);
  }
  if (rest.starts_with('/')) rest.remove_prefix(1);
  result.path = rest;
  if (!rest.empty() && !is_safe_path(rest.ends_with('/') ? rest.substr(0, rest.size() - 1) : rest)) {
    throw malformed();
  }
  return result;
}

HUBCACHE_DECL bool is_commit(std::string_view revision) noexcept {
  return revision.size() == 40 && std::all_of(revision.begin(), revision.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

HUBCACHE_DECL void check_revision(std::string_view revision) {
  if (revision.size() > 1024 || !is_safe_path(revision)) {
    throw error(errc::invalid_argument,
                "revision '" + printable(revision) + "' is no branch, tag, commit or refs/pr/N");
  }
}

HUBCACHE_DECL bool is_safe_path(std::string_view path) noexcept {
  constexpr int deepest = 128;
  if (path.empty() || path.size() > 3072 || detail::has_control(path)) return false;
  int depth = 0;
  for (std::string_view rest = path;;) {
    const auto end = rest.find_first_of("/\\");
    const auto segment = rest.substr(0, end);
    if (segment.empty() || segment == "." || segment == ".." || segment.size() > 255) return false;
    if (segment.size() >= 2 && segment[1] == ':' && detail::is_alphanumeric(segment[0])) return false;
    if (detail::is_git_folder(segment) || ++depth > deepest) return false;
    if (end == rest.npos) return true;
    rest.remove_prefix(end + 1);
  }
}

}  // namespace hubcache::inline v0_1
