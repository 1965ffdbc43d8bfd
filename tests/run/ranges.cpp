#include <hubcache/run.hpp>

#include <doctest/doctest.h>

#include <set>
#include <support/machine.hpp>

using embedded::fault;
using embedded::listener;
using test::machine;

namespace {

constexpr std::uint64_t size = 40'000'000;

/// A Hub with one file that is worth several exchanges, and a machine.
struct scene {
  scene() { hub.put(repo); }
  embedded::repo_model repo = embedded::one_file(size);
  embedded::hub hub;
  machine here{hub};

  [[nodiscard]] bool complete(const hubcache::snapshot& got) const { return test::holds(got, repo.files()); }
  [[nodiscard]] std::vector<embedded::request_record> ranges() {
    auto all = hub.log().records();
    std::erase_if(all, [](const auto& r) { return !r.content; });
    return all;
  }
};

}  // namespace

TEST_CASE("one big file comes over several connections, each byte once, and the Hub is asked for it once") {
  scene s;
  s.hub.set_bytes_per_second(20'000'000);
  const auto got = s.here.snapshot("acme/one");
  CHECK(s.complete(got));
  CHECK(got.totals.bytes_wire == size);
  std::set<std::uint64_t> connections;
  for (const auto& r : s.ranges()) connections.insert(r.connection);
  CHECK(connections.size() >= 6);
  CHECK(s.hub.log().count([](const auto& r) { return r.path.find("/resolve/") != std::string::npos; }) == 1);
}

TEST_CASE("what is missing between ranges is all that the next run fetches") {
  scene s;
  s.here.config.attempts = 1;
  s.hub.set_bytes_per_second(20'000'000);
  s.hub.inject(fault(embedded::status(404)).on(listener::cdn).after(5));
  CHECK(s.here.failure("acme/one"));
  const auto there = s.ranges();
  s.hub.set_bytes_per_second(0);
  const auto got = s.here.snapshot("acme/one");
  CHECK(s.complete(got));
  CHECK(got.totals.bytes_wire < size);
  CHECK(got.totals.bytes_wire > 0);
  const auto started = s.here.news.all<hubcache::events::started>();
  REQUIRE(started.size() == 1);
  CHECK(started.front().resumed + got.totals.bytes_wire == size);
  CHECK(std::filesystem::file_size(got.path_of("model.safetensors")) == size);
}

TEST_CASE("a signature that expires between ranges is signed anew, at no loss and without a failure") {
  scene s;
  s.hub.inject(fault(embedded::expired_signature()).on(listener::cdn).after(3).repeated(2));
  const auto got = s.here.snapshot("acme/one");
  CHECK(s.complete(got));
  CHECK(got.totals.bytes_wire == size);
  CHECK(s.hub.log().count([](const auto& r) { return r.path.find("/resolve/") != std::string::npos; }) >= 2);
}

TEST_CASE("a server that ignores ranges is read from the start over one connection") {
  scene s;
  const auto ignored =
      s.hub.inject(fault(embedded::ignore_range()).on(listener::cdn).repeated(fault::always));
  CHECK(s.complete(s.here.snapshot("acme/one")));
  CHECK(ignored.fired() >= 1);
  CHECK(s.ranges().back().range.empty());
}

TEST_CASE("one range that fails among many is asked for again where it broke") {
  scene s;
  s.hub.inject(fault(embedded::drop_after_body(1'000'000)).on(listener::cdn).after(2).repeated(3));
  const auto got = s.here.snapshot("acme/one");
  CHECK(s.complete(got));
  CHECK(got.totals.bytes_wire == size);
  CHECK(s.here.news.all<hubcache::events::retried>().size() == 3);
}

TEST_CASE("an altered byte in any range is found, and the file is fetched anew") {
  scene s;
  s.hub.inject(fault(embedded::flip_byte(size / 2)).on(listener::cdn));
  const auto got = s.here.snapshot("acme/one");
  CHECK(s.complete(got));
  CHECK(got.totals.bytes_wire == 2 * size);
}

TEST_CASE("the user's number bounds the connections") {
  scene s;
  s.hub.set_bytes_per_second(40'000'000);
  hubcache::snapshot_options two;
  two.max_transfers = 2;
  CHECK(s.complete(s.here.snapshot("acme/one", two)));
  CHECK(s.hub.connections(listener::cdn) <= 2);
}
