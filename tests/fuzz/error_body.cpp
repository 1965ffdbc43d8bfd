#include <hubcache/hub/answer.hpp>
#include <hubcache/hub/parse.hpp>
#include <hubcache/text.hpp>

#include <string>

#include "require.hpp"

// Whatever a failed answer holds (first line: the header's message), its message is short and printable.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubcache;
  auto text = fuzz::as_text(data, size);
  const auto check = [](const std::string& message, std::size_t limit) {
    fuzz::require(printable(message, limit) == message);
  };
  check(parse_error_body(text), 300);
  http_response answer;
  answer.head.status = 401;
  answer.head.headers.add("X-Error-Message", std::string(fuzz::take_part(text)));
  answer.body = text;
  check(answer_error(answer, *url::parse("https://h/x"), error_context{}).detail(), 700);
  return 0;
}
