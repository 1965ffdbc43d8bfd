#include <hubcache/error.hpp>
#include <hubcache/hub/parse.hpp>

#include "require.hpp"

// Repo info that parses has an id and a commit that can be used.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubcache;
  try {
    const auto info = parse_repo_info(fuzz::as_text(data, size));
    fuzz::require(is_commit(info.commit));
    fuzz::require(is_safe_path(repo(info.id).folder()));
  } catch (const error&) {
  }
  return 0;
}
