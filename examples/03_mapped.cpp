/// Fetches a file of weights and reads it where it lies: its tensors, and the first bytes of each.
#include <hubcache.hpp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <iostream>
#include <string>

int main(int argc, char** argv) {
  try {
    const std::string file = argc > 2 ? argv[2] : "model.safetensors";
    hubcache::cache cache;
    const auto options = hubcache::snapshot_options().with_files({file});
    const auto snapshot = cache.snapshot(argc > 1 ? argv[1] : "openai-community/gpt2", options);
    const auto weights = cache.mapped(snapshot.path_of(file));
    for (const auto& tensor : weights.tensors()) {
      std::cout << hubcache::printable(tensor.name) << ' ' << tensor.type
                << " [ ";  // names come from outside
      for (const auto dimension : tensor.shape) std::cout << dimension << ' ';
      std::cout << "]:";
      const auto bytes = weights.bytes_of(tensor);
      for (const auto b : bytes.first(std::min<std::size_t>(bytes.size(), 8))) std::cout << ' ' << int(b);
      std::cout << '\n';
    }
  } catch (const hubcache::error& failure) {
    std::cerr << failure.what() << '\n';
    return 1;
  }
}
