// A long road on one machine: forwards TCP connections, and every byte arrives half a round trip after it was sent.
// Usage: benchmark_delay_proxy RTT_MS WINDOW_KIB FROM=TO...     FROM and TO are ADDRESS:PORT (IPv4)
//
// Of each connection and direction at most the window is under way: sent, and its acknowledgement not yet back, which
// takes a whole round trip. So one connection carries window / RTT, whatever the ends' socket buffers. A receiver that
// does not read stops the sender, as on a real road. The handshake costs the client a round trip: its first bytes are
// held back for one. Slow start and loss are not modelled.
#include <asio/awaitable.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using asio::ip::tcp;
using clock_type = std::chrono::steady_clock;
using duration = clock_type::duration;
using instant = clock_type::time_point;

struct road {
  duration half{};
  std::size_t window = 0;
};

/// Both sockets of a connection; closed when both directions have ended.
struct connection {
  explicit connection(tcp::socket accepted)
      : client(std::move(accepted)), server(client.get_executor()), since(clock_type::now()) {}
  tcp::socket client, server;
  instant since;
};

/// One direction: what is under way, oldest first.
class lane {
 public:
  lane(std::shared_ptr<connection> both, tcp::socket& from, tcp::socket& to, road way, instant open)
      : both_(std::move(both)), from_(from), to_(to), way_(way), open_(open), changed_(from.get_executor()) {}

  static void start(const std::shared_ptr<lane>& self) {
    asio::co_spawn(self->from_.get_executor(), take_in(self), asio::detached);
    asio::co_spawn(self->from_.get_executor(), hand_out(self), asio::detached);
  }

 private:
  struct packet {
    instant due;
    std::vector<char> bytes;  // none: the sender has ended
  };
  struct acknowledgement {
    instant due;
    std::size_t bytes;
  };

  /// Waits until `when`, or until the other coroutine has changed something.
  asio::awaitable<void> pause(instant when) {
    std::error_code ignored;
    changed_.expires_at(when);
    co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

  std::size_t room() {
    for (const instant now = clock_type::now(); !returning_.empty() && returning_.front().due <= now;) {
      under_way_ -= returning_.front().bytes;
      returning_.pop_front();
    }
    return way_.window - under_way_;
  }

  static asio::awaitable<void> take_in(std::shared_ptr<lane> self) {
    std::error_code ec;
    while (!ec && !self->broken_) {
      const std::size_t room = self->room();
      if (room == 0) {
        co_await self->wait_for_room();
        continue;
      }
      std::vector<char> bytes(std::min<std::size_t>(room, 64 * 1024));
      const std::size_t n = co_await self->from_.async_read_some(
          asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, ec));
      bytes.resize(ec ? 0 : n);
      self->under_way_ += bytes.size();
      self->packets_.push_back(
          {std::max(clock_type::now(), self->open_) + self->way_.half, std::move(bytes)});
      self->arrived_.cancel();
    }
  }

  asio::awaitable<void> wait_for_room() {
    const instant due = returning_.empty() ? instant::max() : returning_.front().due;
    co_await pause(due);
  }

  static asio::awaitable<void> hand_out(std::shared_ptr<lane> self) {
    std::error_code ec;
    for (;;) {
      co_await self->wait_for_packet();
      const packet next = std::move(self->packets_.front());
      self->packets_.pop_front();
      if (next.bytes.empty()) break;
      co_await asio::async_write(self->to_, asio::buffer(next.bytes),
                                 asio::redirect_error(asio::use_awaitable, ec));
      if (ec) break;
      self->returning_.push_back({clock_type::now() + self->way_.half, next.bytes.size()});
      self->changed_.cancel();
    }
    // The end of what came, or of who takes it: neither side can go on in this direction.
    self->broken_ = true;
    self->changed_.cancel();
    std::error_code ignored;
    self->to_.shutdown(tcp::socket::shutdown_send, ignored);
    if (ec) self->from_.close(ignored);
  }

  asio::awaitable<void> wait_for_packet() {
    std::error_code ignored;
    for (;;) {
      if (!packets_.empty() && packets_.front().due <= clock_type::now()) co_return;
      arrived_.expires_at(packets_.empty() ? instant::max() : packets_.front().due);
      co_await arrived_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
  }

  std::shared_ptr<connection> both_;
  tcp::socket& from_;
  tcp::socket& to_;
  road way_;
  instant open_;  // before that nothing leaves
  asio::steady_timer changed_;
  asio::steady_timer arrived_{changed_.get_executor()};
  std::deque<packet> packets_;
  std::deque<acknowledgement> returning_;
  std::size_t under_way_ = 0;
  bool broken_ = false;
};

asio::awaitable<void> forward(tcp::socket accepted, tcp::endpoint to, road way) {
  auto both = std::make_shared<connection>(std::move(accepted));
  std::error_code ec;
  co_await both->server.async_connect(to, asio::redirect_error(asio::use_awaitable, ec));
  if (ec) co_return;
  both->client.set_option(tcp::no_delay(true));
  both->server.set_option(tcp::no_delay(true));
  const instant open = both->since + 2 * way.half;
  lane::start(std::make_shared<lane>(both, both->client, both->server, way, open));
  lane::start(std::make_shared<lane>(both, both->server, both->client, way, both->since));
}

asio::awaitable<void> serve(tcp::acceptor acceptor, tcp::endpoint to, road way) {
  for (;;) {
    tcp::socket accepted = co_await acceptor.async_accept(asio::use_awaitable);
    const auto executor = accepted.get_executor();
    asio::co_spawn(executor, forward(std::move(accepted), to, way), asio::detached);
  }
}

tcp::endpoint endpoint_of(const std::string& text) {
  const auto colon = text.find(':');
  if (colon == std::string::npos) throw std::invalid_argument("not ADDRESS:PORT: " + text);
  const auto port = static_cast<unsigned short>(std::stoul(text.substr(colon + 1)));
  return {asio::ip::make_address(text.substr(0, colon)), port};
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 4) return std::fputs("usage: benchmark_delay_proxy RTT_MS WINDOW_KIB FROM=TO...\n", stderr), 2;
  road way;
  way.half = std::chrono::microseconds(std::stoul(argv[1]) * 500);
  way.window = std::stoul(argv[2]) * 1024;
  asio::io_context context(1);
  for (int i = 3; i < argc; ++i) {
    const std::string pair = argv[i];
    const auto equals = pair.find('=');
    if (equals == std::string::npos) throw std::invalid_argument("not FROM=TO: " + pair);
    tcp::acceptor acceptor(context, endpoint_of(pair.substr(0, equals)));
    const auto to = endpoint_of(pair.substr(equals + 1));
    asio::co_spawn(context, serve(std::move(acceptor), to, way), asio::detached);
  }
  context.run();
} catch (const std::exception& e) {
  std::fprintf(stderr, "benchmark_delay_proxy: %s\n", e.what());
  return 1;
}
