#pragma once
/// @file
/// Servers that others wrote, from this machine's packages: what HTTP/2 and SOCKS are tested against.

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "support/process.hpp"
#include "transport/scripted_server.hpp"

namespace test {

/// Where a program is, servers' folders included; none where it is not installed: then the test says so and ends.
inline std::optional<std::string> installed(const std::string& program) {
  std::string folders = std::getenv("PATH") ? std::getenv("PATH") : "";
  folders += ":/usr/sbin:/usr/local/sbin";
  while (!folders.empty()) {
    const auto end = std::min(folders.find(':'), folders.size());
    auto path = folders.substr(0, end) + "/" + program;
    folders.erase(0, end + 1);
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  MESSAGE("left out: " << program << " is not installed");
  return std::nullopt;
}

/// A server, from the moment it accepts connections on `port`.
class server_program {
 public:
  server_program(std::vector<std::string> arguments, std::uint16_t port) : child_(std::move(arguments), {}) {
    const int family = AF_INET;
    sockaddr_in address{};
    address.sin_family = family;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    for (int tries = 0; tries < 500; ++tries, std::this_thread::sleep_for(std::chrono::milliseconds(10))) {
      const int probe = ::socket(family, SOCK_STREAM, 0);
      const bool accepted = ::connect(probe, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
      ::close(probe);
      if (accepted) return;
    }
    throw std::runtime_error("the server did not start: " + child_.err());
  }

  /// What it wrote to stderr.
  [[nodiscard]] std::string said() const { return child_.err(); }

 private:
  process child_;
};

}  // namespace test
