#pragma once

#include <hubcache/format/toml_lines.hpp>

#include <algorithm>

namespace hubcache::inline v0_1::detail {

/// One line of TOML, taken apart from its front. Blanks before each part are skipped.
class toml_line {
 public:
  explicit toml_line(std::string_view text) noexcept : rest_(text) {}

  [[nodiscard]] bool ended() noexcept { return next() == '#' || rest_.empty(); }
  [[nodiscard]] bool take(std::string_view mark) noexcept {
    next();
    if (!rest_.starts_with(mark)) return false;
    rest_.remove_prefix(mark.size());
    return true;
  }
  [[nodiscard]] bool take_word() noexcept {
    next();
    return take_letters("_-");
  }
  /// A word, or one in quotes, which may have dots.
  [[nodiscard]] bool take_name() noexcept {
    const char quote = next();
    if (quote != '"' && quote != '\'') return take_letters("_-");
    rest_.remove_prefix(1);
    if (!take_letters("_-.") || !rest_.starts_with(quote)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  [[nodiscard]] bool take_string() noexcept {
    const char quote = next();
    if (quote != '"' && quote != '\'') return false;
    std::size_t end = 1;
    while (end < rest_.size() && rest_[end] != quote) end += quote == '"' && rest_[end] == '\\' ? 2 : 1;
    if (end >= rest_.size()) return false;
    rest_.remove_prefix(end + 1);
    return true;
  }

 private:
  /// Skips blanks and returns what follows; NUL at the end.
  char next() noexcept {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
    return rest_.empty() ? '\0' : rest_.front();
  }
  /// Takes ASCII letters, digits and `others`, at least one.
  [[nodiscard]] bool take_letters(std::string_view others) noexcept {
    const auto fits = [others](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             others.find(c) != others.npos;
    };
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), fits) - rest_.begin();
    rest_.remove_prefix(static_cast<std::size_t>(end));
    return end > 0;
  }

  std::string_view rest_;
};

HUBCACHE_DECL bool is_plain_line(toml_line line) noexcept {
  if (line.ended()) return true;
  bool plain = false;
  if (line.take("[[")) {
    plain = line.take_word() && line.take("]]");
  } else if (line.take("[")) {
    plain = line.take_word() && (!line.take(".") || line.take_name()) && line.take("]");
  } else {
    plain = line.take_word() && line.take("=") && (line.take_string() || line.take_word());
  }
  return plain && line.ended();
}

HUBCACHE_DECL std::size_t first_odd_line(std::string_view text) noexcept {
  for (std::size_t number = 1; !text.empty(); ++number) {
    auto line = text.substr(0, text.find('\n'));
    const bool whole = line.size() < text.size();
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (whole && line.ends_with('\r')) line.remove_suffix(1);
    if (!is_plain_line(toml_line(line))) return number;
  }
  return 0;
}

}  // namespace hubcache::inline v0_1::detail
