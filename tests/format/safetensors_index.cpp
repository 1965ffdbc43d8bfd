#include <hubcache/error.hpp>
#include <hubcache/format/safetensors_index.hpp>

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using hubcache::parse_safetensors_index;

namespace {

using pairs = std::vector<std::pair<std::string, std::string>>;

/// Why it is refused.
std::string problem_of(const std::string& text) {
  try {
    static_cast<void>(parse_safetensors_index(text));
  } catch (const hubcache::error& e) {
    CHECK(e.reason() == hubcache::errc::malformed_file);
    return e.detail();
  }
  return {};
}

}  // namespace

TEST_CASE("a safetensors index tells the file of every tensor, and its texts and numbers") {
  const auto index = parse_safetensors_index(
      R"({"metadata": {"total_size": 9223372036854775808, "ratio": -0.5, "by": "é", "x": [1], "y": null},)"
      R"( "weight_map": {"b": "2.safetensors", "a": "../1"}, "more": 1})");
  CHECK(index.weight_map == pairs{{"b", "2.safetensors"}, {"a", "../1"}});
  CHECK(index.metadata == pairs{{"total_size", "9223372036854775808"}, {"ratio", "-0.5"}, {"by", "é"}});
}

TEST_CASE("a safetensors index without metadata, or with some that are no object, is one all the same") {
  CHECK(parse_safetensors_index(R"({"weight_map": {}})").metadata.empty());
  CHECK(parse_safetensors_index(R"({"weight_map": {"a": "f"}, "metadata": [1]})").weight_map.size() == 1);
}

TEST_CASE("what is no safetensors index is refused with the reason") {
  CHECK(problem_of("") == "the index is no JSON object");
  CHECK(problem_of("[]") == "the index is no JSON object");
  CHECK(problem_of("{") == "the index is no JSON object");
  CHECK(problem_of(R"({"weight_map": []})") == R"(the index has no object "weight_map")");
  CHECK(problem_of(R"({"weight_map": {"a\n": 1}})") == "the index names no file for the tensor 'a '");
  CHECK(problem_of(R"({"weight_map": {"a": "x", "a": "y"}})") == "the index names the tensor 'a' twice");
}
