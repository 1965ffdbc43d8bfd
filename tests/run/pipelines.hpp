#pragma once

#include <hubcache/cache.hpp>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <support/machine.hpp>
#include <utility>
#include <vector>

namespace test {

inline embedded::repo_file json(std::string text) { return embedded::regular(std::move(text)); }
inline embedded::repo_file weights(std::uint64_t seed) {
  return embedded::lfs(embedded::file_content::generated(seed, 20'000));
}

/// A small pipeline: unet and vae of diffusers, text_encoder and tokenizer of transformers. Its weights are functions of
/// `seed`, but for the VAE's.
inline embedded::file_map small_pipeline(std::uint64_t seed) {
  embedded::file_map files;
  files["README.md"] = embedded::regular("# small\n");
  files["model_index.json"] = json(R"({
  "_class_name": "SmallPipeline",
  "strength": 1e-01,
  "text_encoder": ["transformers", "CLIPTextModel"],
  "tokenizer": ["transformers", "CLIPTokenizer"],
  "unet": ["diffusers", "UNet2DConditionModel"],
  "vae": ["diffusers", "AutoencoderKL"]
}
)");
  files["text_encoder/config.json"] = json(R"({"architectures": ["CLIPTextModel"]})");
  files["text_encoder/model.safetensors"] = weights(seed + 1);
  files["tokenizer/tokenizer_config.json"] = json(R"({"tokenizer_class": "CLIPTokenizer"})");
  files["unet/config.json"] = json(R"({"_class_name": "UNet2DConditionModel"})");
  files["unet/diffusion_pytorch_model.safetensors"] = weights(seed + 2);
  files["vae/config.json"] = json(R"({"_class_name": "AutoencoderKL"})");
  files["vae/diffusion_pytorch_model.safetensors"] = weights(3);
  return files;
}

/// Its index with `vae` in the place of the VAE's value.
inline embedded::repo_file small_index(const std::string& vae) {
  auto text = small_pipeline(0).at("model_index.json").content.text();
  const std::string old = R"(["diffusers", "AutoencoderKL"])";
  return json(text.replace(text.find(old), old.size(), vae));
}

/// The pipeline without a VAE of its own: it is `vae`, in JSON.
inline embedded::file_map linking_pipeline(std::uint64_t seed, const std::string& vae) {
  auto files = small_pipeline(seed);
  std::erase_if(files, [](const auto& file) { return file.first.starts_with("vae/"); });
  files["model_index.json"] = small_index(vae);
  return files;
}

/// acme/vae: a VAE at the root, another in fine/, both without an index that names them. Tag "v1": the same with other
/// weights.
inline embedded::repo_model vae_repo() {
  embedded::repo_model repo("acme/vae");
  embedded::file_map files;
  files["config.json"] = json(R"({"_class_name": "AutoencoderKL", "scale": 1})");
  files["diffusion_pytorch_model.safetensors"] = weights(100);
  files["fine/config.json"] = json(R"({"_class_name": "AutoencoderTiny"})");
  files["fine/diffusion_pytorch_model.safetensors"] = weights(101);
  repo.tag("v1", repo.commit(files, "First"));
  files["fine/diffusion_pytorch_model.safetensors"] = weights(102);
  files["fine/diffusion_pytorch_model.fp16.safetensors"] = weights(103);
  repo.commit(std::move(files), "Second");
  return repo;
}

inline embedded::repo_model repo_of(std::string id, embedded::file_map files) {
  embedded::repo_model repo(std::move(id));
  repo.commit(std::move(files));
  return repo;
}

/// A Hub, and a machine that fetches pipelines from it.
struct pipeline_scene {
  using requests = std::vector<hubcache::pipeline_request>;

  static requests one(const hubcache::repo& which,
                      hubcache::diffusers_wish wish = hubcache::diffusers_wish()) {
    return {hubcache::pipeline_request(which, hubcache::pipeline_options().with_wish(std::move(wish)))};
  }

  hubcache::pipeline_plan plan(requests asked) {
    hubcache::cache cache(here.config);
    return cache.plan_pipelines(std::move(asked));
  }
  hubcache::pipelines run(hubcache::pipeline_plan what) {
    hubcache::cache cache(here.config);
    return cache.run(std::move(what));
  }
  hubcache::pipelines fetch(const hubcache::repo& which,
                            hubcache::diffusers_wish wish = hubcache::diffusers_wish()) {
    return run(plan(one(which, std::move(wish))));
  }
  /// What planning ends with; nothing may have been written then.
  hubcache::error failure(requests asked) {
    try {
      plan(std::move(asked));
    } catch (const hubcache::error& e) {
      return e;
    }
    return {hubcache::errc::internal, "no failure"};
  }
  hubcache::error failure(const hubcache::repo& which,
                          hubcache::diffusers_wish wish = hubcache::diffusers_wish()) {
    return failure(one(which, std::move(wish)));
  }
  [[nodiscard]] bool untouched() const { return !std::filesystem::exists(here.config.cache_dir); }
  /// How often the Hub was asked for a path that ends so.
  [[nodiscard]] std::size_t asked_for(std::string_view end) {
    return hub.log().count([end](const auto& r) { return std::string_view(r.path).ends_with(end); });
  }

  embedded::hub hub;
  machine here{hub};
};

inline hubcache::diffusers_wish wish_variant(std::string variant) {
  hubcache::diffusers_wish wish;
  wish.variant = std::move(variant);
  return wish;
}

/// The paths of a component's files, below its folder.
inline std::vector<std::string> names_in(const hubcache::component_place& component) {
  std::vector<std::string> names;
  for (const auto& file : component.files) names.push_back(file.substr(component.dir.size() + 1));
  return names;
}

inline const hubcache::planned_component* find(const hubcache::planned_pipeline& in, std::string_view name) {
  const auto at = std::find_if(in.components.begin(), in.components.end(),
                               [name](const auto& c) { return c.said.name == name; });
  return at == in.components.end() ? nullptr : &*at;
}

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

}  // namespace test
