#include <hubcache/error.hpp>
#include <hubcache/store/assembly.hpp>

#include "require.hpp"

// What reads as a manifest names safe paths, origins that are whole or absent, and reads the same after it was written.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubcache;
  try {
    const auto files = parse_assembly_manifest(fuzz::as_text(data, size));
    for (const auto& file : files) {
      fuzz::require(is_safe_path(file.path) && file.path != assembly_manifest);
      fuzz::require(file.sha256.algorithm() == digest_algorithm::sha256);
      fuzz::require(file.repo ? is_commit(file.commit) && is_safe_path(file.source)
                              : file.commit.empty() && file.source.empty() && !file.link);
    }
    const auto text = format_assembly_manifest(files);
    fuzz::require(parse_assembly_manifest(text) == files);
  } catch (const error& e) {
    fuzz::require(e.reason() == errc::malformed_file && !e.detail().empty());
  }
  return 0;
}
