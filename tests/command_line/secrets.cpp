// A token in the hands of the command, and of a Hub that repeats it: nothing that is printed has it.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <support/hub/fixtures.hpp>
#include <support/hub/server.hpp>
#include <support/process.hpp>
#include <support/temp_folder.hpp>

using embedded::fault;

namespace {

const std::string token = "hf_hunter2token";

/// A private repo that `token` opens.
struct shell {
  shell() {
    embedded::repo_model repo("acme/secret");
    repo.is_private = true;
    repo.grants = {token};
    repo.commit({{"config.json", embedded::regular("{}")},
                 {"model.safetensors", embedded::lfs(embedded::file_content::generated(1, 300'000))}});
    hub.put(repo);
  }
  /// What the command prints, its exit code at the end.
  [[nodiscard]] std::string run(std::vector<std::string> words) const {
    words.insert(words.begin(), HUBCACHE_COMMAND);
    test::process child(std::move(words), {{"HOME", home / "user"},
                                           {"HF_HOME", home / "hf"},
                                           {"HF_ENDPOINT", hub.endpoint()},
                                           {"HF_TOKEN", token}});
    const auto got = test::outcome_of(child);
    return got.out + got.err + std::to_string(got.code);
  }

  embedded::hub hub;
  test::temp_folder home;
};

/// An answer that repeats the request's token in its body and its fields.
embedded::fault_action repeat_the_token() {
  embedded::fault_action action;
  action.apply = [](embedded::exchange& e) {
    const auto* sent = e.asked.headers.find("Authorization");
    const auto text = "no entry for " + (sent != nullptr ? std::string(*sent) : std::string("nobody"));
    e.answer.status = 403;
    e.answer.text(R"({"error":")" + text + "\"}", "application/json");
    e.answer.headers.set("X-Error-Message", text);
  };
  return action;
}

}  // namespace

TEST_CASE("no command prints the token, whether it succeeds or the Hub repeats it in a refusal") {
  for (const bool refused : {false, true}) {
    shell s;
    if (refused) s.hub.inject(fault(repeat_the_token()).repeated(fault::always));
    const std::vector<std::vector<std::string>> commands{{"download", "acme/secret", "--json"},
                                                         {"download", "acme/secret", "--dry-run"},
                                                         {"download", "acme/secret:Q4_K_M"},
                                                         {"inspect", "acme/secret", "--json"},
                                                         {"compare", "acme/secret", "acme/secret"},
                                                         {"pipeline", "acme/secret", "--json"},
                                                         {"lock", "write", "acme/secret", "-o", s.home / "lock"}};
    for (const auto& words : commands) {
      const auto said = s.run(words);
      CHECK_MESSAGE(said.find(token) == said.npos, words[0], ": ", said);
      CHECK_MESSAGE(said.ends_with("4") == refused, words[0], ": ", said);
    }
  }
}
