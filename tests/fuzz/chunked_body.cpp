#include <hubcache/error.hpp>
#include <hubcache/transport/http1.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>

#include "require.hpp"

namespace {

struct reading {
  std::string body;
  std::size_t left = 0;  // bytes after the body
  bool done = false;
  friend bool operator==(const reading&, const reading&) = default;
};

/// Decodes in pieces of `step` bytes; none if they are malformed.
std::optional<reading> decode(std::string_view bytes, std::size_t step) {
  reading result;
  hubcache::http1::chunk_decoder decoder;
  try {
    while (!bytes.empty() && !decoder.done()) {
      auto some = bytes.substr(0, step);
      const auto size = some.size();
      result.body += decoder.next(some);
      fuzz::require(some.size() < size);
      bytes.remove_prefix(size - some.size());
    }
  } catch (const hubcache::error& e) {
    fuzz::require(e.reason() == hubcache::errc::bad_response);
    return std::nullopt;
  }
  result.done = decoder.done();
  result.left = bytes.size();
  return result;
}

/// `body` in chunks whose sizes are those of its own bytes.
std::string encode(std::string_view body) {
  std::string out;
  while (!body.empty()) {
    const auto piece = body.substr(0, static_cast<unsigned char>(body.front()) % 40U + 1U);
    std::array<char, 8> digits{};
    auto* const end = std::to_chars(digits.data(), digits.data() + digits.size(), piece.size(), 16).ptr;
    out.append(digits.data(), end).append(";x=\"y\"\r\n").append(piece).append("\r\n");
    body.remove_prefix(piece.size());
  }
  return out + "0\r\nTrailer: z\r\n\r\n";
}

}  // namespace

// However a chunked body is split, it means the same; and what is put into chunks comes out of them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  const auto whole = decode(text, std::max<std::size_t>(size, 1));
  for (const std::size_t step : {1U, 2U, 7U}) fuzz::require(decode(text, step) == whole);
  const auto back = decode(encode(text) + "rest", 5);
  fuzz::require(back && back->done && back->body == text && back->left == 4);
  return 0;
}
