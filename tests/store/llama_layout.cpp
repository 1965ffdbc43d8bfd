#include <hubcache/store/llama_layout.hpp>

#include <doctest/doctest.h>

#include <string>

using hubcache::parse_llama_etag;
using hubcache::parse_llama_manifest;
using hubcache::parse_llama_metadata;

namespace {

const std::string hex(64, 'a');

}  // namespace

TEST_CASE("A manifest names the GGUF file and its projector as they lie in the cache") {
  const auto files = parse_llama_manifest(
      "manifest=ggml-org=gemma=Q4_K_M.json",
      R"({"schemaVersion": 2, "layers": [], "ggufFile": {"rfilename": "Q4/gemma.gguf", "blobId": "x", "size": 9,
          "lfs": {"sha256": ")" +
          hex + R"(", "size": 9, "pointerSize": 134}},
          "mmprojFile": {"rfilename": "mmproj.gguf", "lfs": {"sha256": ")" +
          std::string(64, 'b') + R"(", "size": 0}}})");
  REQUIRE(files.size() == 2);
  CHECK(files[0].name == "ggml-org_gemma_Q4_gemma.gguf");
  CHECK(files[0].what == hubcache::content(*hubcache::digest::parse(hex), 9));
  CHECK(files[1].name == "ggml-org_gemma_mmproj.gguf");
  CHECK(files[1].what.size == 0);
}

TEST_CASE("What is no manifest, or lacks hash or size, names nothing") {
  const auto text =
      R"({"ggufFile": {"rfilename": "x.gguf", "lfs": {"sha256": ")" + hex + R"(", "size": 1}}})";
  CHECK(parse_llama_manifest("manifest=a=b=c.json", text).size() == 1);
  for (const char* name : {"", "manifest=", "manifest=a", "manifest=a=b", "manifest==b=c.json",
                           "manifest=a==c.json", "manifest=../a=b=c.json", "other=a=b=c.json"}) {
    CAPTURE(name);
    CHECK(parse_llama_manifest(name, text).empty());
  }
  const std::string upper(64, 'A');
  for (const auto& other :
       {std::string(""), std::string("[]"), std::string("{\"ggufFile\": \"x\"}"),
        std::string(R"({"ggufFile": {"rfilename": "x.gguf"}})"),
        R"({"ggufFile": {"rfilename": "x.gguf", "lfs": {"sha256": ")" + upper + R"(", "size": 1}}})",
        R"({"ggufFile": {"rfilename": "x.gguf", "lfs": {"sha256": ")" + hex + R"(", "size": -1}}})",
        R"({"ggufFile": {"rfilename": "", "lfs": {"sha256": ")" + hex + R"(", "size": 1}}})",
        R"({"ggufFile": {"rfilename": "a\u0000b", "lfs": {"sha256": ")" + hex + R"(", "size": 1}}})"}) {
    CAPTURE(other);
    CHECK(parse_llama_manifest("manifest=a=b=c.json", other).empty());
  }
}

TEST_CASE("No path leaves the folder: slashes become underscores") {
  const auto files = parse_llama_manifest(
      "manifest=..=..=c.json",
      R"({"ggufFile": {"rfilename": "../../etc/passwd", "lfs": {"sha256": ")" + hex + R"(", "size": 1}}})");
  REQUIRE(files.size() == 1);
  CHECK(files[0].name == ".._.._.._.._etc_passwd");
}

TEST_CASE("An ETag is a hash if it is 64 hex digits, quoted or not") {
  for (const auto& text : {hex, "\"" + hex + "\"", hex + "\n", "\"" + hex + "\"\r\nmore"}) {
    CAPTURE(text);
    REQUIRE(parse_llama_etag(text));
    CHECK(parse_llama_etag(text)->hex() == hex);
  }
  for (const auto& text : {std::string(), std::string("\""), "\"" + hex, hex + "a", "W/\"" + hex + "\"",
                           " " + hex, std::string(40, 'a'), std::string(64, 'g'), hex.substr(1) + "-2"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_llama_etag(text));
  }
}

TEST_CASE("The .json of older versions holds the ETag as a member") {
  CHECK(parse_llama_metadata(R"({"etag": "\")" + hex + R"(\"", "url": "x"})"));
  for (const auto& text :
       {std::string(), std::string("{}"), std::string("{\"etag\": 1}"), "\"" + hex + "\""}) {
    CAPTURE(text);
    CHECK_FALSE(parse_llama_metadata(text));
  }
}
