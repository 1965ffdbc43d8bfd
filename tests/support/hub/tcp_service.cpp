#include "support/hub/tcp_service.hpp"

#include <condition_variable>
#include <system_error>
#include <utility>

namespace embedded {

using asio::ip::tcp;

struct tcp_service::connection {
  explicit connection(tcp::socket s) : socket(std::move(s)) {}

  /// Makes blocked calls on the socket fail.
  void cut() {
    const std::lock_guard lock(closing);
    std::error_code ignored;
    socket.shutdown(tcp::socket::shutdown_both, ignored);
  }
  void close() {
    const std::lock_guard lock(closing);
    std::error_code ignored;
    socket.close(ignored);
  }

  std::mutex closing;  // a socket may be shut down, but not closed, under another thread's calls
  tcp::socket socket;
  std::atomic<bool> done{false};
  std::jthread thread;
};

tcp_service::tcp_service(const std::string& address, std::uint16_t port, handler serve)
    : serve_(std::move(serve)), acceptor_(context_, tcp::endpoint(asio::ip::make_address(address), port)) {
  port_ = acceptor_.local_endpoint().port();
  accept_next();
  accepting_ = std::thread([this] { context_.run(); });
}

tcp_service::~tcp_service() { stop(); }

void tcp_service::accept_next() {
  acceptor_.async_accept([this](std::error_code failed, tcp::socket socket) {
    if (!acceptor_.is_open()) return;
    if (!failed) start(std::move(socket));
    accept_next();
  });
}

void tcp_service::start(tcp::socket socket) {
  std::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  const std::lock_guard lock(mutex_);
  std::erase_if(connections_, [](const auto& c) { return c->done.load(); });
  connections_.push_back(std::make_unique<connection>(std::move(socket)));
  connection& made = *connections_.back();
  made.thread = std::jthread([this, &made, number = ++accepted_](const std::stop_token& stop) {
    try {
      serve_(made.socket, number, stop);
    } catch (const std::system_error&) {  // the client went away: nothing to tell it
    }
    made.close();
    made.done = true;
  });
}

void tcp_service::cut_connections() {
  const std::lock_guard lock(mutex_);
  for (const auto& c : connections_) c->cut();
}

void tcp_service::stop() {
  context_.stop();
  if (accepting_.joinable()) accepting_.join();
  std::error_code ignored;
  acceptor_.close(ignored);
  const std::lock_guard lock(mutex_);
  for (const auto& c : connections_) {
    c->thread.request_stop();
    c->cut();
  }
  connections_.clear();  // joins
}

bool wait_for(const std::stop_token& stop, std::chrono::nanoseconds time) {
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock(mutex);
  woken.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace embedded
