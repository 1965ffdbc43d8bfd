#pragma once
/// @file
/// `hubcache download`: its options, and what they mean for the library.

#include <hubcache/plan/options.hpp>
#include <hubcache/repo.hpp>
#include <hubcache/select/gguf.hpp>
#include <hubcache/settings.hpp>

#include <CLI/CLI.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace command {

/// The command line as it was typed.
struct download_arguments {
  std::string repo;
  std::vector<std::string> files;
  std::optional<std::string> repo_type;
  std::optional<std::string> revision;
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  std::optional<std::string> cache_dir;
  std::optional<std::string> local_dir;
  std::optional<std::string> token;
  std::optional<std::string> endpoint;
  std::optional<std::string> cache_mapping;
  std::vector<std::string> link;
  std::optional<std::string> fsync;
  std::optional<std::string> lock;
  bool gguf = false;
  bool drafts = false;
  bool require_safetensors = false;
  bool require_scan = false;
  bool require_sha256 = false;
  std::size_t max_workers = 32;
  bool smart_cache = true;
  bool force_download = false;
  bool verify = false;
  bool offline = false;
  bool dry_run = false;
  bool json = false;
  bool quiet = false;
};

/// Declares the options of `download` on `app`; parsing fills `into`, which must outlive it.
void declare(CLI::App& app, download_arguments& into);

/// One download, its rules checked; the cache mapping and the lock file are not read yet.
struct download_request {
  hubcache::repo repo;
  hubcache::snapshot_options options;
  hubcache::settings config;
  std::optional<std::string> cache_mapping;  ///< Path of the mapping file.
  std::optional<std::string> lock;           ///< Path of the lock file.
  bool revision_named = false;
  std::optional<hubcache::gguf_wish> gguf;  ///< Then its files are what is downloaded.
  std::optional<std::string> single_file;   ///< The one file that is the result instead of the folder.
  std::vector<std::string> warnings;
  bool dry_run = false;
  bool json = false;
  bool quiet = false;
};

/// Of these, declares those that choose files of a repo: its type, its revision, patterns.
void declare_choice(CLI::App& app, download_arguments& into);
/// Of those, declares --revision alone.
void declare_revision(CLI::App& app, download_arguments& into);
/// Of these, declares those that tell how content that is here is used.
void declare_reuse(CLI::App& app, download_arguments& into);
/// Of these, declares those that every command that asks the Hub has: cache, Hub, requirements, output.
void declare_hub(CLI::App& app, download_arguments& into);
/// And, besides them, what every command that downloads has.
void declare_source(CLI::App& app, download_arguments& into);

/// @throws hubcache::error errc::invalid_argument for what cannot be meant.
[[nodiscard]] download_request request_of(const download_arguments& typed, hubcache::settings environment);

}  // namespace command
