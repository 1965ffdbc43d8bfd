#pragma once
/// @file
/// The C API (hubcache_c.h): its calls. Compiled once, into the shared library.

#include <hubcache/impl/c_api_call.ipp>
#include <hubcache/impl/c_api_error.ipp>
#include <hubcache/impl/c_api_options.ipp>
#include <hubcache/impl/c_api_result.ipp>
#include <hubcache_c.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace hubcache::inline v0_1::c_api {

/// The body of every call that fetches: checks the arguments, and gives the caller what `body` returns.
template <class Body>
int fetching(hubcache_cache* cache, const hubcache_request* request, const hubcache_result** result,
             const hubcache_error** failure, call_kind call, std::string_view name, Body&& body) noexcept {
  if (result != nullptr) *result = nullptr;
  return guarded(failure, [&] {
    auto& on = required(cache, "cache").all;
    const auto& asked = required(request, "request");
    auto& into = required(result, "result");
    check_options(asked, call, name);
    waiting_call under_way(on, asked);
    under_way.check();
    std::unique_ptr<result_view> brought = body(on, asked, under_way);
    into = brought.release();
  });
}

/// The options of `asked`, with what its mapping file says.
inline snapshot_options options_of(const hubcache_request& asked) {
  auto options = asked.options;
  if (!asked.mapping_file.empty()) {
    auto read = read_mapping(asked.mapping_file);
    if (!options.mapping) options.mapping.emplace();
    options.mapping->merge(read);  // the request's own entries stay
  }
  if (options.mapping && !options.smart_cache) {
    throw error(errc::invalid_argument, "a mapping needs the smart cache; do not set smart_cache to 0");
  }
  return options;
}

/// Completes the mapping file of `asked`.
inline void complete_mapping(const hubcache_request& asked, const snapshot& brought) {
  if (!asked.mapping_file.empty()) merge_mapping(asked.mapping_file, brought.mapping, brought.stale_mapping);
}

inline std::unique_ptr<result_view> download(cache& on, const hubcache_request& asked, waiting_call& call) {
  auto options = options_of(asked);
  if (const auto found = on.cached(asked.repo, options, call.observer())) {
    call.tell_all();
    return std::make_unique<result_view>(*found);
  }
  const auto brought = call.run<snapshot>(
      [&](auto handler) { on.async_snapshot(asked.repo, options, call.observer(), std::move(handler)); });
  complete_mapping(asked, brought);
  return std::make_unique<result_view>(brought);
}

inline std::unique_ptr<result_view> fetch_gguf(cache& on, const hubcache_request& asked, waiting_call& call) {
  auto options = options_of(asked);
  auto plan = call.run<bundle_plan>(
      [&](auto handler) { on.async_plan_gguf(asked.repo, asked.gguf, options, std::move(handler)); });
  call.expect(plan);
  const auto brought = call.run<bundle>(
      [&](auto handler) { on.async_run(std::move(plan), call.observer(), std::move(handler)); });
  complete_mapping(asked, brought.parts.front());
  const auto* primary = brought.find("model");
  if (primary == nullptr) primary = brought.find("preset");
  return std::make_unique<result_view>(brought, 0, brought.path_of(*primary));
}

/// Throws for options of an assembled directory that cannot stand together, or whose directory cannot be filled.
inline void check_assembly(const cache& on, const hubcache_request& asked) {
  if (asked.assemble.empty()) {
    if (!asked.plain_names) return;
    throw error(errc::invalid_argument,
                "plain_names is about the names in an assembled directory; set 'assemble', too");
  }
  if (!asked.options.local_dir.empty()) {
    throw error(errc::invalid_argument,
                "assemble and local_dir exclude each other: one links from the cache, one replaces it");
  }
  check_assembly_dir(asked.assemble, on.config());
}

inline std::unique_ptr<result_view> fetch_pipeline(cache& on, const hubcache_request& asked,
                                                   waiting_call& call) {
  check_assembly(on, asked);
  pipeline_options options;
  options.wish = asked.wish;
  options.snapshot = asked.options;
  const auto plan = call.run<pipeline_plan>([&](auto handler) {
    on.async_plan_pipelines({pipeline_request(asked.repo, options)}, std::move(handler));
  });
  // What keeps the directory from being made is told before anything is fetched.
  if (!asked.assemble.empty()) {
    static_cast<void>(assembly_of(plan, preview(plan), 0, asked.assemble, asked.plain_names));
  }
  call.expect(plan.bundle);
  const auto brought =
      call.run<pipelines>([&](auto handler) { on.async_run(plan, call.observer(), std::move(handler)); });
  const auto& own = brought.all.front();
  auto opened = own.path;
  if (!asked.assemble.empty()) {
    auto shown = assembly_of(plan, brought, 0, asked.assemble, asked.plain_names);
    opened = shown.dir;
    static_cast<void>(call.run<assembly_report>(
        [&](auto handler) { on.async_assemble(std::move(shown), std::move(handler)); }));
  }
  auto result = std::make_unique<result_view>(brought.bundle, own.part, opened);
  result->add_components(own);
  return result;
}

}  // namespace hubcache::inline v0_1::c_api

extern "C" {

const char* hubcache_version() { return hubcache::version; }

void hubcache_error_free(const hubcache_error* error) {
  if (error != &hubcache::c_api::no_memory_error)
    delete static_cast<const hubcache::c_api::error_view*>(error);
}

int hubcache_settings_new(hubcache_settings** settings, const hubcache_error** error) {
  if (settings != nullptr) *settings = nullptr;
  return hubcache::c_api::guarded(error, [&] {
    auto& into = hubcache::c_api::required(settings, "settings");
    into = new hubcache_settings{hubcache::environment_settings()};
  });
}

int hubcache_settings_set(hubcache_settings* settings, const char* key, const char* value,
                          const hubcache_error** error) {
  using namespace hubcache::c_api;
  return guarded(error, [&] {
    auto& of = required(settings, "settings").all;
    set_by_key(setting_keys, of, required_text(key, "key"), required_text(value, "value"));
  });
}

void hubcache_settings_free(hubcache_settings* settings) { delete settings; }

int hubcache_open(const hubcache_settings* settings, hubcache_cache** cache, const hubcache_error** error) {
  if (cache != nullptr) *cache = nullptr;
  return hubcache::c_api::guarded(error, [&] {
    auto& into = hubcache::c_api::required(cache, "cache");
    into = new hubcache_cache(settings != nullptr ? settings->all : hubcache::environment_settings());
  });
}

void hubcache_close(hubcache_cache* cache) { delete cache; }

int hubcache_cancel_token_new(hubcache_cancel_token** token, const hubcache_error** error) {
  if (token != nullptr) *token = nullptr;
  return hubcache::c_api::guarded(error, [&] {
    auto& into = hubcache::c_api::required(token, "token");
    into = new hubcache_cancel_token;
  });
}

void hubcache_cancel(hubcache_cancel_token* token) {
  if (token != nullptr) token->asked = true;
}

void hubcache_cancel_token_free(hubcache_cancel_token* token) { delete token; }

int hubcache_request_new(const char* repo, hubcache_request** request, const hubcache_error** error) {
  if (request != nullptr) *request = nullptr;
  return hubcache::c_api::guarded(error, [&] {
    auto& into = hubcache::c_api::required(request, "request");
    into = new hubcache_request(hubcache::c_api::required_text(repo, "repo"));
  });
}

int hubcache_request_set(hubcache_request* request, const char* key, const char* value,
                         const hubcache_error** error) {
  using namespace hubcache::c_api;
  return guarded(error, [&] {
    auto& of = required(request, "request");
    const auto& row = set_by_key(option_keys, of, required_text(key, "key"), required_text(value, "value"));
    if (row.calls != for_all) of.limited.emplace_back(row.key, row.calls);
  });
}

int hubcache_request_map(hubcache_request* request, const char* sha256, const char* path,
                         const hubcache_error** error) {
  using namespace hubcache::c_api;
  return guarded(error, [&] {
    auto& of = required(request, "request");
    const auto name = required_text(sha256, "sha256");
    const auto content = hubcache::digest::parse(name);
    if (!content || content->algorithm() != hubcache::digest_algorithm::sha256) {
      refuse_value("64 lower-case hex digits", name);
    }
    auto place = path_of(required_text(path, "path"));
    if (!of.options.mapping) of.limited.emplace_back("mapping", for_download | for_gguf);
    mapping_of(of).insert_or_assign(*content, std::move(place));
  });
}

int hubcache_request_on_progress(hubcache_request* request, hubcache_progress_function function,
                                 void* context, const hubcache_error** error) {
  return hubcache::c_api::guarded(error, [&] {
    auto& of = hubcache::c_api::required(request, "request");
    of.tell = function;
    of.context = context;
  });
}

int hubcache_request_cancelled_by(hubcache_request* request, hubcache_cancel_token* token,
                                  const hubcache_error** error) {
  return hubcache::c_api::guarded(error,
                                  [&] { hubcache::c_api::required(request, "request").token = token; });
}

void hubcache_request_free(hubcache_request* request) { delete request; }

void hubcache_result_free(const hubcache_result* result) {
  delete static_cast<const hubcache::c_api::result_view*>(result);
}

int hubcache_download(hubcache_cache* cache, const hubcache_request* request, const hubcache_result** result,
                      const hubcache_error** error) {
  using namespace hubcache::c_api;
  return fetching(cache, request, result, error, for_download, "hubcache_download", download);
}

int hubcache_cached(hubcache_cache* cache, const hubcache_request* request, const hubcache_result** result,
                    const hubcache_error** error) {
  using namespace hubcache::c_api;
  const auto look = [](hubcache::cache& on, const hubcache_request& asked, waiting_call& call) {
    const auto found = on.cached(asked.repo, options_of(asked), call.observer());
    call.tell_all();
    return found ? std::make_unique<result_view>(*found) : nullptr;
  };
  return fetching(cache, request, result, error, for_download, "hubcache_cached", look);
}

int hubcache_gguf(hubcache_cache* cache, const hubcache_request* request, const hubcache_result** result,
                  const hubcache_error** error) {
  using namespace hubcache::c_api;
  return fetching(cache, request, result, error, for_gguf, "hubcache_gguf", fetch_gguf);
}

int hubcache_pipeline(hubcache_cache* cache, const hubcache_request* request, const hubcache_result** result,
                      const hubcache_error** error) {
  using namespace hubcache::c_api;
  return fetching(cache, request, result, error, for_pipeline, "hubcache_pipeline", fetch_pipeline);
}

}  // extern "C"
