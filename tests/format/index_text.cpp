#include <hubcache/error.hpp>
#include <hubcache/format/index_text.hpp>

#include <doctest/doctest.h>

using hubcache::errc;
using hubcache::with_members;
using hubcache::with_shard_names;

namespace {

template <class Act>
hubcache::error failure_of(Act act) {
  try {
    act();
  } catch (const hubcache::error& e) {
    return e;
  }
  return {errc::internal, "no failure"};
}

}  // namespace

TEST_CASE("a member's value is replaced and all else stays byte for byte") {
  const auto text = R"({ "a" : 1e-04,"b":[ "x", {"}": "]\"," } ] ,
    "c": "\u00e9" }  )";
  CHECK(with_members(text, {}) == text);
  CHECK(with_members(text, {{"b", "[null]"}}) == R"({ "a" : 1e-04,"b":[null] ,
    "c": "\u00e9" }  )");
  CHECK(with_members(text, {{"a", "2"}, {"c", "true"}}) == R"({ "a" : 2,"b":[ "x", {"}": "]\"," } ] ,
    "c": true }  )");
}

TEST_CASE("a member is found by what its name means") {
  CHECK(with_members(R"({"\u0076ae": 1})", {{"vae", "2"}}) == R"({"\u0076ae": 2})");
}

TEST_CASE("a member that is not there is added at the end") {
  CHECK(with_members("{\n  \"a\": 1\n}\n", {{"b", "2"}, {"c", "3"}}) ==
        "{\n  \"a\": 1,\n  \"b\": 2,\n  \"c\": 3\n}\n");
  CHECK(with_members("{}", {{"a", "1"}}) == "{\n  \"a\": 1}");
  CHECK(with_members("{ }", {{"say \"a\"", "1"}}) == "{\n  \"say \\\"a\\\"\": 1 }");
}

TEST_CASE("only an object has members to replace") {
  for (const auto* text : {"", "[]", "{", "{\"a\":}", "1", "{} {}"}) {
    CHECK(failure_of([&] { (void)with_members(text, {}); }).reason() == errc::malformed_file);
  }
}

TEST_CASE("the files of a weight_map are renamed and all else stays byte for byte") {
  const auto text = R"({"metadata": {"total_size": 1.0, "weight_map": {"x": "y"}},
 "weight_map": { "a.weight" : "x.fp16-1", "b}": "x.fp16-2" , "c":"x.fp16-1"}, "z": 0})";
  CHECK(with_shard_names(text, {{"x.fp16-1", "x-1"}, {"x.fp16-2", "x-2"}}) ==
        R"({"metadata": {"total_size": 1.0, "weight_map": {"x": "y"}},
 "weight_map": { "a.weight" : "x-1", "b}": "x-2" , "c":"x-1"}, "z": 0})");
  CHECK(with_shard_names(R"({"weight_map": { } })", {}) == R"({"weight_map": { } })");
}

TEST_CASE("a weight_map that leads elsewhere is refused, and names the tensor") {
  for (const auto* value : {R"("../x")", R"("/etc/passwd")", R"("other")", "1", "null", R"({"a":"x"})"}) {
    const auto text = R"({"weight_map": {"a.weight": )" + std::string(value) + "}}";
    const auto failure = failure_of([&] { (void)with_shard_names(text, {{"x", "x"}}); });
    CHECK(failure.reason() == errc::malformed_file);
    CHECK(failure.detail().find("'a.weight'") != std::string::npos);
  }
}

TEST_CASE("an index of shards needs a weight_map") {
  for (const auto* text :
       {"{}", R"({"weight_map": []})", R"({"weight_map": "x"})", R"({"Weight_map": {}})"}) {
    CHECK(failure_of([&] { (void)with_shard_names(text, {}); }).reason() == errc::malformed_file);
  }
}
