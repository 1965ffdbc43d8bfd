#pragma once
/// @file
/// A raw HTTP server for tests of transports: it accepts, records the bytes of each request, and then does
/// what a script says, malformed or not. Blocking sockets, one thread per connection.

#include <algorithm>
#include <arpa/inet.h>
#include <cstdint>
#include <functional>
#include <mutex>
#include <netinet/in.h>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace scripted {

/// One accepted connection as the server sees it.
class peer {
 public:
  using recorder = std::function<void(const std::string&)>;

  peer(int socket, recorder record) : socket_(socket), record_(std::move(record)) {}
  peer(const peer&) = delete;
  peer& operator=(const peer&) = delete;
  virtual ~peer() = default;

  /// The next request, head and Content-Length body; none once the client has closed.
  std::optional<std::string> read_request() {
    for (;;) {
      if (const auto end = buffer_.find("\r\n\r\n"); end != buffer_.npos) {
        const auto size = end + 4 + body_size(buffer_.substr(0, end));
        if (buffer_.size() >= size) {
          auto request = buffer_.substr(0, size);
          buffer_.erase(0, size);
          record_(request);
          return request;
        }
      }
      char chunk[4096];
      const auto n = receive(chunk, sizeof chunk);
      if (n <= 0) return std::nullopt;
      buffer_.append(chunk, static_cast<std::size_t>(n));
    }
  }

  /// False once the client has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto n = transmit(bytes.data(), bytes.size());
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  /// Sends `bytes` in segments of one byte.
  bool drip(std::string_view bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [this](char c) { return send({&c, 1}); });
  }

  void wait_for_close() {
    char chunk[4096];
    while (receive(chunk, sizeof chunk) > 0) {
    }
  }

  /// Makes the close that follows a TCP reset.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }

  [[nodiscard]] int socket() const { return socket_; }
  [[nodiscard]] const recorder& record() const { return record_; }

 protected:
  virtual ssize_t receive(char* into, std::size_t size) { return ::recv(socket_, into, size, 0); }
  virtual ssize_t transmit(const char* from, std::size_t size) {
    return ::send(socket_, from, size, MSG_NOSIGNAL);
  }

 private:
  static std::size_t body_size(const std::string& head) {
    const auto at = head.find("Content-Length: ");
    return at == head.npos ? 0 : static_cast<std::size_t>(std::stoul(head.substr(at + 16)));
  }

  int socket_;
  recorder record_;
  std::string buffer_;
};

class server {
 public:
  /// Serves one connection, the index-th one; it is closed on return.
  using script = std::function<void(peer&, std::size_t index)>;

  explicit server(script serve) : serve_(std::move(serve)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 128) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
      throw std::runtime_error("cannot listen on loopback");
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept(); });
  }
  server(const server&) = delete;
  server& operator=(const server&) = delete;
  ~server() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    ::close(listener_);
    {
      const std::lock_guard lock(mutex_);
      for (const int socket : open_) ::shutdown(socket, SHUT_RDWR);
    }
    for (auto& thread : threads_) thread.join();
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  [[nodiscard]] std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  [[nodiscard]] std::size_t connections() const {
    const std::lock_guard lock(mutex_);
    return accepted_;
  }
  /// Whether the clients close all connections within two seconds.
  [[nodiscard]] bool all_closed() const {
    for (int tries = 0; tries < 200; ++tries, std::this_thread::sleep_for(std::chrono::milliseconds(10))) {
      const std::lock_guard lock(mutex_);
      if (open_.empty()) return true;
    }
    return false;
  }

 private:
  void accept() {
    for (;;) {
      const int socket = ::accept(listener_, nullptr, nullptr);
      if (socket < 0) return;
      const std::lock_guard lock(mutex_);
      open_.insert(socket);
      threads_.emplace_back([this, socket, index = accepted_++] { serve(socket, index); });
    }
  }

  void serve(int socket, std::size_t index) {
    peer client(socket, [this](const std::string& request) {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    });
    serve_(client, index);
    const std::lock_guard lock(mutex_);
    open_.erase(socket);
    ::close(socket);
  }

  script serve_;
  int listener_;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::set<int> open_;
  std::vector<std::string> requests_;
  std::size_t accepted_ = 0;
  std::vector<std::thread> threads_;  // changed by the acceptor only, then by the destructor
  std::thread acceptor_;
};

/// A script: on each connection, answers one request after the other with one of `answers`, then closes.
inline server::script answering(std::vector<std::string> answers) {
  return [answers = std::move(answers)](peer& client, std::size_t) {
    for (const auto& answer : answers) {
      if (!client.read_request() || !client.send(answer)) return;
    }
  };
}

/// A script: answers every request with `answer` and keeps the connection until the client closes it.
inline server::script always(std::string answer) {
  return [answer = std::move(answer)](peer& client, std::size_t) {
    while (client.read_request() && client.send(answer)) {
    }
  };
}

/// A 200 with `body` and its Content-Length.
inline std::string ok(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

/// A loopback port on which nobody listens.
inline std::uint16_t unused_port() {
  const server closed([](peer&, std::size_t) {});
  return closed.port();
}

}  // namespace scripted
