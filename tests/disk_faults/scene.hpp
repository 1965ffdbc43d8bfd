#pragma once
/// @file
/// What the tests of disk faults share: repos, a Hub that has them, and what must hold after every fault.

#include <hubcache/digest.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <store/contents.hpp>
#include <string>
#include <support/machine.hpp>
#include <support/patterned.hpp>
#include <vector>

namespace test {

/// Content of `size` bytes, unlike that of any other `first`.
inline embedded::file_content bytes_of(char first, std::size_t size) {
  auto text = patterned(size);
  text.front() = first;
  return embedded::file_content::of(std::move(text));
}

/// A repo with a file that has a partial, and small ones of both kinds, two of them the same.
inline embedded::repo_model first_repo() {
  embedded::repo_model repo("acme/first");
  const auto adapter = embedded::lfs(bytes_of('a', 100'000));
  repo.commit({{"config.json", embedded::regular("{\"first\": true}\n")},
               {"model.safetensors", embedded::lfs(bytes_of('m', 1'200'000))},
               {"nested/adapter.bin", adapter},
               {"nested/again.bin", adapter},
               {"tokenizer.json", embedded::regular(std::string(5000, 't'))}});
  return repo;
}

/// A repo that has the same weights.
inline embedded::repo_model second_repo() {
  embedded::repo_model repo("acme/second");
  auto files = first_repo().files();
  files.erase("nested/again.bin");
  files.insert_or_assign("config.json", embedded::regular("{\"first\": false}\n"));
  repo.commit(std::move(files));
  return repo;
}

/// A Hub with both.
struct two_repos {
  two_repos() {
    hub.put(first);
    hub.put(second);
  }

  const embedded::repo_model first = first_repo();
  const embedded::repo_model second = second_repo();
  embedded::hub hub;
};

/// Files in blobs/ under a name that is not that of their bytes.
inline std::vector<std::string> wrong_blobs(const std::filesystem::path& cache_dir) {
  std::vector<std::string> wrong;
  std::error_code ec;
  for (const auto& repo : std::filesystem::directory_iterator(cache_dir, ec)) {
    for (const auto& blob : std::filesystem::directory_iterator(repo.path() / "blobs", ec)) {
      const auto name = hubcache::digest::parse(blob.path().filename().string());
      if (name && content_of(read_file(blob.path()), name->algorithm()).name != *name)
        wrong.push_back(blob.path());
    }
  }
  return wrong;
}

/// Whether every file of `repo` lies in `folder`.
inline bool is_whole(const std::filesystem::path& folder, const embedded::repo_model& repo) {
  const auto& files = repo.files();
  return std::all_of(files.begin(), files.end(), [&](const auto& file) {
    return read_file(folder / file.first) == file.second.content.text();
  });
}

/// Whether the ref of `repo`, if there is one, names a snapshot that has all its files.
inline bool ref_is_true(const machine& here, const embedded::repo_model& repo) {
  const auto folder = here.repo_dir(hubcache::repo(repo.id));
  if (!std::filesystem::exists(folder / "refs/main")) return true;
  return is_whole(folder / "snapshots" / read_file(folder / "refs/main"), repo);
}

/// Bytes of `repo` that need not be sent again: what has its final name, and what a download can go on with.
inline std::uint64_t durable_bytes(const machine& here, const embedded::repo_model& repo) {
  std::map<std::string, std::uint64_t> contents;
  for (const auto& [path, file] : repo.files()) contents.emplace(file.etag(), file.content.size());
  std::uint64_t sum = 0;
  for (const auto& [etag, size] : contents) {
    const auto blob = here.blob(hubcache::repo(repo.id), etag);
    const auto begun = blob + ".68756263.incomplete";
    std::error_code ec;
    if (std::filesystem::exists(blob)) {
      sum += size;
    } else if (const auto length = std::filesystem::file_size(begun, ec); !ec && length <= size) {
      sum += length;
    }
  }
  return sum;
}

inline std::uint64_t all_bytes(const embedded::repo_model& repo) {
  std::map<std::string, std::uint64_t> contents;
  for (const auto& [path, file] : repo.files()) contents.emplace(file.etag(), file.content.size());
  std::uint64_t sum = 0;
  for (const auto& [etag, size] : contents) sum += size;
  return sum;
}

/// Files below `folder` that this process has open.
inline std::vector<std::string> open_files(const std::filesystem::path& folder) {
  std::vector<std::string> found;
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", ec)) {
    const auto target = std::filesystem::read_symlink(entry, ec).string();
    if (!ec && target.starts_with(folder.string())) found.push_back(target);
  }
  return found;
}

/// Names of temporaries below `folder`.
inline std::vector<std::string> leftovers(const std::filesystem::path& folder) {
  auto found = names_ending(folder, ".incomplete");
  const auto temporaries = names_ending(folder, ".tmp");
  found.insert(found.end(), temporaries.begin(), temporaries.end());
  return found;
}

/// Whether a disk error says what failed, and where.
inline bool is_clear(const hubcache::error& failure) {
  using enum hubcache::errc;
  const auto reason = failure.reason();
  return (reason == disk_failed || reason == disk_full || reason == permission_denied) &&
         !failure.context().file.empty() && !failure.detail().empty();
}

/// Whether the long forms of the loops were asked for.
inline bool full_size() { return std::getenv("HUBCACHE_TEST_FULL") != nullptr; }

/// Which call to let fail after the nth: the next, or one of the later ones in a quick run and where there are very many.
inline std::size_t next_to_fail(std::size_t n) { return n + 1 + n / (full_size() ? 64 : 2); }

}  // namespace test
