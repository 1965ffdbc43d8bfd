#include <hubcache/select/diffusers.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using namespace hubcache;
using paths = std::vector<std::string>;

// The table of docs/selection.md: what each selection takes.

namespace {

paths paths_of(const diffusers_selection& selection) {
  paths result;
  for (const auto& file : selection.files) result.push_back(file.path);
  return result;
}

/// A pipeline of one unet, one text encoder and one tokenizer.
struct repo_files {
  paths listing{"README.md",
                "model_index.json",
                "text_encoder/config.json",
                "text_encoder/flax_model.msgpack",
                "text_encoder/model.fp16.safetensors",
                "text_encoder/model.safetensors",
                "tokenizer/merges.txt",
                "tokenizer/templates/chat.jinja",
                "unet/config.json",
                "unet/diffusion_pytorch_model.fp16.safetensors",
                "unet/diffusion_pytorch_model.onnx",
                "unet/diffusion_pytorch_model.safetensors"};
  model_index index =
      parse_model_index(R"({"_class_name": "X", "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"]})");
  diffusers_wish wish;

  repo_files& add(const paths& more) {
    listing.insert(listing.end(), more.begin(), more.end());
    return *this;
  }
  repo_files& remove(const std::string& path) {
    std::erase(listing, path);
    return *this;
  }
  repo_files& add_component(std::string name, std::string library) {
    auto& component = index.components.emplace_back();
    component.name = std::move(name);
    component.library = std::move(library);
    return *this;
  }

  [[nodiscard]] paths chosen(pipeline_selection how) const {
    auto asked = wish;
    asked.select = how;
    return paths_of(select_diffusers(listing, index, asked));
  }
  /// What diffusers takes and loading does not read.
  [[nodiscard]] paths dropped() const {
    const auto all = chosen(pipeline_selection::diffusers);
    const auto read = chosen(pipeline_selection::minimal);
    REQUIRE(std::includes(all.begin(), all.end(), read.begin(), read.end()));
    paths result;
    std::set_difference(all.begin(), all.end(), read.begin(), read.end(), std::back_inserter(result));
    return result;
  }
};

const paths shards{"unet/diffusion_pytorch_model-00001-of-00002.safetensors",
                   "unet/diffusion_pytorch_model-00002-of-00002.safetensors",
                   "unet/diffusion_pytorch_model.safetensors.index.json"};

}  // namespace

TEST_CASE("of an ordinary pipeline loading reads all that diffusers takes") {
  repo_files files;
  CHECK(files.chosen(pipeline_selection::minimal) ==
        paths{"model_index.json", "text_encoder/config.json", "text_encoder/model.safetensors",
              "tokenizer/merges.txt", "tokenizer/templates/chat.jinja", "unet/config.json",
              "unet/diffusion_pytorch_model.safetensors"});
  CHECK(files.dropped().empty());
  files.wish.variant = "fp16";
  CHECK(files.chosen(pipeline_selection::minimal) ==
        paths{"model_index.json", "text_encoder/config.json", "text_encoder/model.fp16.safetensors",
              "tokenizer/merges.txt", "tokenizer/templates/chat.jinja", "unet/config.json",
              "unet/diffusion_pytorch_model.fp16.safetensors"});
}

TEST_CASE("minimal drops the weights of folders that the index does not name") {
  repo_files files;
  files.add({"vae_1_0/config.json", "vae_1_0/diffusion_pytorch_model.safetensors"});
  CHECK(files.dropped() == paths{"vae_1_0/diffusion_pytorch_model.safetensors"});
  files.index.ignore_files = {"vae_1_0/diffusion_pytorch_model.safetensors"};
  CHECK(files.dropped().empty());
}

TEST_CASE("minimal drops weights at the root and deep in a component's folder") {
  repo_files files;
  files.add(
      {"config.json", "model.safetensors", "model.safetensors.index.json", "unet/sub/model.safetensors"});
  CHECK(files.dropped() ==
        paths{"model.safetensors", "model.safetensors.index.json", "unet/sub/model.safetensors"});
}

TEST_CASE("minimal keeps the weights at the root if a component has no folder") {
  repo_files files;
  files.add({"config.json", "model.safetensors", "other/model.safetensors"})
      .add_component("transformer", "diffusers");
  CHECK(files.dropped() == paths{"other/model.safetensors"});
}

TEST_CASE("minimal drops components that are null") {
  repo_files files;
  files.add({"safety_checker/config.json", "safety_checker/model.safetensors", "image_processor/x.json"})
      .add_component("safety_checker", "")
      .add_component("image_processor", "");
  CHECK(files.dropped() ==
        paths{"image_processor/x.json", "safety_checker/config.json", "safety_checker/model.safetensors"});
}

TEST_CASE("minimal follows diffusers to .bin, which one component has alone") {
  repo_files files;
  files.remove("unet/diffusion_pytorch_model.safetensors").add({"unet/diffusion_pytorch_model.bin"});
  CHECK(files.dropped().empty());
  const auto chosen = files.chosen(pipeline_selection::minimal);
  CHECK(std::count(chosen.begin(), chosen.end(), "unet/diffusion_pytorch_model.bin") == 1);
  CHECK(std::count(chosen.begin(), chosen.end(), "text_encoder/model.safetensors") == 0);
  CHECK(std::count(chosen.begin(), chosen.end(), "text_encoder/config.json") == 1);
}

TEST_CASE("minimal takes a variant where it is, as diffusers does") {
  repo_files files;
  files.wish.variant = "fp16";
  files.remove("unet/diffusion_pytorch_model.fp16.safetensors");
  CHECK(files.dropped().empty());
  files.remove("unet/diffusion_pytorch_model.safetensors").add({"unet/diffusion_pytorch_model.fp16.bin"});
  CHECK(files.dropped().empty());
}

TEST_CASE("minimal keeps legacy shards of a variant") {
  repo_files files;
  files.wish.variant = "fp16";
  files.remove("unet/diffusion_pytorch_model.fp16.safetensors")
      .add({"unet/diffusion_pytorch_model-00001-of-00001.fp16.safetensors",
            "unet/diffusion_pytorch_model.safetensors.fp16.index.json"});
  CHECK(files.dropped().empty());
  const auto chosen = files.chosen(pipeline_selection::minimal);
  CHECK(std::count(chosen.begin(), chosen.end(),
                   "unet/diffusion_pytorch_model-00001-of-00001.fp16.safetensors") == 1);
}

TEST_CASE("diffusers reads shards before the single file, which minimal drops") {
  repo_files files;
  CHECK(files.add(shards).dropped() == paths{"unet/diffusion_pytorch_model.safetensors"});
}

TEST_CASE("the single file stays where the shards are not complete") {
  for (const auto& missing : shards) CHECK(repo_files().add(shards).remove(missing).dropped().empty());
  repo_files other_total;
  other_total.add({"unet/diffusion_pytorch_model-00001-of-00002.safetensors",
                   "unet/diffusion_pytorch_model-00002-of-00003.safetensors", shards[2]});
  CHECK(other_total.dropped().empty());
}

TEST_CASE("shards of a variant count as those without one") {
  repo_files files;
  files.wish.variant = "fp16";
  files.add({"unet/diffusion_pytorch_model.fp16-00001-of-00002.safetensors",
             "unet/diffusion_pytorch_model.fp16-00002-of-00002.safetensors",
             "unet/diffusion_pytorch_model.safetensors.index.fp16.json"});
  CHECK(files.dropped() == paths{"unet/diffusion_pytorch_model.fp16.safetensors"});
}

TEST_CASE("transformers reads the single file before shards, which minimal drops") {
  const paths sharded{"text_encoder/model-00001-of-00002.safetensors",
                      "text_encoder/model-00002-of-00002.safetensors",
                      "text_encoder/model.safetensors.index.json"};
  CHECK(repo_files().add(sharded).dropped() == sharded);
  CHECK(repo_files().add(sharded).remove("text_encoder/model.safetensors").dropped().empty());
}

TEST_CASE("of .bin, whole and in shards, which of them diffusers reads depends on its caller: both stay") {
  repo_files files;
  files.wish.use_safetensors = false;
  files.add({"unet/diffusion_pytorch_model.bin", "unet/diffusion_pytorch_model-00001-of-00001.bin",
             "unet/diffusion_pytorch_model.bin.index.json"});
  CHECK(files.dropped().empty());
  CHECK(files.chosen(pipeline_selection::minimal).size() == 8);
}

TEST_CASE("a folder without weights that diffusers knows is read whole") {
  repo_files files;
  files.remove("unet/diffusion_pytorch_model.safetensors")
      .remove("unet/diffusion_pytorch_model.fp16.safetensors")
      .remove("unet/diffusion_pytorch_model.onnx")
      .add({"unet/x-Q4.gguf"});
  CHECK(files.dropped().empty());
  const auto chosen = files.chosen(pipeline_selection::minimal);
  CHECK(std::count(chosen.begin(), chosen.end(), "unet/x-Q4.gguf") == 1);
}

TEST_CASE("flashpack is not taken by either") {
  repo_files files;
  files.add({"unet/model.flashpack"});
  CHECK(files.dropped().empty());
  const auto chosen = files.chosen(pipeline_selection::diffusers);
  CHECK(std::count(chosen.begin(), chosen.end(), "unet/model.flashpack") == 0);
}

TEST_CASE("minimal drops skipped components wholly") {
  repo_files files;
  files.add({"unet/sub/deep/model.safetensors"});
  files.wish.skip = {"unet"};
  CHECK(files.dropped() == paths{"unet/sub/deep/model.safetensors"});
  files.add({"tokenizer/sub/deep/model.safetensors"});
  files.wish.skip = {"tokenizer"};
  CHECK(files.dropped() == paths{"tokenizer/sub/deep/model.safetensors", "unet/sub/deep/model.safetensors"});
  files.wish.skip = {"unet", "tokenizer", "text_encoder"};
  CHECK(files.chosen(pipeline_selection::minimal) == paths{"model_index.json"});
}

TEST_CASE("minimal keeps code: of components and of the pipeline") {
  repo_files files;
  files.index.custom_module = "code/mine";
  files.index.components[2].library = "my_unet";
  files.add({"code/mine.py", "pipeline.py", "unet/my_unet.py", "unet/other.py"});
  CHECK(files.dropped().empty());
  const auto chosen = files.chosen(pipeline_selection::minimal);
  for (const auto* path : {"code/mine.py", "pipeline.py", "unet/my_unet.py"}) {
    CHECK(std::count(chosen.begin(), chosen.end(), path) == 1);
  }
}

TEST_CASE("minimal keeps the README of a pipeline that connects to others") {
  repo_files files;
  files.index.class_name = "KandinskyCombinedPipeline";
  CHECK(files.chosen(pipeline_selection::minimal).front() == "README.md");
}
