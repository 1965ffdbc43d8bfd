#include "support/hub/weights.hpp"

#include <string>
#include <utility>

namespace embedded {
namespace {

constexpr std::uint64_t header_room = 1024;  // at least; what the tensors do not fill goes to it
constexpr std::uint64_t columns = 64;

/// Rows of each tensor if they are to fill `size` bytes with numbers of `width` bytes.
std::uint64_t rows_for(std::uint64_t size, std::uint64_t width) {
  return (size - header_room) / (layers_per_file * columns * width);
}

std::string name_of(std::uint64_t layer) { return "model.layers." + std::to_string(layer) + ".weight"; }

template <class Number>
void append_number(std::string& to, Number value) {
  auto rest = static_cast<std::uint64_t>(value);
  for (std::size_t i = 0; i < sizeof value; ++i, rest >>= 8U) to += static_cast<char>(rest & 0xFFU);
}

void append_text(std::string& to, std::string_view text) {
  append_number(to, std::uint64_t{text.size()});
  to += text;
}

std::string safetensors_header(std::uint64_t size, std::uint64_t first_layer, bool half) {
  const std::uint64_t width = half ? 2 : 4;
  const auto rows = rows_for(size, width);
  const auto bytes = rows * columns * width;
  std::string json = R"({"__metadata__":{"format":"pt"})";
  for (std::uint64_t i = 0; i < layers_per_file; ++i) {
    json += ",\"" + name_of(first_layer + i) + R"(":{"dtype":")" + (half ? "F16" : "F32") + R"(","shape":[)" +
            std::to_string(rows) + "," + std::to_string(columns) + R"(],"data_offsets":[)" +
            std::to_string(i * bytes) + "," + std::to_string((i + 1) * bytes) + "]}";
  }
  json += "}";
  json.resize(static_cast<std::size_t>(size - 8 - layers_per_file * bytes), ' ');
  std::string header;
  append_number(header, std::uint64_t{json.size()});
  return header + json;
}

/// Version 3: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
std::string gguf_header(std::uint64_t size, std::uint64_t first_layer) {
  constexpr std::uint32_t string_type = 8, f16 = 1;
  const auto rows = rows_for(size, 2);
  const auto bytes = rows * columns * 2;  // a multiple of the alignment, 32
  std::string header = "GGUF";
  append_number(header, std::uint32_t{3});
  append_number(header, layers_per_file);
  append_number(header, std::uint64_t{2});
  for (const auto& [key, value] :
       {std::pair("general.architecture", "llama"), std::pair("general.name", "llm-7b")}) {
    append_text(header, key);
    append_number(header, string_type);
    append_text(header, value);
  }
  for (std::uint64_t i = 0; i < layers_per_file; ++i) {
    append_text(header, name_of(first_layer + i));
    append_number(header, std::uint32_t{2});
    append_number(header, columns);  // the fastest dimension first
    append_number(header, rows);
    append_number(header, f16);
    append_number(header, i * bytes);
  }
  header.resize((header.size() + 31) / 32 * 32);
  return header;
}

}  // namespace

file_content weights_for(std::string_view path, std::uint64_t seed, std::uint64_t size,
                         std::uint64_t first_layer) {
  std::string head;
  if (size >= 4 * header_room) {
    if (path.ends_with(".safetensors"))
      head = safetensors_header(size, first_layer, path.find("fp16") != path.npos);
    if (path.ends_with(".gguf")) head = gguf_header(size, first_layer);
  }
  return file_content::generated(seed, size, std::move(head));
}

}  // namespace embedded
