#pragma once

#include <hubcache/cache.hpp>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <support/hub/fixtures.hpp>
#include <support/hub/server.hpp>
#include <support/temp_folder.hpp>
#include <vector>

namespace test {

/// Remembers every event of an operation.
struct event_log {
  std::vector<hubcache::event> seen;
  void operator()(const hubcache::event& e) { seen.push_back(e); }

  template <class Event>
  [[nodiscard]] std::vector<Event> all() const {
    std::vector<Event> found;
    for (const auto& e : seen) {
      if (const auto* one = std::get_if<Event>(&e)) found.push_back(*one);
    }
    return found;
  }
};

/// A user's machine: a home of its own, and settings that point at an embedded Hub.
class machine {
 public:
  explicit machine(const embedded::hub& hub) { use(hub); }

  void use(const embedded::hub& hub) {
    config.endpoint = *hubcache::url::parse(hub.endpoint());
    config.cache_dir = home / "hub";
    config.state_dir = home / "hubcache";
    config.retry_pause = std::chrono::milliseconds(2);
    config.metadata_timeout = config.download_timeout = std::chrono::milliseconds(2000);
    config.fsync = hubcache::fsync_mode::none;
    if (!hub.ca_pem().empty()) config.ca_file = home.write("ca.pem", hub.ca_pem());
  }

  /// One snapshot by a cache of its own, as one run of a program.
  hubcache::snapshot snapshot(const hubcache::repo& which,
                              hubcache::snapshot_options options = hubcache::snapshot_options()) {
    hubcache::cache cache(config);
    news = {};
    return cache.snapshot(which, std::move(options), news);
  }

  /// The error that the snapshot ends with; none if it succeeds.
  std::optional<hubcache::error> failure(const hubcache::repo& which,
                                         hubcache::snapshot_options options = hubcache::snapshot_options()) {
    try {
      snapshot(which, std::move(options));
    } catch (const hubcache::error& e) {
      return e;
    }
    return std::nullopt;
  }

  /// Warnings of the last snapshot.
  [[nodiscard]] std::vector<std::string> warnings() const {
    std::vector<std::string> texts;
    for (auto& w : news.all<hubcache::events::warning>()) texts.push_back(w.text);
    return texts;
  }

  [[nodiscard]] std::filesystem::path repo_dir(const hubcache::repo& which) const {
    return std::filesystem::path(config.cache_dir) / which.folder();
  }
  [[nodiscard]] std::string blob(const hubcache::repo& which, const std::string& etag) const {
    return (repo_dir(which) / "blobs" / etag).string();
  }

  temp_folder home;
  hubcache::settings config;
  event_log news;
};

/// Whether every file of `have` holds the bytes of `want`, and there are as many.
inline bool holds(const hubcache::snapshot& have, const embedded::file_map& want) {
  return have.files.size() == want.size() && std::all_of(want.begin(), want.end(), [&](const auto& file) {
           return read_file(have.path_of(file.first)) == file.second.content.text();
         });
}

inline std::size_t count(const hubcache::snapshot& s, hubcache::file_action action) {
  return static_cast<std::size_t>(
      std::count_if(s.files.begin(), s.files.end(), [&](const auto& f) { return f.action == action; }));
}

/// Names below `folder` that end in `suffix`.
inline std::vector<std::string> names_ending(const std::filesystem::path& folder, std::string_view suffix) {
  std::vector<std::string> found;
  std::error_code ec;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, ec)) {
    const auto name = entry.path().string();
    if (std::string_view(name).ends_with(suffix)) found.push_back(name);
  }
  return found;
}

}  // namespace test
