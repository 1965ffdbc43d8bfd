#pragma once
/// @file
/// What the Hub and its CDN answer: requests in, responses out, no sockets. Routes, fields and error answers
/// follow the public Hub as its clients know it.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "support/hub/http.hpp"
#include "support/hub/repo_model.hpp"

namespace embedded {

struct site_options {
  std::size_t page_size = 1000;         ///< Tree entries a page; a smaller `limit` in the query wins.
  std::size_t expanded_page_size = 50;  ///< The same with expand=true.
  bool gzip = false;          ///< Compress regular files for clients that accept it, as the Hub does.
  bool xet = false;           ///< Name Xet hashes in trees and headers; there is no Xet server behind them.
  bool direct_files = false;  ///< Answer regular files with 200 instead of 307, as mirrors do.
  std::chrono::milliseconds signed_url_life{3'600'000};
  /// Valid tokens and whose they are. Tokens in a repo's `grants` are valid too.
  std::map<std::string, std::string, std::less<>> tokens{{"hf_reader", "reader"}};
};

/// The repos of a Hub and its answers about them. All members may be called from any thread.
class site {
 public:
  explicit site(site_options options);

  /// Where the listeners are; needed before the first answer.
  void set_origins(std::string endpoint, std::string cdn);
  /// Adds a repo, or replaces the one of the same type and id.
  void put(repo_model repo);
  void remove(repo_type type, std::string_view id);
  /// A copy of a repo. @throws std::out_of_range if there is none
  [[nodiscard]] repo_model get(repo_type type, std::string_view id) const;
  void set_signed_url_life(std::chrono::milliseconds life) { signed_url_life_ = life; }

  /// Answers a request to the Hub.
  [[nodiscard]] response endpoint_answer(const request& asked);
  /// Answers a request to the CDN: 403 without a valid signature.
  [[nodiscard]] response cdn_answer(const request& asked);

 private:
  using repo_ptr = std::shared_ptr<const repo_model>;
  struct place;

  [[nodiscard]] response route(const request& asked);
  [[nodiscard]] response whoami(std::string_view token) const;
  [[nodiscard]] response api(const request& asked, std::string_view token);
  [[nodiscard]] response refs(const request& asked, const repo_model& repo) const;
  [[nodiscard]] response info(const request& asked, const repo_model& repo, const commit_model& at,
                              bool masked) const;
  [[nodiscard]] response tree(const request& asked, const repo_model& repo, const commit_model& at,
                              std::string_view folder, bool masked) const;
  [[nodiscard]] response paths_info(const request& asked, const repo_model& repo, const commit_model& at,
                                    bool masked) const;
  [[nodiscard]] response resolve_cache(const request& asked, std::string_view token);
  [[nodiscard]] response resolve(const request& asked, std::string_view token);
  [[nodiscard]] response lfs_redirect(const request& asked, const place& where, const repo_file& file);

  [[nodiscard]] std::string own_origin(const request& asked) const;
  [[nodiscard]] std::string account(std::string_view token) const;
  [[nodiscard]] repo_ptr open(repo_type type, std::string_view id, std::string_view token,
                              const request& asked, bool api) const;
  [[nodiscard]] std::string signature(std::string_view text) const {
    return sha256_hex(secret_ + std::string(text));
  }
  [[nodiscard]] std::string signed_url(const file_content& content, std::string_view name);
  [[nodiscard]] std::string entry_json(const repo_model& repo, const commit_model& at, std::string_view path,
                                       const repo_file& file, bool masked, bool expand) const;

  const site_options options_;
  const std::string secret_;
  std::string endpoint_;
  std::string cdn_;
  std::atomic<std::chrono::milliseconds> signed_url_life_;
  std::atomic<std::uint64_t> answers_{0};
  mutable std::mutex mutex_;  // guards the two maps
  std::map<std::pair<repo_type, std::string>, repo_ptr> repos_;
  std::map<std::string, file_content, std::less<>> on_cdn_;  // by xet hash, what a signed URL was given for
};

}  // namespace embedded
