#pragma once

#include <hubcache/fetch/content_range.hpp>
#include <hubcache/text.hpp>

#include <array>
#include <charconv>
#include <system_error>
#include <utility>

namespace hubcache::inline v0_1 {

HUBCACHE_DECL std::optional<content_range> parse_content_range(std::string_view text) noexcept {
  if (!text.starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  content_range range;
  const std::array<std::pair<std::uint64_t*, char>, 3> parts{
      {{&range.first, '-'}, {&range.last, '/'}, {&range.total, '\0'}}};
  for (const auto& [value, mark] : parts) {
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), *value);
    if (failure != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (mark == '\0') break;
    if (!text.starts_with(mark)) return std::nullopt;
    text.remove_prefix(1);
  }
  if (!text.empty() || range.first > range.last || range.last >= range.total) return std::nullopt;
  return range;
}

HUBCACHE_DECL range_answer judge_answer(const response_head& head, byte_range asked, std::uint64_t size,
                                        std::string& problem) {
  if (const auto coding = head.headers.find("Content-Encoding"); coding && *coding != "identity") {
    problem = "asked for the plain bytes, got Content-Encoding " + printable(*coding, 100);
  } else if (head.status == 206) {
    const auto text = head.headers.find("Content-Range").value_or("no Content-Range");
    const auto got = parse_content_range(text);
    if (!got || got->first != asked.begin || got->last != asked.end - 1 || got->total != size) {
      problem = "asked for bytes " + std::to_string(asked.begin) + " to " + std::to_string(asked.end - 1) +
                " of " + std::to_string(size) + ", got \"" + printable(text, 100) + "\"";
    }
  } else if (head.status != 200) {
    problem = "expected 200 or 206, got " + std::to_string(head.status);
  } else if (asked.size() < size) {
    return range_answer::range_ignored;
  }
  if (problem.empty() && head.content_length && *head.content_length != asked.size()) {
    problem = "expected " + std::to_string(asked.size()) + " bytes, the server announces " +
              std::to_string(*head.content_length);
  }
  return problem.empty() ? range_answer::accepted : range_answer::refused;
}

}  // namespace hubcache::inline v0_1
