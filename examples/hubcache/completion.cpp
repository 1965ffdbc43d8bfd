#include "completion.hpp"

#include <hubcache/error.hpp>
#include <hubcache/os/file.hpp>
#include <hubcache/repo.hpp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>

#include "completion_scripts.hpp"
#include "option_names.hpp"
#include "typed_line.hpp"

namespace command {

namespace {

/// Collects the words that begin with what was typed.
class candidates {
 public:
  /// @param begin  what was typed of the word; `kept`, its first part, stands before every candidate
  candidates(std::string begin, std::string kept) : begin_(std::move(begin)), kept_(std::move(kept)) {}

  void add(const std::string& word, const std::string& description = {}) {
    const auto whole = kept_ + word;
    if (!whole.starts_with(begin_)) return;
    text_ += whole + (description.empty() ? "" : "\t" + description) + "\n";
  }
  void ask_shell(std::string_view what) { text_.append(what).append("\n"); }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string begin_;
  std::string kept_;
  std::string text_;
};

/// "a|b[:c]" without what stands in brackets, split at '|'.
std::vector<std::string> alternatives_of(std::string_view value) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (const char c : value) {
    depth += c == '[' ? 1 : 0;
    if (depth == 0 && c == '|') {
      parts.emplace_back();
    } else if (depth == 0) {
      parts.back() += c;
    }
    depth -= c == ']' ? 1 : 0;
  }
  return parts;
}

/// What the name of a value promises: choices are in lower case, all else is a kind of thing.
void add_values(candidates& into, const std::string& value,
                const std::function<std::vector<std::string>()>& repos) {
  for (const auto& one : alternatives_of(value)) {
    if (one == "DIR") {
      into.ask_shell(":directory");
    } else if (one == "FILE" || one == "PATH") {
      into.ask_shell(":file");
    } else if (one == "REPO" || one == "TARGET") {
      for (const auto& name : repos()) into.add(name);
    } else if (!one.empty() && one.front() >= 'a' && one.front() <= 'z') {
      into.add(one);
    }
  }
}

/// The name of an argument's value: its own name, unless it was given another.
std::string argument_value(const CLI::Option& argument) {
  const auto value = value_of(argument);
  return value.empty() || value == "TEXT" ? argument.get_name(true) : value;
}

void add_options(candidates& into, const CLI::App& app) {
  for (const auto& [title, options] : option_groups_of(app)) {
    for (const auto* one : options) {
      for (const auto& name : option_names_of(*one)) into.add(name, one->get_description());
    }
  }
}

void add_words(candidates& into, const typed_line& typed,
               const std::function<std::vector<std::string>()>& repos) {
  for (const auto* one : subcommands_of(*typed.command)) into.add(one->get_name(), one->get_description());
  const auto arguments = positionals_of(*typed.command);
  if (arguments.empty()) return;
  const auto& last = *arguments.back();
  const bool many = last.get_expected_max() >= CLI::detail::expected_max_vector_size;
  if (typed.arguments >= arguments.size() && !many) return;
  add_values(into, argument_value(*arguments[std::min(typed.arguments, arguments.size() - 1)]), repos);
}

/// The repo of a folder in a Hub cache. None if the Hub would not accept its name: shells take these words as they are.
std::optional<std::string> reference_of(const std::string& folder) {
  using enum hubcache::repo_type;
  static constexpr std::array<std::tuple<std::string_view, hubcache::repo_type, std::string_view>, 3> types{
      {{"models--", model, ""},
       {"datasets--", dataset, "hf://datasets/"},
       {"spaces--", space, "hf://spaces/"}}};
  for (const auto& [begin, type, prefix] : types) {
    if (!folder.starts_with(begin)) continue;
    auto id = folder.substr(begin.size());
    if (const auto dashes = id.find("--"); dashes != id.npos) id.replace(dashes, 2, "/");
    try {
      return std::string(prefix) + hubcache::repo(std::move(id), type).id();
    } catch (const hubcache::error&) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

struct completion_arguments {
  std::string shell;
};

std::string_view script_for(const std::string& shell) {
  if (shell == "bash") return bash_completion;
  if (shell == "zsh") return zsh_completion;
  if (shell == "fish") return fish_completion;
  throw usage("SHELL must be bash, zsh or fish, not '" + hubcache::printable(shell) + "'");
}

}  // namespace

std::string completions_of(const CLI::App& app, std::vector<std::string> words,
                           const std::function<std::vector<std::string>()>& repos) {
  auto current = words.empty() ? std::string() : std::move(words.back());
  if (!words.empty()) words.pop_back();
  const auto typed = read_line(app, words);
  if (!typed.unknown.empty()) return {};
  if (typed.awaits != nullptr) {
    candidates found(std::move(current), "");
    add_values(found, value_of(*typed.awaits), repos);
    return found.text();
  }
  const bool is_option = !typed.options_ended && current.starts_with('-');
  const auto equals = current.find('=');
  if (is_option && equals != current.npos) {
    const auto* option = find_option(*typed.command, current);
    candidates found(current, current.substr(0, equals + 1));
    if (option != nullptr) add_values(found, value_of(*option), repos);
    return found.text();
  }
  candidates found(std::move(current), "");
  if (is_option) {
    add_options(found, *typed.command);
  } else {
    add_words(found, typed, repos);
  }
  return found.text();
}

std::vector<std::string> cached_repos(const std::string& cache_dir) {
  std::vector<std::string> repos;
  std::error_code ec;
  for (const auto& folder : hubcache::os::names_in(cache_dir, ec)) {
    if (auto name = reference_of(folder)) repos.push_back(std::move(*name));
  }
  std::sort(repos.begin(), repos.end());
  return repos;
}

void declare_completion(CLI::App& app, invocation& chosen) {
  auto* const completion =
      app.add_subcommand("completion", "Print a script that lets a shell complete hubcache's commands");
  const auto typed = std::make_shared<completion_arguments>();
  completion->add_option("SHELL", typed->shell, "bash, zsh or fish")->type_name("bash|zsh|fish")->required();
  completion->footer(
      "Words are completed by what this binary knows; for REPO and TARGET that is what the cache holds. "
      "Packages install the scripts where the shells look for them.\n\n"
      "Examples:\n"
      "  source <(hubcache completion bash)\n"
      "  hubcache completion zsh > ~/.zfunc/_hubcache\n"
      "  hubcache completion fish > ~/.config/fish/completions/hubcache.fish");
  completion->callback([typed, &chosen] {
    chosen.run = [typed](console&) {
      print(script_for(typed->shell));
      return exit_code::ok;
    };
  });
}

}  // namespace command
