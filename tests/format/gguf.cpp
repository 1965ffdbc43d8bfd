#include <hubcache/format/gguf.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <string>
#include <support/weight_files.hpp>
#include <vector>

using namespace hubcache;
using test::gguf_text;

namespace {

constexpr std::uint32_t f32 = 0;
constexpr std::uint32_t q4_k = 12;

header_reading<gguf_header> read(const gguf_text& file) {
  return read_gguf(as_byte_view(file.bytes), file.bytes.size());
}

/// Why it is refused; empty if it is not.
std::string problem_of(const gguf_text& file) {
  const auto result = read(file);
  CHECK(result.needed == 0);
  CHECK(result.header.has_value() == result.problem.empty());
  return result.problem;
}

template <class T>
T value_of(const gguf_header& header, std::string_view key) {
  const auto* const value = header.find(key);
  REQUIRE(value != nullptr);
  REQUIRE(std::holds_alternative<T>(*value));
  return std::get<T>(*value);
}

/// A small model.
gguf_text small_model() {
  gguf_text file(2, 3);
  file.key("general.architecture", gguf_type::string).text("llama");
  file.key("tokens", gguf_type::array).array(gguf_type::string, 3).text("<s>").text("").text("a");
  file.key("scores", gguf_type::array).array(gguf_type::float32, 2).number(0U).number(0U);
  file.tensor("output.weight", {256, 2}, q4_k, 32).tensor("norm.weight", {4}, f32, 0);
  return file.data(32 + 2 * 144);
}

}  // namespace

TEST_CASE("a GGUF header tells every type of metadata") {
  gguf_text file(0, 13);
  file.key("u8", gguf_type::uint8).number(std::uint8_t{200});
  file.key("i8", gguf_type::int8).number(std::int8_t{-2});
  file.key("u16", gguf_type::uint16).number(std::uint16_t{60'000});
  file.key("i16", gguf_type::int16).number(std::int16_t{-3});
  file.key("u32", gguf_type::uint32).number(std::uint32_t{4'000'000'000});
  file.key("i32", gguf_type::int32).number(std::int32_t{-4});
  file.key("f32", gguf_type::float32).number(std::bit_cast<std::uint32_t>(0.5F));
  file.key("bool", gguf_type::boolean).number(std::uint8_t{1});
  file.key("string", gguf_type::string).text("\xC3\xA9");
  file.key("u64", gguf_type::uint64).number(~std::uint64_t{0});
  file.key("i64", gguf_type::int64).number(std::int64_t{-5});
  file.key("f64", gguf_type::float64).number(std::bit_cast<std::uint64_t>(1e300));
  file.key("array", gguf_type::array).array(gguf_type::uint16, 3);
  const auto elements = file.bytes.size();
  file.number(std::uint16_t{1}).number(std::uint16_t{2}).number(std::uint16_t{3});

  const auto result = read(file);
  CHECK(result.problem == "");
  REQUIRE(result.header);
  const auto& header = *result.header;
  CHECK(header.version == 3);
  CHECK(header.metadata.size() == 13);
  CHECK(value_of<std::uint64_t>(header, "u8") == 200);
  CHECK(value_of<std::int64_t>(header, "i8") == -2);
  CHECK(value_of<std::uint64_t>(header, "u16") == 60'000);
  CHECK(value_of<std::int64_t>(header, "i16") == -3);
  CHECK(value_of<std::uint64_t>(header, "u32") == 4'000'000'000);
  CHECK(value_of<std::int64_t>(header, "i32") == -4);
  CHECK(value_of<double>(header, "f32") == 0.5);
  CHECK(value_of<bool>(header, "bool"));
  CHECK(value_of<std::string>(header, "string") == "\xC3\xA9");
  CHECK(value_of<std::uint64_t>(header, "u64") == ~std::uint64_t{0});
  CHECK(value_of<std::int64_t>(header, "i64") == -5);
  CHECK(value_of<double>(header, "f64") == 1e300);
  const auto array = value_of<gguf_array>(header, "array");
  CHECK(array.element == gguf_type::uint16);
  CHECK(array.count == 3);
  CHECK(array.offset == elements);
  CHECK(array.size == 6);
  CHECK(header.find("none") == nullptr);
}

TEST_CASE("a GGUF header tells the tensors in the order of their bytes") {
  const auto file = small_model();
  const auto result = read(file);
  CHECK(result.problem == "");
  REQUIRE(result.header);
  const auto& header = *result.header;
  CHECK(header.alignment == 32);
  CHECK(header.data_offset == file.bytes.size() - 32 - 2 * 144);
  REQUIRE(header.tensors.size() == 2);
  CHECK(header.tensors[0].name == "norm.weight");
  CHECK(header.tensors[0].type == "F32");
  CHECK(header.tensors[0].offset == header.data_offset);
  CHECK(header.tensors[0].size == 16);
  CHECK(header.tensors[1].name == "output.weight");
  CHECK(header.tensors[1].type == "Q4_K");
  CHECK(header.tensors[1].shape == std::vector<std::uint64_t>{256, 2});
  CHECK(header.tensors[1].offset == header.data_offset + 32);
  CHECK(header.tensors[1].size == 2 * 144);
  CHECK(parameter_count(header.tensors) == 512 + 4);
}

TEST_CASE("every beginning of a GGUF file asks for more until its header is complete") {
  const auto file = small_model();
  const auto bytes = as_byte_view(file.bytes);
  const auto whole = read(file);
  REQUIRE(whole.header);
  std::size_t rounds = 0;
  for (std::size_t n = 0; n < file.bytes.size(); ++n) {
    const auto result = read_gguf(bytes.first(n), file.bytes.size());
    CHECK(result.problem == "");
    if (result.header) {
      CHECK(result.header == whole.header);
    } else {
      CHECK(result.needed > n);
      CHECK(result.needed <= whole.header->data_offset);
    }
  }
  for (std::size_t n = 0; !read_gguf(bytes.first(n), file.bytes.size()).header; ++rounds) {
    n = read_gguf(bytes.first(n), file.bytes.size()).needed;
  }
  CHECK(rounds < 30);
}

TEST_CASE("GGUF arrays may be nested, but not deeply") {
  const auto nested = [](unsigned depth) {
    gguf_text file(0, 1);
    file.key("k", gguf_type::array);
    for (unsigned i = 1; i < depth; ++i) file.array(gguf_type::array, 1);
    file.array(gguf_type::boolean, 2).number(std::uint8_t{0}).number(std::uint8_t{1});
    return file;
  };
  CHECK(problem_of(nested(1)) == "");
  CHECK(problem_of(nested(4)) == "");
  CHECK(problem_of(nested(5)) == "the metadata have arrays in arrays, too deep");
  CHECK(problem_of(nested(100'000)) == "the metadata have arrays in arrays, too deep");
}

TEST_CASE("only little-endian GGUF of versions 2 and 3 is read") {
  CHECK(problem_of(gguf_text(0, 0, 2)) == "");
  CHECK(problem_of(gguf_text(0, 0, 1)) == "the file is of GGUF version 1, which nothing reads any more");
  CHECK(problem_of(gguf_text(0, 0, 4)) == "the file is of GGUF version 4, which is not known");
  CHECK(problem_of(gguf_text(0, 0, 0x03000000)) == "the file is big-endian, or of no version");
  auto other = gguf_text(0, 0);
  other.bytes[0] = 'g';
  CHECK(problem_of(other) == "the file is no GGUF");
}

TEST_CASE("a GGUF header that ends behind its file, or after too much, is refused at once") {
  const std::string cut = "the header does not end within the file, or is too long";
  CHECK(problem_of(gguf_text(1, 0)) == cut);
  CHECK(problem_of(gguf_text(0, 1)) == cut);
  CHECK(problem_of(gguf_text(~std::uint64_t{0}, 0)) == "the header has too many entries");
  CHECK(problem_of(gguf_text(0, ~std::uint64_t{0})) == "the header has too many entries");
  CHECK(problem_of(gguf_text(0, 1).key("a long enough key", gguf_type::string).number(~std::uint64_t{0})) ==
        "a text is too long");
  CHECK(
      problem_of(gguf_text(0, 1).key("key", gguf_type::array).array(gguf_type::float64, ~std::uint64_t{0})) ==
      cut);
  CHECK(problem_of(gguf_text(0, 1).key("key", gguf_type::array).array(gguf_type::string, 1U << 30U)) == cut);

  const auto file = gguf_text(0, 1).key("key", gguf_type::array).array(gguf_type::uint8, max_gguf_header);
  const auto huge = read_gguf(as_byte_view(file.bytes), std::uint64_t{1} << 40U);
  CHECK(huge.problem == cut);
}

TEST_CASE("bytes that are not there yet are asked for in one step, where the header tells how many") {
  const auto file = gguf_text(0, 1).key("key", gguf_type::array).array(gguf_type::float32, 1000);
  CHECK(read_gguf(as_byte_view(file.bytes), 1U << 20U).needed == file.bytes.size() + 4000);
}

TEST_CASE("GGUF metadata that contradict the format are refused") {
  CHECK(problem_of(gguf_text(0, 1).key("", gguf_type::boolean).number(std::uint16_t{1})) ==
        "a key of the metadata is empty");
  CHECK(problem_of(gguf_text(0, 1).key("k", gguf_type::boolean).number(std::uint8_t{2})) ==
        "a boolean is neither 0 nor 1");
  CHECK(problem_of(gguf_text(0, 1).text("k").number(13U).number(1U)) ==
        "the metadata have a value of the unknown type 13");
  CHECK(problem_of(gguf_text(0, 2)
                       .key("k", gguf_type::boolean)
                       .number(std::uint8_t{1})
                       .key("k", gguf_type::boolean)
                       .number(std::uint8_t{1})) == "the key 'k' comes twice");
}

TEST_CASE("the alignment of a GGUF file is its own") {
  const auto with = [](gguf_type type, std::uint64_t value) {
    gguf_text file(2, 1);
    file.key("general.alignment", type);
    if (type == gguf_type::uint64) {
      file.number(value);
    } else {
      file.number(static_cast<std::uint32_t>(value));
    }
    return file.tensor("a", {1}, f32, 0).tensor("b", {1}, f32, 64).data(128, 64);
  };
  const auto result = read(with(gguf_type::uint32, 64));
  REQUIRE(result.header);
  CHECK(result.header->alignment == 64);
  CHECK(result.header->data_offset % 64 == 0);
  const std::string wrong = "general.alignment is no power of two";
  CHECK(problem_of(with(gguf_type::uint32, 128)) == "the tensor 'b' is not aligned");
  CHECK(problem_of(with(gguf_type::uint32, 0)) == wrong);
  CHECK(problem_of(with(gguf_type::uint32, 48)) == wrong);
  CHECK(problem_of(with(gguf_type::int32, 64)) == wrong);
  CHECK(problem_of(with(gguf_type::uint64, 64)) == wrong);
}

TEST_CASE("GGUF tensors that contradict themselves or their file are refused") {
  const auto one = [](const std::vector<std::uint64_t>& shape, std::uint32_t type, std::uint64_t offset) {
    return problem_of(gguf_text(1, 0).tensor("t", shape, type, offset).data(64));
  };
  const std::string outside = "the tensor 't' does not lie within the file";
  CHECK(one({16}, f32, 0) == "");
  CHECK(one({}, f32, 0) == "");
  CHECK(one({0, 5}, f32, 64) == "");
  CHECK(one({17}, f32, 0) == outside);
  CHECK(one({1}, f32, 64) == outside);
  CHECK(one({1}, f32, ~std::uint64_t{31}) == outside);
  CHECK(one({1}, f32, 4) == "the tensor 't' is not aligned");
  CHECK(one({255}, q4_k, 0) == "the tensor 't' has a row of broken blocks");
  CHECK(one({}, q4_k, 0) == "the tensor 't' has a row of broken blocks");
  CHECK(one({1}, 4, 0) == "the tensor 't' has the unknown type 4");
  CHECK(one({std::uint64_t{1} << 32U, std::uint64_t{1} << 32U}, f32, 0) ==
        "the tensor 't' has a shape that overflows");
  CHECK(one({std::uint64_t{1} << 62U}, f32, 0) == "the tensor 't' has a shape that overflows");
  CHECK(one(std::vector<std::uint64_t>(8, 1), f32, 0) == "");
  CHECK(one(std::vector<std::uint64_t>(9, 1), f32, 0) == "the tensor 't' has too many dimensions");

  CHECK(problem_of(gguf_text(2, 0).tensor("a", {16}, f32, 0).tensor("b", {1}, f32, 32).data(64)) ==
        "the tensor 'b' overlaps another");
  CHECK(problem_of(gguf_text(2, 0).tensor("a", {8}, f32, 0).tensor("a", {8}, f32, 32).data(64)) ==
        "the tensor 'a' comes twice");
}
