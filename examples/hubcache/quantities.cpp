#include "quantities.hpp"

#include <hubcache/error.hpp>
#include <hubcache/text.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>
#include <string>

namespace command {

namespace {

struct unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::uint64_t kibi = 1024;
constexpr unit byte_units[] = {{"", 1},
                               {"k", 1'000},
                               {"m", 1'000'000},
                               {"g", 1'000'000'000},
                               {"t", 1'000'000'000'000},
                               {"p", 1'000'000'000'000'000},
                               {"ki", kibi},
                               {"mi", kibi* kibi},
                               {"gi", kibi* kibi* kibi},
                               {"ti", kibi* kibi* kibi* kibi},
                               {"pi", kibi* kibi* kibi* kibi* kibi}};
constexpr unit time_units[] = {{"", 1},       {"s", 1},       {"m", 60},         {"h", 3'600},
                               {"d", 86'400}, {"w", 604'800}, {"mo", 2'592'000}, {"y", 31'536'000}};

/// The number times its unit; none if it is no such thing or more than `most`.
std::optional<std::uint64_t> scaled(std::string_view text, std::span<const unit> units,
                                    std::string_view suffix, std::uint64_t most) {
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{}) return std::nullopt;
  std::string name(end, text.data() + text.size());
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (!suffix.empty() && name.ends_with(suffix)) name.resize(name.size() - suffix.size());
  const auto found = std::find_if(units.begin(), units.end(), [&](const unit& u) { return u.name == name; });
  if (found == units.end() || number > most / found->factor) return std::nullopt;
  return number * found->factor;
}

}  // namespace

std::uint64_t parse_bytes(std::string_view text) {
  if (const auto bytes = scaled(text, byte_units, "b", UINT64_MAX)) return *bytes;
  throw hubcache::error(hubcache::errc::invalid_argument,
                        "'" + hubcache::printable(text) + "' is no size such as 500MB, 200G or 1TiB");
}

std::chrono::seconds parse_exact_duration(std::string_view text) {
  const auto is_exact = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'); };
  const bool has_unit = !text.empty() && (text.back() < '0' || text.back() > '9');
  if (text == "0" || (has_unit && std::all_of(text.begin(), text.end(), is_exact)))
    return parse_duration(text);
  throw hubcache::error(
      hubcache::errc::invalid_argument,
      "'" + hubcache::printable(text) +
          "' needs one of the units s, m (minutes), h, d, w, mo (months) and y behind it, in "
          "lower case, such as 12h, 30d or 6mo");
}

std::chrono::seconds parse_duration(std::string_view text) {
  constexpr std::uint64_t most = 100ULL * 31'536'000;  // in ns it fits into 64 bits
  if (const auto seconds = scaled(text, time_units, "", most))
    return std::chrono::seconds(static_cast<std::int64_t>(*seconds));
  throw hubcache::error(
      hubcache::errc::invalid_argument,
      "'" + hubcache::printable(text) + "' is no duration of up to 100 years such as 12h, 30d or 6mo");
}

}  // namespace command
