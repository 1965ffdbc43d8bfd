#include <hubcache/store/llama_layout.hpp>

#include <string>

#include "require.hpp"

// First line: the name of a manifest; the rest: its text, or that of an ETag file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubcache;
  auto text = fuzz::as_text(data, size);
  const auto name = fuzz::take_part(text);
  for (const auto& file : parse_llama_manifest(name, text)) {
    fuzz::require(!file.name.empty() &&
                  file.name.find_first_of(std::string_view("/\0", 2)) == file.name.npos);
    fuzz::require(file.what.name.algorithm() == digest_algorithm::sha256);
  }
  const auto etag = parse_llama_etag(text);
  fuzz::require(!etag || text.find(etag->hex()) <= 1);
  const auto metadata = parse_llama_metadata(text);
  fuzz::require(!metadata || metadata->algorithm() == digest_algorithm::sha256);
  return 0;
}
