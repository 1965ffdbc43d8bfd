#include <hubcache/run.hpp>

#include <doctest/doctest.h>

#include <support/machine.hpp>
#include <support/mounted.hpp>

using hubcache::errc;
using hubcache::snapshot_options;
using test::machine;
using test::mounted;

namespace {

embedded::repo_model big_files(std::size_t count, std::uint64_t size) {
  embedded::repo_model repo("acme/big");
  embedded::file_map files;
  for (std::size_t i = 0; i < count; ++i) {
    files["part-" + std::to_string(i)] = embedded::lfs(embedded::file_content::generated(i, size));
  }
  repo.commit(std::move(files));
  return repo;
}

struct scene {
  scene() { here.config.cache_dir = *disk / "hub"; }
  std::unique_ptr<mounted> disk = mounted::tmpfs("6m");
  embedded::hub hub;
  machine here{hub};
};

}  // namespace

TEST_CASE("a download that does not fit is refused before its first byte, by name of the folder") {
  if (!mounted::tmpfs("1m")) return;
  scene s;
  s.hub.put(big_files(2, 4'000'000));
  const auto failure = s.here.failure("acme/big");
  REQUIRE(failure);
  CHECK(failure->reason() == errc::disk_full);
  CHECK(failure->context().file.find("models--acme--big") != std::string::npos);
  CHECK(s.hub.log().content_gets() == 0);
}

TEST_CASE("a disk that fills up during the download ends it, keeps what arrived, and the next run goes on") {
  if (!mounted::tmpfs("1m")) return;
  scene s;
  s.hub.put(big_files(3, 1'500'000));
  s.hub.set_bytes_per_second(4'000'000);
  snapshot_options one_by_one;
  one_by_one.max_transfers = 1;
  // Somebody else takes the space while the first file arrives.
  const auto hog = *s.disk / "hog";
  auto observer = [&](const hubcache::event& e) {
    if (std::holds_alternative<hubcache::events::started>(e) && !std::filesystem::exists(hog)) {
      std::ofstream(hog) << std::string(3'500'000, 'x');
    }
  };
  {
    hubcache::cache cache(s.here.config);
    try {
      static_cast<void>(cache.snapshot("acme/big", one_by_one, observer));
      FAIL("there was no room");
    } catch (const hubcache::error& e) {
      CHECK(e.reason() == errc::disk_full);
    }
  }
  std::filesystem::remove(hog);
  s.hub.log().clear();
  CHECK(test::holds(s.here.snapshot("acme/big"), big_files(3, 1'500'000).files()));
  CHECK(s.hub.log().content_bytes_sent() < 4'500'000);
}

TEST_CASE("a read-only cache that has everything serves") {
  if (!mounted::tmpfs("1m")) return;
  scene s;
  s.hub.put(big_files(1, 100'000));
  const auto first = s.here.snapshot("acme/big");
  REQUIRE(::mount(nullptr, s.disk->path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0);
  CHECK(s.here.snapshot("acme/big").path == first.path);
  s.hub.put(big_files(2, 100'000));
  const auto failure = s.here.failure("acme/big");
  REQUIRE(failure);
  CHECK(failure->reason() == errc::disk_failed);
}

TEST_CASE("an error of the disk names the repo that it befell, and the path") {
  embedded::hub hub;
  hub.put(big_files(1, 1000));
  machine here(hub);
  const auto in_the_way = here.home.write("hub/models--acme--big", "a file where the repo's folder would be");
  const auto failure = here.failure("acme/big");
  REQUIRE(failure);
  CHECK(failure->context().repo == "acme/big");
  CHECK(failure->context().file.starts_with(in_the_way));
}
