// Completion scripts, the manual and --version, as shells and packagers use them.
#include <doctest/doctest.h>

#include <filesystem>
#include <support/process.hpp>

namespace fs = std::filesystem;

namespace {

/// A machine whose cache holds two repos, and shells on it.
struct shells {
  shells() {
    for (const auto* const name : {"models--acme--llm", "datasets--acme--words"}) {
      fs::create_directories(fs::path(home / "hf/hub") / name);
    }
    for (const auto* const name : {"bash", "zsh", "fish"}) {
      const auto script = run({HUBCACHE_COMMAND, "completion", name});
      CHECK(script.code == 0);
      CHECK(script.err.empty());
      home.write(name, script.out);
    }
  }

  test::outcome run(std::vector<std::string> arguments) {
    test::process child(std::move(arguments), {{"HOME", home / ""}, {"HF_HOME", home / "hf"}});
    return test::outcome_of(child);
  }
  /// Runs a shell's commands with "$1", the folder of the scripts, and "$2", the command.
  test::outcome bash(const std::string& commands) {
    return run({"/bin/bash", "-c", commands, "bash", home / "", HUBCACHE_COMMAND});
  }
  /// What bash offers for the words of readline, the last of which is being typed.
  std::string offered(const std::string& comp_words) {
    return bash("source \"$1/bash\"; COMP_WORDS=(" + comp_words +
                "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); cd \"$1\"; _hubcache \"$2\"; "
                "echo \"${COMPREPLY[*]}\"")
        .out;
  }

  /// Whether a program is installed; tells if it is not.
  bool has(const std::string& program) {
    const bool found = bash("command -v " + program).code == 0;
    if (!found) MESSAGE(program, " is not installed: what needs it is not tested");
    return found;
  }

  test::temp_folder home;
};

}  // namespace

TEST_CASE("bash completes commands, options, choices, repos and paths, by readline's words") {
  shells s;
  CHECK(s.offered("hubcache dow") == "download\n");
  CHECK(s.offered("hubcache cache ls --rev") == "--revisions\n");
  CHECK(s.offered("hubcache download --repo-type d") == "dataset\n");
  CHECK(s.offered("hubcache download --repo-type = d") == "dataset\n");
  CHECK(s.offered("hubcache download --repo-type =") == "model dataset space\n");
  CHECK(s.offered("hubcache download ac") == "acme/llm\n");
  CHECK(s.offered("hubcache download hf : //da") == "//datasets/acme/words\n");
  CHECK(s.offered("hubcache download acme/llm --local-dir h") == "hf\n");
  CHECK(s.offered("hubcache download acme/llm --lock z") == "zsh\n");
  CHECK(s.offered("hubcache download acme/llm --lock = z") == "zsh\n");
  CHECK(s.offered("hubcache frobnicate ''") == "\n");
}

TEST_CASE("the scripts are proper bash, zsh and fish, as far as those are installed") {
  shells s;
  for (const std::string name : {"bash", "zsh", "fish"}) {
    if (!s.has(name)) continue;
    const auto got = s.bash(name + " -n \"$1/" + name + "\"");
    CAPTURE(name);
    CHECK(got.code == 0);
    CHECK(got.err.empty());
  }
}

TEST_CASE("fish completes what is typed") {
  shells s;
  if (!s.has("fish")) return;
  const auto offered = [&s](const std::string& line) {
    return s
        .bash("cd \"$1\"; PATH=${2%/*}:$PATH; fish -N -c 'source fish; complete -C $argv[1]' \"" + line +
              "\"")
        .out;
  };
  CHECK(offered("hubcache dow").starts_with("download\t"));
  CHECK(offered("hubcache download ac") == "acme/llm\n");
  CHECK(offered("hubcache download --lock=z") == "--lock=zsh\n");
  CHECK(offered("hubcache frobnicate ").empty());
}

TEST_CASE("zsh is offered what is typed") {
  shells s;
  if (!s.has("zsh")) return;
  // Without a terminal there is no completion system: two of its functions are stood in for.
  const auto offered = [&s](const std::string& words) {
    return s
        .bash(
            "cd \"$1\"; PATH=${2%/*}:$PATH; zsh -fc 'compdef() {}; _describe() { print -rl -- $candidates }; "
            "source ./zsh; words=(\"$@\"); CURRENT=$#; _hubcache' zsh " +
            words)
        .out;
  };
  CHECK(offered("hubcache dow").starts_with("download:"));
  CHECK(offered("hubcache download ac") == "acme/llm\n");
  CHECK(offered("hubcache frobnicate ''").empty());
}

TEST_CASE("a completion that cannot be answered is silent") {
  shells s;
  s.home.write("broken", "");
  const auto got = s.bash("HF_HOME= HF_ENDPOINT=nonsense \"$2\" complete download ''");
  CHECK(got.code == 1);
  CHECK(got.out.empty());
  CHECK(got.err.empty());
}

TEST_CASE("the manual page is set without a warning") {
  shells s;
  const auto page = s.run({HUBCACHE_COMMAND, "man-page"});
  CHECK(page.code == 0);
  s.home.write("hubcache.1", page.out);
  if (!s.has("groff")) return;
  const auto set = s.bash("groff -ww -man -Tutf8 -z \"$1/hubcache.1\"");
  CHECK(set.code == 0);
  CHECK(set.err.empty());
}

TEST_CASE("--version tells the version and those of the network's libraries") {
  shells s;
  const auto got = s.run({HUBCACHE_COMMAND, "--version"});
  CHECK(got.code == 0);
  CHECK(got.out.starts_with("hubcache 0."));
  CHECK(got.tells(", Asio 1."));
}

TEST_CASE("a mistake on the command line names the near word and the help to read") {
  shells s;
  const auto got = s.run({HUBCACHE_COMMAND, "cache", "lss"});
  CHECK(got.code == 2);
  CHECK(got.warns("'lss' is no command of hubcache cache; did you mean ls? (see hubcache cache --help)"));
  const auto help = s.run({HUBCACHE_COMMAND, "dowload", "--help"});
  CHECK(help.code == 2);
  CHECK(help.out.empty());
  CHECK(help.warns("'dowload' is no command of hubcache; did you mean download?"));
}
