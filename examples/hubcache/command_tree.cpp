#include "command_tree.hpp"

#include <hubcache/version.hpp>

#include <asio/version.hpp>
#include <openssl/crypto.h>

#include <memory>
#include <string>

#include "cache_dedupe.hpp"
#include "cache_gc.hpp"
#include "cache_ls.hpp"
#include "cache_pin.hpp"
#include "cache_prune.hpp"
#include "cache_report.hpp"
#include "cache_rm.hpp"
#include "cache_verify.hpp"
#include "completion.hpp"
#include "download.hpp"
#include "edit.hpp"
#include "help.hpp"
#include "index_add.hpp"
#include "index_check.hpp"
#include "index_rebuild.hpp"
#include "index_stores.hpp"
#include "index_why.hpp"
#include "inspect.hpp"
#include "lock_check.hpp"
#include "lock_install.hpp"
#include "lock_write.hpp"
#include "man_page.hpp"
#include "pipeline.hpp"
#include "recipe_fetch.hpp"
#include "recipe_lock.hpp"

namespace command {

namespace {

/// The command's version, and those of what decides how it speaks to the network.
std::string version_text() {
#if defined(HUBCACHE_WITHOUT_TLS)
  const std::string tls = "without TLS";
#else
  const std::string tls = OpenSSL_version(OPENSSL_VERSION);
#endif
  const auto asio = std::to_string(ASIO_VERSION / 100000) + "." + std::to_string(ASIO_VERSION / 100 % 1000) +
                    "." + std::to_string(ASIO_VERSION % 100);
  return std::string("hubcache ") + hubcache::version + " (" + tls + ", Asio " + asio + ")";
}

void declare_cache(CLI::App& app, invocation& chosen) {
  auto* const cache = app.add_subcommand("cache", "List, check, clean and share what the cache holds");
  cache->require_subcommand(1);
  declare_cache_ls(*cache, chosen);
  declare_cache_rm(*cache, chosen);
  declare_cache_prune(*cache, chosen);
  declare_cache_gc(*cache, chosen);
  declare_cache_pin(*cache, chosen);
  declare_cache_verify(*cache, chosen);
  declare_cache_dedupe(*cache, chosen);
  declare_cache_report(*cache, chosen);
}

void declare_index(CLI::App& app, invocation& chosen) {
  auto* const index = app.add_subcommand("index", "Tell and teach where content lies on this machine");
  index->require_subcommand(1);
  declare_index_add(*index, chosen);
  declare_index_check(*index, chosen);
  declare_index_rebuild(*index, chosen);
  declare_index_stores(*index, chosen);
  declare_index_why(*index, chosen);
}

void declare_lock(CLI::App& app, invocation& chosen) {
  auto* const lock = app.add_subcommand("lock", "Name files by commit and sha256, and install exactly those");
  lock->require_subcommand(1);
  declare_lock_write(*lock, chosen);
  declare_lock_install(*lock, chosen);
  declare_lock_check(*lock, chosen);
}

void declare_recipe(CLI::App& app, invocation& chosen) {
  auto* const recipe =
      app.add_subcommand("recipe", "Fetch files of several repos by their roles, for engines");
  recipe->require_subcommand(1);
  declare_recipe_fetch(*recipe, chosen);
  declare_recipe_lock(*recipe, chosen);
}

}  // namespace

void declare_commands(CLI::App& app, invocation& chosen) {
  app.name("hubcache");
  app.description("Fetches Hugging Face repos and never downloads or stores the same bytes twice");
  app.formatter(std::make_shared<help_formatter>());  // subcommands take it over when they are declared
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.set_version_flag("--version", version_text, "Print the versions of hubcache, its TLS library and Asio");
  app.require_subcommand(1);
  declare_download(app, chosen);
  declare_pipeline(app, chosen);
  declare_inspect(app, chosen);
  declare_compare(app, chosen);
  declare_edit(app, chosen);
  declare_cache(app, chosen);
  declare_index(app, chosen);
  declare_lock(app, chosen);
  declare_recipe(app, chosen);
  declare_completion(app, chosen);
  declare_man_page(app, chosen);
  app.footer(  // last: subcommands declared later would take it over
      "`hubcache COMMAND --help` tells the options of a command; `man hubcache` tells all of them.\n\n"
      "Examples:\n"
      "  hubcache download CompVis/stable-diffusion-v1-4\n"
      "  hubcache download acme/llm-7b --include '*.safetensors' --dry-run\n"
      "  hubcache cache ls --sort unique\n"
      "  hubcache index add ~/ComfyUI/models");
}

}  // namespace command
