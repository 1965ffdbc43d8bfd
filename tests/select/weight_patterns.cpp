#include <hubcache/select/weight_patterns.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace hubcache;

TEST_CASE("plain weights are a known stem, perhaps a shard's number, and a known format") {
  for (const auto* stem : {"diffusion_pytorch_model", "model", "weights", "pytorch_model"}) {
    for (const auto* format : {".bin", ".safetensors", ".onnx", ".pb"}) {
      CHECK(is_plain_weights(std::string(stem) + format));
      CHECK(is_plain_weights(std::string(stem) + "-00001-of-00002" + format));
    }
  }
  for (const auto* name : {"",
                           "model",
                           "model.",
                           ".bin",
                           "model.fp16.bin",
                           "model.binx",
                           "xmodel.bin",
                           "modelbin",
                           "models.bin",
                           "flax_model.bin",
                           "model.msgpack",
                           "model.flashpack",
                           "model.onnx_data",
                           "model-0001-of-0002.bin",
                           "model-00001-of-00002bin",
                           "model-00001_of_00002.bin",
                           "model-0000a-of-00002.bin",
                           "model.bin.index.json",
                           "Model.bin",
                           "model.BIN"}) {
    CAPTURE(std::string(name));
    CHECK_FALSE(is_plain_weights(name));
  }
}

TEST_CASE("a plain index may go on behind its suffix") {
  CHECK(is_plain_index("model.safetensors.index.json"));
  CHECK(is_plain_index("diffusion_pytorch_model.bin.index.json"));
  CHECK(is_plain_index("model.safetensors.index.json.bak"));
  CHECK_FALSE(is_plain_index("model.safetensors.index.fp16.json"));
  CHECK_FALSE(is_plain_index("model.safetensors.fp16.index.json"));
  CHECK_FALSE(is_plain_index("model.index.json"));
  CHECK_FALSE(is_plain_index("model-00001-of-00002.bin.index.json"));
}

TEST_CASE("weights of a variant have it behind the stem, a shard's number behind that") {
  CHECK(is_variant_weights("model.fp16.safetensors", "fp16"));
  CHECK(is_variant_weights("diffusion_pytorch_model.non_ema.bin", "non_ema"));
  CHECK(is_variant_weights("model.fp16-00001-of-00002.safetensors", "fp16"));
  for (const auto* name :
       {"model.safetensors", "model.fp16", "model.fp16x.safetensors", "model.xfp16.safetensors",
        "model.FP16.safetensors", "model-00001-of-00002.fp16.safetensors", "foo.fp16.bin",
        "model.fp16-00001-of-0002.safetensors", "model.fp16.x.safetensors"}) {
    CAPTURE(std::string(name));
    CHECK_FALSE(is_variant_weights(name, "fp16"));
  }
}

TEST_CASE("a dot in a variant is a dot") {
  CHECK(is_variant_weights("model.v1.5.bin", "v1.5"));
  CHECK_FALSE(is_variant_weights("model.v1x5.bin", "v1.5"));
}

TEST_CASE("the index of a variant has it before the last suffix") {
  CHECK(is_variant_index("model.safetensors.index.fp16.json", "fp16"));
  CHECK_FALSE(is_variant_index("model.safetensors.index.json", "fp16"));
  CHECK_FALSE(is_variant_index("model.safetensors.index.fp16.json.bak", "fp16"));
  CHECK_FALSE(is_variant_index("model.safetensors.fp16.index.json", "fp16"));
}

TEST_CASE("legacy shards have their number before the variant, and any stem") {
  CHECK(is_legacy_weights("model-00001-of-00002.fp16.safetensors", "fp16"));
  CHECK(is_legacy_weights("flax_model-00001-of-00002.fp16.msgpack", "fp16"));
  CHECK(is_legacy_weights("-00001-of-00002.fp16.x", "fp16"));
  for (const auto* name :
       {"model.fp16-00001-of-00002.safetensors", "model-00001-of-00002.safetensors", "00001-of-00002.fp16.x",
        "model-00001-of-00002.fp16.", "model-00001-of-00002.fp16", "model-00001-of-00002.bf16.bin",
        "model-00001-of-00002.fp16.bin2", "model-00001-of-00002fp16.bin", "model-001-of-002.fp16.bin"}) {
    CAPTURE(std::string(name));
    CHECK_FALSE(is_legacy_weights(name, "fp16"));
  }
}

TEST_CASE("a legacy index has the variant before .index") {
  CHECK(is_legacy_index("model.bin.fp16.index.json", "fp16"));
  CHECK_FALSE(is_legacy_index("model.bin.index.fp16.json", "fp16"));
  CHECK_FALSE(is_legacy_index("model.bin.bf16.index.json", "fp16"));
  CHECK_FALSE(is_legacy_index("model.bin.fp16.index.json.bak", "fp16"));
}

TEST_CASE("what ends like weights needs no dot before that") {
  for (const auto* name :
       {"a/model.bin", "labels.pb", "notes_about_bin", "x.safetensors", "m.onnx", "m.flashpack"}) {
    CHECK(ends_like_weights(name));
  }
  for (const auto* name :
       {"config.json", "model.msgpack", "model.onnx_data", "x.gguf", "model.bin.index.json"}) {
    CHECK_FALSE(ends_like_weights(name));
  }
}

TEST_CASE("the variant of weights is found in each form of their names") {
  CHECK(variant_of("model.fp16.safetensors") == "fp16");
  CHECK(variant_of("diffusion_pytorch_model.non_ema.bin") == "non_ema");
  CHECK(variant_of("model.bf16-00001-of-00002.safetensors") == "bf16");
  CHECK(variant_of("model-00001-of-00002.fp16.safetensors") == "fp16");
  CHECK(variant_of("model.v1.5.bin") == "v1.5");
  for (const auto* name :
       {"", "model.bin", "model-00001-of-00002.bin", "model..bin", "model.fp16", "foo.fp16.bin",
        "model.fp16.msgpack", "model.bin.index.fp16.json", "model.a b.bin"}) {
    CAPTURE(std::string(name));
    CHECK(variant_of(name).empty());
  }
}

TEST_CASE("a variant is of letters, digits, dots, '-' and '_'") {
  CHECK(is_variant_text("non_ema-1.5"));
  for (const auto* text : {"", "fp16|bf16", ".*", "a/b", "fp 16", "fp16\n", "f\xC3\xBC"})
    CHECK_FALSE(is_variant_text(text));
}
