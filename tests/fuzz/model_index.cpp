#include <hubcache/error.hpp>
#include <hubcache/select/diffusers.hpp>

#include <algorithm>
#include <set>

#include "require.hpp"

namespace {

void check(const hubcache::model_index& index) {
  std::set<std::string> names;
  for (const auto& component : index.components) {
    fuzz::require(hubcache::is_safe_path(component.name) && component.name.find('/') == std::string::npos);
    fuzz::require(names.insert(component.name).second && index.find(component.name) == &component);
    if (!component.link) continue;
    const auto& link = *component.link;
    fuzz::require(!link.repo.id().empty() && link.repo.type() == hubcache::repo_type::model);
    fuzz::require(link.subfolder.empty() || hubcache::is_safe_path(link.subfolder));
    fuzz::require(link.revision.empty() || hubcache::is_safe_path(link.revision));
  }
}

/// A repo with a few files for each component, and those that the index names.
std::vector<std::string> files_for(const hubcache::model_index& index) {
  std::vector<std::string> files{"model_index.json", "model.safetensors"};
  for (const auto& component : index.components) {
    for (const auto* name :
         {"/config.json", "/model.safetensors", "/model.fp16.bin", "/sub/model.safetensors"}) {
      files.push_back(component.name + name);
    }
    files.push_back(component.name + "/" + component.library + ".py");
  }
  files.insert(files.end(), index.ignore_files.begin(), index.ignore_files.end());
  return files;
}

/// Paths of the files chosen, in order and none twice; nothing if none can be.
std::vector<std::string> select(const std::vector<std::string>& files, const hubcache::model_index& index,
                                const hubcache::diffusers_wish& wish) {
  std::vector<std::string> paths;
  try {
    for (const auto& file : select_diffusers(files, index, wish).files) paths.push_back(file.path);
  } catch (const hubcache::error& e) {
    fuzz::require(e.reason() == hubcache::errc::malformed_file ||
                  e.reason() == hubcache::errc::file_not_found);
  }
  fuzz::require(std::adjacent_find(paths.begin(), paths.end(), std::greater_equal<>()) == paths.end());
  return paths;
}

}  // namespace

// What is taken is safe to create and to ask for, and loading reads no more than diffusers fetches.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubcache;
  model_index index;
  try {
    index = parse_model_index(fuzz::as_text(data, size));
  } catch (const error& e) {
    fuzz::require(e.reason() == errc::malformed_file);
    return 0;
  }
  check(index);
  const auto files = files_for(index);
  diffusers_wish wish;
  wish.variant = size % 2 == 0 ? "" : "fp16";
  const auto all = select(files, index, wish);
  wish.select = pipeline_selection::minimal;
  const auto read = select(files, index, wish);
  fuzz::require(std::includes(all.begin(), all.end(), read.begin(), read.end()));
  for (const auto& path : all) fuzz::require(std::find(files.begin(), files.end(), path) != files.end());
  return 0;
}
