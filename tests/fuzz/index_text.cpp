#include <hubcache/error.hpp>
#include <hubcache/format/index_text.hpp>

#include <map>
#include <string>

#include "require.hpp"

// What is an object stays one with the members it is given, and without any it stays byte for byte; so does an index of
// shards whose files keep their names.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubcache;
  const auto text = fuzz::as_text(data, size);
  const std::map<std::string, std::string, std::less<>> members{{"vae", "[null, {}]"}, {"", "\"}\""}};
  try {
    fuzz::require(with_members(text, {}) == text);
    const auto changed = with_members(text, members);
    fuzz::require(with_members(changed, members) == changed);
  } catch (const error& e) {
    fuzz::require(e.reason() == errc::malformed_file && !e.detail().empty());
  }
  const std::map<std::string, std::string, std::less<>> same{{"a", "a"}, {"b", "b"}};
  const std::map<std::string, std::string, std::less<>> other{{"a", "b"}, {"b", "a"}};
  try {
    const auto changed = with_shard_names(text, other);
    fuzz::require(with_shard_names(with_shard_names(changed, other), same) == with_shard_names(text, same));
  } catch (const error& e) {
    fuzz::require(e.reason() == errc::malformed_file && !e.detail().empty());
  }
  return 0;
}
