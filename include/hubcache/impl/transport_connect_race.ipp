#pragma once

#include <hubcache/os/file.hpp>
#include <hubcache/transport/connect_race.hpp>

#include <asio/error.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

namespace hubcache::inline v0_1::detail {

HUBCACHE_DECL std::vector<asio::ip::tcp::endpoint> in_turns(
    const std::vector<asio::ip::tcp::endpoint>& addresses) {
  std::vector<asio::ip::tcp::endpoint> first;
  std::vector<asio::ip::tcp::endpoint> second;
  for (const auto& address : addresses)
    (address.protocol() == addresses.front().protocol() ? first : second).push_back(address);
  std::vector<asio::ip::tcp::endpoint> result;
  for (std::size_t k = 0; k < std::max(first.size(), second.size()); ++k) {
    if (k < first.size()) result.push_back(first[k]);
    if (k < second.size()) result.push_back(second[k]);
  }
  return result;
}

/// The attempts. They belong to their own handlers, which may run when the coroutine is gone.
struct connect_race : std::enable_shared_from_this<connect_race> {
  connect_race(const asio::any_io_executor& executor, std::vector<asio::ip::tcp::endpoint> to)
      : news(executor), addresses(std::move(to)) {
    attempts.reserve(addresses.size());
  }

  [[nodiscard]] bool all_started() const noexcept { return attempts.size() == addresses.size(); }
  [[nodiscard]] bool lost() const noexcept { return failed == addresses.size(); }
  void start_next();
  void end(std::size_t attempt, const asio::error_code& ec);
  void give_up() noexcept;

  asio::steady_timer news;  // cancelled when an attempt ends
  std::vector<asio::ip::tcp::endpoint> addresses;
  std::vector<asio::ip::tcp::socket> attempts;  // one for each address so far
  std::optional<std::size_t> winner;
  std::size_t failed = 0;
  asio::error_code reason;
};

/// Whether `ec` says no more than that this machine does not use that family of addresses.
HUBCACHE_DECL bool lacks_family(const asio::error_code& ec) noexcept {
  return ec == asio::error::network_unreachable || ec == asio::error::address_family_not_supported ||
         ec == std::errc::address_not_available;
}

HUBCACHE_DECL void connect_race::start_next() {
  const auto attempt = attempts.size();
  auto& socket = attempts.emplace_back(news.get_executor());
  asio::error_code ignored;  // async_connect() opens what is not open, and tells why it cannot
  socket.open(addresses[attempt].protocol(), ignored);
  if (socket.is_open()) os::close_on_exec(socket.native_handle());
  socket.async_connect(addresses[attempt], [self = shared_from_this(), attempt](const asio::error_code& ec) {
    self->end(attempt, ec);
  });
}

HUBCACHE_DECL void connect_race::end(std::size_t attempt, const asio::error_code& ec) {
  if (ec) {
    asio::error_code ignored;
    attempts[attempt].close(ignored);
    ++failed;
    if (!reason || !lacks_family(ec)) reason = ec;
  } else if (!winner) {
    winner = attempt;
  }
  news.cancel();
}

HUBCACHE_DECL void connect_race::give_up() noexcept {
  asio::error_code ignored;
  for (auto& socket : attempts) socket.close(ignored);
}

HUBCACHE_DECL asio::awaitable<asio::error_code> connect_first(
    asio::ip::tcp::socket& socket, std::vector<asio::ip::tcp::endpoint> addresses,
    std::chrono::steady_clock::time_point deadline) {
  using clock = std::chrono::steady_clock;
  const auto share = (deadline - clock::now()) / static_cast<clock::rep>(addresses.size());
  const auto head_start = std::min<clock::duration>(share, connect_head_start);
  const auto race = std::make_shared<connect_race>(socket.get_executor(), in_turns(addresses));
  const auto give_up = [](connect_race* one) noexcept { one->give_up(); };
  const std::unique_ptr<connect_race, decltype(give_up)> running(race.get(), give_up);
  for (;;) {
    const auto failed = race->failed;
    if (!race->all_started()) race->start_next();
    race->news.expires_at(race->all_started() ? deadline : std::min(deadline, clock::now() + head_start));
    asio::error_code ec;
    co_await race->news.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    if (race->winner) {
      socket = std::move(race->attempts[*race->winner]);
      co_return asio::error_code();
    }
    if (race->lost()) co_return race->reason;
    if (clock::now() >= deadline) co_return asio::error::timed_out;
    if (ec && race->failed == failed) co_return asio::error::operation_aborted;
  }
}

}  // namespace hubcache::inline v0_1::detail
