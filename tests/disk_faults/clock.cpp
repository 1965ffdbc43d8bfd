// Clocks that jump, and files from the future.
#include <hubcache/store/local_layout.hpp>

#include <doctest/doctest.h>

#include <fstream>

#include "disk_faults/disk_calls.hpp"
#include "disk_faults/scene.hpp"

using namespace std::chrono_literals;
using hubcache::snapshot_options;
using test::clock_jump;
using test::machine;
using test::two_repos;
namespace fs = std::filesystem;

namespace {

constexpr auto year = 365 * 24h;

void set_time(const fs::path& path, std::chrono::seconds from_now) {
  fs::last_write_time(path, fs::file_time_type::clock::now() + from_now);
}

}  // namespace

TEST_CASE("a clock that jumps while a download runs changes nothing") {
  two_repos world;
  for (const auto by : {-20 * year, 20 * year}) {
    machine here(world.hub);
    std::optional<clock_jump> jumped;
    auto observer = [&](const hubcache::event& e) {
      if (std::holds_alternative<hubcache::events::started>(e)) jumped.emplace(by);
    };
    {
      hubcache::cache cache(here.config);
      CHECK(test::holds(cache.snapshot("acme/first", snapshot_options(), observer), world.first.files()));
    }
    CHECK(jumped);
    world.hub.log().clear();
    CHECK(test::holds(here.snapshot("acme/first"), world.first.files()));
    jumped.reset();
    CHECK(test::holds(here.snapshot("acme/second"), world.second.files()));
    CHECK(world.hub.log().content_bytes_sent() < 100);  // its own config.json
  }
}

TEST_CASE("a file from the future is linked, and hashed again as long as its time may still come") {
  two_repos world;
  machine here(world.hub);
  const auto weights = world.first.files().at("model.safetensors");
  const auto path = here.home.write("mine.bin", weights.content.text());
  set_time(path, year);
  snapshot_options options;
  options.mapping = hubcache::cache_mapping{{*hubcache::digest::parse(weights.etag()), path}};
  CHECK(test::holds(here.snapshot("acme/first", options), world.first.files()));
  CHECK(world.hub.log().content_bytes_sent() < weights.content.size());
  // Edited, with the same size and time: what was hashed before is not believed.
  std::fstream(path, std::ios::in | std::ios::out) << "edited";
  set_time(path, year);
  CHECK(test::holds(here.snapshot("acme/second", options), world.second.files()));
}

TEST_CASE("a record of a local folder that a wrong clock made does not hide an edit") {
  two_repos world;
  machine here(world.hub);
  snapshot_options options;
  options.local_dir = here.home / "local";
  {
    const clock_jump jumped(20 * year);
    CHECK(test::holds(here.snapshot("acme/first", options), world.first.files()));
  }
  const auto path = here.home / "local/model.safetensors";
  fs::permissions(path, fs::perms(0644));
  std::fstream(path, std::ios::in | std::ios::out) << "edited";
  CHECK(test::holds(here.snapshot("acme/first", options), world.first.files()));
}
