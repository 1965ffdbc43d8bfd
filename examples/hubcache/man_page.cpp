#include "man_page.hpp"

#include <hubcache/version.hpp>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "environment_help.hpp"
#include "exit_code.hpp"
#include "option_names.hpp"

namespace command {

namespace {

struct file_meaning {
  std::string_view path;
  std::string_view text;
};

constexpr auto file_meanings = std::to_array<file_meaning>({
    {"$HF_HOME/hub/", "The cache, in the layout that all clients of the Hub share."},
    {"$HF_HOME/token", "The access token, as `hf auth login` writes it."},
    {"$HF_HOME/hubcache/",
     "hubcache's own state: index, pins, last uses, locks. On a network file system it lies in "
     "$XDG_CACHE_HOME/hubcache/ instead."},
    {"$HF_HOME/hubcache/stores.toml", "Stores of content to look at, written by you."},
});

/// `text` so that man(7) prints it as it is.
std::string roff(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '\\':
        result += "\\e";
        break;
      case '-':
        result += "\\-";
        break;
      case '\'':
        result += "\\(aq";
        break;
      case '`':
        result += "\\(ga";
        break;
      case '^':
        result += "\\(ha";
        break;
      case '~':
        result += "\\(ti";
        break;
      default:
        result += c;
    }
  }
  return result.starts_with('.') ? "\\&" + result : result;
}

std::string bold(std::string_view text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + roff(text) + "\\fR"; }

/// A term, which is roff already, and its explanation.
std::string man_entry(const std::string& term, std::string_view text) {
  return ".TP\n" + term + "\n" + roff(text) + "\n";
}

std::string option_term(const CLI::Option& option) {
  std::string term;
  for (const auto& name : option_names_of(option)) term += (term.empty() ? "" : ", ") + bold(name);
  const auto value = value_of(option);
  return term + (value.empty() ? "" : " " + italic(value));
}

/// Notes as paragraphs; lines that begin with blanks as they are.
std::string man_footer(const std::string& footer) {
  std::string text = ".PP\n";
  bool literal = false;
  for (std::size_t at = 0; at < footer.size();) {
    const auto end = std::min(footer.find('\n', at), footer.size());
    const auto line = std::string_view(footer).substr(at, end - at);
    at = end + 1;
    const bool indented = line.starts_with("  ");
    if (indented != literal) text += indented ? ".RS 4\n.nf\n" : ".fi\n.RE\n";
    literal = indented;
    text += line.empty() ? ".PP\n" : roff(indented ? line.substr(2) : line) + "\n";
  }
  return text + (literal ? ".fi\n.RE\n" : "");
}

/// Every command that does something, groups of commands not among them.
void add_leaves(const CLI::App& app, std::vector<const CLI::App*>& into) {
  for (const auto* one : subcommands_of(app)) {
    if (subcommands_of(*one).empty()) into.push_back(one);
    add_leaves(*one, into);
  }
}

std::string man_section(const CLI::App& leaf) {
  std::string title = full_name_of(leaf) + " [OPTIONS]";
  for (const auto* one : positionals_of(leaf)) title += " " + usage_of(*one);
  std::string text = ".SS \"" + roff(title) + "\"\n" + roff(leaf.get_description() + ".") + "\n";
  for (const auto* one : positionals_of(leaf)) {
    text += man_entry(italic(one->get_name(true)), description_of(*one) + ".");
  }
  for (const auto& [name, options] : option_groups_of(leaf)) {
    for (const auto* one : options) {
      if (one != leaf.get_help_ptr()) text += man_entry(option_term(*one), description_of(*one) + ".");
    }
  }
  return text + (leaf.get_footer().empty() ? "" : man_footer(leaf.get_footer()));
}

std::string lists() {
  std::string text = ".SH EXIT STATUS\n";
  for (const auto& [code, meaning] : exit_meanings) {
    text += man_entry(bold(std::to_string(static_cast<int>(code))), std::string(meaning) + ".");
  }
  text += ".SH ENVIRONMENT\nEmpty variables count as unset.\n";
  for (const auto& [names, meaning] : variable_meanings) text += man_entry(bold(names), meaning);
  text += ".SH FILES\n";
  for (const auto& [path, meaning] : file_meanings) text += man_entry(italic(path), meaning);
  return text;
}

}  // namespace

std::string man_page(const CLI::App& app) {
  std::vector<const CLI::App*> leaves;
  add_leaves(app, leaves);
  std::string text =
      ".TH HUBCACHE 1 \"\" \"hubcache " + std::string(hubcache::version) +
      "\" \"User Commands\"\n.SH NAME\nhubcache \\- fetch Hugging Face repos, no byte twice\n"
      ".SH SYNOPSIS\n.B hubcache\n.I COMMAND\n[\\fIOPTIONS\\fR] [\\fIARGUMENTS\\fR]\n"
      ".SH DESCRIPTION\n" +
      roff(app.get_description() + ".") +
      "\nThe Hub names every file by its hash. What lies anywhere on this machine under that hash is "
      "linked; what does not is fetched and verified.\nStandard output carries results alone, "
      "progress and messages go to standard error.\n.SH OPTIONS\n";
  for (const auto& [name, options] : option_groups_of(app)) {
    for (const auto* one : options) text += man_entry(option_term(*one), description_of(*one) + ".");
  }
  text += ".SH COMMANDS\n";
  for (const auto* leaf : leaves) text += man_section(*leaf);
  text += lists();
  const auto footer = app.get_footer();
  const auto examples = footer.find("  hubcache");
  return text + ".SH EXAMPLES\n" + man_footer(footer.substr(std::min(examples, footer.size()))) +
         ".SH SEE ALSO\n.BR git\\-lfs (1),\n.BR curl (1)\n";
}

void declare_man_page(CLI::App& app, invocation& chosen) {
  auto* const page = app.add_subcommand("man-page", "Print the manual page")->group("");
  page->callback([&app, &chosen] {
    chosen.run = [&app](console&) {
      print(man_page(app));
      return exit_code::ok;
    };
  });
}

}  // namespace command
