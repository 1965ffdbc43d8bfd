#pragma once
/// @file
/// A listener that gives each connection a thread of its own: blocking code, hundreds of connections.

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

namespace embedded {

class tcp_service {
 public:
  /// Serves one connection, numbered from 1, until it returns; the socket is closed after that. Socket errors
  /// may leave it as std::system_error. The token asks it to return; blocked socket calls then fail.
  using handler =
      std::function<void(asio::ip::tcp::socket&, std::uint64_t connection, const std::stop_token&)>;

  /// Listens at once on `address` (numeric) and `port`, 0 for any. @throws std::system_error if that fails
  tcp_service(const std::string& address, std::uint16_t port, handler serve);
  tcp_service(const tcp_service&) = delete;
  tcp_service& operator=(const tcp_service&) = delete;
  ~tcp_service();

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::uint64_t accepted() const noexcept { return accepted_; }
  /// Cuts all open connections, and goes on listening.
  void cut_connections();
  /// Stops listening, cuts all connections and waits for their threads. May be called twice.
  void stop();

 private:
  struct connection;

  void accept_next();
  void start(asio::ip::tcp::socket socket);

  handler serve_;
  asio::io_context context_{1};
  asio::ip::tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::atomic<std::uint64_t> accepted_{0};
  std::mutex mutex_;  // guards connections_
  std::list<std::unique_ptr<connection>> connections_;
  std::thread accepting_;
};

/// Waits for `time`, or until a stop is requested; whether the whole time passed.
bool wait_for(const std::stop_token& stop, std::chrono::nanoseconds time);

}  // namespace embedded
