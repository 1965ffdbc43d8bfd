#pragma once
/// @file
/// Weight files written piece by piece: valid ones, and those that are not.

#include <hubcache/format/gguf.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace test {

/// Writes a GGUF file piece by piece.
class gguf_text {
 public:
  gguf_text(std::uint64_t tensors, std::uint64_t keys, std::uint32_t version = 3) {
    bytes += "GGUF";
    number(version).number(tensors).number(keys);
  }
  template <class Number>
  gguf_text& number(Number value) {
    auto rest = static_cast<std::uint64_t>(value);
    for (std::size_t i = 0; i < sizeof value; ++i, rest >>= 8U) bytes += static_cast<char>(rest & 0xFFU);
    return *this;
  }
  gguf_text& text(std::string_view value) {
    number(std::uint64_t{value.size()});
    bytes += value;
    return *this;
  }
  gguf_text& key(std::string_view name, hubcache::gguf_type type) {
    return text(name).number(static_cast<std::uint32_t>(type));
  }
  gguf_text& array(hubcache::gguf_type element, std::uint64_t count) {
    return number(static_cast<std::uint32_t>(element)).number(count);
  }
  gguf_text& tensor(std::string_view name, const std::vector<std::uint64_t>& shape, std::uint32_t type,
                    std::uint64_t offset) {
    text(name).number(static_cast<std::uint32_t>(shape.size()));
    for (const auto dimension : shape) number(dimension);
    return number(type).number(offset);
  }
  /// Pads up to the tensors, and adds `size` bytes of them.
  gguf_text& data(std::size_t size, std::size_t alignment = 32) {
    bytes.resize((bytes.size() + alignment - 1) / alignment * alignment + size);
    return *this;
  }

  std::string bytes;
};

/// Writes a safetensors file of tensors of 4-byte (F32) or 2-byte (F16, BF16) numbers.
class safetensors_text {
 public:
  /// @param metadata  JSON text of "__metadata__"; empty: none
  explicit safetensors_text(std::string_view metadata = "") {
    if (!metadata.empty()) json_ += R"("__metadata__":)" + std::string(metadata);
  }

  /// Adds a tensor; `name` is JSON text between the quotes.
  safetensors_text& tensor(std::string_view name, const std::vector<std::uint64_t>& shape,
                           std::string_view type = "F32") {
    std::string dimensions;
    std::uint64_t size = type == "F32" ? 4 : 2;
    for (const auto dimension : shape) {
      size *= dimension;
      dimensions += (dimensions.empty() ? "" : ",") + std::to_string(dimension);
    }
    json_ += json_.size() > 1 ? "," : "";
    json_.append("\"").append(name).append(R"(":{"dtype":")").append(type).append(R"(","shape":[)");
    json_ += dimensions + R"(],"data_offsets":[)" + std::to_string(data_) + "," +
             std::to_string(data_ + size) + "]}";
    data_ += size;
    return *this;
  }
  /// How many blanks stand behind the JSON: as many as make a header of that size.
  safetensors_text& pad(std::size_t blanks) {
    blanks_ = blanks;
    return *this;
  }

  /// The file; its numbers are all `fill`.
  [[nodiscard]] std::string bytes(char fill = '\0') const {
    const auto json = json_ + "}" + std::string(blanks_, ' ');
    std::string file;
    for (unsigned i = 0; i < 8; ++i) file += static_cast<char>(std::uint64_t{json.size()} >> (8 * i) & 0xFFU);
    return file + json + std::string(data_, fill);
  }

 private:
  std::string json_ = "{";
  std::uint64_t data_ = 0;
  std::size_t blanks_ = 0;
};

}  // namespace test
