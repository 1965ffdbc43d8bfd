#include "pipeline_arguments.hpp"

#include <hubcache/error.hpp>
#include <hubcache/os/file.hpp>
#include <hubcache/text.hpp>

#include <cstdint>
#include <string_view>
#include <utility>

#include "subcommand.hpp"

namespace command {

namespace {

constexpr std::string_view pipeline_notes =
    "Prints the folder of each REPO: a loader opens it as it is. With components from other repos that is so "
    "of an assembled DIR alone.\n\n"
    "Examples:\n"
    "  hubcache pipeline stabilityai/stable-diffusion-xl-base-1.0 --variant fp16\n"
    "  hubcache pipeline runwayml/stable-diffusion-v1-5 CompVis/stable-diffusion-v1-4 --dry-run\n"
    "  hubcache pipeline acme/remix --assemble ~/models/remix --plain-names";

/// Declares a switch that has three states: on, off and not said. `names` begins with the one that errors tell.
void add_choice(CLI::App& app, const std::string& names, std::optional<bool>& into, const char* help) {
  const auto set = [&into, name = names.substr(0, names.find(','))](std::int64_t balance) {
    if (balance == 0) throw CLI::ValidationError(name, "was both asked for and refused");
    into = balance > 0;
  };
  app.add_flag_function(names, set, help);
}

/// What is asked of every pipeline's files.
hubcache::diffusers_wish wish_of(const pipeline_arguments& typed) {
  hubcache::diffusers_wish wish;
  if (typed.select == "minimal") {
    wish.select = hubcache::pipeline_selection::minimal;
  } else if (typed.select != "diffusers") {
    throw usage("--select must be diffusers or minimal, not '" + hubcache::printable(typed.select) + "'");
  }
  wish.variant = typed.variant.value_or("");
  wish.use_safetensors = typed.use_safetensors;
  wish.use_onnx = typed.use_onnx;
  wish.skip = typed.skip;
  return wish;
}

/// Throws for options that cannot stand together.
void check(const pipeline_arguments& typed) {
  if (typed.variant && typed.variant->empty()) throw usage("--variant needs a value that is not empty");
  if (typed.assemble && typed.assemble->empty()) throw usage("--assemble needs a value that is not empty");
  if (typed.plain_names && !typed.assemble) {
    throw usage("--plain-names is about the names in an assembled directory; add --assemble DIR");
  }
  if (typed.assemble && typed.local_dir) {
    throw usage("--assemble and --local-dir exclude each other: one links from the cache, one replaces it");
  }
  if (typed.repos.size() > 1 && (typed.assemble || typed.local_dir)) {
    throw usage(std::string(typed.assemble ? "--assemble" : "--local-dir") +
                " takes one REPO: the files of several have the same names");
  }
}

}  // namespace

void declare(CLI::App& app, pipeline_arguments& into) {
  app.footer(std::string(pipeline_notes));
  const auto text = [&app](const char* name, auto& value, const char* type, const char* help) {
    return app.add_option(name, value, help)->type_name(type);
  };
  text("REPO", into.repos, "", "OWNER/NAME, or hf://OWNER/NAME[@REVISION]; several share what they can")
      ->required();
  declare_revision(app, into);
  text("--variant", into.variant, "NAME", "Weights of this variant where there are some: fp16, ...");
  add_choice(app, "--use-safetensors,!--no-safetensors,!--no-use-safetensors", into.use_safetensors,
             "Safetensors or nothing, or none at all (default: where every component has them)");
  add_choice(app, "--use-onnx,!--no-use-onnx", into.use_onnx,
             "ONNX weights, too, or none (default: as the pipeline's class needs)");
  text("--skip", into.skip, "NAMES", "Components that you have yourself: vae,safety_checker; repeatable")
      ->delimiter(',')
      ->allow_extra_args(false);
  text("--select", into.select, "diffusers|minimal",
       "The files that diffusers downloads (default), or without those that it never reads");
  app.option_defaults()->group(place_group);
  text("--local-dir", into.local_dir, "DIR", "Put plain files into this folder instead of the cache");
  text("--assemble", into.assemble, "DIR",
       "Make DIR show the pipeline as one folder, whatever repos its components are from");
  app.add_flag("--plain-names", into.plain_names,
               "In DIR, variant files get plain names: x.fp16.safetensors is x.safetensors");
  declare_reuse(app, into);
  declare_source(app, into);
  app.option_defaults()->group(output_group);
  app.add_flag("--dry-run,--plan", into.dry_run, "Tell what would be done; change nothing");
}

pipelines_wanted request_of(const pipeline_arguments& typed, const hubcache::settings& environment) {
  check(typed);
  const auto wish = wish_of(typed);
  pipelines_wanted result;
  for (const auto& repo : typed.repos) {
    download_arguments one = typed;
    one.repo = repo;
    auto named = request_of(one, environment);
    if (!named.options.files.empty() || named.gguf || named.repo.type() != hubcache::repo_type::model) {
      throw usage("REPO '" + hubcache::printable(repo) +
                  "' must be a model, without a path or tag behind it");
    }
    result.config = std::move(named.config);
    hubcache::pipeline_options options;
    options.wish = wish;
    options.snapshot = std::move(named.options);
    result.requests.emplace_back(std::move(named.repo), std::move(options));
  }
  if (typed.assemble) result.assemble = hubcache::os::absolute_path(*typed.assemble);
  result.plain_names = typed.plain_names;
  result.dry_run = typed.dry_run;
  result.json = typed.json;
  result.quiet = typed.quiet;
  return result;
}

}  // namespace command
