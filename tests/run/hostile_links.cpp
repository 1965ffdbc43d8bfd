// Symlinks, fifos and folders in the place of whatever a run creates or writes: nothing outside of the cache is written
// or removed, nothing hangs, and once they are gone all is well.
#include <hubcache/index/mapped_index.hpp>
#include <hubcache/store/ledger.hpp>
#include <hubcache/upkeep/clean_up.hpp>
#include <hubcache/upkeep/dedupe.hpp>
#include <hubcache/upkeep/quarantine.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <support/machine.hpp>
#include <support/outside.hpp>
#include <sys/stat.h>
#include <unistd.h>

namespace fs = std::filesystem;
using hubcache::snapshot_options;
using test::machine;

namespace {

/// What stands where a file or folder of the cache belongs.
enum class plant : unsigned char { folder_link, file_link, dangling_link, moved, fifo, folder };
constexpr plant all_plants[] = {plant::folder_link, plant::file_link, plant::dangling_link,
                                plant::moved,       plant::fifo,      plant::folder};

const hubcache::repo mixed("acme/mixed");
const hubcache::repo twin("acme/twin");

/// A home whose path is the same in each round, and so are the names that depend on it.
class ground {
 public:
  ground() : here_(hub_) {
    embedded::repo_model repo(mixed.id());
    embedded::file_map files;
    files["config.json"] = embedded::regular("{}");
    files["nested/deep/notes.txt"] = embedded::regular("notes");
    files["large.bin"] = embedded::lfs(embedded::file_content::generated(1, 1'200'000));
    files["small.bin"] = embedded::lfs(embedded::file_content::generated(2, 70'000));
    first_ = repo.commit(files);
    files["config.json"] = embedded::regular("{\"a\": 1}");
    files["second.bin"] = embedded::lfs(embedded::file_content::generated(3, 1'300'000));
    repo.commit(files);
    files_ = files;
    hub_.put(repo);
    embedded::repo_model other(twin.id());
    other.commit({{"same.bin", files.at("small.bin")}});
    hub_.put(other);
    here_.config.cache_dir = root() + "/hub";
    here_.config.state_dir = root() + "/hubcache";
  }

  [[nodiscard]] std::string root() const { return here_.home / "root"; }
  [[nodiscard]] const hubcache::settings& config() const { return here_.config; }
  [[nodiscard]] snapshot_options latest() const {
    return local ? snapshot_options().with_local_dir(root() + "/local") : snapshot_options();
  }

  /// A home as it is after a run of the older commit.
  void fill() {
    clear();
    auto older = latest();
    older.revision = first_;
    here_.snapshot(mixed, older);
    auto copied = snapshot_options();
    copied.links = hubcache::link_kind::copy;
    here_.snapshot(twin, copied);
  }
  void clear() const {
    fs::remove_all(root());
    fs::create_directories(root());
  }

  /// Makes one blob corrupt.
  void damage() const {
    const auto blob = here_.blob(mixed, files_.at("large.bin").etag());
    fs::permissions(blob, fs::perms::owner_write, fs::perm_options::add);
    std::fstream(blob, std::ios::in | std::ios::out | std::ios::binary).put('!');
  }

  /// Runs, whatever comes of it.
  void try_run() { here_.failure(mixed, latest()); }
  /// Whether a run ends with all files.
  bool completes() { return test::holds(here_.snapshot(mixed, latest()), files_); }

  /// All that runs of both commits leave, and what they have in between, relative to the root. A repo's own folder
  /// may be a symlink of its user, as may the cache and the state folder.
  std::vector<std::string> paths() {
    fill();
    here_.snapshot(mixed, latest());
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(root())) {
      const auto path = entry.path().lexically_relative(root()).string();
      const auto depth = std::count(path.begin(), path.end(), '/');
      const bool users_own = depth == 0 || (depth == 1 && path.starts_with("hub/models--"));
      if (!users_own) found.push_back(path);
    }
    const auto scratch = local ? "local/.cache/huggingface/download/" : "hub/" + mixed.folder() + "/blobs/";
    for (const auto* file : {"large.bin", "second.bin", "small.bin"}) {
      found.push_back(scratch + files_.at(file).etag() + ".68756263.incomplete");
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  bool local = false;

 private:
  embedded::hub hub_;
  machine here_;
  std::string first_;
  embedded::file_map files_;
};

/// Puts `what` in the place of `path`, and takes it away again.
class planted {
 public:
  planted(plant what, std::string path, const test::outside& away)
      : what_(what), path_(std::move(path)), moved_(away / "moved") {
    if (what != plant::moved) fs::remove_all(path_);
    fs::create_directories(fs::path(path_).parent_path());
    if (what == plant::folder_link) fs::create_symlink(away / "folder", path_);
    if (what == plant::file_link) fs::create_symlink(away / "file", path_);
    if (what == plant::dangling_link) fs::create_symlink(away / "none", path_);
    if (what == plant::fifo) ::mkfifo(path_.c_str(), 0666);
    if (what == plant::folder) fs::create_directories(path_ + "/inner");
    if (what == plant::moved && fs::symlink_status(path_).type() != fs::file_type::not_found) {
      fs::rename(path_, moved_);
      fs::create_symlink(moved_, path_);
    }
  }
  void take_away() const {
    fs::remove_all(path_);
    if (what_ == plant::moved && fs::symlink_status(moved_).type() != fs::file_type::not_found) {
      fs::create_directories(fs::path(path_).parent_path());
      fs::rename(moved_, path_);
    }
  }

 private:
  plant what_;
  std::string path_;
  std::string moved_;
};

/// Calls `round(what, path)` for every second path with one plant, or for all with all where time is no matter.
template <class Round>
void each_plant(const std::vector<std::string>& paths, Round round) {
  const bool full = std::getenv("HUBCACHE_TEST_FULL") != nullptr;
  constexpr std::size_t kinds = std::size(all_plants);
  for (std::size_t i = 0; i < paths.size(); i += full ? 1 : 2) {
    for (std::size_t k = 0; k < (full ? kinds : 1); ++k) round(all_plants[(i / 2 + k) % kinds], paths[i]);
  }
}

/// One round of a download.
void download(ground& place, plant what, const std::string& path) {
  CAPTURE(path);
  CAPTURE(static_cast<int>(what));
  const test::outside away;
  place.fill();
  const planted trap(what, place.root() + "/" + path, away);
  const auto before = away.state();
  place.try_run();
  CHECK(away.state() == before);
  trap.take_away();
  CHECK(place.completes());
}

/// Prunes, dedupes, verifies, puts corrupt files away and removes all there is, whatever comes of it.
void maintain(const hubcache::settings& config) {
  hubcache::workers pool(1);
  hubcache::mapped_index index(config.state_dir + "/index");
  const hubcache::default_hashes hashes;
  const hubcache::ledger book(config.state_dir);
  const auto look = [&] { return hubcache::take_census(config.cache_dir, pool); };
  const auto clean_up = [&](auto plan) {
    try {
      const auto seen = look();
      const auto view = view_ledger(book, book.pins(config.cache_dir), seen);
      (void)carry_out(plan(seen, map_disk(seen, pool), view), config.state_dir, index);
    } catch (const hubcache::error&) {  // pins that cannot be read, say
    }
  };
  const auto prune = [](const auto& seen, const auto& map, const auto& view) {
    hubcache::leftover_rule rule;
    rule.now_ns =
        std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch() + std::chrono::hours(48))
            .count();
    return plan_prune(seen, map, view, rule);
  };
  const auto remove_all = [](const auto& seen, const auto& map, const auto& view) {
    hubcache::removal_choice chosen(seen);
    chosen.repos.assign(seen.repos.size(), true);
    return plan_named_removal(seen, map, view, chosen);
  };
  auto seen = look();
  (void)dedupe(plan_dedupe(std::span(&seen, 1), {}, index, {}, {}, pool, {}), config.state_dir, index, {},
               {});
  seen = look();
  std::vector<hubcache::verify_scope> all;
  for (std::size_t i = 0; i < seen.repos.size(); ++i) all.emplace_back(i);
  hubcache::verify_options options;
  options.checkpoint = config.state_dir + "/verify/all";
  const auto done = verify(plan_verify(seen, all, {}), hashes, pool, options, {});
  (void)quarantine(plan_quarantine(seen, done), config.state_dir, {});
  clean_up(prune);
  clean_up(remove_all);
}

}  // namespace

TEST_CASE("whatever stands in the place of a cache's files and folders, a download writes nothing outside") {
  ground place;
  each_plant(place.paths(), [&](plant what, const std::string& path) { download(place, what, path); });
}

TEST_CASE(
    "whatever stands in the place of a local folder's files and records, a download writes nothing outside") {
  ground place;
  place.local = true;
  auto paths = place.paths();
  std::erase_if(paths, [](const std::string& path) { return !path.starts_with("local/"); });
  each_plant(paths, [&](plant what, const std::string& path) { download(place, what, path); });
}

TEST_CASE("whatever part of a cache lies elsewhere, no maintenance changes anything there") {
  ground place;
  const auto paths = place.paths();
  const bool full = std::getenv("HUBCACHE_TEST_FULL") != nullptr;
  for (std::size_t i = 0; i < paths.size(); i += full ? 1 : 4) {
    CAPTURE(paths[i]);
    const test::outside away;
    place.fill();
    place.damage();
    const planted trap(plant::moved, place.root() + "/" + paths[i], away);
    const auto before = away.state();
    maintain(place.config());
    CHECK(away.state() == before);
  }
}

TEST_CASE("a repo's folder, the cache or the home may be a symlink that its user made") {
  embedded::hub hub;
  hub.put(embedded::tiny());
  for (const auto* path : {"hub", "hub/models--acme--tiny", "hubcache"}) {
    CAPTURE(path);
    machine here(hub);
    const test::temp_folder other_disk;
    fs::create_directories(fs::path(here.home / path).parent_path());
    fs::create_directory_symlink(other_disk.path(), here.home / path);
    CHECK(test::holds(here.snapshot("acme/tiny"), embedded::tiny().files()));
    CHECK_FALSE(fs::is_empty(other_disk.path()));
  }
}

TEST_CASE("a repo's folder that another user made a symlink is neither written to nor cleaned up") {
  if (::geteuid() != 0) return;
  embedded::hub hub;
  hub.put(embedded::tiny());
  machine here(hub);
  const test::outside away;
  const auto link = here.repo_dir("acme/tiny");
  fs::create_directories(away / "folder/snapshots");
  fs::create_directories(away / "folder/blobs");
  fs::create_directories(link.parent_path());
  fs::create_directory_symlink(away / "folder", link);
  REQUIRE(::lchown(link.c_str(), 12345, 12345) == 0);
  const auto before = away.state();
  const auto failure = here.failure("acme/tiny");
  REQUIRE(failure);
  CHECK(failure->context().file == link);
  maintain(here.config);
  CHECK(away.state() == before);
}
