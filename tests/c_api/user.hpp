#pragma once
/// @file
/// A user of the C API beside an embedded Hub.

#include <hubcache_c.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <support/hub/fixtures.hpp>
#include <support/hub/server.hpp>
#include <support/temp_folder.hpp>
#include <utility>
#include <vector>

namespace c_user {

/// Frees what the library gave.
template <auto Free>
struct freed {
  template <class T>
  void operator()(T* one) const {
    Free(one);
  }
};
using settings_ptr = std::unique_ptr<hubcache_settings, freed<hubcache_settings_free>>;
using cache_ptr = std::unique_ptr<hubcache_cache, freed<hubcache_close>>;
using request_ptr = std::unique_ptr<hubcache_request, freed<hubcache_request_free>>;
using token_ptr = std::unique_ptr<hubcache_cancel_token, freed<hubcache_cancel_token_free>>;
using result_ptr = std::unique_ptr<const hubcache_result, freed<hubcache_result_free>>;
using error_ptr = std::unique_ptr<const hubcache_error, freed<hubcache_error_free>>;

using options = std::vector<std::pair<const char*, std::string>>;

/// How a call ended.
struct outcome {
  int code = -1;
  c_user::result_ptr result;
  c_user::error_ptr error;
};

using fetching_call = int (*)(hubcache_cache*, const hubcache_request*, const hubcache_result**,
                              const hubcache_error**);

inline outcome make(fetching_call call, const cache_ptr& on, const request_ptr& asked) {
  const hubcache_result* result = nullptr;
  const hubcache_error* error = nullptr;
  outcome ended;
  ended.code = call(on.get(), asked.get(), &result, &error);
  ended.result.reset(result);
  ended.error.reset(error);
  return ended;
}

/// Null if the library refuses one of the options.
inline request_ptr ask(const char* repo, const options& chosen = {}) {
  hubcache_request* made = nullptr;
  hubcache_request_new(repo, &made, nullptr);
  request_ptr asked(made);
  for (const auto& [key, value] : chosen) {
    if (hubcache_request_set(made, key, value.c_str(), nullptr) != HUBCACHE_OK) return nullptr;
  }
  return asked;
}

inline token_ptr new_token() {
  hubcache_cancel_token* made = nullptr;
  hubcache_cancel_token_new(&made, nullptr);
  return token_ptr(made);
}

/// A user whose environment is that of this process, with a Hub that has acme/tiny, two Stable Diffusions and acme/m-GGUF.
struct user {
  user() {
    hub.put(embedded::tiny());
    for (auto& one : embedded::stable_diffusion_pair(2'000'000)) hub.put(std::move(one));
    embedded::repo_model quantised("acme/m-GGUF");
    quantised.commit({{"m-Q2_K.gguf", embedded::lfs(embedded::file_content::generated(1, 10'000))},
                      {"m-Q8_0.gguf", embedded::lfs(embedded::file_content::generated(2, 20'000))},
                      {"mmproj-F16.gguf", embedded::lfs(embedded::file_content::generated(3, 5'000))}});
    hub.put(std::move(quantised));
    for (const char* name :
         {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HUB_CACHE", "HF_HUB_OFFLINE",
          "TRANSFORMERS_OFFLINE", "HUBCACHE_REQUIRE", "HUBCACHE_STORES", "HUBCACHE_CONFIG"}) {
      ::unsetenv(name);
    }
    ::setenv("NO_PROXY", "*", 1);
    ::setenv("HOME", (home / "user").c_str(), 1);
    ::setenv("HF_HOME", (home / "hf").c_str(), 1);
    ::setenv("HF_ENDPOINT", hub.endpoint().c_str(), 1);
  }

  /// A cache with the settings of the environment but for these; null if the library refuses one.
  [[nodiscard]] static cache_ptr open(const options& changed = {{"fsync", "none"}}) {
    hubcache_settings* made = nullptr;
    hubcache_settings_new(&made, nullptr);
    const settings_ptr own(made);
    for (const auto& [key, value] : changed) {
      if (hubcache_settings_set(made, key, value.c_str(), nullptr) != HUBCACHE_OK) return nullptr;
    }
    hubcache_cache* opened = nullptr;
    hubcache_open(made, &opened, nullptr);
    return cache_ptr(opened);
  }
  /// The folder that huggingface_hub gives the snapshot of the repo's main.
  [[nodiscard]] std::string snapshot(const std::string& owner, const std::string& name) const {
    return home / ("hf/hub/models--" + owner + "--" + name + "/snapshots/" +
                   hub.get(owner + "/" + name).find("main")->id);
  }
  /// Lets the next transfers of large files stop in the middle, for longer than any test takes.
  void stall() {
    hub.inject(embedded::fault(embedded::stall_in_body(10'000, std::chrono::minutes(1)))
                   .on(embedded::listener::cdn)
                   .repeated(embedded::fault::always));
  }

  embedded::hub hub;
  test::temp_folder home;
};

}  // namespace c_user
