#pragma once
/// @file
/// Certificates for the embedded servers, made in memory when they start.

#include <memory>
#include <string>

namespace asio::ssl {
class context;
}

namespace embedded {

/// What is wrong with the server's certificate, if anything.
enum class certificate_kind {
  good,         ///< For localhost, 127.0.0.1 and 127.0.0.2, signed by the CA.
  expired,      ///< The same, valid until yesterday.
  wrong_host,   ///< For "wrong.example" only.
  self_signed,  ///< Signed by itself; the CA that is handed out does not know it.
};

struct server_identity {
  std::shared_ptr<asio::ssl::context> context;  ///< Ready for server handshakes.
  std::string ca_pem;                           ///< What a client has to trust.
};

/// Makes a CA and a server certificate. @throws std::runtime_error if OpenSSL fails
[[nodiscard]] server_identity make_identity(certificate_kind kind);

}  // namespace embedded
