#include <hubcache/format/safetensors.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace hubcache;

namespace {

std::string number(std::uint64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i, value >>= 8U) bytes += static_cast<char>(value & 0xFFU);
  return bytes;
}

std::string with_length(const std::string& json) { return number(json.size()) + json; }

/// Reads the header `json` of a file with `data` bytes behind it.
header_reading<safetensors_header> read(const std::string& json, std::uint64_t data) {
  const auto bytes = with_length(json);
  return read_safetensors(as_byte_view(bytes), bytes.size() + data);
}

/// Why it is refused; empty if it is not.
std::string problem_of(const std::string& json, std::uint64_t data) {
  const auto result = read(json, data);
  CHECK(result.needed == 0);
  CHECK(result.header.has_value() == result.problem.empty());
  return result.problem;
}

/// One tensor of 24 bytes.
std::string one(const std::string& members) { return "{\"a\":{" + members + "}}"; }

const std::string three = R"({"__metadata__":{"format":"pt","note":"\u00e9"},)"
                          R"("b":{"dtype":"BF16","shape":[2,3],"data_offsets":[8,20]},)"
                          R"("a":{"dtype":"F64","shape":[],"data_offsets":[0,8]},)"
                          R"("none":{"data_offsets":[20,20],"shape":[0,7],"dtype":"U8","other":[{}]}}   )";

}  // namespace

TEST_CASE("a safetensors header tells the tensors in the order of their bytes") {
  const auto result = read(three, 20);
  REQUIRE(result.header);
  const auto& header = *result.header;
  CHECK(header.data_offset == 8 + three.size());
  REQUIRE(header.tensors.size() == 3);
  CHECK(header.tensors[0].name == "a");
  CHECK(header.tensors[0].type == "F64");
  CHECK(header.tensors[0].shape.empty());
  CHECK(header.tensors[0].offset == header.data_offset);
  CHECK(header.tensors[0].size == 8);
  CHECK(header.tensors[1].name == "b");
  CHECK(header.tensors[1].shape == std::vector<std::uint64_t>{2, 3});
  CHECK(header.tensors[1].offset == header.data_offset + 8);
  CHECK(header.tensors[1].size == 12);
  CHECK(header.tensors[2].size == 0);
  CHECK(parameter_count(header.tensors) == 1 + 6 + 0);
  CHECK(header.metadata ==
        std::vector<std::pair<std::string, std::string>>{{"format", "pt"}, {"note", "\xC3\xA9"}});
}

TEST_CASE("a safetensors file without tensors ends with its header") {
  CHECK(read("{}", 0).header);
  CHECK(problem_of("{}", 1) == "the tensors do not end where the file ends");
}

TEST_CASE("every beginning of a safetensors file asks for what completes its header") {
  const auto bytes = with_length(three);
  const auto size = bytes.size() + 20;
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    const auto result = read_safetensors(as_byte_view(bytes).first(n), size);
    CHECK_FALSE(result.header);
    CHECK(result.problem.empty());
    CHECK(result.needed == (n < 8 ? 8 : bytes.size()));
  }
  const auto whole = bytes + std::string(20, 'x');
  CHECK(read_safetensors(as_byte_view(whole), size).header == read(three, 20).header);
}

TEST_CASE(
    "a safetensors header longer than the format allows, or than the file, is refused before it is read") {
  const auto huge = number(max_safetensors_json + 1);
  CHECK_FALSE(read_safetensors(as_byte_view(huge), std::uint64_t{1} << 40U).problem.empty());
  const auto allowed = number(max_safetensors_json);
  CHECK(read_safetensors(as_byte_view(allowed), std::uint64_t{1} << 40U).needed == max_safetensors_json + 8);
  CHECK_FALSE(read_safetensors(as_byte_view(allowed), max_safetensors_json + 7).problem.empty());
  CHECK_FALSE(read_safetensors(as_byte_view(number(~std::uint64_t{0})), ~std::uint64_t{0}).problem.empty());
  CHECK_FALSE(read_safetensors({}, 7).problem.empty());
}

TEST_CASE("types of less than a byte fill whole bytes") {
  CHECK(read(one(R"("dtype":"F4","shape":[2,3],"data_offsets":[0,3])"), 3).header);
  CHECK(read(one(R"("dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3])"), 3).header);
  CHECK_FALSE(problem_of(one(R"("dtype":"F4","shape":[3],"data_offsets":[0,1])"), 1).empty());
  CHECK_FALSE(problem_of(one(R"("dtype":"F4","shape":[3],"data_offsets":[0,2])"), 2).empty());
}

TEST_CASE("a safetensors header is refused if its tensors and its bytes disagree") {
  const std::string size = "the tensor 'a' has not the size that its type and shape take";
  const std::string range = "the tensor 'a' has data_offsets that are no range";
  const std::string overflow = "the tensor 'a' has a shape that overflows";
  const auto refused = [](const std::string& members) { return problem_of(one(members), 24); };
  REQUIRE(refused(R"("dtype":"F32","shape":[2,3],"data_offsets":[0,24])").empty());
  CHECK(refused(R"("dtype":"F32","shape":[2,2],"data_offsets":[0,24])") == size);
  CHECK(refused(R"("dtype":"F16","shape":[2,3],"data_offsets":[0,24])") == size);
  CHECK(refused(R"("dtype":"F32","shape":[2,3],"data_offsets":[24,0])") == range);
  CHECK(refused(R"("dtype":"F32","shape":[2,3],"data_offsets":[24])") == range);
  CHECK(refused(R"("dtype":"F32","shape":[4294967296,4294967296,6],"data_offsets":[0,24])") == overflow);
  CHECK(refused(R"("dtype":"U8","shape":[4611686018427387904],"data_offsets":[0,24])") == overflow);
  CHECK(refused(R"("dtype":"F32","shape":[1,3],"data_offsets":[0,12])") ==
        "the tensors do not end where the file ends");
  CHECK(refused(R"("dtype":"F32","shape":[1,3],"data_offsets":[12,24])") ==
        "there is a gap or an overlap before 'a'");
}

TEST_CASE("a safetensors header is refused if it is not the JSON that the format asks for") {
  const std::string members = "the tensor 'a' needs one dtype, one shape and one pair of data_offsets";
  const auto refused = [](const std::string& json) { return problem_of(json, 8); };
  REQUIRE(refused(one(R"("dtype":"I64","shape":[1],"data_offsets":[0,8])")).empty());
  CHECK(refused(one(R"("dtype":"I64","shape":[1.0],"data_offsets":[0,8])")) == members);
  CHECK(refused(one(R"("dtype":"I64","shape":[-1],"data_offsets":[0,8])")) == members);
  CHECK(refused(one(R"("dtype":64,"shape":[1],"data_offsets":[0,8])")) == members);
  CHECK(refused(one(R"("dtype":64,"dtype":"I64","shape":[1],"data_offsets":[0,8])")) == members);
  CHECK(refused(one(R"("dtype":"I64","data_offsets":[0,8])")) == members);
  CHECK(refused(one(R"("dtype":"i64","shape":[1],"data_offsets":[0,8])")) ==
        "the tensor 'a' has the unknown type 'i64'");
  CHECK(refused(R"({"a":1})") == "the tensor 'a' is no object");
  for (const char* text : {"", "[]", " {}", "{", "{\"a\":\"\xFF\"}", "null"}) {
    CAPTURE(text);
    CHECK(refused(text) == "the header is no JSON object");
  }
}

TEST_CASE("a safetensors header is refused if a name or a key comes twice") {
  const std::string empty = R"({"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  CHECK(problem_of("{\"a\":" + empty + ",\"b\":" + empty + "}", 0).empty());
  CHECK(problem_of("{\"a\":" + empty + ",\"\\u0061\":" + empty + "}", 0) == "the tensor 'a' comes twice");
  CHECK(problem_of(R"({"__metadata__":{},"__metadata__":{}})", 0) == "__metadata__ comes twice");
  CHECK(problem_of(R"({"__metadata__":{"k":"1","k":"1"}})", 0) == "__metadata__ has a key twice");
  CHECK(problem_of(R"({"__metadata__":{"k":1}})", 0) == "__metadata__ has a value that is no text");
  CHECK(problem_of(R"({"__metadata__":[]})", 0) == "__metadata__ is no object");
}

TEST_CASE("tensors that share bytes are refused") {
  const std::string a = R"("a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]})";
  const std::string b = R"("b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]})";
  CHECK(problem_of("{" + a + "," + b + "}", 6) == "there is a gap or an overlap before 'b'");
}
