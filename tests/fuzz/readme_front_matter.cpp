#include <hubcache/error.hpp>
#include <hubcache/format/model_index.hpp>

#include <string>

#include "require.hpp"

// The priors that are found are found again when they are written as either list.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubcache;
  std::vector<repo> priors;
  try {
    priors = parse_priors(fuzz::as_text(data, size));
  } catch (const error& e) {
    fuzz::require(e.reason() == errc::malformed_file);
    return 0;
  }
  std::string block = "---\nprior:\n";
  std::string flow = "---\nprior: [";
  for (const auto& prior : priors) {
    fuzz::require(!prior.id().empty() && prior.type() == repo_type::model);
    block += "- " + prior.id() + "\n";
    flow += "'" + prior.id() + "', ";
  }
  fuzz::require(parse_priors(block + "---\n") == priors);
  fuzz::require(parse_priors(flow + "]\n---\n") == priors);
  return 0;
}
