/// @file
/// How long it takes to look at a large cache: census, disk map, scan. Fills the cache if it is not there yet.
/// Usage: benchmark_census FOLDER [REPOS] [FILES PER REPO]; as root it measures after dropped caches, too.

#include <hubcache/hash/xxh3.hpp>
#include <hubcache/index/memory_index.hpp>
#include <hubcache/os/file.hpp>
#include <hubcache/store/hub_layout.hpp>
#include <hubcache/store/scan.hpp>
#include <hubcache/upkeep/census.hpp>
#include <hubcache/upkeep/disk_map.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <unistd.h>

namespace fs = std::filesystem;

namespace {

/// A digest that nobody else has; names are claims, so nothing need be hashed.
hubcache::digest name_of(std::size_t number) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) {
    const auto word =
        hubcache::xxh3(hubcache::as_byte_view(std::to_string(number) + "/" + std::to_string(i)));
    bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
  }
  return {hubcache::digest_algorithm::sha256, hubcache::as_byte_view(bytes)};
}

/// Files of 100 to 8,100 bytes; every tenth is a hard link to the first repo's.
void fill_repo(const hubcache::hub_layout& at, const hubcache::hub_layout& first, std::size_t repo,
               std::size_t files) {
  const std::string commit(40, static_cast<char>('a' + repo % 6));
  std::error_code ec;
  hubcache::make_repo_folders(at, ec);
  fs::create_directories(at.snapshot(commit) + "/folder");
  for (std::size_t f = 0; f < files; ++f) {
    const bool shared = f % 10 == 0;
    const auto name = name_of(shared ? f : repo * files + f);
    if (shared && repo > 0) {
      fs::create_hard_link(first.blob(name), at.blob(name));
    } else {
      std::ofstream(at.blob(name)) << std::string(100 + (repo * 37 + f * 401) % 8000, 'x');
    }
    const auto path = (f % 2 == 0 ? "folder/file" : "file") + std::to_string(f) + ".json";
    fs::create_symlink(hubcache::hub_layout::entry_target(path, name), at.snapshot(commit) + "/" + path);
  }
  hubcache::write_ref(at, "main", commit, ec);
}

void fill(const std::string& cache, std::size_t repos, std::size_t files) {
  std::printf("filling %s with %zu repos of %zu files\n", cache.c_str(), repos, files);
  const hubcache::hub_layout first(cache, "bench/repo-0");
  for (std::size_t r = 0; r < repos; ++r) {
    fill_repo({cache, "bench/repo-" + std::to_string(r)}, first, r, files);
  }
}

/// Milliseconds that `work` takes.
double timed(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

bool drop_caches() {
  ::sync();
  std::ofstream file("/proc/sys/vm/drop_caches");
  return static_cast<bool>(file << 3 << std::flush);
}

void measure(const char* state, std::size_t threads, const std::function<bool()>& prepare,
             const std::string& cache) {
  hubcache::workers pool(threads);
  hubcache::census seen;
  hubcache::disk_map map;
  hubcache::memory_index index;
  const auto row = [&](const char* what, const std::function<void()>& work) {
    if (!prepare()) return false;
    const auto elapsed = timed(work);
    std::printf("%-6s %-24s %10.0f ms\n", state, what, elapsed);
    return true;
  };
  const bool done = row("take_census", [&] { seen = hubcache::take_census(cache, pool); }) &&
                    row("map_disk", [&] { map = hubcache::map_disk(seen, pool); }) &&
                    row("usage_of", [&] { static_cast<void>(hubcache::usage_of(seen, map)); }) &&
                    row("scan_stores, all new", [&] {
                      const auto scan = hubcache::scan_stores(cache, {}, cache + "/.none", index);
                      index.insert(scan.claims);
                    });
  if (!done) return static_cast<void>(std::printf("%-6s needs root\n", state));
  std::size_t contents = 0;
  for (const auto& repo : seen.repos) contents += repo.contents.size();
  std::printf("%-6s %zu repos, %zu files, %zu pieces, %.1f MB on disk, %zu problems\n", state,
              seen.repos.size(), contents, map.pieces.size(), static_cast<double>(map.total()) / 1e6,
              seen.problems.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fputs("usage: benchmark_census FOLDER [REPOS] [FILES PER REPO]\n", stderr), 2;
  const auto cache = hubcache::os::absolute_path(argv[1]);
  const std::size_t repos = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 2000;
  const std::size_t files = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 50;
  if (!fs::exists(cache)) std::printf("filled in %.0f ms\n", timed([&] { fill(cache, repos, files); }));
  const auto as_it_is = [] { return true; };
  measure("first", 8, as_it_is, cache);
  for (const std::size_t threads : {2U, 8U}) {
    std::printf("%zu threads\n", threads);
    measure("warm", threads, as_it_is, cache);
    measure("cold", threads, drop_caches, cache);
  }
}
