#pragma once
/// @file
/// Run-time configuration as a value. `environment_settings()` (store/environment.hpp) reads it as every Hub
/// client does; nothing else in the library looks at the environment.

#include <hubcache/config.hpp>
#include <hubcache/requirement.hpp>
#include <hubcache/store.hpp>
#include <hubcache/url.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace hubcache::inline v0_1 {

/// Text that must not reach logs, errors or other hosts: it has no stream operator and no implicit conversion.
class secret {
 public:
  secret() = default;
  explicit secret(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
  /// The text itself. Call it only where it is sent to the host it belongs to.
  [[nodiscard]] const std::string& reveal() const noexcept { return text_; }

 private:
  std::string text_;
};

/// What is synced to the device, and when. In every mode a ref is written last.
enum class fsync_mode : unsigned char {
  none,   ///< Nothing: after a power cut recent content may be damaged (`hubcache cache verify` finds it).
  batch,  ///< Every blob before it gets its final name, many at a time; the ref likewise.
  each,   ///< The same one by one, and the folder after each of these names.
};

/// Which proxy serves which scheme, and which hosts are reached directly.
struct proxy_settings {
  proxy_settings() = default;

  std::optional<url> http;   ///< For http:// targets.
  std::optional<url> https;  ///< For https:// targets, by CONNECT.
  secret http_credentials;   ///< "user:password" for Basic authentication at that proxy, or empty.
  secret https_credentials;  ///< Likewise.
  std::string no_proxy;      ///< Comma-separated hosts, domain suffixes, addresses; "*" for all.
};
static_assert(!std::is_aggregate_v<proxy_settings>);

struct settings {
  settings() = default;

  std::string cache_dir;  ///< The Hub cache (HF_HUB_CACHE), absolute.
  /// hubcache's own state: index and locks. Absolute; never among the repos of cache_dir.
  std::string state_dir;
  /// Where content is looked for besides cache_dir, best first (HUBCACHE_STORES, stores.toml, the well-known places
  /// of other tools, folders given to `index add`).
  std::vector<store> stores;

  url endpoint = *url::parse("https://huggingface.co");  ///< HF_ENDPOINT; its path, if any, is a prefix.
  secret token;                                          ///< Sent to the endpoint's origin only.
  bool token_over_http = false;  ///< Send the token over plain http to other hosts than loopback.
  bool offline = false;          ///< Make no request at all (HF_HUB_OFFLINE).
  requirements require;          ///< Of every snapshot (HUBCACHE_REQUIRE); its options can only add to them.

  std::chrono::milliseconds metadata_timeout{10'000};  ///< Connect, and each wait for metadata bytes.
  std::chrono::milliseconds download_timeout{10'000};  ///< Connect, and each wait for content bytes.
  std::uint64_t minimum_rate = 0;  ///< Bytes/s below which a transfer counts as stalled; 0 = no limit.
  int attempts = 6;                ///< Of one request or transfer that makes no progress, the first included.
  std::chrono::milliseconds retry_pause{500};  ///< Before the second attempt; doubles up to 16 times this.

  proxy_settings proxy;
  std::string ca_file;  ///< SSL_CERT_FILE: PEM file of trusted roots; empty = the system's.
  std::string ca_dir;   ///< SSL_CERT_DIR: folder of hashed PEM files; empty = the system's.

  std::string user_agent;    ///< Appended to "hubcache/<version>".
  bool use_symlinks = true;  ///< HF_HUB_DISABLE_SYMLINKS unset: snapshots point into blobs/.
  fsync_mode fsync = fsync_mode::batch;
};
static_assert(!std::is_aggregate_v<settings>);

}  // namespace hubcache::inline v0_1
