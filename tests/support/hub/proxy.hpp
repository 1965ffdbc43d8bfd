#pragma once
/// @file
/// An HTTP proxy on loopback: CONNECT tunnels, and plain http requests in absolute form.

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>

namespace embedded {

struct proxy_options {
  proxy_options() = default;

  std::uint16_t port = 0;   ///< 0 = any.
  std::string credentials;  ///< "user:password" that Basic auth has to bring; empty = open to all.
  int refusal = 0;          ///< Status to answer everything with, such as 403 or 502; 0 = serve.
};
static_assert(!std::is_aggregate_v<proxy_options>);

/// Serves from construction to destruction. Counts may be read from any thread.
class proxy {
 public:
  /// @throws std::system_error if the port cannot be had
  explicit proxy(proxy_options options = proxy_options());
  ~proxy();
  proxy(const proxy&) = delete;
  proxy& operator=(const proxy&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  /// "http://127.0.0.1:PORT", with the credentials if there are any: what HTTPS_PROXY takes.
  [[nodiscard]] std::string url() const;

  [[nodiscard]] std::uint64_t tunnels() const;    ///< CONNECTs that were served.
  [[nodiscard]] std::uint64_t forwarded() const;  ///< Plain requests that were passed on.
  [[nodiscard]] std::uint64_t denied() const;     ///< Answers 407.
  [[nodiscard]] std::uint64_t refused() const;  ///< Answers with `refusal`, and 502 for targets out of reach.
  /// Plain requests that carried a token for the target through the proxy in the clear.
  [[nodiscard]] std::uint64_t plain_authorizations() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace embedded
