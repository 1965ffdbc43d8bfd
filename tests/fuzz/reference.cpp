#include <hubcache/error.hpp>
#include <hubcache/repo.hpp>

#include <string>

#include "require.hpp"

namespace {

/// What a safe path must not do, said the slow way.
void check_safe(std::string_view path) {
  fuzz::require(!path.empty() && path.front() != '/' && path.front() != '\\');
  std::string segment;
  for (const char c : std::string(path) + '/') {
    fuzz::require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
    if (c != '/' && c != '\\') {
      segment += c;
      continue;
    }
    fuzz::require(!segment.empty() && segment != "." && segment != "..");
    fuzz::require(segment.size() <= 255);
    segment.clear();
  }
}

}  // namespace

// References, paths and revisions: what is accepted is safe on disk, what is refused is refused by an error.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubcache;
  const auto text = fuzz::as_text(data, size);
  if (is_safe_path(text)) check_safe(text);
  try {
    check_revision(text);
    check_safe(text);
  } catch (const error& e) {
    fuzz::require(e.reason() == errc::invalid_argument);
  }
  try {
    const auto reference = parse_repo_url(text);
    check_safe(reference.repo.folder());
    fuzz::require(reference.repo.folder().find('/') == std::string::npos);
    if (!reference.revision.empty()) check_safe(reference.revision);
    std::string_view path = reference.path;
    if (path.ends_with('/')) path.remove_suffix(1);
    if (!path.empty()) check_safe(path);
  } catch (const error& e) {
    fuzz::require(e.reason() == errc::invalid_argument);
  }
  return 0;
}
