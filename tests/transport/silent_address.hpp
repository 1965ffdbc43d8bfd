#pragma once
/// @file
/// An address that swallows packets, as behind a firewall: whoever connects hears nothing.

#include <arpa/inet.h>
#include <cstdint>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

namespace scripted {

/// Listens, but its queue of connections is full and stays so: Linux then drops further SYNs.
class silent_address {
 public:
  /// @param address IPv4 or IPv6, numeric  @param port 0 = any  @throws std::runtime_error if it cannot be had
  explicit silent_address(const std::string& address, std::uint16_t port = 0)
      : listener_(::socket(address.find(':') == address.npos ? AF_INET : AF_INET6, SOCK_STREAM, 0)) {
    sockaddr_storage where{};
    auto* const v4 = reinterpret_cast<sockaddr_in*>(&where);
    auto* const v6 = reinterpret_cast<sockaddr_in6*>(&where);
    const bool is_v4 = address.find(':') == address.npos;
    where.ss_family = is_v4 ? AF_INET : AF_INET6;
    (is_v4 ? v4->sin_port : v6->sin6_port) = htons(port);
    void* const bytes = is_v4 ? static_cast<void*>(&v4->sin_addr) : &v6->sin6_addr;
    socklen_t size = is_v4 ? sizeof *v4 : sizeof *v6;
    auto* const name = reinterpret_cast<sockaddr*>(&where);
    const int yes = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    filler_ = ::socket(where.ss_family, SOCK_STREAM, 0);
    if (::inet_pton(where.ss_family, address.c_str(), bytes) != 1 || ::bind(listener_, name, size) != 0 ||
        ::listen(listener_, 0) != 0 || ::getsockname(listener_, name, &size) != 0 ||
        ::connect(filler_, name, size) != 0) {
      close();
      throw std::runtime_error("cannot listen on " + address);
    }
    port_ = ntohs(is_v4 ? v4->sin_port : v6->sin6_port);
  }
  silent_address(const silent_address&) = delete;
  silent_address& operator=(const silent_address&) = delete;
  ~silent_address() { close(); }

  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  void close() const {
    ::close(filler_);
    ::close(listener_);
  }

  int listener_;
  int filler_ = -1;  // the connection that fills the queue
  std::uint16_t port_ = 0;
};

}  // namespace scripted
