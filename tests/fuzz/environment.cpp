#include <hubcache/error.hpp>
#include <hubcache/store/environment.hpp>

#include <map>
#include <string>

#include "require.hpp"
#include "support/temp_folder.hpp"

namespace {

/// Stands at the beginning of every secret.
const std::string mark = "hf_Secret";

}  // namespace

// Lines: the endpoint, a proxy's password, its host, a timeout, a path, flags; the rest: the token file. Settings
// come out in good order, or a variable is refused; its message has no secret.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubcache;
  static const test::temp_folder folder;
  auto text = fuzz::as_text(data, size);
  if (text.find(mark) != text.npos) return 0;  // where it stands, it is no secret
  std::map<std::string, std::string> given{
      {"HOME", folder.path().string()}, {"HF_HOME", folder / "home"}, {"HUBCACHE_CONFIG", folder / "none"}};
  given["HF_ENDPOINT"] = fuzz::take_part(text);
  const std::string password(fuzz::take_part(text));
  given["HTTPS_PROXY"] = "http://user:" + mark + password + "@" + std::string(fuzz::take_part(text));
  given["HF_HUB_ETAG_TIMEOUT"] = fuzz::take_part(text);
  given["HF_HUB_CACHE"] = fuzz::take_part(text);
  given["HF_HUB_OFFLINE"] = fuzz::take_part(text);
  folder.write("home/token", mark + std::string(text));
  try {
    const auto result = environment_settings([&given](const std::string& name) -> std::optional<std::string> {
      const auto found = given.find(name);
      if (found == given.end() || found->second.empty()) return std::nullopt;
      return found->second;
    });
    for (const char c : result.token.reveal()) fuzz::require(c > 0x20 && c < 0x7F);
    fuzz::require(result.cache_dir.starts_with('/') && result.state_dir.starts_with('/'));
    fuzz::require(result.metadata_timeout.count() > 0);
    fuzz::require(!result.proxy.https || result.proxy.https->text().find(mark) == std::string::npos);
  } catch (const error& e) {
    fuzz::require(e.reason() == errc::invalid_argument);
    fuzz::require(std::string(e.what()).find(mark) == std::string::npos);
  }
  return 0;
}
