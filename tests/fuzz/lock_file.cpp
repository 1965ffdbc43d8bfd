#include <hubcache/error.hpp>
#include <hubcache/select/lock_file.hpp>

#include <string>

#include "require.hpp"

// What reads as a lock file names safe paths and sha256s, and reads the same after it was written.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubcache;
  try {
    const auto lock = parse_lock_file(fuzz::as_text(data, size));
    for (const auto& one : lock.repos) {
      fuzz::require(is_commit(one.commit) && !one.files.empty() && lock.find(one.repo) == &one);
      for (const auto& file : one.files) {
        fuzz::require(is_safe_path(file.path) && one.find(file.path) == &file);
        fuzz::require(file.sha256.algorithm() == digest_algorithm::sha256);
      }
    }
    const auto text = format_lock_file(lock);
    fuzz::require(parse_lock_file(text) == lock && format_lock_file(lock) == text);
  } catch (const error& e) {
    fuzz::require(e.reason() == errc::invalid_argument && !e.detail().empty());
  }
  return 0;
}
