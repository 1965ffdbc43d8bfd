// How an embedder tests code of his own that loads models: no network, a Hub of canned answers.
#include <hubcache/cache.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <canned_hub.hpp>
#include <optional>
#include <string>

#include "conformance/transport_cache.hpp"
#include "support/temp_folder.hpp"

namespace {

/// The code under test: how many words a model knows; none if it cannot be had.
template <class Cache>
std::optional<std::size_t> vocabulary_size(Cache& cache, const std::string& model) {
  try {
    hubcache::snapshot_options options;
    options.allow = {"vocab.txt"};
    const auto text = test::read_file(cache.snapshot(model, options).path_of("vocab.txt"));
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  } catch (const hubcache::error&) {
    return std::nullopt;
  }
}

/// A machine whose Hub has acme/words.
class offline_machine {
 public:
  offline_machine() {
    hub.put("acme/words", {{"vocab.txt", "one\ntwo\nthree\n"}, {"model.bin", "not asked for"}});
    config.endpoint = plugins::canned_hub::endpoint();
    config.cache_dir = home / "hub";
    config.state_dir = home / "hubcache";
    config.attempts = 2;
    config.retry_pause = std::chrono::milliseconds(1);
  }
  [[nodiscard]] std::optional<std::size_t> words(const std::string& model) {
    test::cache_over cache(config, test::erased([this](asio::any_io_executor) { return hub.network(); }));
    return vocabulary_size(*cache, model);
  }

  test::temp_folder home;
  plugins::canned_hub hub;
  hubcache::settings config;
};

}  // namespace

TEST_CASE("a model is loaded from canned answers, and what was not asked for is not fetched") {
  offline_machine here;
  std::string asked;
  here.hub.alter = [&](const auto& request, auto&) { asked += request.target.target() + " "; };
  CHECK(here.words("acme/words") == 3);
  CHECK(asked.find("/vocab.txt ") != asked.npos);
  CHECK(asked.find("/model.bin ") == asked.npos);
}

TEST_CASE("a model that the Hub does not have is none") {
  offline_machine here;
  CHECK_FALSE(here.words("acme/other"));
}

TEST_CASE("a Hub that fails once is asked again, one that always fails gives no model") {
  offline_machine here;
  int failures = 1;
  here.hub.alter = [&](const auto&, auto& answer) {
    if (failures-- > 0) answer.head.status = 503;
  };
  CHECK(here.words("acme/words") == 3);
  offline_machine other;
  other.hub.alter = [](const auto&, auto& answer) { answer.head.status = 503; };
  CHECK_FALSE(other.words("acme/words"));
}

TEST_CASE("wherever the network fails once, the model is loaded") {
  for (std::size_t step = 0; step < 6; ++step) {
    offline_machine here;
    auto network = here.hub.network();
    network.fail_at(step);
    test::cache_over cache(here.config, test::erased([&](asio::any_io_executor) { return network; }));
    CHECK(vocabulary_size(*cache, "acme/words") == 3);
  }
}

TEST_CASE("bytes that are not the Hub's are no model, and leave none behind") {
  offline_machine here;
  here.hub.alter = [](const auto& request, auto& answer) {
    if (request.target.target().ends_with("/vocab.txt")) answer.body = "one\ntwo\nfours\n";
  };
  CHECK_FALSE(here.words("acme/words"));
  here.hub.alter = nullptr;
  CHECK(here.words("acme/words") == 3);
}
