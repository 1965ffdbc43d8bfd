#pragma once
/// @file
/// A user's shell: a home of its own and the command as real processes, against an embedded Hub in this one.

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <support/hub/fixtures.hpp>
#include <support/hub/server.hpp>
#include <support/process.hpp>
#include <support/temp_folder.hpp>
#include <utility>
#include <vector>

namespace test {

/// `quick`, or `full` when the environment has HUBCACHE_TEST_FULL=1 (.ci/full).
inline int times(int quick, int full) {
  const char* value = std::getenv("HUBCACHE_TEST_FULL");
  return value != nullptr && std::string_view(value) == "1" ? full : quick;
}

/// A repo of these files.
inline embedded::repo_model repo_of(const std::string& id, embedded::file_map files) {
  embedded::repo_model repo(id);
  repo.commit(std::move(files));
  return repo;
}

/// LFS files of pseudo-random bytes, `first`.bin and so on: those of equal numbers are the same in all repos.
inline embedded::file_map weights(std::uint64_t first, std::uint64_t count, std::uint64_t size) {
  embedded::file_map files;
  for (auto seed = first; seed < first + count; ++seed) {
    files.emplace(std::to_string(seed) + ".bin",
                  embedded::lfs(embedded::file_content::generated(seed, size)));
  }
  return files;
}

inline embedded::file_map joined(embedded::file_map some, embedded::file_map more) {
  some.merge(more);
  return some;
}

/// The bytes of all files, each content once.
inline std::uint64_t distinct_bytes(const std::vector<embedded::file_map>& repos) {
  std::map<std::string, std::uint64_t> sizes;
  for (const auto& files : repos) {
    for (const auto& [path, file] : files) sizes[file.etag()] = file.content.size();
  }
  std::uint64_t sum = 0;
  for (const auto& [etag, size] : sizes) sum += size;
  return sum;
}

/// What of `folder`, a snapshot, is not as the Hub has it: one path, or nothing.
inline std::string difference(const std::filesystem::path& folder, const embedded::file_map& files) {
  for (const auto& [path, file] : files) {
    if (read_file(folder / path) != file.content.text()) return folder / path;
  }
  return {};
}

inline std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

class shell {
 public:
  shell() {
    environment = {{"HOME", home / "user"},
                   {"HF_HOME", hf.string()},
                   {"HF_ENDPOINT", hub.endpoint()},
                   {"HF_HUB_ETAG_TIMEOUT", "60"},
                   {"HF_HUB_DOWNLOAD_TIMEOUT", "60"}};
  }

  std::unique_ptr<process> start(std::vector<std::string> words) const {
    words.insert(words.begin(), HUBCACHE_COMMAND);
    return std::make_unique<process>(std::move(words), environment);
  }
  outcome run(std::vector<std::string> words) const { return outcome_of(*start(std::move(words))); }

  /// Downloads, which has to succeed; what of the snapshot is not as the Hub has it, or nothing.
  std::string download(const std::string& id, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"download", id, "-q"});
    const auto got = run(std::move(more));
    if (got.code != 0) return "exit code " + std::to_string(got.code) + ": " + got.err;
    return difference(last_line(got.out), hub.get(id).files());
  }

  /// What `cache verify` or `index check` complain of, or nothing.
  [[nodiscard]] std::string complaints() const {
    std::string text;
    for (const auto* group : {"cache", "index"}) {
      const auto got = run({group, group == std::string_view("cache") ? "verify" : "check"});
      if (got.code != 0) text += group + std::to_string(got.code) + ": " + got.out + got.err;
    }
    return text;
  }

  /// Files that nothing needs: temporaries, and index files besides the current ones.
  [[nodiscard]] std::vector<std::string> strays() const {
    std::vector<std::string> found;
    std::size_t logs = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(hf)) {
      const auto name = entry.path().filename().string();
      const bool log = name.starts_with("index-v2-") && name.ends_with(".log");
      const bool lock = entry.path().parent_path() == hf / "hubcache/locks" && name != "contents";
      if (name.ends_with(".incomplete") || name.ends_with(".tmp") || lock || (log && logs++ > 0))
        found.push_back(entry.path());
    }
    return found;
  }

  /// Those that are still there after a prune two hours from now: what was being written when its writer was killed goes
  /// when nobody can be writing it any more.
  [[nodiscard]] std::vector<std::string> strays_after_prune() const {
    for (const auto& path : strays()) {
      std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now() - std::chrono::hours(2));
    }
    static_cast<void>(run({"cache", "prune", "-y", "-q"}));
    return strays();
  }

  [[nodiscard]] std::filesystem::path repo_dir(std::string id) const {
    return hf / "hub" / ("models--" + id.replace(id.find('/'), 1, "--"));
  }

  embedded::hub hub;
  temp_folder home;
  std::filesystem::path hf = home.path() / "hf";
  std::map<std::string, std::string> environment;
};

}  // namespace test
