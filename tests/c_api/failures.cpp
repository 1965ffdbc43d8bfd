// How calls of the C API fail.
#include <doctest/doctest.h>

#include <cstring>
#include <filesystem>
#include <string>

#include "user.hpp"

using c_user::ask;
using c_user::make;
using c_user::user;

namespace {

/// Whether `ended`, which looks at `error`, is the refusal of an argument that names `what`.
bool refused(int ended, const hubcache_error*& error, const char* what) {
  const c_user::error_ptr owned(std::exchange(error, nullptr));
  INFO(what);
  return ended == HUBCACHE_ERROR_INVALID_ARGUMENT && owned != nullptr && owned->code == ended &&
         std::strcmp(owned->name, "invalid_argument") == 0 && std::strstr(owned->message, what) != nullptr;
}

}  // namespace

TEST_CASE("NULL where something is needed is refused by name, and nothing is given") {
  user u;
  const auto cache = user::open();
  const auto asked = ask("acme/tiny");
  const hubcache_error* error = nullptr;
  hubcache_request* request = nullptr;
  hubcache_settings* settings = nullptr;
  REQUIRE(hubcache_settings_new(&settings, nullptr) == HUBCACHE_OK);
  const c_user::settings_ptr owned(settings);
  CHECK(refused(hubcache_settings_new(nullptr, &error), error, "'settings'"));
  CHECK(refused(hubcache_settings_set(nullptr, "offline", "1", &error), error, "'settings'"));
  CHECK(refused(hubcache_settings_set(settings, nullptr, "1", &error), error, "'key'"));
  CHECK(refused(hubcache_settings_set(settings, "offline", nullptr, &error), error, "'value'"));
  CHECK(refused(hubcache_open(settings, nullptr, &error), error, "'cache'"));
  CHECK(refused(hubcache_cancel_token_new(nullptr, &error), error, "'token'"));
  CHECK(refused(hubcache_request_new("acme/tiny", nullptr, &error), error, "'request'"));
  CHECK(refused(hubcache_request_new(nullptr, &request, &error), error, "'repo'"));
  CHECK(refused(hubcache_request_set(nullptr, "revision", "main", &error), error, "'request'"));
  CHECK(refused(hubcache_request_set(asked.get(), nullptr, "main", &error), error, "'key'"));
  CHECK(refused(hubcache_request_set(asked.get(), "revision", nullptr, &error), error, "'value'"));
  CHECK(refused(hubcache_request_map(nullptr, "", "", &error), error, "'request'"));
  CHECK(refused(hubcache_request_map(asked.get(), nullptr, "", &error), error, "'sha256'"));
  CHECK(refused(hubcache_request_map(asked.get(), std::string(64, 'a').c_str(), nullptr, &error), error,
                "'path'"));
  CHECK(refused(hubcache_request_on_progress(nullptr, nullptr, nullptr, &error), error, "'request'"));
  CHECK(refused(hubcache_request_cancelled_by(nullptr, nullptr, &error), error, "'request'"));
  for (const auto call : {hubcache_download, hubcache_cached, hubcache_gguf, hubcache_pipeline}) {
    const hubcache_result* result = nullptr;
    CHECK(refused(call(nullptr, asked.get(), &result, &error), error, "'cache'"));
    CHECK(refused(call(cache.get(), nullptr, &result, &error), error, "'request'"));
    CHECK(refused(call(cache.get(), asked.get(), nullptr, &error), error, "'result'"));
    CHECK(result == nullptr);
  }
  CHECK(request == nullptr);
  hubcache_error_free(nullptr);
  hubcache_settings_free(nullptr);
  hubcache_close(nullptr);
  hubcache_cancel(nullptr);
  hubcache_cancel_token_free(nullptr);
  hubcache_request_free(nullptr);
  hubcache_result_free(nullptr);
}

TEST_CASE("nobody needs to ask for the error") {
  user u;
  hubcache_request* request = nullptr;
  CHECK(hubcache_request_new("no repo at all", &request, nullptr) == HUBCACHE_ERROR_INVALID_ARGUMENT);
  CHECK(request == nullptr);
}

TEST_CASE("an unknown key is refused with those there are, a malformed value with what was expected") {
  user u;
  hubcache_settings* settings = nullptr;
  REQUIRE(hubcache_settings_new(&settings, nullptr) == HUBCACHE_OK);
  const c_user::settings_ptr owned(settings);
  const hubcache_error* error = nullptr;
  CHECK(refused(hubcache_settings_set(settings, "endpont", "", &error), error, "endpoint, token, cache_dir"));
  CHECK(refused(hubcache_settings_set(settings, "endpoint", "ftp://x", &error), error, "endpoint"));
  CHECK(refused(hubcache_settings_set(settings, "cache_dir", "", &error), error, "cache_dir must be a path"));
  CHECK(refused(hubcache_settings_set(settings, "offline", "yes", &error), error, "1 or 0, not 'yes'"));
  CHECK(refused(hubcache_settings_set(settings, "require", "luck", &error), error, "safetensors, scan"));
  CHECK(refused(hubcache_settings_set(settings, "fsync", "often", &error), error, "none, batch or each"));
  CHECK(refused(hubcache_settings_set(settings, "user_agent", "a\r\nb", &error), error, "printable"));
  CHECK(refused(hubcache_settings_set(settings, "download_timeout", "-1", &error), error, "seconds"));
  CHECK(refused(hubcache_settings_set(settings, "attempts", "0", &error), error, "at least 1"));
  const auto asked = ask("acme/tiny");
  auto* request = asked.get();
  CHECK(refused(hubcache_request_set(request, "revison", "main", &error), error, "type, revision, file"));
  CHECK(refused(hubcache_request_set(request, "type", "film", &error), error, "model, dataset or space"));
  CHECK(refused(hubcache_request_set(request, "revision", "../x", &error), error, "revision"));
  CHECK(refused(hubcache_request_set(request, "file", "/etc/passwd", &error), error, "inside the repo"));
  CHECK(refused(hubcache_request_set(request, "allow", "", &error), error, "allow must be a glob pattern"));
  CHECK(refused(hubcache_request_set(request, "ignore", "", &error), error, "ignore must be a glob pattern"));
  CHECK(refused(hubcache_request_set(request, "tag", "a b", &error), error, "tag must be"));
  CHECK(refused(hubcache_request_set(request, "select", "all", &error), error, "diffusers or minimal"));
  CHECK(refused(hubcache_request_set(request, "link", "*.bin=glue", &error), error, "reflink, hardlink"));
  CHECK(refused(hubcache_request_set(request, "max_transfers", "many", &error), error, "at least 1"));
  CHECK(refused(hubcache_request_map(request, "abc", "x", &error), error, "64 lower-case hex digits"));
}

TEST_CASE("a malformed token is refused without being repeated") {
  user u;
  hubcache_settings* settings = nullptr;
  REQUIRE(hubcache_settings_new(&settings, nullptr) == HUBCACHE_OK);
  const c_user::settings_ptr owned(settings);
  const hubcache_error* error = nullptr;
  CHECK(hubcache_settings_set(settings, "token", "hf_hunter2 token", &error) ==
        HUBCACHE_ERROR_INVALID_ARGUMENT);
  const c_user::error_ptr told(error);
  CHECK(std::strstr(told->message, "token must be") != nullptr);
  CHECK(std::strstr(told->message, "hunter2") == nullptr);
}

TEST_CASE("an option that means nothing to a call is refused before anything is asked for") {
  user u;
  const auto cache = user::open();
  const auto variant = make(hubcache_download, cache, ask("acme/tiny", {{"variant", "fp16"}}));
  CHECK(variant.code == HUBCACHE_ERROR_INVALID_ARGUMENT);
  CHECK(std::strstr(variant.error->message, "'variant' means nothing to hubcache_download()") != nullptr);
  CHECK(make(hubcache_gguf, cache, ask("acme/m-GGUF", {{"allow", "*"}})).code ==
        HUBCACHE_ERROR_INVALID_ARGUMENT);
  CHECK(make(hubcache_pipeline, cache, ask("acme/tiny", {{"mapping", "1"}})).code ==
        HUBCACHE_ERROR_INVALID_ARGUMENT);
  CHECK(make(hubcache_pipeline, cache, ask("acme/tiny", {{"plain_names", "1"}})).code ==
        HUBCACHE_ERROR_INVALID_ARGUMENT);
  CHECK(make(hubcache_download, cache, ask("acme/tiny", {{"mapping", "1"}, {"smart_cache", "0"}})).code ==
        HUBCACHE_ERROR_INVALID_ARGUMENT);
  CHECK(u.hub.log().count() == 0);
}

TEST_CASE("a directory that cannot be assembled is refused before anything is asked for") {
  user u;
  u.home.write("full/of/mine.txt", "mine");
  const auto cache = user::open();
  const auto got =
      make(hubcache_pipeline, cache, ask("CompVis/stable-diffusion-v1-4", {{"assemble", u.home / "full"}}));
  CHECK(got.code == HUBCACHE_ERROR_REFUSED);
  CHECK(u.hub.log().count() == 0);
}

TEST_CASE("a repo that is not there is told with its name and the server's answer") {
  user u;
  const auto cache = user::open();
  const auto got = make(hubcache_download, cache, ask("acme/nothing", {{"type", "dataset"}}));
  CHECK(got.result == nullptr);
  REQUIRE(got.error != nullptr);
  CHECK(got.error->code == got.code);
  CHECK((got.code == HUBCACHE_ERROR_REPO_NOT_FOUND || got.code == HUBCACHE_ERROR_UNAUTHORIZED));
  CHECK(std::string(got.error->repo) == "datasets/acme/nothing");
  CHECK(std::string(got.error->url).starts_with(u.hub.endpoint()));
  CHECK(got.error->http_status >= 400);
  CHECK(got.error->request_id != std::string());
  CHECK(std::strstr(got.error->message, "acme/nothing") != nullptr);
}

TEST_CASE("revision and file that are not there have codes of their own") {
  user u;
  const auto cache = user::open();
  CHECK(make(hubcache_download, cache, ask("acme/tiny", {{"revision", "v9"}})).code ==
        HUBCACHE_ERROR_REVISION_NOT_FOUND);
  const auto got = make(hubcache_download, cache, ask("acme/tiny", {{"file", "nothing.bin"}}));
  CHECK(got.code == HUBCACHE_ERROR_FILE_NOT_FOUND);
  CHECK(got.error->name == std::string("file_not_found"));
  CHECK(make(hubcache_gguf, cache, ask("acme/tiny")).code == HUBCACHE_ERROR_FILE_NOT_FOUND);
  CHECK(make(hubcache_pipeline, cache, ask("acme/tiny")).code == HUBCACHE_ERROR_FILE_NOT_FOUND);
}

TEST_CASE("offline, what is not there is told without a request") {
  user u;
  const auto cache = user::open({{"offline", "1"}});
  const auto got = make(hubcache_download, cache, ask("acme/tiny"));
  CHECK(got.code == HUBCACHE_ERROR_NOT_CACHED);
  CHECK(u.hub.log().count() == 0);
}

TEST_CASE("the Hub gets the token, and the caller's name; errors have no token") {
  user u;
  embedded::repo_model repo("acme/secret");
  repo.is_private = true;
  repo.grants = {"hf_hunter2token"};
  repo.commit({{"config.json", embedded::regular("{}")}});
  u.hub.put(repo);
  const auto let_in = user::open({{"token", "hf_hunter2token"}, {"user_agent", "paint/1.0"}});
  CHECK(make(hubcache_download, let_in, ask("acme/secret")).code == HUBCACHE_OK);
  for (const auto& one : u.hub.log().records()) {
    CHECK(one.has_auth);
    CHECK(one.user_agent.find("paint/1.0") != std::string::npos);
  }
  u.hub.inject(embedded::fault(embedded::status(500)).repeated(embedded::fault::always));
  const auto failing = user::open({{"token", "hf_hunter2token"}, {"attempts", "1"}});
  const auto got = make(hubcache_download, failing, ask("acme/tiny"));
  REQUIRE(got.error != nullptr);
  CHECK(got.code == HUBCACHE_ERROR_SERVER_FAILED);
  CHECK(std::strstr(got.error->message, "hunter2") == nullptr);
}

TEST_CASE("a malformed environment is an error of opening") {
  user u;
  ::setenv("HF_ENDPOINT", "not a URL", 1);
  hubcache_cache* cache = nullptr;
  const hubcache_error* error = nullptr;
  CHECK(hubcache_open(nullptr, &cache, &error) == HUBCACHE_ERROR_INVALID_ARGUMENT);
  const c_user::error_ptr told(error);
  CHECK(cache == nullptr);
  CHECK(std::strstr(told->message, "HF_ENDPOINT") != nullptr);
}
