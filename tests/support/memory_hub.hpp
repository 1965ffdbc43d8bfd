#pragma once
/// @file
/// The embedded Hub without sockets: its answers come through a memory_transport.

#include <hubcache/transport/memory_transport.hpp>

#include <functional>
#include <string>
#include <support/hub/repo_model.hpp>
#include <support/hub/site.hpp>
#include <utility>

namespace test {

/// A Hub and its CDN on two origins that only its own network reaches. Outlives the transports it gives.
class memory_hub {
 public:
  static constexpr auto endpoint = "http://hub.test";
  static constexpr auto cdn = "http://cdn.test";

  explicit memory_hub(embedded::site_options options = {}) : site_(std::move(options)) {
    site_.set_origins(endpoint, cdn);
  }

  void put(embedded::repo_model repo) { site_.put(std::move(repo)); }
  /// Changes answers before they are sent, if set.
  std::function<void(const hubcache::http_request&, hubcache::http_response&)> alter;

  /// @param chunk  bytes of a body that arrive at a time
  [[nodiscard]] hubcache::memory_transport network(std::size_t chunk) {
    auto respond = [this](const hubcache::http_request& asked) {
      auto answer = answer_to(asked);
      if (alter) alter(asked, answer);
      return answer;
    };
    return hubcache::memory_transport(std::move(respond), chunk);
  }

  /// What the Hub and its CDN say, before `alter`.
  [[nodiscard]] hubcache::http_response answer_to(const hubcache::http_request& asked) {
    std::string head = asked.method + " " + asked.target.target() + " HTTP/1.1\r\n";
    for (const auto& [name, value] : asked.headers.fields()) head += name + ": " + value + "\r\n";
    const auto parsed = embedded::parse_request(head + "\r\n").value();
    const auto said = asked.target.origin() == cdn ? site_.cdn_answer(parsed) : site_.endpoint_answer(parsed);
    hubcache::http_response answer;
    answer.head.status = said.status;
    answer.head.content_length = said.length;
    for (const auto& [name, value] : said.headers.all()) answer.head.headers.add(name, value);
    answer.body.resize(said.length);
    said.content.read(said.offset, answer.body);
    return answer;
  }

 private:
  embedded::site site_;
};

}  // namespace test
