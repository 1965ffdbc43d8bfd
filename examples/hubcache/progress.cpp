#include "progress.hpp"

#include <hubcache/link_kind.hpp>
#include <hubcache/plan/snapshot.hpp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>

namespace command {

namespace {

using std::chrono::duration;
using std::chrono::milliseconds;

constexpr std::chrono::seconds rate_span{5};
constexpr std::string_view ellipsis = "…";

struct code_point_range {
  char32_t first;
  char32_t last;
};

/// Marks that join, break or turn the direction of text.
constexpr std::array invisible{
    code_point_range{0xAD, 0xAD},     code_point_range{0x61C, 0x61C},     code_point_range{0x200B, 0x200F},
    code_point_range{0x2028, 0x202E}, code_point_range{0x2060, 0x206F},   code_point_range{0xFEFF, 0xFEFF},
    code_point_range{0xFFF9, 0xFFFB}, code_point_range{0xE0000, 0xE0FFF},
};

/// Accents and variation selectors share the column of what they follow.
constexpr std::array combining{code_point_range{0x300, 0x36F}, code_point_range{0xFE00, 0xFE0F}};

/// East Asian scripts and pictures take two columns (Unicode's East Asian Width W and F, by block).
constexpr std::array wide{
    code_point_range{0x1100, 0x115F},   code_point_range{0x2E80, 0x303E},   code_point_range{0x3041, 0xA4CF},
    code_point_range{0xA960, 0xA97F},   code_point_range{0xAC00, 0xD7A3},   code_point_range{0xF900, 0xFAFF},
    code_point_range{0xFE30, 0xFE6F},   code_point_range{0xFF01, 0xFF60},   code_point_range{0xFFE0, 0xFFE6},
    code_point_range{0x1F300, 0x1FAFF}, code_point_range{0x20000, 0x3FFFD},
};

template <std::size_t N>
bool within(const std::array<code_point_range, N>& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [c](const code_point_range& range) { return c >= range.first && c <= range.last; });
}

std::size_t width_of(char32_t c) { return within(combining, c) ? 0U : within(wide, c) ? 2U : 1U; }

std::string left_aligned(std::string text, std::size_t columns) {
  const auto used = columns_of(text);
  return used < columns ? text.append(columns - used, ' ') : text;
}

std::string right_aligned(const std::string& text, std::size_t columns) {
  return text.size() < columns ? std::string(columns - text.size(), ' ') + text : text;
}

/// "4:05", "1:04:05"; empty beyond four days, where a guess is none.
std::string remaining_time(double seconds) {
  if (!(seconds < 4 * 86'400)) return {};
  const auto whole = static_cast<unsigned>(seconds + 0.5);
  std::array<char, 32> text{};
  if (whole >= 3600) {
    std::snprintf(text.data(), text.size(), "%u:%02u:%02u", whole / 3600, whole / 60 % 60, whole % 60);
  } else {
    std::snprintf(text.data(), text.size(), "%u:%02u", whole / 60, whole % 60);
  }
  return text.data();
}

std::string bar(double share, std::size_t columns) {
  const auto inner = columns - 2;
  const auto filled = std::min(inner, static_cast<std::size_t>(share * static_cast<double>(inner)));
  return "[" + std::string(filled, '#') + std::string(inner - filled, '.') + "]";
}

/// NAME [####....] 45% 1.2G/2.7G 35.2M/s; as much of it as fits.
std::string line(std::string_view name, std::uint64_t done, std::uint64_t bytes, std::optional<double> rate,
                 std::size_t columns) {
  const double share =
      bytes == 0 ? 1 : static_cast<double>(std::min(done, bytes)) / static_cast<double>(bytes);
  std::string tail = right_aligned(std::to_string(static_cast<unsigned>(share * 100)) + "%", 5);
  if (columns >= 48) {
    tail += right_aligned(hubcache::format_bytes(done) + "/" + hubcache::format_bytes(bytes), 14);
    tail += right_aligned(rate ? hubcache::format_bytes(static_cast<std::uint64_t>(*rate)) + "/s" : "", 10);
  }
  if (columns <= tail.size()) return shortened(tail.substr(tail.find_first_not_of(' ')), columns);
  const auto room = columns - tail.size();
  const std::size_t bar_columns = room >= 40 ? std::min<std::size_t>(room / 3, 30) : 0;
  const auto name_columns = std::min<std::size_t>(bar_columns == 0 ? room : room - bar_columns - 1, 60);
  std::string text = left_aligned(shortened(name, name_columns), name_columns);
  if (bar_columns != 0) text.append(" ").append(bar(share, bar_columns));
  return text + tail;
}

}  // namespace

void transfer_rate::add(std::uint64_t bytes, time_point now) {
  if (!first_) first_ = now;
  if (samples_.empty() || now - samples_.back().begin >= milliseconds(100)) {
    samples_.emplace_back();
    samples_.back().begin = now;
  }
  samples_.back().bytes += bytes;
  while (now - samples_.front().begin > rate_span) samples_.pop_front();
}

std::optional<double> transfer_rate::at(time_point now) const {
  if (!first_ || now - *first_ < milliseconds(500)) return std::nullopt;
  std::uint64_t bytes = 0;
  for (const auto& one : samples_) {
    if (now - one.begin <= rate_span) bytes += one.bytes;
  }
  const duration<double> span = std::min<time_point::duration>(now - *first_, rate_span);
  return static_cast<double>(bytes) / span.count();
}

void progress::apply(const hubcache::event& news, time_point now) {
  std::visit([&](const auto& what) { on(what, now); }, news);
}

void progress::on(const hubcache::events::planned& news, time_point /*now*/) {
  planned_ = news.bytes_to_fetch;
}

void progress::on(const hubcache::events::started& news, time_point now) {
  transfer* known = find(news.file);
  if (known == nullptr) {
    known = &active_.emplace_back();
    known->file = news.file;
  }
  known->bytes = news.bytes;
  known->done = std::min(news.resumed, news.bytes);
  known->rate.add(0, now);
  rate_.add(0, now);
}

void progress::on(const hubcache::events::advanced& news, time_point now) {
  transfer* const at = find(news.file);
  if (at == nullptr) return;
  at->done = std::min(at->done + news.bytes, at->bytes);
  at->rate.add(news.bytes, now);
  rate_.add(news.bytes, now);
}

void progress::on(const hubcache::events::retried& news, time_point /*now*/) {
  if (transfer* const at = find(news.file)) at->done -= std::min(at->done, news.lost);
}

void progress::on(const hubcache::events::fetched& news, time_point /*now*/) {
  finished_ += news.bytes;
  std::erase_if(active_, [&news](const transfer& t) { return t.file == news.file; });
}

progress::transfer* progress::find(std::string_view file) {
  const auto at =
      std::find_if(active_.begin(), active_.end(), [file](const transfer& t) { return t.file == file; });
  return at == active_.end() ? nullptr : &*at;
}

std::uint64_t progress::bytes_done() const {
  std::uint64_t sum = finished_;
  for (const auto& one : active_) sum += one.done;
  return sum;
}

std::uint64_t progress::bytes_total() const {
  std::uint64_t sum = finished_;
  for (const auto& one : active_) sum += one.bytes;
  return std::max(sum, planned_);
}

std::vector<std::string> progress::lines(time_point now, screen_size screen) const {
  const auto total = bytes_total();
  if (total == 0 || screen.rows < 2 || screen.columns == 0) return {};
  std::vector<const transfer*> moving;  // what is complete waits for its batch to be published
  for (const auto& one : active_) {
    if (one.done < one.bytes) moving.push_back(&one);
  }
  // The last row stays free: the cursor waits there.
  const auto room = screen.rows - 2;
  auto shown = std::min(moving.size(), room);
  if (shown < moving.size() && shown > 0) --shown;

  std::vector<std::string> result;
  for (std::size_t i = 0; i < shown; ++i) {
    const auto& one = *moving[i];
    result.push_back(line(one.file, one.done, one.bytes, one.rate.at(now), screen.columns));
  }
  if (shown < moving.size() && room > 0) {
    result.push_back(shortened("and " + std::to_string(moving.size() - shown) + " more", screen.columns));
  }
  const auto done = bytes_done();
  const auto rate = rate_.at(now);
  std::string label = "total";
  if (rate && *rate >= 1 && done < total) {
    const auto left = remaining_time(static_cast<double>(total - done) / *rate);
    if (!left.empty()) label += ", " + left + " left";
  }
  result.push_back(line(label, done, total, rate, screen.columns));
  return result;
}

std::string sanitised(std::string_view text) {
  const std::string clean = hubcache::printable(text, std::numeric_limits<std::size_t>::max());
  std::string result;
  for (std::string_view rest = clean; !rest.empty();) {
    const std::string_view before = rest;
    const char32_t c = hubcache::take_code_point(rest);
    result += within(invisible, c) ? std::string_view(" ") : before.substr(0, before.size() - rest.size());
  }
  return result;
}

std::size_t columns_of(std::string_view text) {
  std::size_t sum = 0;
  while (!text.empty()) sum += width_of(hubcache::take_code_point(text));
  return sum;
}

std::string shortened(std::string_view text, std::size_t columns) {
  const std::string clean = sanitised(text);
  auto used = columns_of(clean);
  if (used <= columns) return clean;
  if (columns == 0) return {};
  std::string_view rest = clean;
  while (used > columns - 1) used -= width_of(hubcache::take_code_point(rest));
  return std::string(ellipsis).append(rest);
}

std::optional<std::string> plain_line(const hubcache::event& news) {
  using namespace hubcache::events;
  if (const auto* plan = std::get_if<planned>(&news)) {
    return sanitised(plan->repo) + " at " + sanitised(plan->commit) + ": " + std::to_string(plan->files) +
           (plan->files == 1 ? " file, " : " files, ") + hubcache::format_bytes(plan->bytes_present) +
           " present, " + hubcache::format_bytes(plan->bytes_to_link) + " to link, " +
           hubcache::format_bytes(plan->bytes_to_fetch) + " to fetch";
  }
  if (const auto* link = std::get_if<linked>(&news)) {
    return "linked " + sanitised(link->file) + " (" + hubcache::format_bytes(link->bytes) + ", " +
           std::string(to_string(link->kind)) + " of " + sanitised(link->source) + ")";
  }
  if (const auto* file = std::get_if<fetched>(&news)) {
    return "fetched " + sanitised(file->file) + " (" + hubcache::format_bytes(file->bytes) + ")";
  }
  if (const auto* again = std::get_if<retried>(&news)) {
    std::array<char, 32> seconds{};
    std::snprintf(seconds.data(), seconds.size(), "%.1f", again->seconds);
    return "retrying " + sanitised(again->file) + " in " + seconds.data() + " s: " + sanitised(again->reason);
  }
  return std::nullopt;
}

}  // namespace command
