#include <hubcache/error.hpp>
#include <hubcache/fetch/fetch_whole.hpp>

#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/use_future.hpp>
#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

using hubcache::body_sink;
using hubcache::errc;
using hubcache::response_head;
using hubcache::whole_sink;

namespace {

/// Ten bytes of memory for a content, and a sink that fills them.
struct memory {
  explicit memory(std::size_t there = 0) : filled(there) {}

  [[nodiscard]] std::span<std::byte> acquired() {
    asio::io_context context;
    auto work = [this]() -> asio::awaitable<std::span<std::byte>> { co_return co_await sink.acquire(); };
    auto result = asio::co_spawn(context, work, asio::use_future);
    context.run();
    return result.get();
  }
  void put(std::string_view text) {
    const auto space = acquired();
    REQUIRE(space.size() >= text.size());
    std::memcpy(space.data(), text.data(), text.size());
    sink.commit(text.size());
  }
  [[nodiscard]] std::string text() const { return {reinterpret_cast<const char*>(bytes.data()), filled}; }

  std::array<std::byte, 10> bytes{};
  std::size_t filled;
  whole_sink sink{bytes, filled};
};

response_head answer(int status, std::optional<std::uint64_t> length = {}, const char* range = nullptr) {
  response_head head;
  head.status = status;
  head.content_length = length;
  if (range != nullptr) head.headers.add("Content-Range", range);
  return head;
}

}  // namespace

TEST_CASE("A content comes into memory in pieces of any size") {
  memory m;
  CHECK(m.sink.begin(answer(200, 10)) == body_sink::verdict::take);
  m.put("0123");
  m.put("");
  m.put("456789");
  CHECK(m.text() == "0123456789");
  CHECK(m.sink.problem().empty());
}

TEST_CASE("The rest of a content comes behind what is there") {
  memory m(4);
  CHECK(m.sink.begin(answer(206, 6, "bytes 4-9/10")) == body_sink::verdict::take);
  m.put("456789");
  CHECK(m.filled == 10);
  CHECK(m.sink.problem().empty());
}

TEST_CASE("200 to a request for the rest is told, and nothing of it taken") {
  memory m(4);
  CHECK(m.sink.begin(answer(200, 10)) == body_sink::verdict::stop);
  CHECK(m.sink.range_ignored());
  CHECK(m.sink.problem().empty());
  CHECK(m.filled == 4);
}

TEST_CASE("An answer that contradicts the listing is refused before its first byte, with the reason") {
  for (const auto& head :
       {answer(200, 9), answer(200, 11), answer(204), answer(206, 10), answer(206, 10, "bytes 0-9/11"),
        answer(206, 9, "bytes 1-9/10"), answer(206, 9, "bytes 0-8/10"), answer(206, 9, "bytes 0-9/10")}) {
    memory m;
    CHECK(m.sink.begin(head) == body_sink::verdict::stop);
    CHECK_FALSE(m.sink.problem().empty());
    CHECK_FALSE(m.sink.range_ignored());
  }
  auto coded = answer(200, 10);
  coded.headers.add("Content-Encoding", "gzip");
  memory m;
  CHECK(m.sink.begin(coded) == body_sink::verdict::stop);
  CHECK(m.sink.problem().find("gzip") != std::string::npos);
}

TEST_CASE(
    "A body of unknown length that is longer than the content is cut off behind the first byte too many") {
  memory m;
  CHECK(m.sink.begin(answer(200)) == body_sink::verdict::take);
  m.put("0123456789");
  CHECK(m.acquired().size() == 1);
  m.sink.commit(0);
  CHECK(m.sink.problem().empty());
  m.put("x");
  CHECK_FALSE(m.sink.problem().empty());
  CHECK_THROWS_AS(static_cast<void>(m.acquired()), hubcache::error);
  CHECK(m.text() == "0123456789");
}
