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
  /// Keeps `text`.
  explicit secret(std::string text) : text_(std::move(text)) {}
  /// Whether there is none.
  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
  /// The text itself. Call it only where it is sent to the host it belongs to.
  [[nodiscard]] const std::string& reveal() const noexcept { return text_; }

  friend bool operator==(const secret&, const secret&) = default;

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

  friend bool operator==(const proxy_settings&, const proxy_settings&) = default;
};
static_assert(!std::is_aggregate_v<proxy_settings>);

/// What a cache is made with: where it lies, whom it asks, what it trusts. Begin with environment_settings(), which
/// fills the folders, and change what you need:
///
///     auto config = hubcache::environment_settings();
///     config.offline = true;
///     hubcache::cache cache(std::move(config));
///
/// In parentheses the variables that it reads; the defaults are those of the members, if nothing else is said.
struct settings {
  settings() = default;

  /// The Hub cache, absolute (HF_HUB_CACHE, else HF_HOME/hub; HF_HOME is XDG_CACHE_HOME/huggingface or
  /// ~/.cache/huggingface if it is not set). There is no default: calls fail with errc::invalid_argument without it.
  std::string cache_dir;
  /// hubcache's own state: index, pins and locks. Absolute; never among the repos of cache_dir (HF_HOME/hubcache; where
  /// that is a network file system, XDG_CACHE_HOME/hubcache). No default, likewise.
  std::string state_dir;
  /// Where content is looked for besides cache_dir, best first (HUBCACHE_STORES, stores.toml, the well-known places
  /// of other tools, folders given to `index add`).
  std::vector<store> stores;

  url endpoint = *url::parse("https://huggingface.co");  ///< Its path, if any, is a prefix (HF_ENDPOINT).
  /// Sent to the endpoint's origin only (HF_TOKEN, else the file at HF_TOKEN_PATH or HF_HOME/token; neither if
  /// HF_HUB_DISABLE_IMPLICIT_TOKEN is set).
  secret token;
  bool token_over_http = false;  ///< Send the token over plain http to other hosts than loopback.
  bool offline = false;          ///< Make no request at all (HF_HUB_OFFLINE, TRANSFORMERS_OFFLINE).
  requirements require;          ///< Of every snapshot (HUBCACHE_REQUIRE); its options can only add to them.

  /// Of the connect, and of each wait for bytes of metadata (HF_HUB_ETAG_TIMEOUT, in seconds).
  std::chrono::milliseconds metadata_timeout{10'000};
  /// The same for content (HF_HUB_DOWNLOAD_TIMEOUT, in seconds).
  std::chrono::milliseconds download_timeout{10'000};
  std::uint64_t minimum_rate = 0;  ///< Bytes/s below which a transfer counts as stalled; 0 = no limit.
  int attempts = 6;                ///< Of one request or transfer that makes no progress, the first included.
  std::chrono::milliseconds retry_pause{500};  ///< Before the second attempt; doubles up to 16 times this.

  proxy_settings proxy;  ///< (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, in either case.)
  std::string ca_file;   ///< PEM file of trusted roots; empty = the system's (SSL_CERT_FILE).
  std::string ca_dir;    ///< Folder of hashed PEM files; empty = the system's (SSL_CERT_DIR).

  std::string
      user_agent;  ///< Appended to "hubcache/" and the version ("origin/" and HF_HUB_USER_AGENT_ORIGIN).
  /// Snapshots point into blobs/; else they hold plain files (false if HF_HUB_DISABLE_SYMLINKS is set).
  bool use_symlinks = true;
  fsync_mode fsync = fsync_mode::batch;  ///< What is synced to the device, and when.

  friend bool operator==(const settings&, const settings&) = default;
};
static_assert(!std::is_aggregate_v<settings>);

}  // namespace hubcache::inline v0_1
