#include <hubcache/hub/parse.hpp>

#include <string>

#include "require.hpp"

// What reads as a tree file reads the same after it was written.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubcache;
  const auto l = parse_tree_file(fuzz::as_text(data, size), std::string(40, 'c'));
  if (!l) return 0;
  for (const auto& file : l->files) fuzz::require(is_safe_path(file.path) && file.name().has_value());
  fuzz::require(parse_tree_file(format_tree_file(*l), l->commit) == l);
  return 0;
}
