#include "completion.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <support/temp_folder.hpp>

#include "command_tree.hpp"

using words = std::vector<std::string>;

namespace {

/// The words that are offered for the last of `typed`, without their descriptions; the cache holds two repos.
std::string offered(words typed) {
  CLI::App app;
  command::invocation chosen;
  command::declare_commands(app, chosen);
  const auto repos = [] { return words{"acme/llm", "hf://datasets/acme/words"}; };
  const auto answer = command::completions_of(app, std::move(typed), repos);
  std::string result;
  for (std::size_t at = 0; at < answer.size();) {
    const auto end = answer.find('\n', at);
    const auto line = answer.substr(at, end - at);
    result += (result.empty() ? "" : " ") + line.substr(0, line.find('\t'));
    at = end + 1;
  }
  return result;
}

}  // namespace

TEST_CASE("the first word is completed to a command, with its description") {
  CHECK(offered({""}) == "download pipeline inspect compare edit cache index lock recipe completion");
  CHECK(offered({}) == offered({""}));
  CHECK(offered({"c"}) == "compare cache completion");
  CLI::App app;
  command::invocation chosen;
  command::declare_commands(app, chosen);
  CHECK(command::completions_of(app, {"dow"}, {}) ==
        "download\tFetch a repo, or some of its files, and print the path\n");
}

TEST_CASE("commands of a group, options and their choices are completed") {
  CHECK(offered({"cache", "p"}) == "prune pin");
  CHECK(offered({"cache", "list", "--sh"}) == "--show-warnings");
  CHECK(offered({"download", "--require"}) == "--require-sha256 --require-safetensors --require-scan");
  CHECK(offered({"download", "-"}).find("-q --quiet") != std::string::npos);
  CHECK(offered({"download", "--repo-type", ""}) == "model dataset space");
  CHECK(offered({"download", "--repo-type=da"}) == "--repo-type=dataset");
  CHECK(offered({"download", "--link", "h"}) == "hardlink");
  CHECK(offered({"cache", "ls", "--sort", ""}) == "accessed modified name size unique");
  CHECK(offered({"completion", ""}) == "bash zsh fish");
}

TEST_CASE("where a path is wanted the shell is asked, for folders alone where it must be one") {
  CHECK(offered({"download", "acme/llm", "--local-dir", "x"}) == ":directory");
  CHECK(offered({"download", "--lock=x"}) == ":file");
  CHECK(offered({"index", "add", ""}) == ":directory");
  CHECK(offered({"index", "add", "a", ""}) == ":directory");
  CHECK(offered({"recipe", "fetch", ""}) == ":file");
  CHECK(offered({"index", "why", ""}) == ":file");
}

TEST_CASE("where a repo is wanted those of the cache are offered") {
  CHECK(offered({"download", ""}) == "acme/llm hf://datasets/acme/words");
  CHECK(offered({"download", "hf:"}) == "hf://datasets/acme/words");
  CHECK(offered({"download", "--include", "*.json", "a"}) == "acme/llm");
  CHECK(offered({"download", "-q", "a"}) == "acme/llm");
  CHECK(offered({"compare", "acme/llm", "a"}) == "acme/llm");
  CHECK(offered({"cache", "rm", "x/y", "a"}) == "acme/llm");
  CHECK(offered({"download", "--", "a"}) == "acme/llm");
}

TEST_CASE("nothing is offered where nothing can be known or nothing may stand") {
  CHECK(offered({"download", "acme/llm", ""}).empty());  // FILES
  CHECK(offered({"download", "--revision", ""}).empty());
  CHECK(offered({"compare", "a/b", "a/c", ""}).empty());
  CHECK(offered({"index", "stats", ""}).empty());
  CHECK(offered({"no-such-command", ""}).empty());
  CHECK(offered({"download", "--no-such-option", ""}).empty());
  CHECK(offered({"download", "--no-such-option="}).empty());
  CHECK(offered({"download", "--", "--inc"}).empty());
}

TEST_CASE("the cache's repos are told as the command line names them, other folders are not") {
  const test::temp_folder cache;
  for (const auto* const name :
       {"models--gpt2", "models--acme--llm", "datasets--acme--words", "spaces--acme--demo", "kernels--a--b",
        ".locks", "models--evil--\x1b[2J", "models--evil--$(id)"}) {
    std::filesystem::create_directories(cache / name);
  }
  std::string names;
  for (const auto& name : command::cached_repos(cache / "")) names += name + " ";
  CHECK(names == "acme/llm gpt2 hf://datasets/acme/words hf://spaces/acme/demo ");
  CHECK(command::cached_repos(cache / "absent").empty());
}
