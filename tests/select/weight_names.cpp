#include <hubcache/select/weight_names.hpp>

#include <doctest/doctest.h>

using hubcache::names_shard_index;
using hubcache::names_weights;
using hubcache::plain_name;

TEST_CASE("weights and indexes of shards are known by the ends of their names") {
  for (const auto* name : {"x.safetensors", "a/pytorch_model.bin", "unet/model.onnx", "weights.pb",
                           "x.safetensors.index.json", "x.bin.index.fp16.json"}) {
    CHECK(names_weights(name));
  }
  for (const auto* name :
       {"config.json", "a.index.d/config.json", "index.json", "x.msgpack", "safetensors"}) {
    CHECK(!names_weights(name));
  }
  CHECK(names_shard_index("a/x.safetensors.index.json"));
  CHECK(!names_shard_index("a/x.safetensors"));
}

TEST_CASE("weights lose the variant in their names") {
  CHECK(plain_name("x.fp16.safetensors", "fp16") == "x.safetensors");
  CHECK(plain_name("x.non_ema.bin", "non_ema") == "x.bin");
  CHECK(plain_name("x.fp16-00001-of-00002.safetensors", "fp16") == "x-00001-of-00002.safetensors");
  CHECK(plain_name("x-00001-of-00002.fp16.safetensors", "fp16") == "x-00001-of-00002.safetensors");
  CHECK(plain_name("x.safetensors.index.fp16.json", "fp16") == "x.safetensors.index.json");
  CHECK(plain_name("x.safetensors.fp16.index.json", "fp16") == "x.safetensors.index.json");
}

TEST_CASE("names that only look like variants stay") {
  for (const auto* name :
       {"x.safetensors", "x.fp16", "x.fp16x.safetensors", "fp16.safetensors", ".fp16.safetensors",
        "x.fp16-1-of-2.safetensors", "x.fp16.json", "x-fp16.safetensors"}) {
    CHECK(plain_name(name, "fp16") == name);
  }
  CHECK(plain_name("x..safetensors", "") == "x..safetensors");
  CHECK(plain_name("x.bf16.safetensors", "fp16") == "x.bf16.safetensors");
}
