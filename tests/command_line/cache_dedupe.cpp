// `hubcache cache dedupe` as its users run it.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <support/hub_cache.hpp>
#include <support/mounted.hpp>
#include <support/patterned.hpp>
#include <support/process.hpp>

namespace fs = std::filesystem;
using test::mounted;

namespace {

using result = test::outcome;

/// A user with two repos of the same weights, on a disk of his own.
struct shell {
  explicit shell(const mounted& where) : disk(where) {
    environment = {{"HOME", disk / "."}, {"HF_HOME", disk / "hf"}, {"HF_HUB_OFFLINE", "1"}};
    cache.add(one, test::commit_of('1'), {{"model.bin", weights}});
    cache.add(two, test::commit_of('2'), {{"model.bin", weights}});
  }
  result run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {HUBCACHE_COMMAND, "cache", "dedupe"});
    test::process child(std::move(arguments), environment);
    return test::outcome_of(child);
  }
  [[nodiscard]] std::string blob(const hubcache::repo& which) const { return cache.blob(which, weights); }
  [[nodiscard]] bool linked() const { return fs::equivalent(blob(one), blob(two)); }

  const mounted& disk;
  const test::hub_cache cache{disk / "hf/hub"};
  const hubcache::repo one{"acme/one"};
  const hubcache::repo two{"acme/two"};
  const std::string weights = test::patterned(8'000'000);
  std::map<std::string, std::string> environment;
};

}  // namespace

TEST_CASE("a dry run tells what would be shared, and changes nothing") {
  const auto disk = mounted::image("mkfs.ext4 -q", "64M");
  if (!disk) return;
  shell s(*disk);
  const auto got = s.run({"--dry-run"});
  CHECK(got.code == 0);
  CHECK(got.tells("8.0M hardlink"));
  CHECK(got.tells("[dry-run] Would let 1 file share bytes, freeing about 8.0M."));
  CHECK(!s.linked());
  CHECK(s.run({"--dry-run", "--json"}).tells("\"dry_run\": true"));
  CHECK(s.run({"--dry-run", "-q"}).out == s.blob(s.two) + "\n");
}

TEST_CASE("without -y and a terminal it is refused; with -y equal blobs become one") {
  const auto disk = mounted::image("mkfs.ext4 -q", "64M");
  if (!disk) return;
  shell s(*disk);
  CHECK(s.run({}).code == 9);
  CHECK(!s.linked());
  const auto got = s.run({"-y"});
  CAPTURE(got.err);
  CHECK(got.code == 0);
  CHECK(got.tells("Freed 8.0M (estimated: 8.0M); 1 file shares its bytes with others now."));
  CHECK(s.linked());
  CHECK(test::read_file(s.cache.layout(s.two).snapshot(test::commit_of('2')) + "/model.bin") == s.weights);
  CHECK(s.run({}).tells("Freed 0.0 "));  // nothing to do, nothing to ask
}

TEST_CASE("on btrfs the freed bytes are those of the file system, and the files stay two") {
  const auto disk = mounted::image("mkfs.btrfs -q", "200M");
  if (!disk) return;
  shell s(*disk);
  const auto got = s.run({"-y", "--json"});
  CHECK(got.code == 0);
  CHECK(got.tells("\"by\": \"reflink\""));
  CHECK(got.tells("\"done\": true"));
  CHECK(!s.linked());
  const auto freed = std::strtoull(got.out.c_str() + got.out.find("\"freed\": ") + 9, nullptr, 10);
  CHECK(freed > 7'000'000);
  CHECK(freed < 9'000'000);
}

TEST_CASE("content that is not what its name says is left, told, and has exit code 1") {
  const auto disk = mounted::image("mkfs.btrfs -q", "200M");
  if (!disk) return;
  shell s(*disk);
  std::fstream(s.blob(s.two), std::ios::in | std::ios::out) << "damaged";
  const auto damaged = test::read_file(s.blob(s.two));
  const auto got = s.run({"-y"});
  CHECK(got.code == 1);
  CHECK(got.err.find("does not hold the same bytes") != got.err.npos);
  CHECK(test::read_file(s.blob(s.one)) == s.weights);
  CHECK(test::read_file(s.blob(s.two)) == damaged);
}

TEST_CASE("files below --min-size are left alone") {
  const auto disk = mounted::image("mkfs.ext4 -q", "64M");
  if (!disk) return;
  shell s(*disk);
  CHECK(s.run({"-y", "--min-size", "9M"}).tells("0 files"));
  CHECK(!s.linked());
  CHECK(s.run({"-y", "--min-size", "many"}).code == 2);
}
