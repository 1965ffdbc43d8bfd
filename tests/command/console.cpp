#include "console.hpp"

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>

using command::console_style;
using form = console_style::progress_form;

namespace {

hubcache::variable_lookup variables(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
    const auto at = values.find(name);
    if (at == values.end()) return std::nullopt;
    return at->second;
  };
}

}  // namespace

TEST_CASE("a terminal gets a live display in colour") {
  const auto style = command::style_for(true, false, variables({{"TERM", "xterm"}}));
  CHECK(style.progress == form::live);
  CHECK(style.colour);
}

TEST_CASE("a pipe, a dumb terminal and one without a name get plain lines without colour") {
  for (const auto& style : {command::style_for(false, false, variables({{"TERM", "xterm"}})),
                            command::style_for(true, false, variables({{"TERM", "dumb"}})),
                            command::style_for(true, false, variables({}))}) {
    CHECK(style.progress == form::lines);
    CHECK_FALSE(style.colour);
  }
}

TEST_CASE("NO_COLOR takes the colour and nothing else") {
  const auto style = command::style_for(true, false, variables({{"TERM", "xterm"}, {"NO_COLOR", "1"}}));
  CHECK(style.progress == form::live);
  CHECK_FALSE(style.colour);
}

TEST_CASE("--quiet and HF_HUB_DISABLE_PROGRESS_BARS take the progress") {
  CHECK(command::style_for(true, true, variables({{"TERM", "xterm"}})).progress == form::none);
  for (const char* yes : {"1", "true", "ON", "Yes"}) {
    const auto lookup = variables({{"TERM", "xterm"}, {"HF_HUB_DISABLE_PROGRESS_BARS", yes}});
    CHECK(command::style_for(true, false, lookup).progress == form::none);
    CHECK(command::style_for(false, false, lookup).progress == form::none);
  }
  CHECK(command::style_for(true, false, variables({{"TERM", "xterm"}, {"HF_HUB_DISABLE_PROGRESS_BARS", "0"}}))
            .progress == form::live);
}

TEST_CASE("a frame replaces the one before and clears what is below") {
  CHECK(command::frame({"a", "b"}, 0) == "\r\x1b[?7la\x1b[K\nb\x1b[K\n\x1b[J\x1b[?7h");
  CHECK(command::frame({"a"}, 3) == "\r\x1b[3A\x1b[?7la\x1b[K\n\x1b[J\x1b[?7h");
  CHECK(command::frame({}, 1) == "\r\x1b[1A\x1b[?7l\x1b[J\x1b[?7h");
}
