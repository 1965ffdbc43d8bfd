/// In the shape of an inference engine: REPO:TAG fetches one GGUF model, REPO the safetensors that its index names.
/// Files are mapped where they lie in the cache, tensors are found by name, and their numbers are read in place.
#include <hubcache.hpp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

/// The weights of a model. While it lives its files stay mapped, and no hubcache removes their repo.
class model {
 public:
  struct tensor {
    const hubcache::tensor_info& info;
    hubcache::byte_view bytes;  ///< Valid as long as the model.
  };

  void add(hubcache::mapped_weights file) { files_.push_back(std::move(file)); }

  /// @throws std::runtime_error if there is none of this name
  [[nodiscard]] tensor find(std::string_view name) const {
    for (const auto& file : files_) {
      if (const auto* found = file.find(name)) return {*found, file.bytes_of(*found)};
    }
    throw std::runtime_error("no tensor " + hubcache::printable(name));
  }
  [[nodiscard]] const std::vector<hubcache::mapped_weights>& files() const { return files_; }

 private:
  std::vector<hubcache::mapped_weights> files_;
};

/// REPO:TAG, as llama.cpp names it: one file, or the parts of one that is split.
model load_gguf(hubcache::cache& cache, const std::string& repo, const std::string& tag) {
  const auto got = cache.run(cache.plan_gguf(repo, hubcache::gguf_wish(tag)));
  model weights;
  for (const auto& file : got.files) {
    if (file.role == "model" || file.role == "split") weights.add(cache.mapped(got.path_of(file)));
  }
  return weights;
}

/// The names of a model's safetensors: those in its index, or the one that is not split.
std::vector<std::string> shards_of(hubcache::cache& cache, const std::string& repo) {
  const std::string index = "model.safetensors.index.json";
  try {
    const auto got = cache.snapshot(repo, hubcache::snapshot_options().with_files({index}));
    std::ifstream in(got.path_of(index), std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(in), {});
    std::set<std::string> names;
    for (const auto& [tensor, file] : hubcache::parse_safetensors_index(text).weight_map) names.insert(file);
    return {names.begin(), names.end()};
  } catch (const hubcache::error& failure) {
    if (failure.reason() != hubcache::errc::file_not_found) throw;
    return {"model.safetensors"};
  }
}

model load_safetensors(hubcache::cache& cache, const std::string& repo) {
  // Names from an index come from outside: as files of a snapshot they are those of the Hub's listing, or refused.
  const auto names = shards_of(cache, repo);
  const auto got = cache.snapshot(repo, hubcache::snapshot_options().with_files(names));
  model weights;
  for (const auto& name : names) weights.add(cache.mapped(got.path_of(name)));
  return weights;
}

/// The number at `from`: memcpy, because files promise no alignment.
template <class Stored>
Stored read(const std::byte* from) {
  Stored value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

/// The sum of a tensor's numbers. An engine would hand the bytes to its kernels, which know all types.
double sum(const model::tensor& from) {
  double total = 0;
  const auto* const end = from.bytes.data() + from.bytes.size();
  if (from.info.type == "F32") {
    for (const auto* at = from.bytes.data(); at != end; at += 4) total += read<float>(at);
  } else if (from.info.type == "BF16") {  // the upper half of a float
    for (const auto* at = from.bytes.data(); at != end; at += 2)
      total += std::bit_cast<float>(std::uint32_t{read<std::uint16_t>(at)} << 16U);
  } else {
    throw std::runtime_error(hubcache::printable(from.info.name) + " is of type " + from.info.type);
  }
  return total;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "openai-community/gpt2";
  try {
    hubcache::cache cache;
    const auto colon = what.find(':');
    const auto weights = colon == what.npos ? load_safetensors(cache, what)
                                            : load_gguf(cache, what.substr(0, colon), what.substr(colon + 1));
    for (const auto& file : weights.files()) {
      std::cout << file.tensors().size() << " tensors in " << hubcache::format_bytes(file.bytes().size())
                << '\n';
    }
    for (int i = 2; i < argc; ++i) std::cout << argv[i] << ": " << sum(weights.find(argv[i])) << '\n';
  } catch (const std::exception& failure) {  // hubcache::error is one
    std::cerr << failure.what() << '\n';
    return 1;
  }
}
