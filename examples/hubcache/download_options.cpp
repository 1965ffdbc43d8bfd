#include "download_options.hpp"

#include <hubcache/error.hpp>
#include <hubcache/os/file.hpp>
#include <hubcache/store/environment.hpp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

#include "subcommand.hpp"

namespace command {

namespace {

constexpr std::string_view download_notes =
    "Prints the path of the snapshot's folder, or of the one file that was named.\n\n"
    "Examples:\n"
    "  hubcache download runwayml/stable-diffusion-v1-5\n"
    "  hubcache download acme/llm-7b config.json\n"
    "  hubcache download acme/llm-7b --include '*.safetensors' --exclude '*fp16*'\n"
    "  hubcache download acme/llm-7b-GGUF:Q4_K_M\n"
    "  hubcache download hf://datasets/acme/words@v1.0/train/ --local-dir words\n"
    "  hubcache download acme/llm-7b --link hardlink --link '*.onnx_data=copy'\n"
    "  hubcache download acme/llm-7b --cache-mapping ~/models.json --dry-run";

/// Throws unless `value` is absent or has at least one character.
void refuse_empty(std::string_view option, const std::optional<std::string>& value) {
  if (value && value->empty()) throw usage(std::string(option) + " needs a value that is not empty");
}

hubcache::repo_type repo_type_of(const std::string& text) {
  const auto type = hubcache::parse_repo_type(text);
  if (!type)
    throw usage("--repo-type must be model, dataset or space, not '" + hubcache::printable(text) + "'");
  return *type;
}

hubcache::link_kinds link_kinds_of(const std::string& text) {
  const auto kinds = hubcache::parse_link_kinds(text);
  if (!kinds) {
    throw usage("--link must be auto, reflink, hardlink, symlink or copy, not '" + hubcache::printable(text) +
                "'");
  }
  return *kinds;
}

/// Sets how content is linked: one KIND for all, and PATTERN=KIND for some.
void read_links(const download_arguments& typed, hubcache::snapshot_options& into) {
  bool chosen = false;
  for (const auto& text : typed.link) {
    const auto equals = text.rfind('=');
    if (equals != text.npos) {
      if (equals == 0) throw usage("--link PATTERN=KIND needs a pattern before the '='");
      into.link_rules.emplace_back(text.substr(0, equals), link_kinds_of(text.substr(equals + 1)));
      continue;
    }
    if (chosen) throw usage("--link KIND stands twice; give each exception as --link PATTERN=KIND");
    into.links = link_kinds_of(text);
    chosen = true;
  }
}

hubcache::fsync_mode fsync_mode_of(const std::string& text) {
  if (text == "none") return hubcache::fsync_mode::none;
  if (text == "batch") return hubcache::fsync_mode::batch;
  if (text == "each") return hubcache::fsync_mode::each;
  throw usage("--fsync must be none, batch or each, not '" + hubcache::printable(text) + "'");
}

hubcache::secret token_of(const std::string& text) {
  const bool clean = std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
  if (text.empty() || !clean)
    throw usage("the value of --token is empty or contains a blank or control character");
  return hubcache::secret(text);
}

/// Takes ":TAG" off the end of what names a repo. A path behind hf:// may have a ':' of its own.
std::optional<std::string> take_tag(std::string& name) {
  constexpr std::string_view scheme = "hf://";
  const bool has_scheme = name.starts_with(scheme);
  const auto colon = name.find(':', has_scheme ? scheme.size() : 0);
  if (colon == name.npos || std::string_view(name).substr(colon).starts_with("://")) return std::nullopt;
  if (has_scheme && !hubcache::parse_repo_url(name.substr(0, colon)).path.empty()) return std::nullopt;
  auto tag = name.substr(colon + 1);
  name.resize(colon);
  return tag;
}

/// Sets the GGUF model that a tag behind the repo or --gguf asks for. @pre the files are set
void read_gguf(const download_arguments& typed, std::optional<std::string> tag, download_request& into) {
  if (!tag && !typed.gguf) {
    if (typed.drafts) throw usage("--drafts needs a GGUF model: REPO:TAG, or --gguf");
    return;
  }
  if (tag && !hubcache::is_gguf_tag(*tag)) {
    throw usage("'" + hubcache::printable(*tag) +
                "' is no tag of a GGUF model: behind REPO: stand letters, digits, '.', '_' and '-'");
  }
  if (!into.options.files.empty() || !typed.include.empty() || !typed.exclude.empty()) {
    throw usage("the files of a GGUF model are chosen by its tag; drop FILES, --include and --exclude");
  }
  into.gguf.emplace(std::move(tag).value_or(""));
  into.gguf->drafts = typed.drafts;
}

/// Sets repo, revision, and files or GGUF model.
void read_names(const download_arguments& typed, download_request& into) {
  into.options.files = typed.files;
  auto reference = typed.repo;
  auto tag = take_tag(reference);
  if (reference.starts_with("hf://")) {
    if (typed.repo_type || typed.revision) {
      throw usage("an hf:// reference names type and revision itself; drop --repo-type and --revision");
    }
    auto named = hubcache::parse_repo_url(reference);
    into.repo = std::move(named.repo);
    into.revision_named = !named.revision.empty();
    if (into.revision_named) into.options.revision = std::move(named.revision);
    if (!named.path.empty()) {
      if (!typed.files.empty()) throw usage("name files either in the hf:// reference or after it, not both");
      into.options.files.push_back(std::move(named.path));
    }
  } else {
    into.repo = hubcache::repo(std::move(reference), repo_type_of(typed.repo_type.value_or("model")));
    into.revision_named = typed.revision.has_value();
    if (typed.revision) into.options.revision = *typed.revision;
    hubcache::check_revision(into.options.revision);
  }
  for (const auto& file : into.options.files) {
    const std::string_view name = file;
    if (!hubcache::is_safe_path(name.ends_with('/') ? name.substr(0, name.size() - 1) : name)) {
      throw usage("FILE '" + hubcache::printable(file) + "' must be a relative path inside the repo");
    }
  }
  if (into.options.files.size() == 1 && !into.options.files.front().ends_with('/')) {
    into.single_file = into.options.files.front();
  }
  read_gguf(typed, std::move(tag), into);
}

/// Sets the patterns, which named files make void.
void read_patterns(const download_arguments& typed, download_request& into) {
  if (into.options.files.empty()) {
    if (!typed.include.empty()) into.options.allow = typed.include;
    into.options.ignore = typed.exclude;
  } else if (!typed.include.empty() || !typed.exclude.empty()) {
    into.warnings.emplace_back("--include and --exclude are ignored, since files are named");
  }
}

hubcache::requirements requirements_of(const download_arguments& typed) {
  using enum hubcache::requirement;
  hubcache::requirements result;
  if (typed.require_safetensors) result = result | safetensors;
  if (typed.require_scan) result = result | scan;
  if (typed.require_sha256) result = result | sha256;
  return result;
}

/// Sets what the library reads from the environment if the command line does not say it.
void read_settings(const download_arguments& typed, hubcache::settings& config) {
  if (typed.cache_dir) hubcache::change_cache_dir(config, hubcache::os::absolute_path(*typed.cache_dir));
  if (typed.token) config.token = token_of(*typed.token);
  if (typed.endpoint) config.endpoint = hubcache::parse_endpoint(*typed.endpoint);
  if (typed.fsync) config.fsync = fsync_mode_of(*typed.fsync);
  config.offline = config.offline || typed.offline;
}

}  // namespace

void declare(CLI::App& app, download_arguments& into) {
  app.footer(std::string(download_notes));
  const auto text = [&app](const char* name, auto& value, const char* type, const char* help) {
    return app.add_option(name, value, help)->type_name(type);
  };
  text("REPO", into.repo, "",
       "OWNER/NAME, or hf://[datasets/|spaces/]OWNER/NAME[@REVISION][/PATH]; with :TAG behind it one GGUF "
       "model: its parts and its projector, as llama.cpp picks them")
      ->required();
  text("FILES", into.files, "", "Files of the repo, or folders ending in '/' (default: all)");
  declare_choice(app, into);
  app.add_flag("--gguf", into.gguf, "One GGUF model without a tag: Q4_K_M, else Q8_0, else the first");
  app.add_flag("--drafts", into.drafts, "With the GGUF model its draft heads for speculative decoding");
  text("--lock", into.lock, "FILE",
       "Take commit, sizes and sha256 of the files from this lock file (see hubcache lock)");
  app.option_defaults()->group(place_group);
  text("--local-dir", into.local_dir, "DIR", "Put plain files into this folder instead of the cache");
  declare_reuse(app, into);
  text("--cache-mapping", into.cache_mapping, "FILE",
       "JSON object {\"<sha256>\": \"<path>\"} of files you have; completed after the run");
  app.option_defaults()->group(rule_group);
  app.add_flag("--require-sha256", into.require_sha256,
               "Refuse files that neither the Hub nor --lock names by sha256");
  declare_source(app, into);
  app.option_defaults()->group(output_group);
  declare_dry_run(app, into.dry_run);
}

void declare_choice(CLI::App& app, download_arguments& into) {
  const auto text = [&app](const char* name, auto& value, const char* type, const char* help) {
    return app.add_option(name, value, help)->type_name(type);
  };
  app.option_defaults()->group(choice_group);
  text("--repo-type,--type", into.repo_type, "model|dataset|space", "Kind of repo (default: model)");
  declare_revision(app, into);
  // Without extra arguments CLI11 neither swallows what follows a pattern nor splits "[a,b]".
  text("--include", into.include, "GLOB", "Only files that match; repeatable")->allow_extra_args(false);
  text("--exclude", into.exclude, "GLOB", "No files that match; repeatable")->allow_extra_args(false);
}

void declare_revision(CLI::App& app, download_arguments& into) {
  app.option_defaults()->group(choice_group);
  app.add_option("--revision", into.revision, "Branch, tag, commit or refs/pr/N (default: main)")
      ->type_name("NAME");
}

void declare_reuse(CLI::App& app, download_arguments& into) {
  app.option_defaults()->group(reuse_group);
  app.add_flag("--smart-cache,!--no-smart-cache", into.smart_cache,
               "Use what lies anywhere on this machine (default), or only this repo's own files");
  app.add_option("--link", into.link,
                 "How to use content that lies elsewhere (default: auto, the best of reflink, hardlink and "
                 "copy); with GLOB= for the files that match: repeatable, the first match counts")
      ->type_name("[GLOB=]auto|reflink|hardlink|symlink|copy")
      ->allow_extra_args(false);
  app.add_flag("--verify", into.verify, "Hash what is here already; fetch again what does not match");
  app.add_flag("--force-download", into.force_download, "Fetch every file again, even if it is here");
}

void declare_source(CLI::App& app, download_arguments& into) {
  declare_hub(app, into);
  app.option_defaults()->group(place_group);
  app.add_option("--fsync", into.fsync,
                 "What is synced to disk: nothing, files in batches (default), or each")
      ->type_name("none|batch|each");
}

void declare_hub(CLI::App& app, download_arguments& into) {
  const auto text = [&app](const char* name, auto& value, const char* type, const char* help) {
    return app.add_option(name, value, help)->type_name(type);
  };
  app.option_defaults()->group(place_group);
  text("--cache-dir", into.cache_dir, "DIR", "The cache (default: HF_HUB_CACHE, or $HF_HOME/hub)");
  app.option_defaults()->group(rule_group);
  app.add_flag("--require-safetensors", into.require_safetensors,
               "Refuse pickles (.bin, .pt, .ckpt, ...; by content, too), which may run code when loaded");
  app.add_flag("--require-scan", into.require_scan, "Refuse files that the Hub's scans do not call safe");
  app.option_defaults()->group(hub_group);
  text("--token", into.token, "TOKEN", "Access token; HF_TOKEN is safer, as others can see command lines");
  text("--endpoint", into.endpoint, "URL", "The Hub (default: HF_ENDPOINT, or https://huggingface.co)");
  app.add_flag("--offline", into.offline, "Make no request: use what is in the cache");
  text("--max-workers", into.max_workers, "N",
       "Exchanges in flight at a time, at most (default: 32; their number adapts)")
      ->check(whole_number(1));
  app.option_defaults()->group(output_group);
  declare_output(app, into.json, into.quiet);
}

download_request request_of(const download_arguments& typed, hubcache::settings environment) {
  refuse_empty("--cache-dir", typed.cache_dir);
  refuse_empty("--local-dir", typed.local_dir);
  refuse_empty("--cache-mapping", typed.cache_mapping);
  refuse_empty("--lock", typed.lock);
  if (typed.cache_dir && typed.local_dir) throw usage("--cache-dir and --local-dir exclude each other");
  if (typed.cache_mapping && !typed.smart_cache) {
    throw usage("--cache-mapping needs the smart cache; drop --no-smart-cache");
  }
  download_request result;
  result.config = std::move(environment);
  read_settings(typed, result.config);
  if (typed.force_download && result.config.offline) {
    throw usage("--force-download needs the network, which --offline (or HF_HUB_OFFLINE) forbids");
  }
  read_names(typed, result);
  read_patterns(typed, result);
  result.options.local_dir = typed.local_dir.value_or("");
  result.options.force_download = typed.force_download;
  result.options.verify = typed.verify;
  result.options.smart_cache = typed.smart_cache;
  read_links(typed, result.options);
  result.options.require = requirements_of(typed);
  result.options.max_transfers = typed.max_workers;
  result.cache_mapping = typed.cache_mapping;
  result.lock = typed.lock;
  result.dry_run = typed.dry_run;
  result.json = typed.json;
  result.quiet = typed.quiet;
  return result;
}

}  // namespace command
