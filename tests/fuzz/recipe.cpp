#include <hubcache/error.hpp>
#include <hubcache/format/recipe.hpp>
#include <hubcache/select/gguf.hpp>

#include <string>

#include "require.hpp"

// Text is a recipe of safe paths, tags and revisions, or refused as such.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubcache;
  try {
    const auto recipe = parse_recipe(fuzz::as_text(data, size));
    fuzz::require(!recipe.roles.empty());
    for (const auto& role : recipe.roles) {
      fuzz::require(!role.name.empty() && role.name.find_first_of("\t\n /") == role.name.npos);
      fuzz::require(!role.repo.id().empty() && is_safe_path(role.revision));
      if (role.quant) {
        fuzz::require(role.file.empty() && (role.quant->empty() || is_gguf_tag(*role.quant)));
      } else {
        const bool folder = role.file.ends_with('/');
        fuzz::require(is_safe_path(role.file.substr(0, role.file.size() - (folder ? 1 : 0))));
      }
    }
    check_recipe(recipe);
  } catch (const error& e) {
    fuzz::require(e.reason() == errc::invalid_argument && !e.detail().empty());
  }
  return 0;
}
