#include <hubcache/error.hpp>
#include <hubcache/select/diffusers.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using namespace hubcache;
using paths = std::vector<std::string>;

namespace {

const paths listing{"README.md",
                    "model_index.json",
                    "sd_xl_base_1.0.safetensors",
                    "tokenizer/merges.txt",
                    "tokenizer/templates/chat.jinja",
                    "tokenizer/tokenizer_config.json",
                    "vae/README.md",
                    "vae/config.json",
                    "vae/diffusion_pytorch_model.bin",
                    "vae/diffusion_pytorch_model.bin.index.json",
                    "vae/diffusion_pytorch_model.fp16.bin",
                    "vae/diffusion_pytorch_model.onnx",
                    "vae/diffusion_pytorch_model.safetensors",
                    "vae/sub/model.safetensors",
                    "vae_1_0/diffusion_pytorch_model.safetensors"};

/// A component "part" of a class that nothing tells.
model_component part() {
  model_component component;
  component.name = "part";
  return component;
}

paths select(const paths& from, std::string_view folder, const diffusers_wish& wish = {}) {
  paths result;
  for (const auto& file : select_component(from, folder, part(), wish).files) {
    CHECK(file.role == "component:part");
    result.push_back(file.path);
  }
  return result;
}

std::string complaint(const paths& from, std::string_view folder, const diffusers_wish& wish = {}) {
  try {
    static_cast<void>(select_component(from, folder, part(), wish));
  } catch (const error& e) {
    CHECK(e.reason() == errc::file_not_found);
    return e.detail();
  }
  return {};
}

diffusers_wish wants_safetensors(std::optional<bool> which) {
  diffusers_wish wish;
  wish.use_safetensors = which;
  return wish;
}

}  // namespace

TEST_CASE("a lone model is its configuration and its safetensors") {
  CHECK(select(listing, "vae") == paths{"vae/config.json", "vae/diffusion_pytorch_model.safetensors"});
}

TEST_CASE("a lone model is taken as .bin if there are no safetensors, or if they are not wished") {
  const paths bin{"vae/config.json", "vae/diffusion_pytorch_model.bin",
                  "vae/diffusion_pytorch_model.bin.index.json"};
  CHECK(select(listing, "vae", wants_safetensors(false)) == bin);
  auto without = listing;
  std::erase(without, "vae/diffusion_pytorch_model.safetensors");
  CHECK(select(without, "vae") == bin);
  CHECK(complaint(without, "vae", wants_safetensors(true)) ==
        "in the folder 'vae' there are no weights without a variant in .safetensors; variants that are "
        "there: fp16");
}

TEST_CASE("a lone model has the variant or is refused") {
  diffusers_wish wish;
  wish.variant = "fp16";
  CHECK(select(listing, "vae", wish) == paths{"vae/config.json", "vae/diffusion_pytorch_model.fp16.bin"});
  wish.variant = "bf16";
  CHECK(complaint(listing, "vae", wish) ==
        "in the folder 'vae' there are no weights of the variant 'bf16' in .safetensors or .bin; variants "
        "that are "
        "there: fp16");
}

TEST_CASE("a lone model's ONNX weights are taken if they are wished") {
  diffusers_wish wish;
  wish.use_onnx = true;
  CHECK(select(listing, "vae", wish) == paths{"vae/config.json", "vae/diffusion_pytorch_model.onnx",
                                              "vae/diffusion_pytorch_model.safetensors"});
}

TEST_CASE("shards come with their index, and minimal leaves out the single file beside them") {
  paths sharded{"vae/config.json", "vae/diffusion_pytorch_model-00001-of-00002.safetensors",
                "vae/diffusion_pytorch_model-00002-of-00002.safetensors",
                "vae/diffusion_pytorch_model.safetensors",
                "vae/diffusion_pytorch_model.safetensors.index.json"};
  CHECK(select(sharded, "vae") == sharded);
  diffusers_wish wish;
  wish.select = pipeline_selection::minimal;
  const auto read = select(sharded, "vae", wish);
  std::erase(sharded, "vae/diffusion_pytorch_model.safetensors");
  CHECK(read == sharded);
}

TEST_CASE("a lone tokenizer is its whole folder") {
  CHECK(select(listing, "tokenizer") ==
        paths{"tokenizer/merges.txt", "tokenizer/templates/chat.jinja", "tokenizer/tokenizer_config.json"});
}

TEST_CASE("a tokenizer, processor or scheduler is its configuration, whatever model lies beside it") {
  const paths root{"config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json"};
  const auto is_configuration = [&root](const char* name, const char* of_class) {
    auto component = part();
    component.name = name;
    component.class_name = of_class;
    const auto chosen = select_component(root, "", component, {}).files;
    return std::none_of(chosen.begin(), chosen.end(),
                        [](const auto& f) { return f.path == "model.safetensors"; });
  };
  for (const auto* of_class : {"CLIPTokenizer", "T5TokenizerFast", "CLIPImageProcessor",
                               "CLIPFeatureExtractor", "Qwen2VLProcessor", "DDIMScheduler"}) {
    CAPTURE(std::string(of_class));
    CHECK(is_configuration("part", of_class));
  }
  for (const auto* name :
       {"tokenizer", "tokenizer_2", "scheduler", "feature_extractor", "image_processor", "processor"}) {
    CAPTURE(std::string(name));
    CHECK(is_configuration(name, ""));
    CHECK_FALSE(is_configuration(name, "CLIPTextModel"));
  }
}

TEST_CASE("of a root only what configures is taken beside the weights") {
  const paths root{
      "README.md",       "config.json",    "model.safetensors", "pic.png", "sub/model.safetensors",
      "sub/config.json", "tokenizer.json", "vocab.txt"};
  CHECK(select(root, "") == paths{"config.json", "model.safetensors", "tokenizer.json", "vocab.txt"});
  CHECK(select({"README.md", "big.ckpt", "preprocessor_config.json", "x/y.bin"}, "") ==
        paths{"preprocessor_config.json"});
}

TEST_CASE("a folder that is not there, or has nothing to load, is refused") {
  CHECK(complaint(listing, "unet") == "there are no weights and no configuration in the folder 'unet'");
  CHECK(complaint(listing, "") == "there are no weights and no configuration in the root");
  CHECK(complaint({"assets/a.png"}, "assets") ==
        "there are no weights and no configuration in the folder 'assets'");
}

TEST_CASE("a folder deeper in the repo is one like others") {
  CHECK(select({"a/b/config.json", "a/b/model.safetensors", "a/config.json"}, "a/b") ==
        paths{"a/b/config.json", "a/b/model.safetensors"});
}
