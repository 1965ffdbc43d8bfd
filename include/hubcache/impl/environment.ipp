#pragma once

#include <hubcache/error.hpp>
#include <hubcache/os/file.hpp>
#include <hubcache/store/environment.hpp>
#include <hubcache/store/find_stores.hpp>
#include <hubcache/store/folders.hpp>
#include <hubcache/store/store_config.hpp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

HUBCACHE_DECL std::string trimmed(const std::string& text) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto first = text.find_first_not_of(blanks);
  return first == text.npos ? std::string() : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Splits "scheme://user:password@host:port" and decodes nothing else: credentials are kept apart from the URL.
HUBCACHE_DECL void read_proxy(const variables& env, std::string name, std::optional<url>& where,
                              secret& credentials) {
  auto text = env.either_case(name);
  if (text.empty()) text = env.either_case(name = "ALL_PROXY");
  if (text.empty()) return;
  if (text.find("://") == text.npos) text.insert(0, "http://");
  const auto start = text.find("://") + 3;
  const auto end = std::min(text.find('/', start), text.size());
  if (const auto at = text.rfind('@', end); at != text.npos && at >= start) {
    std::string user = text.substr(start, at - start);
    std::string decoded;
    for (std::size_t i = 0; i < user.size(); ++i) {
      unsigned value = 0;
      if (user[i] == '%' && i + 2 < user.size() &&
          std::from_chars(&user[i + 1], &user[i + 3], value, 16).ptr == &user[i + 3]) {
        decoded += static_cast<char>(value);
        i += 2;
      } else {
        decoded += user[i];
      }
    }
    credentials = secret(std::move(decoded));
    text.erase(start, at + 1 - start);
  }
  where = url::parse(text);
  // An '@' behind the host: what stands before it is a part of a password with an unescaped '/', no host.
  if (!where || where->secure() || where->target().find('@') != std::string::npos) {
    where.reset();
    throw error(errc::invalid_argument,
                name +
                    " must have the form http://[user:password@]host[:port]; SOCKS and https proxies need "
                    "another transport (see docs)");
  }
}

HUBCACHE_DECL url read_endpoint(const variables& env, const url& otherwise) {
  const auto text = env.text("HF_ENDPOINT");
  if (text.empty()) return otherwise;
  try {
    return parse_endpoint(text);
  } catch (const error& e) {
    throw error(e.reason(), "HF_ENDPOINT: " + e.detail());
  }
}

HUBCACHE_DECL secret read_token(const variables& env, const std::string& hf_home) {
  auto text = trimmed(env.first({"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}));
  error_context where;
  if (text.empty()) {
    const auto path = env.text("HF_TOKEN_PATH");
    where.file = path.empty() ? hf_home + "/token" : env.folder(path);
    std::error_code ec;
    // Secrets are often mounted as symlinks.
    const auto file = std::filesystem::canonical(where.file, ec);
    if (!ec) text = trimmed(os::read_text(file.string(), 64 * 1024, ec));
    if (ec == std::errc::file_too_large) {
      throw error(errc::invalid_argument, "the token file is larger than any token", std::move(where));
    }
  }
  if (std::any_of(text.begin(), text.end(), [](char c) { return c <= 0x20 || c >= 0x7F; })) {
    throw error(errc::invalid_argument,
                "the token (HF_TOKEN or the token file) contains a blank, a line break or another character "
                "that no token has",
                std::move(where));
  }
  return secret(std::move(text));
}

/// settings::stores: best are those the user named, then those he added, then those of other tools.
HUBCACHE_DECL std::vector<store> configured_stores(const variables& env, const settings& of) {
  const auto file = env.text("HUBCACHE_CONFIG");
  const auto config = read_store_config(file.empty() ? of.state_dir + "/stores.toml" : env.folder(file), env);
  std::vector<store> all;
  for (const auto& entry : parse_store_list(env.text("HUBCACHE_STORES"), env)) all.push_back(to_store(entry));
  for (const auto& entry : config.stores) all.push_back(to_store(entry));
  for (const auto& folder : read_folders(of.state_dir)) {
    all.emplace_back(recognise_store(folder).value_or(store_kind::folder), folder, store_origin::added);
  }
  if (config.find) {
    for (auto& found : find_stores(env)) all.push_back(std::move(found));
  }
  return distinct_stores(std::move(all), of.cache_dir);
}

HUBCACHE_DECL requirements read_requirements(const variables& env) {
  const auto text = env.text("HUBCACHE_REQUIRE");
  const auto read = parse_requirements(text);
  if (!read) {
    throw error(errc::invalid_argument,
                "HUBCACHE_REQUIRE must be a list of safetensors, scan and sha256, with commas, not '" +
                    printable(text) + "'");
  }
  return *read;
}

}  // namespace detail

HUBCACHE_DECL void change_cache_dir(settings& of, std::string path) {
  const auto before = std::exchange(of.cache_dir, std::move(path));
  std::error_code ec;
  if (os::status(before, ec, true).directory) {
    of.stores.insert(of.stores.begin(), store(store_kind::hub_cache, before, store_origin::found));
  }
  of.stores = distinct_stores(std::move(of.stores), of.cache_dir);
}

HUBCACHE_DECL url parse_endpoint(const std::string& text) {
  auto parsed = url::parse(text);
  if (!parsed || parsed->target().find('?') != std::string::npos) {
    throw error(errc::invalid_argument,
                "the endpoint '" + (parsed ? parsed->redacted() : std::string("(malformed)")) +
                    "' must have the form http(s)://host[:port][/prefix], without user or query");
  }
  return *parsed;
}

HUBCACHE_DECL std::string default_state_dir(const std::string& hf_home, const std::string& user_cache_dir) {
  return (os::is_network_file_system(hf_home) ? user_cache_dir : hf_home) + "/hubcache";
}

HUBCACHE_DECL settings environment_settings(const variable_lookup& variable) {
  const variables env(variable);
  settings result;
  const auto hf_home = env.hf_home();
  const auto hub_cache = env.first({"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"});
  result.cache_dir = hub_cache.empty() ? hf_home + "/hub" : env.folder(hub_cache);
  result.state_dir = default_state_dir(hf_home, env.user_cache());
  // A stranger among the repos makes other clients' scans warn; below .locks they do not look.
  if ((result.state_dir + "/").starts_with(result.cache_dir + "/")) {
    result.state_dir = result.cache_dir + "/.locks/hubcache";
  }
  result.stores = detail::configured_stores(env, result);

  result.endpoint = detail::read_endpoint(env, result.endpoint);
  if (!env.flag({"HF_HUB_DISABLE_IMPLICIT_TOKEN"})) result.token = detail::read_token(env, hf_home);
  result.offline = env.flag({"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"});
  result.require = detail::read_requirements(env);
  result.metadata_timeout = env.seconds("HF_HUB_ETAG_TIMEOUT", result.metadata_timeout);
  result.download_timeout = env.seconds("HF_HUB_DOWNLOAD_TIMEOUT", result.download_timeout);
  result.use_symlinks = !env.flag({"HF_HUB_DISABLE_SYMLINKS"});

  detail::read_proxy(env, "HTTP_PROXY", result.proxy.http, result.proxy.http_credentials);
  detail::read_proxy(env, "HTTPS_PROXY", result.proxy.https, result.proxy.https_credentials);
  result.proxy.no_proxy = env.either_case("NO_PROXY");
  result.ca_file = env.text("SSL_CERT_FILE");
  result.ca_dir = env.text("SSL_CERT_DIR");
  if (const auto origin = env.text("HF_HUB_USER_AGENT_ORIGIN"); !origin.empty()) {
    result.user_agent = "origin/" + origin;
  }
  return result;
}

HUBCACHE_DECL settings environment_settings() {
  return environment_settings([](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
  });
}

}  // namespace hubcache::inline v0_1
