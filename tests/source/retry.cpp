#include <hubcache/source/retry.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <vector>

using hubcache::errc;
using hubcache::next_attempt;
using hubcache::retry_state;
using hubcache::settings;
using namespace std::chrono_literals;

namespace {

constexpr double no_noise = 0.5;  // the middle of the spread

using pauses = std::vector<std::chrono::milliseconds>;

/// The pauses after each failure in a row, until it is given up.
pauses pauses_of(const settings& config, errc failure) {
  pauses result;
  retry_state state;
  while (const auto pause = next_attempt(config, state, failure, std::nullopt, no_noise))
    result.push_back(*pause);
  return result;
}

}  // namespace

TEST_CASE("What may pass is tried again, with pauses that double") {
  for (const auto failure : {errc::connection_lost, errc::server_failed, errc::rate_limited}) {
    CHECK(pauses_of(settings(), failure) == pauses{500ms, 1000ms, 2000ms, 4000ms, 8000ms});
  }
}

TEST_CASE("Pauses grow to 16 times the first and no further") {
  settings config;
  config.attempts = 9;
  config.retry_pause = 10ms;
  CHECK(pauses_of(config, errc::connection_lost) ==
        pauses{10ms, 20ms, 40ms, 80ms, 160ms, 160ms, 160ms, 160ms});
}

TEST_CASE("A host that cannot be reached is tried once more, altered content and silence twice more") {
  CHECK(pauses_of(settings(), errc::timed_out).size() == 2);
  CHECK(pauses_of(settings(), errc::host_not_found).size() == 1);
  CHECK(pauses_of(settings(), errc::connection_failed).size() == 1);
  CHECK(pauses_of(settings(), errc::digest_mismatch).size() == 2);
  CHECK(pauses_of(settings(), errc::size_mismatch).size() == 2);
  CHECK(pauses_of(settings(), errc::bad_response).size() == 2);
}

TEST_CASE("What another attempt cannot cure is given up at once") {
  for (const auto failure :
       {errc::unauthorized, errc::gated, errc::forbidden, errc::repo_not_found, errc::revision_not_found,
        errc::file_not_found, errc::tls_failed, errc::proxy_failed, errc::http_failed, errc::disk_full,
        errc::disk_failed, errc::cancelled, errc::refused, errc::internal, errc::invalid_argument}) {
    CAPTURE(to_string(failure));
    retry_state state;
    CHECK_FALSE(next_attempt(settings(), state, failure, 1s, no_noise));
  }
}

TEST_CASE("One attempt means no retry") {
  settings config;
  config.attempts = 1;
  CHECK(pauses_of(config, errc::connection_lost).empty());
  CHECK(pauses_of(config, errc::host_not_found).empty());
  CHECK(pauses_of(config, errc::digest_mismatch).empty());
}

TEST_CASE("Progress starts the count again") {
  settings config;
  config.attempts = 2;
  retry_state state;
  CHECK(next_attempt(config, state, errc::connection_lost, std::nullopt, no_noise));
  state.progress();
  CHECK(next_attempt(config, state, errc::connection_lost, std::nullopt, no_noise) == 500ms);
  CHECK_FALSE(next_attempt(config, state, errc::connection_lost, std::nullopt, no_noise));
}

TEST_CASE(
    "A pause that the server asks for is kept exactly and uses up no attempt, but there is an end to it") {
  retry_state state;
  state.patience = 140s;
  int waits = 0;
  while (const auto pause = next_attempt(settings(), state, errc::rate_limited, 7s, 0.9)) {
    CHECK(*pause == 7s);
    ++waits;
    REQUIRE(waits < 100);
  }
  CHECK(waits == 20);
  CHECK(state.failures == 0);
}

TEST_CASE("A server that answered before may be out of reach for longer than one that never did") {
  settings config;
  config.attempts = 4;
  for (const auto failure : {errc::connection_failed, errc::host_not_found}) {
    retry_state state;
    CHECK(next_attempt(config, state, failure, std::nullopt, no_noise));
    CHECK_FALSE(next_attempt(config, state, failure, std::nullopt, no_noise));
    state.progress();
    for (int i = 0; i < 3; ++i) CHECK(next_attempt(config, state, failure, std::nullopt, no_noise));
    CHECK_FALSE(next_attempt(config, state, failure, std::nullopt, no_noise));
  }
}

TEST_CASE("A proxy that served before is tried again, a few times") {
  retry_state state;
  CHECK_FALSE(next_attempt(settings(), state, errc::proxy_failed, std::nullopt, no_noise));
  state.progress();
  for (int i = 0; i < 2; ++i)
    CHECK(next_attempt(settings(), state, errc::proxy_failed, std::nullopt, no_noise));
  CHECK_FALSE(next_attempt(settings(), state, errc::proxy_failed, std::nullopt, no_noise));
}

TEST_CASE("Only a server that is limiting or failing is waited for as it asks") {
  retry_state state;
  CHECK(next_attempt(settings(), state, errc::server_failed, 7s, no_noise) == 7s);
  CHECK(next_attempt(settings(), state, errc::connection_lost, 7s, no_noise) == 500ms);
}

TEST_CASE("A server that asks for no wait is left as soon as one that asks for nothing") {
  retry_state state;
  for (int i = 1; i < settings().attempts; ++i) {
    CHECK(next_attempt(settings(), state, errc::rate_limited, 0s, no_noise) >= 500ms);
  }
  CHECK_FALSE(next_attempt(settings(), state, errc::rate_limited, 0s, no_noise));
}

TEST_CASE("Noise spreads a pause by a quarter to either side") {
  retry_state low, high;
  CHECK(next_attempt(settings(), low, errc::timed_out, std::nullopt, 0.0) == 375ms);
  CHECK(next_attempt(settings(), high, errc::timed_out, std::nullopt, 0.999) == 624ms);
}
