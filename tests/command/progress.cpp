#include "progress.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>

using namespace hubcache;
using namespace std::chrono_literals;
using command::columns_of;
using command::progress;

namespace {

const command::time_point start{};

event planned(std::uint64_t to_fetch) {
  events::planned news;
  news.bytes_to_fetch = to_fetch;
  return news;
}
event started(std::string file, std::uint64_t bytes, std::uint64_t resumed = 0) {
  events::started news;
  news.file = std::move(file);
  news.bytes = bytes;
  news.resumed = resumed;
  return news;
}
event advanced(std::string file, std::uint64_t bytes) {
  events::advanced news;
  news.file = std::move(file);
  news.bytes = bytes;
  return news;
}
event retried(std::string file, std::uint64_t lost) {
  events::retried news;
  news.file = std::move(file);
  news.reason = "connection_lost";
  news.seconds = 1.5;
  news.lost = lost;
  return news;
}
event fetched(std::string file, std::uint64_t bytes) {
  events::fetched news;
  news.file = std::move(file);
  news.bytes = bytes;
  return news;
}

bool shows_only_text(const std::string& line) {
  return std::none_of(line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

}  // namespace

TEST_CASE("nothing is drawn while there is nothing to fetch") {
  progress p;
  CHECK(p.lines(start, {}).empty());
  p.apply(planned(0), start);
  CHECK(p.lines(start, {}).empty());
}

TEST_CASE("each active file has a line, and the total comes last with rate and time left") {
  progress p;
  p.apply(planned(2'000'000), start);
  p.apply(started("a.bin", 1'000'000), start);
  p.apply(started("b.bin", 1'000'000), start);
  p.apply(advanced("a.bin", 500'000), start);
  const auto lines = p.lines(start + 1s, {100, 24});
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].starts_with("a.bin "));
  CHECK(lines[0].ends_with(" 50%   500.0K/1.0M  500.0K/s"));
  CHECK(lines[1].ends_with("  0%      0.0/1.0M     0.0/s"));
  CHECK(lines[2].starts_with("total, 0:03 left "));
  CHECK(lines[2].ends_with(" 25%   500.0K/2.0M  500.0K/s"));
  CHECK(lines[0].find(" [##########...........] ") != std::string::npos);
}

TEST_CASE("a fetched file leaves the display and stays in the total") {
  progress p;
  p.apply(planned(300), start);
  p.apply(started("a", 100), start);
  p.apply(advanced("a", 60), start);
  p.apply(fetched("a", 100), start);
  CHECK(p.bytes_done() == 100);
  CHECK(p.bytes_total() == 300);
  CHECK(p.lines(start, {}).size() == 1);
}

TEST_CASE("a file that has arrived, but is not published yet, makes room for those that move") {
  progress p;
  p.apply(planned(200), start);
  p.apply(started("a", 100), start);
  p.apply(started("b", 100), start);
  p.apply(advanced("a", 100), start);
  const auto lines = p.lines(start, {});
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].starts_with("b "));
  CHECK(p.bytes_done() == 100);
}

TEST_CASE("resumed bytes are done but do not count for the rate") {
  progress p;
  p.apply(planned(1000), start);
  p.apply(started("a", 1000, 600), start);
  p.apply(advanced("a", 100), start + 1s);
  CHECK(p.bytes_done() == 700);
  const auto lines = p.lines(start + 2s, {80, 24});
  CHECK(lines.front().ends_with(" 70%    700.0/1.0K    50.0/s"));
}

TEST_CASE("what a retry lost is no longer done, and no more than that") {
  progress p;
  p.apply(started("a", 1000), start);
  p.apply(advanced("a", 700), start);
  p.apply(retried("a", 200), start);
  CHECK(p.bytes_done() == 500);
  p.apply(retried("a", 9999), start);
  CHECK(p.bytes_done() == 0);
}

TEST_CASE("a file that starts again has one line and its new resume point") {
  progress p;
  p.apply(started("a", 1000), start);
  p.apply(advanced("a", 700), start);
  p.apply(started("a", 1000, 300), start);
  CHECK(p.bytes_done() == 300);
  CHECK(p.lines(start, {}).size() == 2);
}

TEST_CASE("bytes that arrive twice never show more than the whole file") {
  progress p;
  p.apply(started("a", 100), start);
  p.apply(advanced("a", 90), start);
  p.apply(advanced("a", 90), start);
  CHECK(p.bytes_done() == 100);
}

TEST_CASE("links that turned out stale raise the total") {
  progress p;
  p.apply(planned(10), start);
  p.apply(started("a", 10), start);
  p.apply(started("b", 90), start);
  CHECK(p.bytes_total() == 100);
}

TEST_CASE("events of files that never started are harmless") {
  progress p;
  p.apply(advanced("x", 5), start);
  p.apply(retried("x", 5), start);
  CHECK(p.bytes_done() == 0);
  p.apply(fetched("x", 5), start);
  CHECK(p.bytes_done() == 5);
}

TEST_CASE("the rate forgets what is older than five seconds") {
  command::transfer_rate rate;
  rate.add(5000, start);
  CHECK_FALSE(rate.at(start + 100ms));
  CHECK(*rate.at(start + 1s) == doctest::Approx(5000));
  CHECK(*rate.at(start + 5s) == doctest::Approx(1000));
  CHECK(*rate.at(start + 6s) == 0);
  rate.add(10'000, start + 10s);
  CHECK(*rate.at(start + 10s) == doctest::Approx(2000));
}

TEST_CASE("no line is wider than the screen, whatever names and numbers are") {
  progress p;
  p.apply(planned(900'000'000'000'000'000), start);
  p.apply(started(std::string(300, 'x') + ".safetensors", 999'960'000), start);
  p.apply(started("模型/权重文件.bin", 12), start);
  p.apply(started("", 0), start);
  p.apply(advanced("模型/权重文件.bin", 5), start);
  for (std::size_t columns = 1; columns <= 220; ++columns) {
    for (const auto& line : p.lines(start + 1s, {columns, 24})) {
      CAPTURE(columns);
      CAPTURE(line);
      CHECK(columns_of(line) <= columns);
    }
  }
}

TEST_CASE("no more lines are drawn than the screen has") {
  progress p;
  for (int i = 0; i < 30; ++i) p.apply(started("file" + std::to_string(i), 10), start);
  for (std::size_t rows = 2; rows <= 40; ++rows) {
    const auto lines = p.lines(start, {80, rows});
    CAPTURE(rows);
    CHECK(lines.size() < rows);
    CHECK(lines.back().starts_with("total"));
  }
  CHECK(p.lines(start, {80, 1}).empty());
  const auto lines = p.lines(start, {80, 12});
  REQUIRE(lines.size() == 11);
  CHECK(lines[9] == "and 21 more");
}

TEST_CASE("a long name keeps its end") {
  CHECK(command::shortened("unet/diffusion_pytorch_model.safetensors", 15) == "…el.safetensors");
  CHECK(command::shortened("short", 5) == "short");
  CHECK(command::shortened("short", 1) == "…");
  CHECK(command::shortened("short", 0).empty());
  CHECK(command::shortened("文文文", 4) == "…文");
}

TEST_CASE("control and invisible characters of a name never reach the terminal") {
  progress p;
  p.apply(started("a\x1b]0;x\x07\r\n\xe2\x80\xae\xc2\x9b"
                  "b\xff",
                  10),
          start);
  const auto name = p.lines(start, {120, 24}).front();
  CHECK(shows_only_text(name));
  CHECK(name.starts_with("a ]0;x     b\xEF\xBF\xBD "));
  CHECK(columns_of("e\xCC\x81") == 1);
}

TEST_CASE("without a terminal, plans, links, fetches and retries are worth a line") {
  CHECK(*command::plain_line(fetched("a\x1b.bin", 1200)) == "fetched a .bin (1.2K)");
  CHECK(*command::plain_line(retried("a.bin", 0)) == "retrying a.bin in 1.5 s: connection_lost");
  events::linked link;
  link.file = "w.bin";
  link.source = "/other/w";
  link.kind = link_kind::reflink;
  link.bytes = 3'000'000'000;
  CHECK(*command::plain_line(link) == "linked w.bin (3.0G, reflink of /other/w)");
  events::planned plan;
  plan.repo = "o/n";
  plan.commit = "c0ffee";
  plan.files = 2;
  plan.bytes_to_link = 10;
  plan.bytes_to_fetch = 2000;
  CHECK(*command::plain_line(plan) == "o/n at c0ffee: 2 files, 0.0 present, 10.0 to link, 2.0K to fetch");
  CHECK_FALSE(command::plain_line(advanced("a", 1)));
  CHECK_FALSE(command::plain_line(started("a", 1)));
}
