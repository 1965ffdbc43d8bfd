#include "subcommand.hpp"

#include <hubcache/os/file.hpp>
#include <hubcache/store/environment.hpp>
#include <hubcache/text.hpp>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <iostream>
#include <system_error>
#include <unistd.h>

namespace command {

CLI::Validator whole_number(std::uint64_t least) {
  const auto check = [least](const std::string& text) -> std::string {
    std::uint64_t value = 0;
    const auto* const end = text.data() + text.size();
    const auto [stop, failure] = std::from_chars(text.data(), end, value);
    if (failure == std::errc() && stop == end && value >= least) return {};
    return "must be a whole number from " + std::to_string(least) + " on, not '" + hubcache::printable(text) +
           "'";
  };
  return CLI::Validator(check, "");
}

void declare_output(CLI::App& app, bool& json, bool& quiet) {
  app.add_flag("--json", json, "Print one JSON object on stdout, and nothing else");
  app.add_flag("-q,--quiet", quiet, "Print names or paths alone, and nothing but errors on stderr");
}

void declare_dry_run(CLI::App& app, bool& into) {
  app.add_flag("--dry-run", into, "Tell what would be done; change nothing");
}

void declare_common(CLI::App& app, common_options& into) {
  app.add_option("--cache-dir", into.cache_dir, "The cache (default: HF_HUB_CACHE, or $HF_HOME/hub)")
      ->type_name("DIR");
  declare_output(app, into.json, into.quiet);
}

void declare_destructive(CLI::App& app, common_options& into) {
  declare_dry_run(app, into.dry_run);
  app.add_flag("-y,--yes", into.yes, "Do not ask for confirmation");
}

hubcache::settings settings_of(const common_options& typed) {
  auto result = hubcache::environment_settings();
  if (typed.cache_dir) {
    if (typed.cache_dir->empty()) {
      throw hubcache::error(hubcache::errc::invalid_argument, "--cache-dir needs a value that is not empty");
    }
    hubcache::change_cache_dir(result, hubcache::os::absolute_path(*typed.cache_dir));
  }
  return result;
}

bool confirmed(const common_options& typed, std::string_view question) {
  if (typed.yes) return true;
  if (::isatty(STDIN_FILENO) != 1) {
    throw hubcache::error(hubcache::errc::refused, "there is no terminal to ask for confirmation; pass -y");
  }
  std::cerr << question << " [y/N]: " << std::flush;
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

hubcache::error usage(std::string detail) { return {hubcache::errc::invalid_argument, std::move(detail)}; }

void print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return;
  hubcache::throw_disk_error(std::error_code(errno, std::generic_category()), "write the result", "stdout");
}

}  // namespace command
