#include <hubcache/error.hpp>
#include <hubcache/hub/parse.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "require.hpp"

// A page that parses makes a sorted listing of safe paths, and the listing survives its tree file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubcache;
  try {
    std::vector<file_entry> files;
    parse_tree_page(fuzz::as_text(data, size), files);
    const listing l = finish_listing(std::string(40, 'c'), std::move(files));
    for (const auto& file : l.files) {
      fuzz::require(is_safe_path(file.path));
      fuzz::require(l.find(file.path) == &file);
      fuzz::require(file.masked != file.name().has_value());
    }
    if (!l.masked()) fuzz::require(parse_tree_file(format_tree_file(l), l.commit) == l);
  } catch (const error&) {
  }
  return 0;
}
