#include "inspect.hpp"

#include <hubcache/error.hpp>
#include <hubcache/inspect.hpp>
#include <hubcache/store/environment.hpp>

#include <algorithm>
#include <string>
#include <utility>

#include "download_options.hpp"
#include "inspect_report.hpp"
#include "working_cache.hpp"

namespace command {

namespace {

struct inspect_arguments : download_arguments {
  bool tensors = false;
};

struct compare_arguments : inspect_arguments {
  std::string other;
};

constexpr const char* inspect_reference =
    "OWNER/NAME[/FILE], or hf://[datasets/|spaces/]OWNER/NAME[@REVISION][/FILE]; FOLDER/ for all in it";

constexpr const char* inspect_notes =
    "Reads only the headers of safetensors and GGUF files; changes nothing on disk. Exit code 1: a header "
    "could "
    "not be read; what is known of the others is told all the same.\n\n"
    "Examples:\n";

void declare(CLI::App& app, inspect_arguments& into) {
  app.add_option("REPO", into.repo, inspect_reference)->type_name("")->required();
  declare_choice(app, into);
  declare_hub(app, into);
  app.add_flag("--tensors", into.tensors, "List every tensor");
  app.footer(std::string(inspect_notes) +
             "  hubcache inspect acme/llm-7b\n"
             "  hubcache inspect acme/llm-7b-GGUF --include '*Q4_K_M*.gguf'\n"
             "  hubcache inspect acme/sd/vae/ --tensors");
}

void declare(CLI::App& app, compare_arguments& into) {
  app.add_option("A", into.repo, inspect_reference)->type_name("REPO")->required();
  app.add_option("B", into.other, "What A is compared with: the same")->type_name("REPO")->required();
  declare_choice(app, into);
  declare_hub(app, into);
  app.add_flag("--tensors", into.tensors, "List every tensor that both have");
  app.footer(std::string(inspect_notes) +
             "  hubcache compare acme/llm-7b acme/llm-7b-chat\n"
             "  hubcache compare acme/sd/vae/ hf://acme/sd@v1.0/vae/");
}

/// Splits OWNER/NAME/FILE, which CLI users type as they see it on the Hub.
download_arguments split_file(download_arguments typed) {
  const auto owner_end = typed.repo.find('/');
  const auto name_end = owner_end == typed.repo.npos ? owner_end : typed.repo.find('/', owner_end + 1);
  if (typed.repo.starts_with("hf://") || name_end == typed.repo.npos) return typed;
  typed.files.push_back(typed.repo.substr(name_end + 1));
  typed.repo.resize(name_end);
  return typed;
}

/// What is to be inspected: one REPO.
download_request request_of(const download_arguments& typed) {
  auto result = command::request_of(split_file(typed), hubcache::environment_settings());
  if (result.gguf) {
    throw hubcache::error(hubcache::errc::invalid_argument,
                          "a tag is for `hubcache download`; choose files by --include '*TAG*.gguf'");
  }
  return result;
}

/// Inspects on the calling thread and tells what there is to be warned of.
hubcache::inspected_repo inspect(download_request request, working_cache& with, console& display) {
  for (const auto& text : request.warnings) display.warning(text);
  auto result = with.here.run<hubcache::inspected_repo>([&](auto handler) {
    with.cache.async_inspect(std::move(request.repo), std::move(request.options), std::move(handler));
  });
  for (const auto& text : result.what.warnings) display.warning(text);
  for (const auto& file : result.files) {
    if (file.problem.empty()) continue;
    display.warning(result.what.repo.display() + ": " + file.path + ": " + file.problem);
  }
  return result;
}

exit_code code_of(const hubcache::inspected_repo& repo) {
  const auto has_problem = [](const hubcache::inspected_file& file) { return !file.problem.empty(); };
  return std::any_of(repo.files.begin(), repo.files.end(), has_problem) ? exit_code::other : exit_code::ok;
}

exit_code run_inspect(const inspect_arguments& typed, console& display) {
  auto request = request_of(typed);
  working_cache with(request.config, display);
  const auto repo = inspect(std::move(request), with, display);
  std::string names;
  for (const auto& file : repo.files) names += file.path + "\n";
  print(typed.json    ? command::json_of(repo) + "\n"
        : typed.quiet ? names
                      : command::text_of(repo, typed.tensors));
  return code_of(repo);
}

exit_code run_compare(const compare_arguments& typed, console& display) {
  download_arguments other = typed;
  other.repo = typed.other;
  auto first = request_of(typed);
  auto second = request_of(other);  // what is wrong with it is told before anything is asked
  working_cache with(first.config, display);
  const auto a = inspect(std::move(first), with, display);
  const auto b = inspect(std::move(second), with, display);
  const auto found = hubcache::compare(a, b);
  std::string names;
  for (const auto& file : found.files) names += file.first + "\n";
  print(typed.json    ? command::json_of(found, a, b) + "\n"
        : typed.quiet ? names
                      : command::text_of(found, a, b, typed.tensors));
  return std::max(code_of(a), code_of(b));
}

}  // namespace

void declare_inspect(CLI::App& app, invocation& chosen) {
  add_subcommand<inspect_arguments>(app, "inspect",
                                    "Tell what a repo's weights are, and what they would cost here", chosen,
                                    declare, run_inspect);
}

void declare_compare(CLI::App& app, invocation& chosen) {
  add_subcommand<compare_arguments>(app, "compare", "Tell which files and tensors two repos share", chosen,
                                    declare, run_compare);
}

}  // namespace command
