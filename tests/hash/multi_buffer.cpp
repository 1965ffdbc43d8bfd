#include <hubcache/hash/multi_buffer.hpp>
#include <hubcache/hash/openssl.hpp>

#include <doctest/doctest.h>

#include <conformance/hasher.hpp>
#include <random>
#include <vector>

using hubcache::multi_buffer_sha256;
using hubcache::detail::sha256_lane_kernel;
using hubcache::detail::sha256_lane_kernels;

namespace {

hubcache::digest openssl_digest(std::string_view text) {
  return test::digest_of(hubcache::openssl_sha256{}, text);
}

/// Different messages, hashed in turns by a kernel.
struct messages {
  explicit messages(const std::vector<std::size_t>& sizes) : streams(sizes.size()), done(sizes.size()) {
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      texts.push_back(test::patterned(sizes[i] + i).substr(i));
      if (!texts[i].empty()) texts[i][0] = static_cast<char>(i);
    }
  }

  [[nodiscard]] std::size_t left(std::size_t i) const { return texts[i].size() - done[i]; }

  /// Appends `size` bytes to each of the messages `which`.
  void update(const sha256_lane_kernel& kernel, const std::vector<std::size_t>& which, std::size_t size) {
    std::vector<multi_buffer_sha256*> some;
    std::vector<const std::byte*> bytes;
    for (const auto i : which) {
      some.push_back(&streams[i]);
      bytes.push_back(hubcache::as_byte_view(texts[i]).data() + done[i]);
      done[i] += size;
    }
    multi_buffer_sha256::update_many(kernel, some, bytes, size);
  }

  void update_alone(std::size_t i, std::size_t size) {
    streams[i].update(hubcache::as_byte_view(texts[i]).subspan(done[i], size));
    done[i] += size;
  }

  void check() {
    for (std::size_t i = 0; i < texts.size(); ++i) CHECK(streams[i].finish() == openssl_digest(texts[i]));
  }

  std::vector<std::string> texts;
  std::vector<multi_buffer_sha256> streams;
  std::vector<std::size_t> done;
};

}  // namespace

TEST_CASE("The multi-buffer SHA-256 keeps the contract of hasher") {
  test::check_hasher<multi_buffer_sha256>();
}

TEST_CASE("The single kernel agrees with OpenSSL's provider on every length up to some blocks") {
  const auto bytes = test::patterned(300);
  for (std::size_t n = 0; n <= bytes.size(); ++n) {
    const auto text = std::string_view(bytes).substr(0, n);
    CHECK(test::digest_of(multi_buffer_sha256{}, text) == openssl_digest(text));
  }
}

TEST_CASE("Lane kernels are 8 and 16 wide, as far as the CPU has them") {
  const auto kernels = sha256_lane_kernels();
  REQUIRE(kernels.size() <= 2);
  if (kernels.size() > 0) CHECK(kernels[0].lanes == 8);
  if (kernels.size() > 1) CHECK(kernels[1].lanes == 16);
}

TEST_CASE(
    "Each lane kernel gives every message its own digest, whatever its length and however many there are") {
  for (const auto& kernel : sha256_lane_kernels()) {
    for (std::size_t count = 1; count <= hubcache::most_lanes; ++count) {
      for (std::size_t size = 0; size <= 300; size += count == kernel.lanes ? 1 : 37) {
        messages all(std::vector<std::size_t>(count, size));
        std::vector<std::size_t> which(count);
        for (std::size_t i = 0; i < count; ++i) which[i] = i;
        all.update(kernel, which, size);
        all.check();
      }
    }
  }
}

TEST_CASE("Messages move between lanes and the single kernel at any byte") {
  std::mt19937 random(42);
  const auto below = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  for (const auto& kernel : sha256_lane_kernels()) {
    for (int round = 0; round < 20; ++round) {
      std::vector<std::size_t> sizes(1 + below(20));
      for (auto& size : sizes) size = below(5000);
      messages all(sizes);
      for (int step = 0; step < 50; ++step) {
        std::vector<std::size_t> which;
        std::size_t size = 1 + below(1000);
        for (std::size_t i = 0; i < sizes.size() && which.size() < hubcache::most_lanes; ++i) {
          if (all.left(i) == 0 || below(2) == 0) continue;
          which.push_back(i);
          size = std::min(size, all.left(i));
        }
        if (!which.empty()) all.update(kernel, which, size);
        const auto alone = below(sizes.size());
        all.update_alone(alone, below(all.left(alone) + 1));
      }
      for (std::size_t i = 0; i < sizes.size(); ++i) all.update_alone(i, all.left(i));
      all.check();
    }
  }
}

TEST_CASE("The kernel chosen for a number of messages hashes them right, and the choice stays") {
  const auto lanes = multi_buffer_sha256::lanes();
  CHECK(lanes == multi_buffer_sha256::lanes());
  CHECK(lanes.fewest >= 1);
  CHECK(lanes.fewest <= lanes.most);
  CHECK(lanes.most <= hubcache::most_lanes);
  for (std::size_t count = 1; count <= hubcache::most_lanes; ++count) {
    const auto text = test::patterned(10'000);
    std::vector<multi_buffer_sha256> streams(count);
    std::vector<multi_buffer_sha256*> pointers;
    for (auto& stream : streams) pointers.push_back(&stream);
    const std::vector<const std::byte*> bytes(count, hubcache::as_byte_view(text).data());
    multi_buffer_sha256::update_many(pointers, bytes, text.size());
    for (auto& stream : streams) CHECK(stream.finish() == openssl_digest(text));
  }
}
