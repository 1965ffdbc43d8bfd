#pragma once

#include <hubcache/os/folder.hpp>
#include <hubcache/store/find_stores.hpp>
#include <hubcache/store/hub_layout.hpp>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <set>

namespace hubcache::inline v0_1 {

namespace detail {

HUBCACHE_DECL bool is_folder(const std::string& path) {
  std::error_code ec;
  return os::status(path, ec, true).directory;
}

/// What the names in a folder say about it.
HUBCACHE_DECL store_kind kind_by_names(const std::vector<os::folder_entry>& entries) {
  const auto any = [&entries](auto matches) { return std::any_of(entries.begin(), entries.end(), matches); };
  const auto has = [&any](std::string_view name) {
    return any([name](const os::folder_entry& e) { return e.name == name; });
  };
  if (any([](const os::folder_entry& e) { return is_repo_folder(e.name); })) return store_kind::hub_cache;
  if (any([](const os::folder_entry& e) {
        const std::string_view name = e.name;
        return name.ends_with(".gguf.etag") || name.ends_with(".gguf.json") ||
               (name.starts_with("manifest=") && name.ends_with(".json"));
      })) {
    return store_kind::llama_cpp;
  }
  if (has("checkpoints") && (has("loras") || has("vae") || has("diffusion_models"))) {
    return store_kind::comfy_ui;
  }
  return store_kind::folder;
}

}  // namespace detail

HUBCACHE_DECL std::vector<store> well_known_stores(const variables& env) {
  std::vector<store> result;
  const auto add = [&result](store_kind kind, const std::string& path) {
    result.emplace_back(kind, path, store_origin::found);
  };
  const auto add_named = [&](store_kind kind, const char* variable) {
    if (const auto value = env.text(variable); !value.empty()) add(kind, env.folder(value));
  };
  // huggingface_hub; transformers before 5; sentence-transformers.
  for (const char* name :
       {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_CACHE", "PYTORCH_TRANSFORMERS_CACHE",
        "PYTORCH_PRETRAINED_BERT_CACHE", "SENTENCE_TRANSFORMERS_HOME"}) {
    add_named(store_kind::hub_cache, name);
  }
  add(store_kind::hub_cache, env.hf_home() + "/hub");
  add(store_kind::hub_cache, env.user_cache() + "/huggingface/hub");
  add(store_kind::hub_cache, env.folder("~/.cache/huggingface/hub"));
  add(store_kind::hub_cache, env.hf_home() + "/diffusers");  // diffusers before it shared hub/

  add_named(store_kind::ollama, "OLLAMA_MODELS");
  add(store_kind::ollama, env.folder("~/.ollama/models"));
  add(store_kind::ollama, "/usr/share/ollama/.ollama/models");  // the service of its installer

  add_named(store_kind::llama_cpp, "LLAMA_CACHE");
  add(store_kind::llama_cpp, env.user_cache() + "/llama.cpp");

  add_named(store_kind::comfy_ui, "COMFYUI_MODEL_PATH");
  add(store_kind::comfy_ui, env.folder("~/ComfyUI/models"));
  add(store_kind::comfy_ui, env.folder("~/comfy/ComfyUI/models"));  // comfy-cli
  return result;
}

HUBCACHE_DECL std::vector<store> find_stores(const variables& env) {
  auto result = well_known_stores(env);
  std::erase_if(result, [](const store& s) { return !detail::is_folder(s.path); });
  for (auto& each : result) {
    // Newer versions of llama.cpp keep a Hub cache where LLAMA_CACHE says.
    if (each.kind == store_kind::llama_cpp && recognise_store(each.path) == store_kind::hub_cache) {
      each.kind = store_kind::hub_cache;
    }
  }
  return result;
}

HUBCACHE_DECL std::optional<store_kind> recognise_store(const std::string& path) {
  std::error_code ec;
  const auto opened = os::folder::open(path, ec);
  if (ec) return std::nullopt;
  const auto has = [&path](const char* below) { return detail::is_folder(path + below); };
  if (has("/.cache/huggingface/download")) return store_kind::local_dir;
  if (has("/blobs") && has("/manifests")) return store_kind::ollama;
  if (has("/.git/lfs/objects") || (path.ends_with("/.git") && has("/lfs/objects")) ||
      (path.ends_with("/lfs") && has("/objects"))) {
    return store_kind::git_lfs;
  }
  const auto entries = opened.entries(ec);
  if (ec) return std::nullopt;
  return detail::kind_by_names(entries);
}

HUBCACHE_DECL std::vector<store> distinct_stores(std::vector<store> all, const std::string& own_cache) {
  std::error_code ec;
  const auto real = [&ec](const std::string& path) {
    const auto resolved = std::filesystem::weakly_canonical(path, ec).string();
    return ec ? path : resolved;
  };
  std::set<std::string> seen{own_cache, real(own_cache)};
  std::erase_if(all, [&](const store& s) {
    // Both names are looked up: a folder that cannot be resolved is told by its own.
    const bool known = seen.contains(s.path) || seen.contains(real(s.path));
    seen.insert({s.path, real(s.path)});
    return known;
  });
  return all;
}

HUBCACHE_DECL std::vector<store> all_stores(const std::string& cache_dir, const std::vector<store>& others) {
  std::vector<store> all{store(store_kind::hub_cache, cache_dir, store_origin::own)};
  std::copy_if(others.begin(), others.end(), std::back_inserter(all),
               [&cache_dir](const store& s) { return s.path != cache_dir; });
  return all;
}

}  // namespace hubcache::inline v0_1
