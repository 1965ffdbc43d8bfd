#include "support/hub/fixtures.hpp"

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>

#include "support/hub/weights.hpp"

namespace embedded {
namespace {

const std::string gitattributes =
    "*.bin filter=lfs diff=lfs merge=lfs -text\n*.ckpt filter=lfs diff=lfs merge=lfs -text\n"
    "*.safetensors filter=lfs diff=lfs merge=lfs -text\n";

/// A weight file of the real repos: its size there, and whether both repos have the same bytes.
struct weight {
  const char* path;
  std::uint64_t real_bytes;
  bool shared;
};

constexpr weight pipeline_weights[] = {
    {"safety_checker/model.fp16.safetensors", 608'018'440, true},
    {"safety_checker/model.safetensors", 1'216'061'799, true},
    {"safety_checker/pytorch_model.bin", 1'216'064'769, true},
    {"safety_checker/pytorch_model.fp16.bin", 608'103'564, true},
    {"text_encoder/model.fp16.safetensors", 246'144'864, true},
    {"text_encoder/model.safetensors", 492'265'879, true},
    {"text_encoder/pytorch_model.bin", 492'305'335, true},
    {"text_encoder/pytorch_model.fp16.bin", 246'187'076, true},
    {"unet/diffusion_pytorch_model.bin", 3'438'354'725, false},
    {"unet/diffusion_pytorch_model.fp16.bin", 1'719'327'893, false},
    {"unet/diffusion_pytorch_model.fp16.safetensors", 1'719'125'304, false},
    {"unet/diffusion_pytorch_model.safetensors", 3'438'167'534, false},
    {"vae/diffusion_pytorch_model.bin", 334'707'217, true},
    {"vae/diffusion_pytorch_model.fp16.bin", 167'405'651, true},
    {"vae/diffusion_pytorch_model.fp16.safetensors", 167'335'342, true},
    {"vae/diffusion_pytorch_model.safetensors", 334'643'276, true},
};
constexpr weight v1_5_checkpoint{"v1-5-pruned-emaonly.safetensors", 4'265'146'304, false};

std::string model_index(const std::string& version) {
  return R"({
  "_class_name": "StableDiffusionPipeline",
  "_diffusers_version": ")" +
         version + R"(",
  "feature_extractor": ["transformers", "CLIPImageProcessor"],
  "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
  "scheduler": ["diffusers", "PNDMScheduler"],
  "text_encoder": ["transformers", "CLIPTextModel"],
  "tokenizer": ["transformers", "CLIPTokenizer"],
  "unet": ["diffusers", "UNet2DConditionModel"],
  "vae": ["diffusers", "AutoencoderKL"]
}
)";
}

std::string component_config(const std::string& class_name, const std::string& version) {
  return "{\n  \"_class_name\": \"" + class_name + "\",\n  \"_diffusers_version\": \"" + version +
         "\",\n  \"sample_size\": 64\n}\n";
}

/// A JSON vocabulary of about `bytes` bytes.
std::string vocabulary(std::uint64_t bytes) {
  std::string text = "{\"!\":0";
  for (unsigned token = 1; text.size() + 24 < bytes; ++token) {
    char entry[32];
    std::snprintf(entry, sizeof entry, ",\"%08x</w>\":%u", token * 2654435761U, token);
    text += entry;
  }
  return text + "}";
}

std::string merges(std::uint64_t bytes) {
  std::string text = "#version: 0.2\n";
  for (unsigned line = 1; text.size() + 12 < bytes; ++line) {
    char entry[32];
    std::snprintf(entry, sizeof entry, "%04x %04x\n", (line * 2654435761U) >> 16U, line & 0xFFFFU);
    text += entry;
  }
  return text;
}

file_map pipeline_texts(const std::string& title, const std::string& version, std::uint64_t both) {
  file_map files;
  const auto put = [&](const char* path, std::string text) { files.emplace(path, regular(std::move(text))); };
  put(".gitattributes", gitattributes);
  put("README.md", "---\nlicense: creativeml-openrail-m\n---\n# " + title + "\n");
  put("model_index.json", model_index(version));
  put("feature_extractor/preprocessor_config.json",
      "{\n  \"crop_size\": 224,\n  \"do_center_crop\": true,\n  \"feature_extractor_type\": "
      "\"CLIPFeatureExtractor\"\n}\n");
  put("safety_checker/config.json", component_config("StableDiffusionSafetyChecker", version));
  put("scheduler/scheduler_config.json", component_config("PNDMScheduler", version));
  put("text_encoder/config.json", component_config("CLIPTextModel", version));
  put("tokenizer/merges.txt", merges(std::min<std::uint64_t>(524'619, both / 50)));
  put("tokenizer/special_tokens_map.json",
      "{\n  \"bos_token\": \"<|startoftext|>\",\n  \"eos_token\": \"<|endoftext|>\",\n  \"pad_token\": "
      "\"<|endoftext|>\"\n}\n");
  put("tokenizer/tokenizer_config.json", component_config("CLIPTokenizer", version));
  put("tokenizer/vocab.json", vocabulary(std::min<std::uint64_t>(1'059'962, both / 25)));
  put("unet/config.json", component_config("UNet2DConditionModel", version));
  put("vae/config.json", component_config("AutoencoderKL", version));
  return files;
}

constexpr std::uint64_t shared_seed = 1;

}  // namespace

std::vector<repo_model> stable_diffusion_pair(std::uint64_t bytes) {
  file_map v1_5 = pipeline_texts("Stable Diffusion v1-5", "0.6.0", bytes);
  file_map v1_4 = pipeline_texts("Stable Diffusion v1-4", "0.2.2", bytes);
  v1_5.emplace("v1-inference.yaml", regular("model:\n  base_learning_rate: 1.0e-04\n"));
  std::uint64_t left = bytes - total_bytes(v1_5) - total_bytes(v1_4);
  double real = static_cast<double>(v1_5_checkpoint.real_bytes);
  for (const weight& w : pipeline_weights) real += 2.0 * static_cast<double>(w.real_bytes);
  const double scale = static_cast<double>(left) / real;
  std::uint64_t number = 0;
  const auto scaled = [&](const weight& w, std::uint64_t seed) {
    const auto size = static_cast<std::uint64_t>(static_cast<double>(w.real_bytes) * scale);
    left -= size;
    return lfs(weights_for(w.path, 1000 * seed + number, size));
  };
  for (const weight& w : pipeline_weights) {
    ++number;
    v1_5.emplace(w.path, scaled(w, w.shared ? shared_seed : 15));
    v1_4.emplace(w.path, scaled(w, w.shared ? shared_seed : 14));
  }
  // The one file that only one repo has takes what rounding left over.
  v1_5.emplace(v1_5_checkpoint.path, lfs(weights_for(v1_5_checkpoint.path, 15'000, left)));

  std::vector<repo_model> repos{repo_model("runwayml/stable-diffusion-v1-5"),
                                repo_model("CompVis/stable-diffusion-v1-4")};
  repos[0].commit(std::move(v1_5));
  repos[1].commit(std::move(v1_4));
  return repos;
}

repo_model twin_of(const repo_model& original) {
  repo_model twin("other/twin");
  twin.commit(original.files());
  return twin;
}

repo_model tiny() {
  const std::string config = "{\n  \"model_type\": \"tiny\",\n  \"hidden_size\": 8\n}\n";
  const file_content model = file_content::generated(7, 100'000);
  file_map files;
  files.emplace(".gitattributes", regular(gitattributes));
  files.emplace("README.md", regular("# tiny\n"));
  files.emplace("config.json", regular(config));
  files.emplace("empty.txt", regular(""));
  files.emplace("model.safetensors", lfs(model));
  files.emplace("nested/copy-of-config.json", regular(config));
  files.emplace("nested/copy-of-model.safetensors", lfs(model));
  files.emplace("nested/deep/notes.txt", regular("Notes.\n"));
  repo_model repo("acme/tiny");
  repo.tag("v1.0", repo.commit(files, "First"));
  files["README.md"] = regular("# tiny\n\nNow with an adapter.\n");
  files.emplace("weights/adapter.bin", lfs(file_content::generated(8, 40'000)));
  const std::string second = repo.commit(std::move(files), "Second");
  repo.tag("release/2024", second);
  repo.pull_request(1, second);
  return repo;
}

repo_model one_file(std::uint64_t size) {
  repo_model repo("acme/one");
  file_map files;
  files["model.safetensors"] = lfs(file_content::generated(7, size));
  repo.commit(std::move(files));
  return repo;
}

repo_model many_files(std::size_t count) {
  file_map files;
  files.emplace("README.md", regular("# many\n"));
  for (std::size_t i = 0; i < count; ++i) {
    char path[64];
    std::snprintf(path, sizeof path, "part-%03zu/file-%05zu.bin", i / 100, i);
    files.emplace(path, repo_file(file_content::generated(100'000 + i, 100 + (i * 37) % 1024), false));
  }
  repo_model repo("acme/many");
  repo.commit(std::move(files));
  return repo;
}

repo_model sharded_llm(std::uint64_t weight_bytes, std::size_t shards) {
  file_map files;
  files.emplace(".gitattributes", regular(gitattributes));
  files.emplace("README.md", regular("# llm-7b\n"));
  files.emplace("config.json",
                regular("{\n  \"architectures\": [\"LlamaForCausalLM\"],\n  \"hidden_size\": 4096\n}\n"));
  files.emplace("generation_config.json", regular("{\n  \"temperature\": 0.6\n}\n"));
  files.emplace("tokenizer.json", regular(vocabulary(std::min<std::uint64_t>(200'000, weight_bytes / 10))));
  files.emplace("tokenizer_config.json", regular("{\n  \"model_max_length\": 4096\n}\n"));
  std::string map;
  for (std::size_t i = 1; i <= shards; ++i) {
    char path[64];
    std::snprintf(path, sizeof path, "model-%05zu-of-%05zu.safetensors", i, shards);
    files.emplace(path,
                  lfs(weights_for(path, 200'000 + i, weight_bytes / shards, (i - 1) * layers_per_file)));
    for (std::uint64_t layer = (i - 1) * layers_per_file; layer < i * layers_per_file; ++layer) {
      map += (map.empty() ? "" : ",") + std::string("\n    \"model.layers.") + std::to_string(layer) +
             ".weight\": \"" + path + "\"";
    }
  }
  files.emplace("model.safetensors.index.json",
                regular("{\n  \"metadata\": {\"total_size\": " + std::to_string(weight_bytes) +
                        "},\n  \"weight_map\": {" + map + "\n  }\n}\n"));
  repo_model repo("acme/llm-7b");
  repo.commit(std::move(files));
  return repo;
}

repo_model quantised_llm(std::uint64_t bytes) {
  file_map files;
  std::uint64_t seed = 300'000;
  const auto put = [&](const std::string& name, std::uint64_t size) {
    files.emplace(name, lfs(weights_for(name, ++seed, size)));
  };
  files.emplace(".gitattributes", regular("*.gguf filter=lfs diff=lfs merge=lfs -text\n"));
  files.emplace("README.md", regular("# llm-7b-GGUF\n"));
  put("llm-7b-Q4_K_M.gguf", bytes / 6);
  put("llm-7b-Q8_0.gguf", bytes / 4);
  put("llm-7b-BF16-00001-of-00002.gguf", bytes / 4);
  put("llm-7b-BF16-00002-of-00002.gguf", bytes / 4);
  put("mmproj-llm-7b-F16.gguf", bytes / 12);
  repo_model repo("acme/llm-7b-GGUF");
  repo.commit(std::move(files));
  return repo;
}

}  // namespace embedded
