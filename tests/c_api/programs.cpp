// Programs in C and Python on the C API, and the examples of docs/c-api.md.
#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <support/process.hpp>
#include <thread>
#include <vector>

#include "user.hpp"

using c_user::user;

namespace {

std::map<std::string, std::string> environment_of(const user& u) {
  return {{"HOME", u.home / "user"},
          {"HF_HOME", u.home / "hf"},
          {"HF_ENDPOINT", u.hub.endpoint()},
          {"NO_PROXY", "*"},
          {"PYTHONPATH", HUBCACHE_PYTHON_EXAMPLES},
          {"PYTHONDONTWRITEBYTECODE", "1"},
          {"HUBCACHE_LIBRARY", HUBCACHE_C_LIBRARY}};
}

/// Runs a program of the user's.
test::outcome run(const user& u, std::vector<std::string> words) {
  test::process child(std::move(words), environment_of(u));
  return test::outcome_of(child);
}

/// The text between the lines "```LANGUAGE" and "```" of docs/c-api.md that has `part` in it.
std::string example_in_docs(const std::string& language, const std::string& part) {
  const auto text = test::read_file(HUBCACHE_DOCS "/c-api.md");
  const auto begin = "```" + language + "\n";
  for (auto at = text.find(begin); at != text.npos; at = text.find(begin, at)) {
    at += begin.size();
    auto example = text.substr(at, text.find("```\n", at) - at);
    if (example.find(part) != example.npos) return example;
  }
  return {};
}

/// Whether Python is here; tells if not.
bool has_python() {
  const bool found = std::string(HUBCACHE_PYTHON) != "";
  if (!found) MESSAGE("skipped: CMake found no python3");
  return found;
}

/// Runs a check of binding.py.
void check_binding(const user& u, std::vector<std::string> words) {
  words.insert(words.begin(), {HUBCACHE_PYTHON, HUBCACHE_C_TESTS "/binding.py"});
  const auto got = run(u, std::move(words));
  CAPTURE(got.err);
  CHECK(got.code == 0);
}

}  // namespace

TEST_CASE("every call and every member is there for C") {
  user u;
  const auto weights = embedded::tiny().files().at("model.safetensors").content;
  const auto mine = u.home.write("mine", weights.text());
  const auto got = run(u, {HUBCACHE_EVERY_CALL, u.hub.endpoint(), mine, weights.sha256()});
  CAPTURE(got.out);
  CAPTURE(got.err);
  CHECK(got.code == 0);
  const auto tiny = u.snapshot("acme", "tiny");
  const auto commit = std::filesystem::path(tiny).filename().string();
  CHECK(got.tells("version " + std::string(hubcache_version()) + "\n"));
  CHECK(got.tells("cached nothing\n"));
  CHECK(got.tells("download acme/tiny " + tiny + " " + commit + "\n"));
  CHECK(got.tells("file model.safetensors " + tiny + "/model.safetensors acme/tiny " + commit +
                  " role= etag=" + weights.sha256() + " sha256=" + weights.sha256() + " 100000 1 link="));
  CHECK(got.tells(" source=" + mine + "\n"));
  CHECK(got.tells("mapped " + weights.sha256() + " " + mine + "\n"));
  CHECK(got.tells("totals 1 1 1 1\nfetched 1\n"));
  CHECK(got.tells("gguf acme/m-GGUF " + u.snapshot("acme", "m-GGUF") + "/m-Q2_K.gguf "));
  CHECK(got.tells("component vae " + u.snapshot("CompVis", "stable-diffusion-v1-4") +
                  "/vae config.json diffusion_pytorch_model.safetensors\n"));
  CHECK(got.tells("cancelled 1\n"));
}

TEST_CASE("the C example of the docs is a program that prints the snapshot") {
  CHECK(example_in_docs("c", "int main") == test::read_file(HUBCACHE_C_TESTS "/quick_start.c"));
  user u;
  const auto got = run(u, {HUBCACHE_QUICK_START});
  CAPTURE(got.err);
  CHECK(got.code == 0);
  CHECK(got.out == u.snapshot("CompVis", "stable-diffusion-v1-4") + "\n");
  u.hub.remove("CompVis/stable-diffusion-v1-4");
  const auto failed = run(u, {HUBCACHE_QUICK_START});
  CHECK(failed.code != 0);
  CHECK(failed.out.empty());
  CHECK(failed.warns("CompVis/stable-diffusion-v1-4"));
}

TEST_CASE(
    "smart_cache.py prints the folder for from_pretrained, and what two models share crosses the network "
    "once") {
  if (!has_python()) return;
  user u;
  const auto script = HUBCACHE_PYTHON_EXAMPLES "/smart_cache.py";
  const auto first = run(u, {HUBCACHE_PYTHON, script, "runwayml/stable-diffusion-v1-5"});
  CAPTURE(first.err);
  CHECK(first.out == u.snapshot("runwayml", "stable-diffusion-v1-5") + "\n");
  const auto shared =
      u.hub.get("CompVis/stable-diffusion-v1-4").files().at("vae/diffusion_pytorch_model.safetensors");
  u.hub.log().clear();
  const auto second = run(u, {HUBCACHE_PYTHON, script});
  CAPTURE(second.err);
  CHECK(second.out == u.snapshot("CompVis", "stable-diffusion-v1-4") + "\n");
  CHECK(test::read_file(u.snapshot("CompVis", "stable-diffusion-v1-4") +
                        "/vae/diffusion_pytorch_model.safetensors") == shared.content.text());
  CHECK(u.hub.log().count([](const embedded::request_record& asked) {
    return asked.path.find("vae/diffusion_pytorch_model") != std::string::npos;
  }) == 0);
  const auto whole = run(u, {HUBCACHE_PYTHON, script, "acme/tiny"});  // no pipeline
  CHECK(whole.out == u.snapshot("acme", "tiny") + "\n");
}

TEST_CASE("the Python examples of the docs run") {
  if (!has_python()) return;
  user u;
  for (const auto* part : {"print(path)", "progress="}) {
    auto text = example_in_docs("python", part);
    REQUIRE(text != "");
    const auto got = run(u, {HUBCACHE_PYTHON, u.home.write("example.py", text)});
    CAPTURE(got.err);
    CHECK(got.code == 0);
    CHECK(got.tells(u.snapshot("CompVis", "stable-diffusion-v1-4") + "\n"));
  }
}

TEST_CASE("results, errors and progress are there for Python") {
  if (!has_python()) return;
  for (const auto* check : {"results", "values", "errors", "progress", "threads", "dropped"}) {
    CAPTURE(check);
    user u;
    check_binding(u, {check});
  }
}

TEST_CASE("a mapping goes in and comes out as a dict") {
  if (!has_python()) return;
  user u;
  const auto weights = embedded::tiny().files().at("model.safetensors").content;
  check_binding(u, {"mapping", weights.sha256(), u.home.write("mine", weights.text())});
}

TEST_CASE("a true value of a Python progress function cancels a transfer that stands still") {
  if (!has_python()) return;
  user u;
  u.stall();
  check_binding(u, {"cancel"});
}

TEST_CASE("Ctrl-C ends a Python call whose transfer stands still") {
  if (!has_python()) return;
  user u;
  u.stall();
  test::process child({HUBCACHE_PYTHON, HUBCACHE_C_TESTS "/binding.py", "interrupt"}, environment_of(u));
  while (u.hub.log().content_gets() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  child.signal(SIGINT);
  const auto got = test::outcome_of(child);
  CAPTURE(got.err);
  CHECK(got.code == 7);
}
