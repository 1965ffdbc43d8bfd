#include <hubcache/fetch/content_range.hpp>

#include <string>

#include "require.hpp"

// First line: Content-Range; second: Content-Encoding; third: a status. Bytes are accepted only as what was asked for.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubcache;
  constexpr std::uint64_t total = 1000;
  auto text = fuzz::as_text(data, size);
  const std::string range(fuzz::take_part(text));
  const std::string coding(fuzz::take_part(text));
  response_head head;
  head.headers.add("Content-Range", range);  // without the spaces around it
  const auto parsed = parse_content_range(head.headers.find("Content-Range").value_or(""));
  if (parsed) {
    fuzz::require(parsed->first <= parsed->last && parsed->last < parsed->total);
    const auto again =
        parse_content_range("bytes " + std::to_string(parsed->first) + "-" + std::to_string(parsed->last) +
                            "/" + std::to_string(parsed->total));
    fuzz::require(again && again->first == parsed->first && again->last == parsed->last);
  }

  head.status = text == "200" ? 200 : text == "416" ? 416 : 206;
  if (!coding.empty()) head.headers.add("Content-Encoding", coding);
  const byte_range asked = parsed ? byte_range(parsed->first, parsed->last + 1) : byte_range(0, 10);
  std::string problem;
  const auto answer = judge_answer(head, asked, total, problem);
  fuzz::require((answer == range_answer::refused) == !problem.empty());
  if (answer != range_answer::accepted) return 0;
  fuzz::require(coding.find_first_not_of(" \t") == coding.npos || coding.find("identity") != coding.npos);
  fuzz::require(head.status == 200 ? asked.size() >= total
                                   : head.status == 206 && parsed && parsed->total == total);
  return 0;
}
