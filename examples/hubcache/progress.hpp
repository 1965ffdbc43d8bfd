#pragma once
/// @file
/// The state of a download as its events tell it, and how that looks on a terminal. No I/O, no clock.

#include <hubcache/event.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace command {

using time_point = std::chrono::steady_clock::time_point;

/// Bytes per second over the last five seconds.
class transfer_rate {
 public:
  void add(std::uint64_t bytes, time_point now);
  /// None until half a second has been seen.
  [[nodiscard]] std::optional<double> at(time_point now) const;

 private:
  struct sample {
    time_point begin;  ///< Bytes that arrive within a tenth of a second share one sample.
    std::uint64_t bytes = 0;
  };
  std::deque<sample> samples_;
  std::optional<time_point> first_;
};

struct screen_size {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

class progress {
 public:
  void apply(const hubcache::event& news, time_point now);

  /// One line per file that moves and a total, at most `screen.rows - 1` lines of at most `screen.columns`
  /// columns, without control characters. Empty while there is nothing to fetch.
  [[nodiscard]] std::vector<std::string> lines(time_point now, screen_size screen) const;

  [[nodiscard]] std::uint64_t bytes_done() const;
  [[nodiscard]] std::uint64_t bytes_total() const;

 private:
  struct transfer {
    std::string file;
    std::uint64_t bytes = 0;
    std::uint64_t done = 0;  ///< Resumed bytes included; they do not count for the rate.
    transfer_rate rate;
  };
  void on(const hubcache::events::planned& news, time_point now);
  void on(const hubcache::events::started& news, time_point now);
  void on(const hubcache::events::advanced& news, time_point now);
  void on(const hubcache::events::retried& news, time_point now);
  void on(const hubcache::events::fetched& news, time_point now);
  void on(const hubcache::events::linked&, time_point) {}
  void on(const hubcache::events::warning&, time_point) {}
  [[nodiscard]] transfer* find(std::string_view file);

  std::vector<transfer> active_;  ///< In the order they started.
  std::uint64_t planned_ = 0;     ///< Bytes to fetch; more if links turned out stale.
  std::uint64_t finished_ = 0;    ///< Bytes of the files fetched.
  transfer_rate rate_;
};

/// `text` from outside as it may be shown: control characters, and marks that nobody sees or that turn the
/// direction of text, replaced by blanks.
[[nodiscard]] std::string sanitised(std::string_view text);

/// sanitised(), in at most `columns` columns: of what is too long, the end, after an ellipsis.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t columns);

/// Columns that sanitised `text` takes on a terminal.
[[nodiscard]] std::size_t columns_of(std::string_view text);

/// The line that tells of `news` where there is no terminal to draw on; none if it is not worth one.
[[nodiscard]] std::optional<std::string> plain_line(const hubcache::event& news);

}  // namespace command
