#include "pipeline_arguments.hpp"

#include <hubcache/error.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace hubcache;
using words = std::vector<std::string>;

namespace {

/// What the command line `typed` asks for, in an environment that sets nothing.
command::pipelines_wanted parse(words typed) {
  CLI::App app;
  command::pipeline_arguments arguments;
  command::declare(app, arguments);
  std::reverse(typed.begin(), typed.end());
  app.parse(typed);
  return command::request_of(arguments, settings());
}

/// The detail of the usage error that `typed` is; empty if it is none.
std::string usage_error(words typed) {
  try {
    static_cast<void>(parse(std::move(typed)));
  } catch (const error& e) {
    CHECK(e.reason() == errc::invalid_argument);
    return e.detail();
  } catch (const CLI::ParseError& e) {
    return e.what();
  }
  return {};
}

}  // namespace

TEST_CASE("a pipeline's repo alone asks for what diffusers downloads of main") {
  const auto wanted = parse({"o/n"});
  REQUIRE(wanted.requests.size() == 1);
  CHECK(wanted.requests[0].repo == repo("o/n"));
  CHECK(wanted.requests[0].options.wish == diffusers_wish());
  CHECK(wanted.requests[0].options.snapshot.revision == "main");
  CHECK(wanted.requests[0].options.snapshot.files.empty());
  CHECK(wanted.assemble.empty());
  CHECK_FALSE((wanted.plain_names || wanted.dry_run || wanted.json || wanted.quiet));
}

TEST_CASE("what is asked of a pipeline's files reaches the library, for every repo") {
  const auto wanted =
      parse({"o/a", "hf://o/b@v2", "--variant", "fp16", "--use-safetensors", "--no-use-onnx", "--skip",
             "vae,safety_checker", "--skip", "unet", "--select", "minimal", "--link", "copy", "--plan"});
  REQUIRE(wanted.requests.size() == 2);
  for (const auto& one : wanted.requests) {
    CHECK(one.options.wish.variant == "fp16");
    CHECK(one.options.wish.use_safetensors == true);
    CHECK(one.options.wish.use_onnx == false);
    CHECK(one.options.wish.skip == words{"vae", "safety_checker", "unet"});
    CHECK(one.options.wish.select == pipeline_selection::minimal);
    CHECK(one.options.snapshot.links == link_kinds(link_kind::copy));
  }
  CHECK(wanted.requests[0].options.snapshot.revision == "main");
  CHECK(wanted.requests[1].repo == repo("o/b"));
  CHECK(wanted.requests[1].options.snapshot.revision == "v2");
  CHECK(wanted.dry_run);
}

TEST_CASE("safetensors are refused under both names of that") {
  for (const auto* name : {"--no-safetensors", "--no-use-safetensors"}) {
    CHECK(parse({"o/n", name}).requests[0].options.wish.use_safetensors == false);
  }
  CHECK(usage_error({"o/n", "--use-safetensors", "--no-safetensors"}).find("--use-safetensors") !=
        std::string::npos);
}

TEST_CASE("an assembled directory is absolute") {
  const auto wanted = parse({"o/n", "--assemble", "/a/../d", "--plain-names"});
  CHECK(wanted.assemble == "/d");
  CHECK(wanted.plain_names);
  CHECK(parse({"o/n", "--assemble", "d"}).assemble.ends_with("/d"));
}

TEST_CASE("what cannot be meant of pipelines is refused by name") {
  const auto refused = [](words typed, const std::string& why) {
    const auto detail = usage_error(std::move(typed));
    CAPTURE(detail);
    CHECK(detail.find(why) != std::string::npos);
  };
  refused({}, "REPO");
  refused({"o/n@v1"}, "o/n@v1");
  refused({"hf://datasets/o/n"}, "must be a model");
  refused({"hf://o/n@main/vae"}, "without a path");
  refused({"o/n:Q4_K_M"}, "without a path or tag");
  refused({"hf://o/n@main", "--revision", "v1"}, "--revision");
  refused({"o/n", "--select", "all"}, "diffusers or minimal, not 'all'");
  refused({"o/n", "--variant", ""}, "--variant");
  refused({"o/n", "--assemble", ""}, "--assemble");
  refused({"o/n", "--plain-names"}, "--assemble");
  refused({"o/n", "--assemble", "d", "--local-dir", "e"}, "exclude each other");
  refused({"o/a", "o/b", "--assemble", "d"}, "--assemble takes one REPO");
  refused({"o/a", "o/b", "--local-dir", "d"}, "--local-dir takes one REPO");
}
