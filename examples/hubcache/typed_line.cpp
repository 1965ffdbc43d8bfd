#include "typed_line.hpp"

#include <hubcache/text.hpp>

#include <algorithm>
#include <numeric>
#include <string_view>

#include "option_names.hpp"

namespace command {

namespace {

/// Takes in one word that stands before the end of the options. False if it is unknown.
bool take_word(typed_line& line, const std::string& word) {
  if (word.size() > 1 && word.front() == '-') {
    if (word == "--") {
      line.options_ended = true;
      return true;
    }
    const bool joined = word[1] != '-' && word.size() > 2;  // "-qy": several flags, or one with its value
    const auto* option = find_option(*line.command, joined ? word.substr(0, 2) : word);
    if (option == nullptr) return false;
    const bool has_value = joined || word.find('=') != word.npos;
    if (!has_value && option->get_items_expected_max() > 0) line.awaits = option;
    return true;
  }
  const auto subcommands = line.command->get_subcommands([](const CLI::App*) { return true; });
  if (subcommands.empty()) {
    ++line.arguments;
    return true;
  }
  for (const auto* one : subcommands) {
    if (!one->check_name(word)) continue;
    line.command = one;
    return true;
  }
  return false;
}

/// How many letters must be changed, added, left out or swapped with their neighbour to make `b` of `a`.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before;
  std::vector<std::size_t> last(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::vector<std::size_t> row(b.size() + 1, i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + changed});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = std::move(last);
    last = std::move(row);
  }
  return last.back();
}

/// The one of `names` that `word` was probably meant to be; empty if none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& names) {
  std::string best;
  std::size_t least = word.size() / 3 + 1;  // "--includ" may be wrong in three places, "lss" in one
  for (const auto& name : names) {
    const auto far = edit_distance(word, name);
    if (far > least || (far == least && !best.empty())) continue;
    if (2 * far >= std::max(word.size(), name.size())) continue;  // "-x" is as near to "-h" as to any
    best = name;
    least = far;
  }
  return best;
}

std::vector<std::string> known_words(const CLI::App& app, bool options) {
  std::vector<std::string> names;
  if (options) {
    for (const auto* one : app.get_options({})) {
      const auto some = option_names_of(*one);
      names.insert(names.end(), some.begin(), some.end());
    }
    return names;
  }
  for (const auto* one : subcommands_of(app)) {
    names.push_back(one->get_name());
    names.insert(names.end(), one->get_aliases().begin(), one->get_aliases().end());
  }
  return names;
}

}  // namespace

const CLI::Option* find_option(const CLI::App& app, const std::string& name) {
  return app.get_option_no_throw(name.substr(0, name.find('=')));
}

typed_line read_line(const CLI::App& app, const std::vector<std::string>& words) {
  typed_line line;
  line.command = &app;
  for (const auto& word : words) {
    if (line.awaits != nullptr) {
      line.awaits = nullptr;
    } else if (line.options_ended) {
      ++line.arguments;
    } else if (!take_word(line, word)) {
      line.unknown = word;
      break;
    }
  }
  return line;
}

std::string advice_of(const typed_line& typed) {
  if (typed.unknown.empty()) return {};
  const bool option = typed.unknown.front() == '-';
  constexpr std::size_t longest = 40;  // no name is longer
  const auto word = typed.unknown.substr(0, std::min(typed.unknown.find('='), longest));
  const auto near = nearest(word, known_words(*typed.command, option));
  return "'" + hubcache::printable(word) + "' is no " + (option ? "option" : "command") + " of " +
         full_name_of(*typed.command) + (near.empty() ? "" : "; did you mean " + near + "?");
}

}  // namespace command
