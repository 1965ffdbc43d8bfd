#pragma once
/// @file
/// The embedded Hub: a Hub and its CDN, for tests, demos and benchmarks, on two loopback origins.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "support/hub/certificate.hpp"
#include "support/hub/fault.hpp"
#include "support/hub/repo_model.hpp"
#include "support/hub/request_log.hpp"
#include "support/hub/site.hpp"

namespace embedded {

struct hub_options {
  hub_options() = default;

  site_options site;
  std::uint16_t port = 0;      ///< Of the endpoint on 127.0.0.1; 0 = any.
  std::uint16_t cdn_port = 0;  ///< Of the CDN; 0 = any.
  /// How URLs name the CDN: "127.0.0.2" (listens there; Linux has all of 127.0.0.0/8) or "localhost".
  std::string cdn_host = "127.0.0.2";
  bool tls = false;  ///< Both origins are https.
  certificate_kind certificate = certificate_kind::good;
  std::uint64_t bytes_per_second = 0;  ///< Of each connection; 0 = unlimited.
};
static_assert(!std::is_aggregate_v<hub_options>);

/// Serves from construction to destruction, each connection on a thread of its own. All members may be called
/// from any thread while it serves, except the destructor.
class hub {
 public:
  /// @throws std::system_error if a port cannot be had
  explicit hub(hub_options options = hub_options());
  ~hub();
  hub(const hub&) = delete;
  hub& operator=(const hub&) = delete;

  /// "http://127.0.0.1:PORT": what HF_ENDPOINT takes.
  [[nodiscard]] const std::string& endpoint() const noexcept;
  /// "http://127.0.0.2:PORT"
  [[nodiscard]] const std::string& cdn() const noexcept;
  /// The certificate of the CA to trust, PEM; empty without TLS.
  [[nodiscard]] const std::string& ca_pem() const noexcept;

  /// Adds or replaces a repo; answers already under way keep the old one.
  void put(repo_model repo);
  void remove(std::string_view id, repo_type type = repo_type::model);
  /// A copy, to commit to and put back. @throws std::out_of_range if there is none
  [[nodiscard]] repo_model get(std::string_view id, repo_type type = repo_type::model) const;

  [[nodiscard]] request_log& log() noexcept;
  fault_handle inject(fault f);
  void clear_faults();
  /// Of the URLs signed from now on.
  void set_signed_url_life(std::chrono::milliseconds life);
  /// Of each connection, from its next answer on; 0 = unlimited.
  void set_bytes_per_second(std::uint64_t rate);

  /// TCP connections accepted so far.
  [[nodiscard]] std::uint64_t connections(listener where) const;
  /// Closes all open connections, idle ones included; goes on listening.
  void cut_connections();
  /// Stops listening and closes all connections: from here on the hub cannot be reached.
  void stop();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace embedded
