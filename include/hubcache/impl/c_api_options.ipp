#pragma once
/// @file
/// Settings and requests of the C API: their keys, and what they mean for the library.

#include <hubcache/error.hpp>
#include <hubcache/impl/c_api_error.ipp>
#include <hubcache/os/file.hpp>
#include <hubcache/pipeline.hpp>
#include <hubcache/plan/options.hpp>
#include <hubcache/repo.hpp>
#include <hubcache/select/gguf.hpp>
#include <hubcache/settings.hpp>
#include <hubcache/store/environment.hpp>
#include <hubcache/text.hpp>
#include <hubcache_c.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct hubcache_settings {
  hubcache::settings all;
};

struct hubcache_cancel_token {
  std::atomic<bool> asked = false;
};
static_assert(std::atomic<bool>::is_always_lock_free, "signal handlers set it");

namespace hubcache::inline v0_1::c_api {

/// The calls that an option of a request is for, as bits.
enum call_kind : unsigned { for_download = 1, for_gguf = 2, for_pipeline = 4, for_all = 7 };

}  // namespace hubcache::inline v0_1::c_api

struct hubcache_request {
  explicit hubcache_request(std::string id) : repo(std::move(id)) {}

  hubcache::repo repo;
  hubcache::snapshot_options options;
  std::string mapping_file;
  hubcache::gguf_wish gguf;
  hubcache::diffusers_wish wish;
  std::string assemble;  // absolute; empty: nothing is assembled
  bool plain_names = false;
  /// Keys that were set and are not for all calls, with those that they are for.
  std::vector<std::pair<std::string_view, unsigned>> limited;
  hubcache_progress_function tell = nullptr;
  void* context = nullptr;
  const hubcache_cancel_token* token = nullptr;
};

namespace hubcache::inline v0_1::c_api {

/// Throws that a value has not the form that is expected; `expected` reads behind "must be".
[[noreturn]] inline void refuse_value(std::string_view expected, std::string_view value) {
  throw error(errc::invalid_argument,
              "must be " + std::string(expected) + ", not '" + printable(value) + "'");
}

inline bool flag_of(const std::string& value) {
  if (value != "0" && value != "1") refuse_value("1 or 0", value);
  return value == "1";
}

/// A whole number of at least 1.
template <class Number>
Number count_of(const std::string& value) {
  Number number = 0;
  const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (failure != std::errc() || end != value.data() + value.size() || number < 1) {
    refuse_value("a whole number of at least 1", value);
  }
  return number;
}

/// Seconds, up to a day.
inline std::chrono::milliseconds seconds_of(const std::string& value) {
  double seconds = 0;
  const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (failure != std::errc() || end != value.data() + value.size() ||
      !(seconds >= 0.001 && seconds <= 86'400)) {
    refuse_value("seconds between 0.001 and 86400", value);
  }
  return std::chrono::milliseconds(static_cast<long>(seconds * 1000));
}

inline std::string path_of(const std::string& value) {
  if (value.empty()) refuse_value("a path", value);
  return os::absolute_path(value);
}

inline requirements requirements_of(const std::string& value) {
  const auto read = parse_requirements(value);
  if (!read) refuse_value("a list of safetensors, scan and sha256, with commas", value);
  return *read;
}

/// A text that goes into a header of HTTP as it is. The message does not repeat it: it may be a token.
inline std::string header_text_of(const std::string& value, char least) {
  if (!std::all_of(value.begin(), value.end(), [least](char c) { return c >= least && c < 0x7F; })) {
    throw error(errc::invalid_argument,
                least == ' ' ? "must be printable ASCII" : "must be printable ASCII without blanks");
  }
  return value;
}

inline fsync_mode fsync_mode_of(const std::string& value) {
  if (value == "none") return fsync_mode::none;
  if (value == "batch") return fsync_mode::batch;
  if (value != "each") refuse_value("none, batch or each", value);
  return fsync_mode::each;
}

inline link_kinds link_kinds_of(std::string_view value) {
  const auto kinds = parse_link_kinds(value);
  if (!kinds) refuse_value("auto, reflink, hardlink, symlink or copy", value);
  return *kinds;
}

/// A key of hubcache_settings_set().
struct setting_key {
  std::string_view key;
  void (*set)(settings& of, const std::string& value);
};

inline constexpr std::array setting_keys{
    setting_key{"endpoint", [](settings& of, const std::string& v) { of.endpoint = parse_endpoint(v); }},
    setting_key{"token",
                [](settings& of, const std::string& v) { of.token = secret(header_text_of(v, '!')); }},
    setting_key{"cache_dir", [](settings& of, const std::string& v) { change_cache_dir(of, path_of(v)); }},
    setting_key{"offline", [](settings& of, const std::string& v) { of.offline = flag_of(v); }},
    setting_key{"require",
                [](settings& of, const std::string& v) { of.require = of.require | requirements_of(v); }},
    setting_key{"fsync", [](settings& of, const std::string& v) { of.fsync = fsync_mode_of(v); }},
    setting_key{"ca_file", [](settings& of, const std::string& v) { of.ca_file = path_of(v); }},
    setting_key{"user_agent",
                [](settings& of, const std::string& v) { of.user_agent = header_text_of(v, ' '); }},
    setting_key{"metadata_timeout",
                [](settings& of, const std::string& v) { of.metadata_timeout = seconds_of(v); }},
    setting_key{"download_timeout",
                [](settings& of, const std::string& v) { of.download_timeout = seconds_of(v); }},
    setting_key{"attempts", [](settings& of, const std::string& v) { of.attempts = count_of<int>(v); }},
};

/// An option of hubcache_request_set().
struct option_key {
  std::string_view key;
  unsigned calls;
  void (*set)(hubcache_request& of, const std::string& value);
};

inline void set_repo_type(hubcache_request& of, const std::string& value) {
  const auto type = parse_repo_type(value);
  if (!type) refuse_value("model, dataset or space", value);
  of.repo = repo(of.repo.id(), *type);
}

inline void set_revision(hubcache_request& of, const std::string& value) {
  check_revision(value);
  of.options.revision = value;
}

inline void add_file(hubcache_request& of, const std::string& value) {
  const std::string_view name = value;
  if (!is_safe_path(name.ends_with('/') ? name.substr(0, name.size() - 1) : name)) {
    refuse_value("a relative path inside the repo", value);
  }
  of.options.files.push_back(value);
}

inline void require_pattern(const std::string& value) {
  if (value.empty()) refuse_value("a glob pattern", value);
}

inline void add_allowed(hubcache_request& of, const std::string& value) {
  require_pattern(value);
  if (!of.options.allow) of.options.allow.emplace();
  of.options.allow->push_back(value);
}

inline void add_ignored(hubcache_request& of, const std::string& value) {
  require_pattern(value);
  of.options.ignore.push_back(value);
}

/// Lets the result tell where every content is.
inline cache_mapping& mapping_of(hubcache_request& of) {
  if (!of.options.mapping) of.options.mapping.emplace();
  return *of.options.mapping;
}

inline void set_mapping(hubcache_request& of, const std::string& value) {
  if (flag_of(value)) {
    mapping_of(of);
  } else {
    of.options.mapping.reset();
  }
}

inline void set_tag(hubcache_request& of, const std::string& value) {
  if (!is_gguf_tag(value)) refuse_value("a tag of letters, digits, '.', '_' and '-'", value);
  of.gguf.tag = value;
}

inline void set_selection(hubcache_request& of, const std::string& value) {
  if (value != "diffusers" && value != "minimal") refuse_value("diffusers or minimal", value);
  of.wish.select = value == "minimal" ? pipeline_selection::minimal : pipeline_selection::diffusers;
}

inline void set_link(hubcache_request& of, const std::string& value) {
  const auto equals = value.rfind('=');
  if (equals == value.npos) {
    of.options.links = link_kinds_of(value);
  } else {
    of.options.link_rules.emplace_back(value.substr(0, equals),
                                       link_kinds_of(std::string_view(value).substr(equals + 1)));
  }
}

using given = const std::string&;

inline constexpr std::array option_keys{
    option_key{"type", for_download | for_gguf, set_repo_type},
    option_key{"revision", for_all, set_revision},
    option_key{"file", for_download, add_file},
    option_key{"allow", for_download, add_allowed},
    option_key{"ignore", for_download, add_ignored},
    option_key{"mapping", for_download | for_gguf, set_mapping},
    option_key{"mapping_file", for_download | for_gguf,
               [](hubcache_request& of, given v) { of.mapping_file = path_of(v); }},
    option_key{"tag", for_gguf, set_tag},
    option_key{"drafts", for_gguf, [](hubcache_request& of, given v) { of.gguf.drafts = flag_of(v); }},
    option_key{"variant", for_pipeline, [](hubcache_request& of, given v) { of.wish.variant = v; }},
    option_key{"select", for_pipeline, set_selection},
    option_key{"use_safetensors", for_pipeline,
               [](hubcache_request& of, given v) { of.wish.use_safetensors = flag_of(v); }},
    option_key{"use_onnx", for_pipeline,
               [](hubcache_request& of, given v) { of.wish.use_onnx = flag_of(v); }},
    option_key{"skip", for_pipeline, [](hubcache_request& of, given v) { of.wish.skip.push_back(v); }},
    option_key{"assemble", for_pipeline, [](hubcache_request& of, given v) { of.assemble = path_of(v); }},
    option_key{"plain_names", for_pipeline,
               [](hubcache_request& of, given v) { of.plain_names = flag_of(v); }},
    option_key{"local_dir", for_all,
               [](hubcache_request& of, given v) { of.options.local_dir = path_of(v); }},
    option_key{"force_download", for_all,
               [](hubcache_request& of, given v) { of.options.force_download = flag_of(v); }},
    option_key{"verify", for_all, [](hubcache_request& of, given v) { of.options.verify = flag_of(v); }},
    option_key{"smart_cache", for_all,
               [](hubcache_request& of, given v) { of.options.smart_cache = flag_of(v); }},
    option_key{"link", for_all, set_link},
    option_key{
        "require", for_all,
        [](hubcache_request& of, given v) { of.options.require = of.options.require | requirements_of(v); }},
    option_key{"max_transfers", for_all,
               [](hubcache_request& of, given v) { of.options.max_transfers = count_of<std::size_t>(v); }},
};

/// Sets `key` of `of` by its row in `table`, which is returned. @throws error errc::invalid_argument
template <class Table, class Object>
const auto& set_by_key(const Table& table, Object& of, const std::string& key, const std::string& value) {
  const auto row =
      std::find_if(table.begin(), table.end(), [&key](const auto& one) { return one.key == key; });
  if (row == table.end()) {
    std::string known;
    for (const auto& one : table) known.append(known.empty() ? "" : ", ").append(one.key);
    throw error(errc::invalid_argument, "there is no key '" + printable(key) + "', but " + known);
  }
  try {
    row->set(of, value);
  } catch (const error& e) {
    throw error(e.reason(), key + " " + e.detail(), e.context());
  }
  return *row;
}

/// Throws for options that were set and are not for `call`, whose name is `name`.
inline void check_options(const hubcache_request& asked, call_kind call, std::string_view name) {
  for (const auto& [key, calls] : asked.limited) {
    if ((calls & call) == 0) {
      throw error(errc::invalid_argument,
                  "the option '" + std::string(key) + "' means nothing to " + std::string(name) + "()");
    }
  }
}

}  // namespace hubcache::inline v0_1::c_api
