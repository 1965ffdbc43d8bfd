#include <hubcache/store/find_stores.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <string>
#include <support/temp_folder.hpp>
#include <support/unprivileged.hpp>

namespace fs = std::filesystem;
using hubcache::distinct_stores;
using hubcache::recognise_store;
using hubcache::store;
using hubcache::store_kind;
using hubcache::store_origin;
using test::temp_folder;

namespace {

/// An environment with a home of its own.
struct user {
  temp_folder home;
  std::map<std::string, std::string> set{{"HOME", home.path().string()}};
  hubcache::variable_lookup lookup = [this](const std::string& name) -> std::optional<std::string> {
    const auto at = set.find(name);
    return at == set.end() ? std::nullopt : std::optional(at->second);
  };

  [[nodiscard]] hubcache::variables env() const { return hubcache::variables(lookup); }
  /// What is found below home, as KIND=name.
  [[nodiscard]] std::vector<std::string> found() const {
    std::vector<std::string> result;
    for (const auto& each : find_stores(env())) {
      const auto path = fs::path(each.path).lexically_relative(home.path()).string();
      if (!path.starts_with("..")) result.push_back(std::string(to_string(each.kind)) + "=" + path);
    }
    return result;
  }
  void folder(const std::string& name) const { fs::create_directories(home / name); }
};

bool lists(const std::vector<store>& stores, store_kind kind, const std::string& path) {
  return std::any_of(stores.begin(), stores.end(), [&](const store& s) {
    return s.kind == kind && s.path == path && s.origin == store_origin::found && !s.in_place && !s.read_only;
  });
}

}  // namespace

TEST_CASE("Well-known places follow the variables of their tools") {
  user u;
  u.set = {{"HOME", "/home/u"},
           {"HF_HOME", "/hf"},
           {"HF_HUB_CACHE", "/hub"},
           {"HUGGINGFACE_HUB_CACHE", "~/legacy"},
           {"TRANSFORMERS_CACHE", "/transformers"},
           {"OLLAMA_MODELS", "$HF_HOME/ollama"},
           {"LLAMA_CACHE", "/llama"},
           {"COMFYUI_MODEL_PATH", "/comfy"}};
  const auto all = well_known_stores(u.env());
  for (const char* path :
       {"/hub", "/home/u/legacy", "/transformers", "/hf/hub", "/home/u/.cache/huggingface/hub"}) {
    CAPTURE(path);
    CHECK(lists(all, store_kind::hub_cache, path));
  }
  CHECK(lists(all, store_kind::ollama, "/hf/ollama"));
  CHECK(lists(all, store_kind::ollama, "/home/u/.ollama/models"));
  CHECK(lists(all, store_kind::ollama, "/usr/share/ollama/.ollama/models"));
  CHECK(lists(all, store_kind::llama_cpp, "/llama"));
  CHECK(lists(all, store_kind::llama_cpp, "/home/u/.cache/llama.cpp"));
  CHECK(lists(all, store_kind::comfy_ui, "/comfy"));
  CHECK(lists(all, store_kind::comfy_ui, "/home/u/ComfyUI/models"));
}

TEST_CASE("XDG_CACHE_HOME moves the caches that obey it") {
  user u;
  u.set = {{"HOME", "/home/u"}, {"XDG_CACHE_HOME", "/xdg"}};
  const auto all = well_known_stores(u.env());
  CHECK(lists(all, store_kind::hub_cache, "/xdg/huggingface/hub"));
  CHECK(lists(all, store_kind::hub_cache, "/home/u/.cache/huggingface/hub"));
  CHECK(lists(all, store_kind::llama_cpp, "/xdg/llama.cpp"));
}

TEST_CASE("Only folders that exist are found") {
  user u;
  CHECK(u.found().empty());
  u.folder(".ollama/models");
  u.folder("ComfyUI/models");
  u.home.write(".cache/llama.cpp", "a file");
  CHECK(u.found() == std::vector<std::string>{"ollama=.ollama/models", "comfy-ui=ComfyUI/models"});
}

TEST_CASE("What newer versions of llama.cpp keep in LLAMA_CACHE is a Hub cache") {
  user u;
  u.set["LLAMA_CACHE"] = u.home / "llama";
  u.folder("llama");
  CHECK(u.found() == std::vector<std::string>{"llama-cpp=llama"});
  u.folder("llama/models--ggml-org--gemma/blobs");
  CHECK(u.found() == std::vector<std::string>{"hub-cache=llama"});
}

TEST_CASE("A folder is recognised by its layout") {
  const temp_folder home;
  const auto is = [&](const std::string& name, store_kind kind) {
    CAPTURE(name);
    CHECK(recognise_store(home / name) == kind);
  };
  home.write("hub/models--a--b/blobs/x", "");
  is("hub", store_kind::hub_cache);
  home.write("local/.cache/huggingface/download/x.metadata", "");
  is("local", store_kind::local_dir);
  home.write("ollama/blobs/x", "");
  is("ollama", store_kind::folder);
  home.write("ollama/manifests/x", "");
  is("ollama", store_kind::ollama);
  home.write("repo/.git/lfs/objects/x", "");
  is("repo", store_kind::git_lfs);
  is("repo/.git", store_kind::git_lfs);
  is("repo/.git/lfs", store_kind::git_lfs);
  home.write("llama/manifest=a=b=c.json", "");
  is("llama", store_kind::llama_cpp);
  home.write("llama2/x.gguf.etag", "");
  is("llama2", store_kind::llama_cpp);
  home.write("comfy/checkpoints/x", "");
  is("comfy", store_kind::folder);
  home.write("comfy/loras/x", "");
  is("comfy", store_kind::comfy_ui);
  home.write("models/x.gguf", "");
  is("models", store_kind::folder);
}

TEST_CASE("What is missing, a file or unreadable is not recognised") {
  const temp_folder home;
  home.write("file", "");
  CHECK_FALSE(recognise_store(home / "file"));
  CHECK_FALSE(recognise_store(home / "none"));
  fs::create_directory(home / "locked");
  fs::permissions(home / "locked", fs::perms::none);
  const test::unprivileged nobody;
  CHECK_FALSE(recognise_store(home / "locked"));
}

TEST_CASE("Each folder is listed once, under its first name, and the own cache never") {
  const temp_folder home;
  fs::create_directories(home / "hub");
  fs::create_directories(home / "other");
  fs::create_symlink("hub", home / "hub-link");
  fs::create_symlink("other", home / "other-link");
  const auto of = [&](const std::string& name) {
    return store(store_kind::hub_cache, home / name, store_origin::configured);
  };
  const auto kept = distinct_stores(
      {of("hub"), of("hub-link"), of("other-link"), of("other"), of("absent"), of("absent")}, home / "hub");
  CHECK(kept == std::vector<store>{of("other-link"), of("absent")});
  CHECK(distinct_stores({of("hub")}, home / "hub-link").empty());
}
