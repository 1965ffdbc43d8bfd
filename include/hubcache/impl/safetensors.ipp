#pragma once

#include <hubcache/format/safetensors.hpp>
#include <hubcache/impl/hub_parse.ipp>
#include <hubcache/impl/weights.ipp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>

namespace hubcache::inline v0_1 {

namespace detail {

/// The size of one element of the type `name`, in bits; 0 if there is no such type.
HUBCACHE_DECL std::uint64_t safetensors_bits(std::string_view name) noexcept {
  struct type {
    std::string_view name;
    unsigned bits;
  };
  static constexpr type types[] = {
      {"BOOL", 8},    {"F4", 4},          {"F6_E2M3", 6},     {"F6_E3M2", 6}, {"U8", 8},   {"I8", 8},
      {"F8_E5M2", 8}, {"F8_E4M3", 8},     {"F8_E8M0", 8},     {"I16", 16},    {"U16", 16}, {"F16", 16},
      {"BF16", 16},   {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I32", 32},    {"U32", 32}, {"F32", 32},
      {"C64", 64},    {"F64", 64},        {"I64", 64},        {"U64", 64},
  };
  const auto found =
      std::find_if(std::begin(types), std::end(types), [&](const type& t) { return t.name == name; });
  return found == std::end(types) ? 0 : found->bits;
}

/// An array of whole numbers from 0; none for anything else.
HUBCACHE_DECL std::optional<std::vector<std::uint64_t>> json_numbers(const simdjson::dom::element& json) {
  simdjson::dom::array array;
  if (json.get(array) != simdjson::SUCCESS) return std::nullopt;
  std::vector<std::uint64_t> numbers;
  for (const auto element : array) {
    std::uint64_t number = 0;
    if (element.get(number) != simdjson::SUCCESS) return std::nullopt;
    numbers.push_back(number);
  }
  return numbers;
}

/// What the members of one tensor say; other members are of no concern, as in the format's own library.
struct safetensors_members {
  std::optional<std::string_view> type;
  std::optional<std::vector<std::uint64_t>> shape;
  std::optional<std::vector<std::uint64_t>> offsets;
  int known = 0;  // how many of these three were there, well-formed or not

  void read(std::string_view key, const simdjson::dom::element& json) {
    if (key == "dtype") {
      if (std::string_view text; json.get(text) == simdjson::SUCCESS) type = text;
    } else if (key == "shape") {
      shape = json_numbers(json);
    } else if (key == "data_offsets") {
      offsets = json_numbers(json);
    } else {
      return;
    }
    ++known;
  }
};

/// Reads one tensor into `out`, with an offset that counts from the first tensor. Returns what is wrong.
HUBCACHE_DECL std::string read_safetensor(const simdjson::dom::element& json, tensor_info& out) {
  simdjson::dom::object object;
  if (json.get(object) != simdjson::SUCCESS) return "is no object";
  safetensors_members members;
  for (const auto [key, value] : object) members.read(key, value);
  if (members.known != 3 || !members.type || !members.shape || !members.offsets) {
    return "needs one dtype, one shape and one pair of data_offsets";
  }
  const auto bits = safetensors_bits(*members.type);
  if (bits == 0) return "has the unknown type '" + printable(*members.type) + "'";
  const auto count = element_count(*members.shape);
  const auto all_bits = count ? product(*count, bits) : std::nullopt;
  if (!all_bits) return "has a shape that overflows";
  const auto& offsets = *members.offsets;
  if (offsets.size() != 2 || offsets[0] > offsets[1]) return "has data_offsets that are no range";
  if (*all_bits % 8 != 0 || offsets[1] - offsets[0] != *all_bits / 8) {
    return "has not the size that its type and shape take";
  }
  out.type = *members.type;
  out.shape = std::move(*members.shape);
  out.offset = offsets[0];
  out.size = *all_bits / 8;
  return {};
}

/// Reads "__metadata__". Returns what is wrong.
HUBCACHE_DECL std::string read_safetensors_metadata(const simdjson::dom::element& json,
                                                    safetensors_header& out) {
  simdjson::dom::object object;
  if (json.get(object) != simdjson::SUCCESS) return "is no object";
  for (const auto [key, value] : object) {
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) return "has a value that is no text";
    out.metadata.emplace_back(key, text);
  }
  if (repeated(names_of(out.metadata, &std::pair<std::string, std::string>::first))) return "has a key twice";
  return {};
}

/// Reads the JSON. Returns what is wrong.
HUBCACHE_DECL std::string read_safetensors_json(std::string_view text, safetensors_header& out) {
  json_document document;
  simdjson::dom::object object;
  if (!text.starts_with('{') || !document.read(text) || document.root().get(object) != simdjson::SUCCESS) {
    return "the header is no JSON object";
  }
  bool has_metadata = false;
  for (const auto [name, json] : object) {
    if (name == "__metadata__") {
      if (std::exchange(has_metadata, true)) return "__metadata__ comes twice";
      if (auto wrong = read_safetensors_metadata(json, out); !wrong.empty()) return "__metadata__ " + wrong;
      continue;
    }
    auto& tensor = out.tensors.emplace_back();
    tensor.name = name;
    if (auto wrong = read_safetensor(json, tensor); !wrong.empty()) {
      return "the tensor '" + printable(name) + "' " + wrong;
    }
  }
  if (const auto twice = repeated(names_of(out.tensors, &tensor_info::name))) {
    return "the tensor '" + printable(*twice) + "' comes twice";
  }
  return {};
}

/// Sorts the tensors and makes their offsets those in the file. Returns what is wrong.
HUBCACHE_DECL std::string place_safetensors(safetensors_header& header, std::uint64_t file_size) {
  std::sort(header.tensors.begin(), header.tensors.end(), [](const tensor_info& a, const tensor_info& b) {
    return std::tie(a.offset, a.size, a.name) < std::tie(b.offset, b.size, b.name);
  });
  std::uint64_t end = 0;
  for (auto& tensor : header.tensors) {
    if (tensor.offset != end) return "there is a gap or an overlap before '" + printable(tensor.name) + "'";
    end += tensor.size;
    tensor.offset += header.data_offset;
  }
  if (end != file_size - header.data_offset) return "the tensors do not end where the file ends";
  return {};
}

}  // namespace detail

HUBCACHE_DECL header_reading<safetensors_header> read_safetensors(byte_view first_bytes,
                                                                  std::uint64_t file_size) {
  constexpr std::uint64_t prefix = 8;
  header_reading<safetensors_header> result;
  if (file_size < prefix) {
    result.problem = "the file is too short for a header";
    return result;
  }
  if (first_bytes.size() < prefix) {
    result.needed = prefix;
    return result;
  }
  const auto length = detail::little_endian<std::uint64_t>(first_bytes);
  if (length > max_safetensors_json || length > file_size - prefix) {
    result.problem = "the header would have " + std::to_string(length) + " bytes";
    return result;
  }
  if (first_bytes.size() < prefix + length) {
    result.needed = prefix + length;
    return result;
  }
  const auto json = first_bytes.subspan(prefix, static_cast<std::size_t>(length));
  safetensors_header header;
  header.data_offset = prefix + length;
  result.problem =
      detail::read_safetensors_json({reinterpret_cast<const char*>(json.data()), json.size()}, header);
  if (result.problem.empty()) result.problem = detail::place_safetensors(header, file_size);
  if (result.problem.empty()) result.header = std::move(header);
  return result;
}

}  // namespace hubcache::inline v0_1
