#include "support/hub/file_content.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace embedded {
namespace {

class hash {
 public:
  explicit hash(const EVP_MD* algorithm) : context_(EVP_MD_CTX_new()) {
    if (EVP_DigestInit_ex(context_.get(), algorithm, nullptr) != 1)
      throw std::runtime_error("no such digest");
  }
  void update(std::string_view bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }
  std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), raw.data(), &size);
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
      text += "0123456789abcdef"[raw[i] >> 4U];
      text += "0123456789abcdef"[raw[i] & 15U];
    }
    return text;
  }

 private:
  struct freed {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, freed> context_;
};

std::string hex_of(const EVP_MD* algorithm, std::string_view text) {
  hash h(algorithm);
  h.update(text);
  return h.hex();
}

std::string git_header(std::uint64_t size) { return "blob " + std::to_string(size) + std::string(1, '\0'); }

/// The `index`-th word of the stream `seed` (splitmix64, which needs no state but a counter).
std::uint64_t word_of(std::uint64_t seed, std::uint64_t index) noexcept {
  std::uint64_t z = seed * 0xD1342543DE82EF95ULL + (index + 1) * 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31U);
}

void generate(std::uint64_t seed, std::uint64_t offset, std::span<char> out) {
  std::uint64_t index = offset / 8;
  std::size_t skip = offset % 8;
  char* to = out.data();
  std::size_t left = out.size();
  while (left != 0) {
    const std::uint64_t word = word_of(seed, index++);
    const std::size_t n = std::min(left, sizeof word - skip);
    std::memcpy(to, reinterpret_cast<const char*>(&word) + skip, n);
    skip = 0;
    to += n;
    left -= n;
  }
}

}  // namespace

struct file_content::names {
  std::string git_sha1, sha256, xet_hash, lfs_pointer, lfs_pointer_oid;
};

struct file_content::shared_state {
  std::string owned;
  std::optional<std::uint64_t> seed;
  std::uint64_t size = 0;
  mutable std::once_flag once;
  mutable names computed;
};

file_content::file_content(std::shared_ptr<const shared_state> state) : state_(std::move(state)) {}

file_content::file_content() : file_content(of({})) {}

file_content file_content::of(std::string bytes) {
  auto state = std::make_shared<shared_state>();
  state->size = bytes.size();
  state->owned = std::move(bytes);
  return file_content(std::move(state));
}

file_content file_content::generated(std::uint64_t seed, std::uint64_t size, std::string head) {
  auto state = std::make_shared<shared_state>();
  state->owned = std::move(head);
  state->seed = seed;
  state->size = size;
  return file_content(std::move(state));
}

std::uint64_t file_content::size() const noexcept { return state_->size; }

void file_content::read(std::uint64_t offset, std::span<char> out) const {
  if (offset < state_->owned.size()) {
    const auto n = state_->owned.copy(out.data(), out.size(), static_cast<std::size_t>(offset));
    out = out.subspan(n);
    offset += n;
  }
  if (!out.empty()) generate(*state_->seed, offset, out);
}

std::string file_content::text() const {
  std::string all(static_cast<std::size_t>(size()), '\0');
  read(0, all);
  return all;
}

std::string file_content::fingerprint() const {
  if (!state_->seed) return git_sha1();
  return std::to_string(*state_->seed) + ':' + std::to_string(size()) + ':' + sha1_hex(state_->owned);
}

const file_content::names& file_content::named() const {
  std::call_once(state_->once, [this] {
    hash git(EVP_sha1());
    hash sha(EVP_sha256());
    git.update(git_header(size()));
    std::vector<char> block(std::size_t{1} << 18U);
    for (std::uint64_t at = 0; at < size(); at += block.size()) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(block.size(), size() - at));
      read(at, std::span(block.data(), n));
      git.update({block.data(), n});
      sha.update({block.data(), n});
    }
    names& result = state_->computed;
    result.git_sha1 = git.hex();
    result.sha256 = sha.hex();
    result.xet_hash = sha256_hex("xet " + result.sha256);
    result.lfs_pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + result.sha256 +
                         "\nsize " + std::to_string(size()) + "\n";
    result.lfs_pointer_oid = sha1_hex(git_header(result.lfs_pointer.size()) + result.lfs_pointer);
  });
  return state_->computed;
}

const std::string& file_content::git_sha1() const { return named().git_sha1; }
const std::string& file_content::sha256() const { return named().sha256; }
const std::string& file_content::xet_hash() const { return named().xet_hash; }
const std::string& file_content::lfs_pointer() const { return named().lfs_pointer; }
const std::string& file_content::lfs_pointer_oid() const { return named().lfs_pointer_oid; }

std::string sha256_hex(std::string_view text) { return hex_of(EVP_sha256(), text); }
std::string sha1_hex(std::string_view text) { return hex_of(EVP_sha1(), text); }

}  // namespace embedded
