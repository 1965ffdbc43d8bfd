#include <hubcache/error.hpp>
#include <hubcache/select/diffusers.hpp>

#include <doctest/doctest.h>
#include <simdjson.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

using namespace hubcache;
using paths = std::vector<std::string>;

namespace {

paths paths_of(const diffusers_selection& selection) {
  paths result;
  for (const auto& file : selection.files) result.push_back(file.path);
  return result;
}

paths texts_in(const simdjson::dom::element& json, std::string_view key) {
  paths result;
  simdjson::dom::array texts;
  if (json[key].get(texts) != simdjson::SUCCESS) return result;
  for (const std::string_view text : texts) result.emplace_back(text);
  return result;
}

std::optional<bool> flag_in(const simdjson::dom::element& json, std::string_view key) {
  bool flag = false;
  return json[key].get(flag) == simdjson::SUCCESS ? std::optional(flag) : std::nullopt;
}

diffusers_wish wish_in(const simdjson::dom::element& options) {
  diffusers_wish wish;
  if (std::string_view text; options["variant"].get(text) == simdjson::SUCCESS) wish.variant = text;
  wish.use_safetensors = flag_in(options, "use_safetensors");
  wish.use_onnx = flag_in(options, "use_onnx");
  wish.skip = texts_in(options, "skip");
  return wish;
}

model_index index_in(const simdjson::dom::element& one) {
  std::ostringstream text;
  text << one["model_index"].value();
  return parse_model_index(text.str());
}

/// The kinds that the data has for errors and warnings.
std::string kind_of(const error& e) {
  const auto says = [&e](std::string_view part) { return e.detail().find(part) != std::string::npos; };
  if (e.reason() == errc::malformed_file && says("_class_name")) return "no-class-name";
  if (e.reason() != errc::file_not_found) return "other";
  if (says("no model_index.json")) return "no-model-index";
  if (says("of the variant")) return "no-variant";
  return says("safetensors") ? "no-safetensors" : "other";
}

bool warns(const diffusers_selection& of, std::string_view part) {
  return std::any_of(of.warnings.begin(), of.warnings.end(),
                     [part](const std::string& text) { return text.find(part) != text.npos; });
}

/// One repo of the data, selected as `wish` has it.
diffusers_selection check_case(const simdjson::dom::element& one, const diffusers_wish& wish) {
  const auto listing = texts_in(one, "listing");
  diffusers_selection chosen;
  std::string failed;
  try {
    chosen = select_diffusers(listing, index_in(one), wish);
  } catch (const error& e) {
    failed = kind_of(e);
  }
  std::string_view expected;
  if (one["error"].get(expected) == simdjson::SUCCESS && expected != "unknown-library") {
    CHECK(failed == expected);
    return chosen;
  }
  CHECK(failed == "");
  CHECK(paths_of(chosen) == texts_in(one, expected.empty() ? "expected" : "lenient_expected"));
  CHECK(warns(chosen, "is of the library") == (expected == "unknown-library"));
  const auto warnings = texts_in(one, "warnings");
  const auto tells = [&](std::string_view kind) {
    return std::count(warnings.begin(), warnings.end(), kind) > 0;
  };
  CHECK(warns(chosen, "only some of the weights are of the variant") == tells("mixed-variants"));
  CHECK(warns(chosen, "names of an old form") == tells("legacy-sharded-variant"));
  return chosen;
}

/// The pipelines that `one` connects to get its wish, but skip nothing, and want safetensors if it did not mind.
void check_connected(const simdjson::dom::element& one, diffusers_wish wish) {
  std::string_view readme;
  if (one["readme"].get(readme) != simdjson::SUCCESS) return;
  wish.skip.clear();
  if (!wish.use_safetensors) wish.use_safetensors = true;
  const auto priors = parse_priors(readme);
  const simdjson::dom::array connected = one["connected"];
  REQUIRE(priors.size() == connected.size());
  std::size_t i = 0;
  for (const auto prior : connected) {
    CHECK(priors[i++].id() == std::string_view(prior["repo"]));
    check_case(prior, wish);
  }
}

const paths stable_diffusion{"README.md",
                             "model_index.json",
                             "scheduler/scheduler_config.json",
                             "text_encoder/config.json",
                             "text_encoder/model.fp16.safetensors",
                             "text_encoder/model.safetensors",
                             "text_encoder/pytorch_model.bin",
                             "tokenizer/merges.txt",
                             "unet/config.json",
                             "unet/diffusion_pytorch_model.bin",
                             "unet/diffusion_pytorch_model.fp16.safetensors",
                             "unet/diffusion_pytorch_model.safetensors"};

model_index stable_diffusion_index() {
  return parse_model_index(R"({"_class_name": "StableDiffusionPipeline",
    "scheduler": ["diffusers", "DDIMScheduler"], "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"], "unet": ["diffusers", "UNet2DConditionModel"]})");
}

paths with(paths listing, const paths& more) {
  listing.insert(listing.end(), more.begin(), more.end());
  return listing;
}

bool chooses(const diffusers_selection& of, std::string_view path) {
  return std::any_of(of.files.begin(), of.files.end(), [path](const file_role& f) { return f.path == path; });
}

diffusers_wish of_variant(std::string variant) {
  diffusers_wish wish;
  wish.variant = std::move(variant);
  return wish;
}

std::string complaint(const paths& listing, const model_index& index, const diffusers_wish& wish,
                      errc expected) {
  try {
    static_cast<void>(select_diffusers(listing, index, wish));
  } catch (const error& e) {
    CHECK(e.reason() == expected);
    return e.detail();
  }
  return {};
}

}  // namespace

TEST_CASE("every case of the reference is selected as diffusers selects it") {
  simdjson::dom::parser parser;
  const simdjson::dom::element data =
      parser.load(HUBCACHE_TESTS_FOLDER "/select/data/diffusers-selection.json");
  std::size_t cases = 0;
  for (const simdjson::dom::element one : simdjson::dom::array(data["cases"])) {
    CAPTURE(std::string(std::string_view(one["name"])));
    const auto wish = wish_in(one["options"]);
    const auto chosen = check_case(one, wish);
    CHECK(chosen.connects == (one["readme"].error() == simdjson::SUCCESS));
    check_connected(one, wish);
    ++cases;
  }
  CHECK(cases == 34);
}

TEST_CASE("a selection depends neither on the order of the listing nor on what it lists twice") {
  const auto index = stable_diffusion_index();
  const auto chosen = select_diffusers(stable_diffusion, index, {});
  auto other = with(stable_diffusion, stable_diffusion);
  std::reverse(other.begin(), other.end());
  CHECK(select_diffusers(other, index, {}) == chosen);
  CHECK(chosen.files.size() == 7);
}

TEST_CASE("files below a component's folder have its role, the others are the pipeline's") {
  const auto listing =
      with(stable_diffusion, {"other/model.safetensors", "tokenizer/deep/er.txt", "config.json"});
  for (const auto& file : select_diffusers(listing, stable_diffusion_index(), {}).files) {
    const auto folder = file.path.substr(0, file.path.find('/'));
    CHECK(file.role == (folder == file.path || folder == "other" ? "pipeline" : "component:" + folder));
  }
}

TEST_CASE("without a model_index.json nothing is selected") {
  CHECK(complaint({"unet/config.json"}, stable_diffusion_index(), {}, errc::file_not_found)
            .find("model_index.json") != std::string::npos);
}

TEST_CASE("an index without a class is refused") {
  CHECK(complaint(stable_diffusion, model_index(), {}, errc::malformed_file) == "it has no _class_name");
}

TEST_CASE("the error of a missing variant names those that are there") {
  const auto listing = with(stable_diffusion, {"unet/diffusion_pytorch_model.non_ema.bin"});
  CHECK(complaint(listing, stable_diffusion_index(), of_variant("bf16"), errc::file_not_found) ==
        "there are no weights of the variant 'bf16' in .safetensors; variants that are there: fp16 and "
        "non_ema");
  CHECK(complaint({"model_index.json"}, stable_diffusion_index(), of_variant("bf16"), errc::file_not_found)
            .ends_with("; nor are there other variants"));
}

TEST_CASE("the error of missing safetensors names the components that have none") {
  diffusers_wish wish;
  wish.use_safetensors = true;
  auto listing = stable_diffusion;
  std::erase(listing, "unet/diffusion_pytorch_model.safetensors");
  CHECK(complaint(listing, stable_diffusion_index(), wish, errc::file_not_found) ==
        "there are no safetensors of unet");
}

TEST_CASE("a variant that could be a pattern is refused") {
  for (const auto* text : {"fp16|bf16", ".*", "fp16)", "a/b", "fp 16"}) {
    complaint(stable_diffusion, stable_diffusion_index(), of_variant(text), errc::invalid_argument);
    CHECK_THROWS_AS(
        static_cast<void>(select_diffusers(stable_diffusion, stable_diffusion_index(), of_variant(text))),
        error);
  }
}

TEST_CASE("components that are left without weights are named") {
  auto listing = stable_diffusion;
  std::erase(listing, "unet/diffusion_pytorch_model.safetensors");
  std::erase(listing, "text_encoder/pytorch_model.bin");
  const auto chosen = select_diffusers(listing, stable_diffusion_index(), {});
  CHECK(chooses(chosen, "unet/diffusion_pytorch_model.bin"));
  CHECK(chosen.warnings ==
        paths{"the component 'text_encoder' gets no weights: it has none in .bin, the format that is "
              "taken for all components"});
}

TEST_CASE("a component that is a link is not taken from the pipeline's own repo") {
  auto index = stable_diffusion_index();
  index.components[3].link = component_link();
  auto listing = stable_diffusion;
  std::erase(listing, "unet/diffusion_pytorch_model.safetensors");  // which decides nothing for the others
  const auto chosen = select_diffusers(listing, index, {});
  CHECK(chooses(chosen, "text_encoder/model.safetensors"));
  CHECK(std::none_of(chosen.files.begin(), chosen.files.end(),
                     [](const file_role& file) { return file.path.starts_with("unet/"); }));
}

TEST_CASE("a file that _ignore_files names is fetched with the folder that is taken whole") {
  auto index = stable_diffusion_index();
  index.ignore_files = {"tokenizer/merges.txt", "unet/diffusion_pytorch_model.safetensors"};
  const auto chosen = select_diffusers(stable_diffusion, index, {});
  CHECK(chooses(chosen, "tokenizer/merges.txt"));
  CHECK(chooses(chosen, "unet/diffusion_pytorch_model.bin"));  // and decided the format
}

TEST_CASE("if all components with weights are skipped, theirs decide whether there are safetensors") {
  diffusers_wish wish;
  wish.use_safetensors = true;
  wish.skip = {"text_encoder", "unet"};
  CHECK(select_diffusers(stable_diffusion, stable_diffusion_index(), wish).files.size() == 3);
  auto listing = stable_diffusion;
  std::erase_if(listing, [](const std::string& path) { return path.ends_with(".safetensors"); });
  CHECK(complaint(listing, stable_diffusion_index(), wish, errc::file_not_found) ==
        "the repo has no weights in safetensors");
}

TEST_CASE("without components a folder's name can pass for safetensors, as for diffusers") {
  diffusers_wish wish;
  wish.use_safetensors = true;
  const auto chosen = select_diffusers(paths{"model_index.json", "a/x.safetensors/model.bin"},
                                       stable_diffusion_index(), wish);
  CHECK(paths_of(chosen) == paths{"model_index.json"});
}

TEST_CASE("a format is left out by the letters at its end, a dot before them or none") {
  auto listing = stable_diffusion;
  std::erase_if(listing, [](const std::string& path) { return path.find(".fp16.") != path.npos; });
  listing = with(listing, {"unet/x-00001-of-00001.fp16.xbin"});
  CHECK_FALSE(complaint(listing, stable_diffusion_index(), of_variant("fp16"), errc::file_not_found).empty());
  listing.back() = "unet/x-00001-of-00001.fp16.other";
  CHECK(chooses(select_diffusers(listing, stable_diffusion_index(), of_variant("fp16")), listing.back()));
}

TEST_CASE("both names of the ONNX pipelines want ONNX weights") {
  const paths listing{"model_index.json", "unet/model.onnx", "unet/weights.pb",
                      "unet/diffusion_pytorch_model.bin"};
  auto index = parse_model_index(R"({"_class_name": "X", "unet": ["diffusers", "OnnxRuntimeModel"]})");
  CHECK_FALSE(chooses(select_diffusers(listing, index, {}), "unet/model.onnx"));
  for (const auto* name : {"OnnxStableDiffusionInpaintPipeline", "StableDiffusionOnnxPipeline"}) {
    index.class_name = name;
    CHECK(chooses(select_diffusers(listing, index, {}), "unet/weights.pb"));
    diffusers_wish wish;
    wish.use_onnx = false;
    CHECK_FALSE(chooses(select_diffusers(listing, index, wish), "unet/weights.pb"));
  }
}

TEST_CASE("only diffusers' own classes connect to other pipelines") {
  auto index = stable_diffusion_index();
  CHECK_FALSE(select_diffusers(stable_diffusion, index, {}).connects);
  for (const auto* name : {"KandinskyCombinedPipeline", "KandinskyV22InpaintCombinedPipeline",
                           "WuerstchenCombinedPipeline", "StableCascadeCombinedPipeline"}) {
    index.class_name = name;
    const auto chosen = select_diffusers(stable_diffusion, index, {});
    CHECK(chosen.connects);
    CHECK(chooses(chosen, "README.md"));
  }
  index.custom_module = "mine";
  CHECK_FALSE(select_diffusers(stable_diffusion, index, {}).connects);
}

TEST_CASE("names with wildcards are patterns, as for diffusers") {
  const auto index = parse_model_index(R"({"_class_name": "X", "to*": ["transformers", "CLIPTokenizer"]})");
  const auto listing = with(stable_diffusion, {"un[e]t/model.safetensors", "unet/model.safetensors"});
  const auto chosen = select_diffusers(listing, index, {});
  CHECK(chooses(chosen, "tokenizer/merges.txt"));
  CHECK_FALSE(chooses(chosen, "un[e]t/model.safetensors"));
  CHECK(chooses(chosen, "unet/model.safetensors"));
}

TEST_CASE("a listing made of wildcards is refused") {
  paths listing{"model_index.json"};
  for (int i = 0; i < 100; ++i) listing.push_back("*" + std::to_string(i) + "/model.safetensors");
  CHECK(complaint(listing, stable_diffusion_index(), {}, errc::malformed_file).find("wildcards") !=
        std::string::npos);
}

TEST_CASE("the variants of a listing are told once each, sorted") {
  CHECK(variants_in(paths{"unet/model.fp16.bin", "vae/model.fp16.safetensors",
                          "model.bf16-00001-of-00002.safetensors", "unet/foo.non_ema.bin",
                          "unet/model.safetensors"}) == paths{"bf16", "fp16"});
}

TEST_CASE("a wish is made in one expression") {
  const auto wish = diffusers_wish()
                        .with_select(pipeline_selection::minimal)
                        .with_variant("fp16")
                        .with_use_safetensors(true)
                        .with_use_onnx(false)
                        .with_skip({"vae"});
  CHECK(wish.select == pipeline_selection::minimal);
  CHECK(wish.variant == "fp16");
  CHECK(wish.use_safetensors == true);
  CHECK(wish.use_onnx == false);
  CHECK(wish.skip == paths{"vae"});
}
