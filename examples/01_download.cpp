/// Makes a repo present and prints where it is: the shortest program.
#include <hubcache.hpp>

#include <iostream>

int main(int argc, char** argv) {
  try {
    hubcache::cache cache;  // HF_HOME, HF_TOKEN, HF_ENDPOINT, ... as every Hub client reads them
    const auto snapshot = cache.snapshot(argc > 1 ? argv[1] : "CompVis/stable-diffusion-v1-4");
    std::cout << snapshot.path << '\n' << to_string(snapshot.totals) << '\n';
  } catch (const hubcache::error& failure) {
    std::cerr << failure.what() << '\n';
    return 1;
  }
}
