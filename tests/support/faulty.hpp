#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <support/machine.hpp>
#include <system_error>
#include <utility>

namespace test {

/// A Hub with one repo, about to misbehave, a machine, and looks at what is left on its disk.
struct faulty_hub {
  explicit faulty_hub(embedded::repo_model served) : repo(std::move(served)) {
    for (const auto& [path, file] : repo.files())
      static_cast<void>(file.etag());  // no answer waits for hashes
    hub.put(repo);
  }

  [[nodiscard]] std::uint64_t size() const { return embedded::total_bytes(repo.files()); }
  [[nodiscard]] bool complete(const hubcache::snapshot& got) const { return holds(got, repo.files()); }

  /// Whether blobs/ has each content of the repo, whole, and nothing else, and no partial lies anywhere.
  [[nodiscard]] bool only_whole_blobs() const {
    std::map<std::string, embedded::file_content> wanted;
    for (const auto& [path, file] : repo.files()) wanted.emplace(file.etag(), file.content);
    std::size_t found = 0;
    for (const auto& entry : std::filesystem::directory_iterator(here.repo_dir(repo.id) / "blobs")) {
      const auto blob = wanted.find(entry.path().filename().string());
      if (blob == wanted.end() || read_file(entry.path().string()) != blob->second.text()) return false;
      ++found;
    }
    return found == wanted.size() && names_ending(here.home.path(), ".incomplete").empty();
  }
  /// Whether no blob has its final name, and no snapshot an entry or a name.
  [[nodiscard]] bool nothing_named() const {
    const auto root = here.repo_dir(repo.id);
    std::error_code ec;
    for (const auto& entry : std::filesystem::directory_iterator(root / "blobs", ec)) {
      if (entry.path().extension() != ".incomplete") return false;
    }
    return !std::filesystem::exists(root / "refs" / "main") &&
           (!std::filesystem::exists(root / "snapshots") || std::filesystem::is_empty(root / "snapshots"));
  }
  /// Bytes that the last run found in the partials of an earlier one.
  [[nodiscard]] std::uint64_t resumed() const {
    std::uint64_t sum = 0;
    for (const auto& news : here.news.all<hubcache::events::started>()) sum += news.resumed;
    return sum;
  }

  embedded::repo_model repo;
  embedded::hub hub;
  machine here{hub};
};

}  // namespace test
