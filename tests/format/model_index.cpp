#include <hubcache/error.hpp>
#include <hubcache/format/model_index.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace hubcache;

namespace {

/// What the parser says of `text`; empty if it takes it.
template <class Parse>
std::string complaint_of(Parse parse, std::string_view text) {
  try {
    static_cast<void>(parse(text));
  } catch (const error& e) {
    CHECK(e.reason() == errc::malformed_file);
    return e.detail();
  }
  return {};
}

std::string complaint(std::string_view text) { return complaint_of(parse_model_index, text); }
std::string link_complaint(std::string_view text) { return complaint_of(parse_component_link, text); }
std::string prior_complaint(std::string_view text) { return complaint_of(parse_priors, text); }

/// "host repo@revision/subfolder"
std::string told(const std::optional<component_link>& link) {
  if (!link) return "none";
  return link->host + " " + link->repo.id() + "@" + link->revision + "/" + link->subfolder;
}

/// The link of the only component of an index.
component_link link_in(std::string_view component) {
  const auto index = parse_model_index(R"({"vae": )" + std::string(component) + "}");
  REQUIRE(index.components.size() == 1);
  REQUIRE(index.components[0].link);
  return *index.components[0].link;
}

std::vector<std::string> priors_in(std::string_view text) {
  std::vector<std::string> ids;
  for (const auto& prior : parse_priors(text)) ids.push_back(prior.id());
  return ids;
}
using ids = std::vector<std::string>;

}  // namespace

TEST_CASE("components are the lists of an index, in its order") {
  const auto index = parse_model_index(R"({"_class_name": "X", "_diffusers_version": "0.19.0",
    "vae": ["diffusers", "AutoencoderKL"], "image_encoder": [null, null], "flag": true, "none": null, "number": 1.5,
    "labels": {"0": "fish"}, "text": "plain", "adapter": [null, "Y"], "sizes": [1, 2, 3], "empty": []})");
  CHECK(index.class_name == "X");
  CHECK(index.custom_module.empty());
  REQUIRE(index.components.size() == 5);
  CHECK(index.components[0].name == "vae");
  CHECK(index.components[0].library == "diffusers");
  CHECK(index.components[0].class_name == "AutoencoderKL");
  CHECK_FALSE(index.components[0].absent());
  CHECK(index.components[1].name == "image_encoder");
  CHECK(index.components[1].absent());
  CHECK(index.components[2].class_name == "Y");
  CHECK_FALSE(index.components[2].absent());
  CHECK(index.components[3].absent());
  CHECK(index.components[4].name == "empty");
  CHECK(index.find("vae") == index.components.data());
  CHECK(index.find("unet") == nullptr);
}

TEST_CASE("an index tells the files to ignore and the module of its class") {
  const auto index =
      parse_model_index(R"({"_class_name": ["my_pipeline", "Mine"], "_ignore_files": ["a/b.bin", 7, "c"]})");
  CHECK(index.class_name == "Mine");
  CHECK(index.custom_module == "my_pipeline");
  CHECK(index.ignore_files == std::vector<std::string>{"a/b.bin", "c"});
  CHECK(index.components.empty());
}

TEST_CASE("a class of another form is none") {
  for (const auto* text :
       {R"({})", R"({"_class_name": null})", R"({"_class_name": ["one"]})", R"({"_class_name": 1})"}) {
    CHECK(parse_model_index(text).class_name.empty());
  }
}

TEST_CASE("a component can be a link, with or without its class") {
  CHECK(told(link_in(R"("https://huggingface.co/acme/vae/tree/main/fp16/vae")")) ==
        "huggingface.co acme/vae@main/fp16/vae");
  const auto index = parse_model_index(R"({"vae": ["diffusers", "AutoencoderKL", "hf://acme/vae@v1/vae"]})");
  CHECK(index.components[0].library == "diffusers");
  CHECK(told(index.components[0].link) == " acme/vae@v1/vae");
}

TEST_CASE("a member whose name begins with '_' is no link") {
  CHECK(parse_model_index(R"({"_name_or_path": "https://huggingface.co/acme/vae"})").components.empty());
}

TEST_CASE("a text that is no link from end to end configures the pipeline") {
  for (const auto* text :
       {"https://huggingface.co/x/y/blob/main/LICENSE", "https://example.com/", "http://example.com",
        "https://huggingface.co/docs/diffusers/index", "https://hf.co/datasets/acme/words",
        "https://hf.co/acme/vae?x=1", "https://hf.co/acme/vae/tree/main/vae.safetensors", "hf://acme"}) {
    CAPTURE(std::string(text));
    CHECK(parse_model_index("{\"a/b\": \"" + std::string(text) + "\"}").components.empty());
    CHECK_FALSE(parse_model_index("{\"vae\": [null, null, \"" + std::string(text) + "\"]}")
                    .components.at(0)
                    .problem.empty());
  }
}

TEST_CASE("a link that is the member's value is told from one in a list") {
  CHECK(parse_model_index(R"({"vae": "https://example.com/a/b"})").components.at(0).bare);
  CHECK_FALSE(parse_model_index(R"({"vae": [null, null, "https://example.com/a/b"]})").components.at(0).bare);
}

TEST_CASE("256 components are the most") {
  const auto index_of = [](int count) {
    std::string text = "{\"flag\": true";
    for (int i = 0; i < count; ++i) text += ", \"c" + std::to_string(i) + "\": [null, null]";
    return text + "}";
  };
  CHECK(parse_model_index(index_of(256)).components.size() == 256);
  CHECK(complaint(index_of(257)) == "the member 'c256': there are more than 256 components");
}

TEST_CASE("a modular component names repo, folder, revision and variant") {
  const auto index = parse_model_index(R"({"vae": [null, null, {"pretrained_model_name_or_path": "acme/vae",
    "subfolder": "a/vae", "revision": "v2", "variant": "fp16", "type_hint": ["diffusers", "AutoencoderKL"]}]})");
  const auto& vae = index.components.at(0);
  CHECK(vae.library == "diffusers");
  CHECK(vae.class_name == "AutoencoderKL");
  CHECK(told(vae.link) == " acme/vae@v2/a/vae");
  CHECK(vae.link->variant == "fp16");
}

TEST_CASE("a modular component's repo can be a link, what stands beside it says more") {
  CHECK(told(link_in(R"([null, null, {"pretrained_model_name_or_path": "https://hf.co/acme/vae/tree/v1/x",
                        "subfolder": "y", "revision": null, "variant": null}])")) == "hf.co acme/vae@v1/y");
}

TEST_CASE("a modular component without a repo has no link") {
  for (const auto* repo : {"null", "\"\""}) {
    const auto index = parse_model_index(R"({"vae": [null, null, {"type_hint": ["diffusers", "AutoencoderKL"],
      "pretrained_model_name_or_path": )" +
                                         std::string(repo) + "}]}");
    CHECK(index.components.at(0).absent());
  }
}

TEST_CASE("a component whose link is none has a problem, and the others do not") {
  for (const auto* spec :
       {R"("pretrained_model_name_or_path": 7)", R"("pretrained_model_name_or_path": "/home/me/vae")",
        R"("pretrained_model_name_or_path": "acme/vae/x.safetensors")",
        R"("pretrained_model_name_or_path": "https://huggingface.co/a/b/resolve/main/x.safetensors")",
        R"("pretrained_model_name_or_path": "acme/vae", "subfolder": "../x")",
        R"("pretrained_model_name_or_path": "acme/vae", "subfolder": 1)",
        R"("pretrained_model_name_or_path": "acme/vae", "variant": "*")",
        R"("pretrained_model_name_or_path": "acme/vae", "variant": "fp16/x")",
        R"("pretrained_model_name_or_path": "acme/vae", "revision": "a/../b")"}) {
    CAPTURE(std::string(spec));
    const auto index =
        parse_model_index(R"({"vae": [null, null, {)" + std::string(spec) + R"(}], "unet": ["a", "B"]})");
    CHECK_FALSE(index.components.at(0).problem.empty());
    CHECK_FALSE(index.components.at(0).link);
    CHECK_FALSE(index.components.at(0).absent());
    CHECK(index.components.at(1).problem.empty());
  }
}

TEST_CASE("what is no JSON object is refused") {
  for (const std::string_view text : {"", "[]", "null", "{", "{\"a\": 1e}", "{\"a\": \"\xFF\"}",
                                      "{\"a\": 123456789012345678901234567890}"}) {
    CAPTURE(std::string(text));
    CHECK(complaint(text) == "it must be a JSON object");
  }
  CHECK(complaint("{\"a\":" + std::string(100'000, '[')) == "it must be a JSON object");
}

TEST_CASE("a member that comes twice is refused") {
  CHECK(complaint(R"({"vae": ["a", "b"], "unet": [], "v\u0061e": ["c", "d"]})") ==
        "the member 'vae': it comes twice");
}

TEST_CASE("the name of a component is one segment of a path") {
  for (const auto* name : {"..", ".", "", "a/b", "a\\\\b", "/a", ".git", "a\\u0000b"}) {
    CAPTURE(std::string(name));
    CHECK(complaint("{\"" + std::string(name) + "\": [null, null]}").find("segment") != std::string::npos);
    CHECK(complaint("{\"" + std::string(name) + "\": \"text\"}").empty());
  }
}

TEST_CASE("links have three forms") {
  CHECK(told(parse_component_link("https://huggingface.co/acme/vae")) == "huggingface.co acme/vae@/");
  CHECK(told(parse_component_link("https://HF.co/acme/vae/")) == "hf.co acme/vae@/");
  CHECK(told(parse_component_link("https://hf.co/acme/vae/tree/main")) == "hf.co acme/vae@main/");
  CHECK(told(parse_component_link("https://hf.co/acme/vae/tree/v1.0/a/b/")) == "hf.co acme/vae@v1.0/a/b");
  CHECK(told(parse_component_link("hf://acme/vae")) == " acme/vae@/");
  CHECK(told(parse_component_link("hf://acme/vae@v1")) == " acme/vae@v1/");
  CHECK(told(parse_component_link("hf://acme/vae/sub/folder/")) == " acme/vae@/sub/folder");
  for (const auto* text : {"", "acme/vae", "ftp://hf.co/acme/vae", "./vae", "https:/x"}) {
    CHECK(told(parse_component_link(text)) == "none");
  }
}

TEST_CASE("a link's host has its port unless that is the scheme's own") {
  CHECK(told(parse_component_link("http://127.0.0.1:8080/acme/vae")) == "127.0.0.1:8080 acme/vae@/");
  CHECK(told(parse_component_link("https://hf.co:443/acme/vae")) == "hf.co acme/vae@/");
}

TEST_CASE("a link's revision can have slashes, escaped or of a pull request") {
  CHECK(told(parse_component_link("https://hf.co/a/b/tree/refs%2Fpr%2F12/vae")) ==
        "hf.co a/b@refs/pr/12/vae");
  CHECK(told(parse_component_link("https://hf.co/a/b/tree/refs/pr/12/vae")) == "hf.co a/b@refs/pr/12/vae");
  CHECK(told(parse_component_link("https://hf.co/a/b/tree/fix%2Fvae/my%20vae")) ==
        "hf.co a/b@fix/vae/my vae");
  CHECK(told(parse_component_link("hf://a/b@refs/pr/12/vae")) == " a/b@refs/pr/12/vae");
}

TEST_CASE("what begins like a link and names no folder of a model is refused") {
  for (const auto* text : {"https://",
                           "https://hf.co",
                           "https://hf.co/",
                           "https://hf.co/acme",
                           "https://hf.co/datasets/acme",
                           "https://hf.co/datasets/acme/words",
                           "https://hf.co/spaces/acme/demo",
                           "https://hf.co/acme/vae/blob/main/a.bin",
                           "https://hf.co/acme/vae/resolve/main/x",
                           "https://hf.co/acme/vae/tree",
                           "https://hf.co/acme/vae/tree//x",
                           "https://hf.co/acme/vae/tree/main/..",
                           "https://hf.co/acme/vae/tree/main/%2E%2E/x",
                           "https://hf.co/acme/vae/tree/main/%00",
                           "https://hf.co/acme/vae/tree/main//x",
                           "https://hf.co/acme/vae?x=1",
                           "https://hf.co/acme/va e",
                           "https://hf.co/../vae",
                           "https://hf.co/acme/vae/tree/main/vae.safetensors",
                           "hf://",
                           "hf://acme",
                           "hf://datasets/acme/words",
                           "hf://acme/vae/../x",
                           "hf://acme/vae@/x",
                           "hf://acme/vae@main/x.gguf"}) {
    CAPTURE(std::string(text));
    CHECK_FALSE(link_complaint(text).empty());
  }
}

TEST_CASE("credentials and queries of a link are not shown") {
  CHECK(link_complaint("https://user:hf_secret@hf.co/acme/vae").find("hf_secret") == std::string::npos);
  CHECK(link_complaint("https://hf.co/acme/vae?token=hf_secret").find("hf_secret") == std::string::npos);
}

TEST_CASE("priors are a list of repos in the front matter") {
  CHECK(priors_in("---\nlicense: mit\nprior:\n- a/b\n- c/d\ntags:\n- x/y\n---\n# Card\n") ==
        ids{"a/b", "c/d"});
  CHECK(priors_in("---\nprior:\n  - a/b  # first\n\n  # second\n  - 'c/d'\n---\n") == ids{"a/b", "c/d"});
  CHECK(priors_in("---\nprior: [a/b, \"c/d\",]\n---\n") == ids{"a/b", "c/d"});
  CHECK(priors_in("---\nprior: [a/b,\n  c/d # last\n]\nx: y\n---\n") == ids{"a/b", "c/d"});
  CHECK(priors_in("---\nprior: a/b\n---\n") == ids{"a/b"});
  CHECK(priors_in("---\r\nprior:\r\n- a/b\r\nx: y\r\n---\r\n") == ids{"a/b"});
  CHECK(priors_in("---\nprior:\n- a/b\n---") == ids{"a/b"});
  CHECK(priors_in("\n \r\n\n---\nprior: a/b\n---\n") == ids{"a/b"});
  CHECK(priors_in("---\nprior: a/b\n--- \t\n# Card\n") == ids{"a/b"});
  CHECK(priors_in("---\nprior: a/b\n--- \r\n# Card\n") == ids{"a/b"});
}

TEST_CASE("without priors there are none") {
  for (const auto* text :
       {"", "---\n", "---\n---\n", "# prior:\n- a/b\n", "---\nx: y\n---\nprior:\n- a/b\n",
        "---\nprior:\n- a/b\n", "---\nx:\n  prior:\n  - a/b\n---\n", "---\npriority: a/b\n---\n",
        "---\nprior:\nx: y\n---\n", "---\nprior: []\n---\n", "--- \nprior: a/b\n---\n",
        "\nx\n---\nprior: a/b\n---\n", "---\nprior: a/b\n--- x\n"}) {
    CAPTURE(std::string(text));
    CHECK(priors_in(text).empty());
  }
}

TEST_CASE("priors of another form are refused") {
  for (const auto* value : {" {a: b}", " [a/b", " [a/b] x", " [a/b, ../c]", " a b", "\n- a/b\n  c/d", "\n-\n",
                            "\n- x: y", "\n  x: y", " [a/b,, c/d]"}) {
    CAPTURE(std::string(value));
    CHECK(prior_complaint("---\nprior:" + std::string(value) + "\n---\n").find("'prior'") !=
          std::string::npos);
  }
}

TEST_CASE("64 priors are the most, in either list") {
  const auto listed = [](int count) {
    std::string block = "---\nprior:\n", flow = "---\nprior: [";
    for (int i = 0; i < count; ++i) {
      block += "- a/b" + std::to_string(i) + "\n";
      flow += "a/b" + std::to_string(i) + ",\n";
    }
    return std::pair(block + "---\n", flow + "]\n---\n");
  };
  CHECK(priors_in(listed(64).first).size() == 64);
  CHECK(priors_in(listed(64).second).size() == 64);
  CHECK(prior_complaint(listed(65).first) == "under 'prior' stand more than 64 repos");
  CHECK(prior_complaint(listed(65).second) == "under 'prior' stand more than 64 repos");
}

TEST_CASE("a list that goes on for half a million lines is read once") {
  const std::string lines(500'000, '\n');
  CHECK(priors_in("---\nprior: [a/b" + lines + "]\n---\n") == ids{"a/b"});
}
