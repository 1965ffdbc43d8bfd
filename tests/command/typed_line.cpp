#include "typed_line.hpp"

#include <doctest/doctest.h>

#include "command_tree.hpp"

using words = std::vector<std::string>;

namespace {

std::string advice(const words& typed) {
  CLI::App app;
  command::invocation chosen;
  command::declare_commands(app, chosen);
  return command::advice_of(command::read_line(app, typed));
}

}  // namespace

TEST_CASE("a misspelt command or option is answered with the one that is near") {
  CHECK(advice({"donwload", "a/b"}) == "'donwload' is no command of hubcache; did you mean download?");
  CHECK(advice({"cache", "lss"}) == "'lss' is no command of hubcache cache; did you mean ls?");
  CHECK(advice({"download", "a/b", "--includ", "x"}) ==
        "'--includ' is no option of hubcache download; did you mean --include?");
  CHECK(advice({"download", "--dryrun"}) ==
        "'--dryrun' is no option of hubcache download; did you mean --dry-run?");
  CHECK(advice({"download", "--repotype=model"}) ==
        "'--repotype' is no option of hubcache download; did you mean --repo-type?");
}

TEST_CASE("what is near nothing is told without a guess, shortened and without control characters") {
  CHECK(advice({"frobnicate"}) == "'frobnicate' is no command of hubcache");
  CHECK(advice({"download", "-x"}) == "'-x' is no option of hubcache download");
  CHECK(advice({std::string(1000, 'x')}) == "'" + std::string(40, 'x') + "' is no command of hubcache");
  CHECK(advice({"a\x1b[2J"}).find('\x1b') == std::string::npos);
}

TEST_CASE("a line of known words needs no advice") {
  CHECK(advice({}).empty());
  CHECK(advice({"cache", "ls", "-q", "--sort", "size"}).empty());
  CHECK(advice({"download", "--include", "--no-option", "a/b"}).empty());  // the value of --include
  CHECK(advice({"download", "--", "--no-option"}).empty());
  CHECK(advice({"cache", "rm", "-qy", "a/b"}).empty());
}
