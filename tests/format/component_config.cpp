#include <hubcache/format/component_config.hpp>

#include <doctest/doctest.h>

using hubcache::class_in_config;

namespace {

/// "library.Class", or nothing.
std::string told(std::string_view file, std::string_view text) {
  const auto found = class_in_config(file, text);
  return found ? found->library + "." + found->name : "";
}

}  // namespace

TEST_CASE("configurations tell the class of a component") {
  CHECK(told("config.json", R"({"_class_name": "AutoencoderKL", "sample_size": 64})") ==
        "diffusers.AutoencoderKL");
  CHECK(told("config.json", R"({"architectures": ["CLIPTextModel", "Other"]})") ==
        "transformers.CLIPTextModel");
  CHECK(told("scheduler_config.json", R"({"_class_name": "PNDMScheduler"})") == "diffusers.PNDMScheduler");
  CHECK(told("tokenizer_config.json", R"({"tokenizer_class": "CLIPTokenizer"})") ==
        "transformers.CLIPTokenizer");
  CHECK(told("preprocessor_config.json", R"({"image_processor_type": "CLIPImageProcessor"})") ==
        "transformers.CLIPImageProcessor");
  CHECK(told("preprocessor_config.json", R"({"feature_extractor_type": "CLIPFeatureExtractor"})") ==
        "transformers.CLIPFeatureExtractor");
  CHECK(told("preprocessor_config.json", R"({"processor_class": "CLIPProcessor"})") ==
        "transformers.CLIPProcessor");
}

TEST_CASE("a configuration of diffusers is preferred to one of transformers") {
  CHECK(told("config.json", R"({"architectures": ["A"], "_class_name": "B"})") == "diffusers.B");
}

TEST_CASE("other files and other forms tell no class") {
  CHECK(told("other.json", R"({"_class_name": "AutoencoderKL"})").empty());
  CHECK(told("tokenizer_config.json", R"({"_class_name": "AutoencoderKL"})").empty());
  for (const auto* text : {"", "[]", "{}", "{", R"({"architectures": []})", R"({"architectures": [1]})",
                           R"({"_class_name": ""})", R"({"_class_name": {"a": 1}})"}) {
    CHECK(told("config.json", text).empty());
  }
}
