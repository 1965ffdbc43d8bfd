#include <hubcache/hash/openssl.hpp>
#include <hubcache/index/memory_index.hpp>
#include <hubcache/store/content_lock.hpp>
#include <hubcache/store/ledger.hpp>
#include <hubcache/upkeep/clean_up.hpp>
#include <hubcache/upkeep/dedupe.hpp>
#include <hubcache/upkeep/gc.hpp>
#include <hubcache/upkeep/verify.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <stop_token>
#include <string>
#include <support/hub_cache.hpp>
#include <support/patterned.hpp>
#include <support/temp_folder.hpp>
#include <vector>

namespace fs = std::filesystem;

namespace {

/// A request to stop at one of many moments.
class countdown {
 public:
  explicit countdown(std::size_t moments) : left_(moments) {}
  /// One moment.
  void tick() {
    if (left_.fetch_sub(1) == 0) stop_.request_stop();
  }
  [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }
  [[nodiscard]] bool over() const { return stop_.stop_requested(); }

 private:
  std::atomic<std::size_t> left_;
  std::stop_source stop_;
};

/// Three repos of three files, one of which all of them have.
struct scene {
  scene() {
    for (const auto* id : {"acme/a", "acme/b", "acme/c"}) {
      repos.emplace_back(id);
      cache.add(repos.back(), test::commit_of('1'),
                {{"model.bin", weights}, {"own.bin", weights.substr(1) + id}, {"config.json", id}});
    }
  }

  [[nodiscard]] hubcache::census look() { return hubcache::take_census(cache.path(), pool); }
  /// No name leads nowhere or to other bytes than its own, nothing unfinished is left, and nobody holds a lock.
  void check_whole() {
    const auto seen = look();
    for (const auto& problem : seen.problems) FAIL_CHECK(problem.path, " ", problem.text);
    for (const auto& entry : fs::recursive_directory_iterator(cache.path())) {
      const auto path = entry.path().string();
      CHECK_MESSAGE(fs::exists(path), path);
      CHECK_FALSE_MESSAGE(path.ends_with(".incomplete"), path);
      if (entry.is_symlink() || entry.path().parent_path().filename() != "blobs") continue;
      const auto name = test::content_of(test::read_file(path)).name;
      CHECK_MESSAGE(name.hex() == entry.path().filename(), path);
      std::error_code ec;
      CHECK(hubcache::content_lock::try_lock(state, name, "", ec));
    }
    for (const auto& which : repos) {
      std::error_code ec;
      CHECK(hubcache::ledger(state).try_lease(cache.path(), which.folder(),
                                              hubcache::os::lock_mode::exclusive, ec));
    }
  }

  test::temp_folder home;
  std::string state = home / "state";
  test::hub_cache cache{home / "hub"};
  hubcache::workers pool{1};
  hubcache::memory_index index;
  std::vector<hubcache::repo> repos;
  const std::string weights = test::patterned(2'500'000);
};

/// The index of a scene, of which every call is a moment to stop at.
struct counting_index {
  [[nodiscard]] std::vector<hubcache::place> find(const hubcache::digest& name) const {
    moments.tick();
    return index.find(name);
  }
  std::size_t insert(std::span<const hubcache::index_record> records) {
    moments.tick();
    return index.insert(records);
  }
  void forget(const hubcache::digest& name, const std::string& path) {
    moments.tick();
    index.forget(name, path);
  }
  void each(hubcache::record_visitor visit) const { index.each(visit); }
  [[nodiscard]] std::uint64_t size() const { return index.size(); }

  hubcache::memory_index& index;
  countdown& moments;
};

/// Hashes of which every stream begun is a moment to stop at.
struct counting_hashes {
  static constexpr hubcache::hash_set<hubcache::openssl_sha256, hubcache::openssl_sha1>
      hashes{};  // one at a time
  [[nodiscard]] hubcache::any_hasher make(hubcache::digest_algorithm algorithm, std::uint64_t size) const {
    moments.tick();
    return hashes.make(algorithm, size);
  }
  countdown& moments;
};

/// Calls `run(moments)` with a stop at every moment that there is. @return how many there are
template <class Run>
std::size_t stop_everywhere(Run run) {
  for (std::size_t count = 0;; ++count) {
    CAPTURE(count);
    countdown moments(count);
    run(moments);
    if (!moments.over()) return count;
  }
}

}  // namespace

TEST_CASE("gc that is stopped at any moment leaves a whole cache, and the next one goes on") {
  const auto moments = stop_everywhere([](countdown& stop) {
    scene s;
    hubcache::gc_goal goal;
    goal.max_bytes = 0;
    const auto gc = [&s, &goal](auto& index, const std::stop_token& token) {
      const auto seen = s.look();
      const auto map = map_disk(seen, s.pool);
      const auto planned = plan_gc(seen, map, hubcache::ledger_view(seen), goal);
      return carry_out(planned.what, s.state, index, token);
    };
    counting_index counting{s.index, stop};
    const auto first = gc(counting, stop.token());
    CHECK((first.stopped || first.complete()));
    s.check_whole();
    CHECK(gc(s.index, {}).complete());
    const auto left = s.look();
    CHECK(freeable_bytes(left, map_disk(left, s.pool)) == 0);
  });
  CHECK(moments >= 9);
}

TEST_CASE("dedupe that is stopped at any moment leaves a whole cache, and the next one goes on") {
  const auto moments = stop_everywhere([](countdown& stop) {
    scene s;
    const auto plan = [&s] {
      const auto seen = s.look();
      return plan_dedupe(std::span(&seen, 1), {}, s.index, {}, {}, s.pool, {});
    };
    const auto tick = [&stop](std::uint64_t, std::uint64_t) { stop.tick(); };
    const auto first = dedupe(plan(), s.state, s.index, tick, stop.token());
    CHECK(first.complete == !stop.over());
    s.check_whole();
    CHECK(dedupe(plan(), s.state, s.index, {}, {}).complete);
    s.check_whole();
    CHECK(plan().groups.empty());
  });
  CHECK(moments >= 2);
}

TEST_CASE("verify that is stopped at any moment says nothing wrong, and the next one reads only the rest") {
  const auto moments = stop_everywhere([](countdown& stop) {
    scene s;
    hubcache::verify_options options;
    options.checkpoint = s.home / "state/verify/cache";
    const auto plan = [&s] {
      const auto seen = s.look();
      std::vector<hubcache::verify_scope> all;
      for (std::size_t i = 0; i < seen.repos.size(); ++i) all.emplace_back(i);
      return plan_verify(seen, all, {});
    };
    const auto first = verify(plan(), counting_hashes{stop}, s.pool, options, stop.token());
    CHECK(first.complete == !stop.over());
    std::uint64_t done = 0;
    for (const auto& file : first.files) {
      CHECK((file.outcome == hubcache::verdict::ok || file.outcome == hubcache::verdict::pending));
      if (file.outcome == hubcache::verdict::ok) done += file.identity.size;
    }
    const auto second = verify(plan(), counting_hashes::hashes, s.pool, options, {});
    CHECK(second.complete);
    CHECK(second.counts()[static_cast<std::size_t>(hubcache::verdict::ok)] == second.files.size());
    if (stop.over()) CHECK(second.resumed == done);
  });
  CHECK(moments >= 9);
}
