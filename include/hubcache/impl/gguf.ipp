#pragma once

#include <hubcache/format/gguf.hpp>
#include <hubcache/impl/weights.ipp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <bit>
#include <string_view>
#include <tuple>

namespace hubcache::inline v0_1 {

namespace detail {

inline constexpr std::uint64_t max_gguf_name = 65'535;  // the specification's, for keys
inline constexpr std::uint64_t max_gguf_entries = std::uint64_t{1}
                                                  << 20U;  // keys or tensors; today's have 10^4
inline constexpr std::uint32_t max_gguf_dimensions = 8;    // the specification has 4, and may have more
inline constexpr unsigned max_gguf_depth = 4;

/// How ggml stores numbers of one type: `block` of them in `bytes` bytes.
struct ggml_type {
  std::uint32_t number = 0;
  std::string_view name;
  std::uint64_t block = 1;
  std::uint64_t bytes = 1;
};

/// The type of that number (llama.cpp, ggml/include/ggml.h and gguf-py/gguf/constants.py), nullptr if there is none.
HUBCACHE_DECL const ggml_type* find_ggml_type(std::uint32_t number) noexcept {
  static constexpr ggml_type types[] = {
      {0, "F32", 1, 4},         {1, "F16", 1, 2},         {2, "Q4_0", 32, 18},      {3, "Q4_1", 32, 20},
      {6, "Q5_0", 32, 22},      {7, "Q5_1", 32, 24},      {8, "Q8_0", 32, 34},      {9, "Q8_1", 32, 36},
      {10, "Q2_K", 256, 84},    {11, "Q3_K", 256, 110},   {12, "Q4_K", 256, 144},   {13, "Q5_K", 256, 176},
      {14, "Q6_K", 256, 210},   {15, "Q8_K", 256, 292},   {16, "IQ2_XXS", 256, 66}, {17, "IQ2_XS", 256, 74},
      {18, "IQ3_XXS", 256, 98}, {19, "IQ1_S", 256, 50},   {20, "IQ4_NL", 32, 18},   {21, "IQ3_S", 256, 110},
      {22, "IQ2_S", 256, 82},   {23, "IQ4_XS", 256, 136}, {24, "I8", 1, 1},         {25, "I16", 1, 2},
      {26, "I32", 1, 4},        {27, "I64", 1, 8},        {28, "F64", 1, 8},        {29, "IQ1_M", 256, 56},
      {30, "BF16", 1, 2},       {34, "TQ1_0", 256, 54},   {35, "TQ2_0", 256, 66},   {39, "MXFP4", 32, 17},
      {40, "NVFP4", 64, 36},    {41, "Q1_0", 128, 18},    {42, "Q2_0", 64, 18},
  };
  const auto* const found = std::find_if(std::begin(types), std::end(types),
                                         [&](const ggml_type& t) { return t.number == number; });
  return found == std::end(types) ? nullptr : found;
}

/// Takes values off the front of the file. After the first failure all are zero or empty.
class gguf_cursor {
 public:
  /// @param limit of the header, in bytes. @pre bytes.size() <= limit
  gguf_cursor(byte_view bytes, std::uint64_t limit) noexcept : bytes_(bytes), limit_(limit) {}

  [[nodiscard]] bool ok() const noexcept { return needed_ == 0 && problem_.empty(); }
  [[nodiscard]] std::uint64_t at() const noexcept { return at_; }
  /// What the first failure was: bytes that are not there yet, or a problem.
  [[nodiscard]] std::uint64_t needed() const noexcept { return needed_; }
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

  HUBCACHE_DECL void fail(std::string problem);
  /// Whether the next `count` * `size` bytes are there; a failure if not.
  HUBCACHE_DECL bool require(std::uint64_t count, std::uint64_t size);
  template <class Number>
  [[nodiscard]] Number number() {
    return require(1, sizeof(Number)) ? little_endian<Number>(take(sizeof(Number))) : Number{};
  }
  [[nodiscard]] HUBCACHE_DECL bool boolean();
  /// A text of at most `most` bytes; it points into the file.
  [[nodiscard]] HUBCACHE_DECL std::string_view text(std::uint64_t most);
  [[nodiscard]] HUBCACHE_DECL gguf_type type();
  [[nodiscard]] HUBCACHE_DECL gguf_value value(gguf_type type);
  [[nodiscard]] HUBCACHE_DECL gguf_array array(unsigned depth);

 private:
  /// @pre size bytes are there
  byte_view take(std::uint64_t size) noexcept {
    const auto taken = bytes_.subspan(static_cast<std::size_t>(at_), static_cast<std::size_t>(size));
    at_ += size;
    return taken;
  }
  HUBCACHE_DECL void skip_elements(const gguf_array& of, unsigned depth);

  byte_view bytes_;
  std::uint64_t limit_ = 0;
  std::uint64_t at_ = 0;
  std::uint64_t needed_ = 0;
  std::string problem_;
};

HUBCACHE_DECL void gguf_cursor::fail(std::string problem) {
  if (ok()) problem_ = std::move(problem);
}

HUBCACHE_DECL bool gguf_cursor::require(std::uint64_t count, std::uint64_t size) {
  if (!ok()) return false;
  const auto total = product(count, size);
  if (!total || *total > limit_ - at_) {
    fail("the header does not end within the file, or is too long");
  } else if (*total > bytes_.size() - at_) {
    needed_ = at_ + *total;
  }
  return ok();
}

HUBCACHE_DECL bool gguf_cursor::boolean() {
  const auto value = number<std::uint8_t>();
  if (value > 1) fail("a boolean is neither 0 nor 1");
  return value == 1;
}

HUBCACHE_DECL std::string_view gguf_cursor::text(std::uint64_t most) {
  const auto size = number<std::uint64_t>();
  if (size > most) fail("a text is too long");
  if (!require(size, 1)) return {};
  const auto bytes = take(size);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

HUBCACHE_DECL gguf_type gguf_cursor::type() {
  const auto number = this->number<std::uint32_t>();
  if (number > static_cast<std::uint32_t>(gguf_type::float64)) {
    fail("the metadata have a value of the unknown type " + std::to_string(number));
    return {};
  }
  return static_cast<gguf_type>(number);
}

HUBCACHE_DECL gguf_value gguf_cursor::value(gguf_type type) {
  switch (type) {
    case gguf_type::uint8:
      return std::uint64_t{number<std::uint8_t>()};
    case gguf_type::int8:
      return std::int64_t{number<std::int8_t>()};
    case gguf_type::uint16:
      return std::uint64_t{number<std::uint16_t>()};
    case gguf_type::int16:
      return std::int64_t{number<std::int16_t>()};
    case gguf_type::uint32:
      return std::uint64_t{number<std::uint32_t>()};
    case gguf_type::int32:
      return std::int64_t{number<std::int32_t>()};
    case gguf_type::float32:
      return static_cast<double>(std::bit_cast<float>(number<std::uint32_t>()));
    case gguf_type::boolean:
      return boolean();
    case gguf_type::string:
      return std::string(text(max_gguf_header));
    case gguf_type::array:
      return array(1);
    case gguf_type::uint64:
      return number<std::uint64_t>();
    case gguf_type::int64:
      return number<std::int64_t>();
    case gguf_type::float64:
      return std::bit_cast<double>(number<std::uint64_t>());
  }
  return {};
}

/// The size of a value of `type`; of a text or an array, that of an empty one.
constexpr std::uint64_t least_gguf_size(gguf_type type) noexcept {
  switch (type) {
    case gguf_type::uint8:
    case gguf_type::int8:
    case gguf_type::boolean:
      return 1;
    case gguf_type::uint16:
    case gguf_type::int16:
      return 2;
    case gguf_type::uint32:
    case gguf_type::int32:
    case gguf_type::float32:
      return 4;
    case gguf_type::string:
    case gguf_type::uint64:
    case gguf_type::int64:
    case gguf_type::float64:
      return 8;
    case gguf_type::array:
      return 12;
  }
  return 0;
}

HUBCACHE_DECL gguf_array gguf_cursor::array(unsigned depth) {
  gguf_array result;
  result.element = type();
  result.count = number<std::uint64_t>();
  result.offset = at_;
  if (depth > max_gguf_depth) fail("the metadata have arrays in arrays, too deep");
  if (require(result.count, least_gguf_size(result.element))) skip_elements(result, depth);
  result.size = at_ - result.offset;
  return result;
}

HUBCACHE_DECL void gguf_cursor::skip_elements(const gguf_array& of, unsigned depth) {
  if (of.element != gguf_type::string && of.element != gguf_type::array && of.element != gguf_type::boolean) {
    static_cast<void>(take(of.count * least_gguf_size(of.element)));
    return;
  }
  for (std::uint64_t i = 0; i < of.count && ok(); ++i) {
    if (of.element == gguf_type::string) {
      static_cast<void>(text(max_gguf_header));
    } else if (of.element == gguf_type::boolean) {
      static_cast<void>(boolean());
    } else {
      static_cast<void>(array(depth + 1));
    }
  }
}

HUBCACHE_DECL void read_gguf_metadata(gguf_cursor& from, std::uint64_t count, gguf_header& out) {
  for (std::uint64_t i = 0; i < count && from.ok(); ++i) {
    std::string key(from.text(max_gguf_name));
    if (key.empty()) from.fail("a key of the metadata is empty");
    const auto type = from.type();
    auto value = from.value(type);
    if (key == "general.alignment") {
      const auto* const alignment = std::get_if<std::uint64_t>(&value);
      if (type != gguf_type::uint32 || !std::has_single_bit(*alignment)) {
        from.fail("general.alignment is no power of two");
      } else {
        out.alignment = *alignment;
      }
    }
    out.metadata.emplace_back(std::move(key), std::move(value));
  }
  if (!from.ok()) return;
  if (const auto twice = repeated(names_of(out.metadata, &std::pair<std::string, gguf_value>::first))) {
    from.fail("the key '" + printable(*twice) + "' comes twice");
  }
}

/// Reads one tensor, with an offset that counts from the first tensor.
HUBCACHE_DECL void read_gguf_tensor(gguf_cursor& from, tensor_info& out) {
  out.name = from.text(max_gguf_name);
  const auto dimensions = from.number<std::uint32_t>();
  const auto wrong = [&](std::string_view what) {
    from.fail("the tensor '" + printable(out.name) + "' " + std::string(what));
  };
  if (dimensions > max_gguf_dimensions) return wrong("has too many dimensions");
  for (std::uint32_t i = 0; i < dimensions; ++i) out.shape.push_back(from.number<std::uint64_t>());
  const auto number = from.number<std::uint32_t>();
  out.offset = from.number<std::uint64_t>();
  if (!from.ok()) return;
  const auto* const type = find_ggml_type(number);
  if (type == nullptr) return wrong("has the unknown type " + std::to_string(number));
  if ((out.shape.empty() ? 1 : out.shape[0]) % type->block != 0) return wrong("has a row of broken blocks");
  const auto count = element_count(out.shape);
  const auto size = count ? product(*count / type->block, type->bytes) : std::nullopt;
  if (!size) return wrong("has a shape that overflows");
  out.type = type->name;
  out.size = *size;
}

/// Sorts the tensors and makes their offsets those in the file. Returns what is wrong.
HUBCACHE_DECL std::string place_gguf_tensors(gguf_header& header, std::uint64_t file_size) {
  std::sort(header.tensors.begin(), header.tensors.end(), [](const tensor_info& a, const tensor_info& b) {
    return std::tie(a.offset, a.size, a.name) < std::tie(b.offset, b.size, b.name);
  });
  std::uint64_t end = header.data_offset;
  for (auto& tensor : header.tensors) {
    const auto wrong = [&tensor](std::string_view what) {
      return "the tensor '" + printable(tensor.name) + "' " + std::string(what);
    };
    if (tensor.offset % header.alignment != 0) return wrong("is not aligned");
    if (end > file_size || tensor.offset > file_size - header.data_offset ||
        tensor.size > file_size - header.data_offset - tensor.offset) {
      return wrong("does not lie within the file");
    }
    tensor.offset += header.data_offset;
    if (tensor.offset < end) return wrong("overlaps another");
    end = tensor.offset + tensor.size;
  }
  if (const auto twice = repeated(names_of(header.tensors, &tensor_info::name))) {
    return "the tensor '" + printable(*twice) + "' comes twice";
  }
  return {};
}

/// The version, after the magic; a failure if it is none that is read.
HUBCACHE_DECL std::uint32_t read_gguf_version(gguf_cursor& from) {
  const auto version = from.number<std::uint32_t>();
  if (version == 1) {
    from.fail("the file is of GGUF version 1, which nothing reads any more");
  } else if ((version & 0xFFFFU) == 0) {
    from.fail("the file is big-endian, or of no version");
  } else if (version != 2 && version != 3) {
    from.fail("the file is of GGUF version " + std::to_string(version) + ", which is not known");
  }
  return version;
}

}  // namespace detail

HUBCACHE_DECL const gguf_value* gguf_header::find(std::string_view key) const noexcept {
  const auto found =
      std::find_if(metadata.begin(), metadata.end(), [key](const auto& item) { return item.first == key; });
  return found == metadata.end() ? nullptr : &found->second;
}

HUBCACHE_DECL header_reading<gguf_header> read_gguf(byte_view first_bytes, std::uint64_t file_size) {
  constexpr std::uint32_t magic = 0x46554747;  // "GGUF"
  constexpr std::uint64_t least_key = 8 + 1 + 4 + 1;
  constexpr std::uint64_t least_tensor = 8 + 4 + 4 + 8;
  const auto limit = std::min(file_size, max_gguf_header);
  detail::gguf_cursor from(
      first_bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(first_bytes.size(), limit))), limit);
  gguf_header header;
  if (from.number<std::uint32_t>() != magic) from.fail("the file is no GGUF");
  header.version = detail::read_gguf_version(from);
  const auto tensors = from.number<std::uint64_t>();
  const auto keys = from.number<std::uint64_t>();
  if (std::max(tensors, keys) > detail::max_gguf_entries) from.fail("the header has too many entries");
  from.require(1, tensors * least_tensor + keys * least_key);
  detail::read_gguf_metadata(from, keys, header);
  for (std::uint64_t i = 0; i < tensors && from.ok(); ++i) {
    detail::read_gguf_tensor(from, header.tensors.emplace_back());
  }
  header_reading<gguf_header> result;
  header.data_offset = (from.at() + header.alignment - 1) / header.alignment * header.alignment;
  if (from.ok()) from.fail(detail::place_gguf_tensors(header, file_size));
  result.needed = from.needed();
  result.problem = from.problem();
  if (from.ok()) result.header = std::move(header);
  return result;
}

}  // namespace hubcache::inline v0_1
