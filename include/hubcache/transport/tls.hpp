#pragma once
/// @file
/// TLS of `https_transport`: what its connections share, and the client's end of one of them. Not for other users.

#include <hubcache/transport/secure_stream.hpp>

#include <asio/error_code.hpp>
#include <asio/ip/tcp.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct bio_method_st;  // OpenSSL's
struct bio_st;
struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;
struct x509_store_ctx_st;

namespace hubcache::inline v0_1::detail {

struct openssl_deleter {
  HUBCACHE_DECL void operator()(bio_method_st* method) const noexcept;
  HUBCACHE_DECL void operator()(ssl_ctx_st* context) const noexcept;
  HUBCACHE_DECL void operator()(ssl_session_st* session) const noexcept;
  HUBCACHE_DECL void operator()(ssl_st* stream) const noexcept;
};
template <class T>
using openssl_ptr = std::unique_ptr<T, openssl_deleter>;

/// Versions, ciphers, trusted roots, and the last session with each of some origins: a further connection
/// that resumes it spares both sides the certificate and its check. Every session in here was verified under
/// these roots for the host of its origin.
class tls_context final : public secure_context, public std::enable_shared_from_this<tls_context> {
 public:
  /// Both empty: the system's roots. Of those the folder is searched certificate by certificate, as they are
  /// needed; the bundle, which takes some 20 ms to parse, is read when a chain does not verify with the folder alone.
  /// @throws error errc::tls_failed if the roots cannot be read.
  tls_context(const std::string& ca_file, const std::string& ca_dir);
  /// @pre a std::shared_ptr owns it
  [[nodiscard]] std::unique_ptr<secure_stream> stream(asio::ip::tcp::socket& socket, const std::string& host,
                                                      std::string origin) override;

 private:
  friend class tls_stream;
  static int verify(x509_store_ctx_st* chain, void* self) noexcept;
  [[nodiscard]] bool folder_suffices(x509_store_ctx_st* chain) const noexcept;
  void load_roots(const std::string& ca_file, const std::string& ca_dir);
  /// Takes over one reference to `session`, unless it throws.
  void remember(const std::string& origin, ssl_session_st* session);
  [[nodiscard]] ssl_session_st* session_of(const std::string& origin) const noexcept;  // null if none
  void forget(const std::string& origin);

  static constexpr std::size_t max_sessions = 64;
  openssl_ptr<bio_method_st> method_;
  openssl_ptr<ssl_ctx_st> context_;
  bool has_bundle_ = false;                                                    // or must do without
  std::vector<std::pair<std::string, openssl_ptr<ssl_session_st>>> sessions_;  // oldest first
};

class tls_stream final : public secure_stream {
 public:
  /// As secure_context::stream().
  tls_stream(std::shared_ptr<tls_context> context, asio::ip::tcp::socket& socket, const std::string& host,
             std::string origin);
  ~tls_stream() override;

  [[nodiscard]] io_step shake_hands(asio::error_code& ec) override;
  [[nodiscard]] io_step read(std::span<std::byte> into, std::size_t& n, asio::error_code& ec) override;
  [[nodiscard]] io_step write(std::string_view bytes, std::size_t& n, asio::error_code& ec) override;
  [[nodiscard]] std::string refusal(const asio::error_code& ec) const override;

 private:
  friend class tls_context;
  static int read_socket(bio_st* bio, char* into, std::size_t size, std::size_t* n) noexcept;
  static int write_socket(bio_st* bio, const char* from, std::size_t size, std::size_t* n) noexcept;
  static long control(bio_st* bio, int command, long, void*) noexcept;
  static int keep_session(ssl_st* stream, ssl_session_st* session) noexcept;
  [[nodiscard]] io_step judge(int result, asio::error_code& ec);

  /// What one attempt takes from the socket beyond the bytes it is asked for: records that bring none, sent
  /// faster than they are read, must not keep the other exchanges waiting.
  static constexpr std::size_t spare_bytes = 256 * 1024;

  std::shared_ptr<tls_context> context_;
  asio::ip::tcp::socket& socket_;
  asio::error_code socket_error_;
  std::size_t budget_ = 0;  // left of them in this attempt
  std::string origin_;
  openssl_ptr<ssl_st> stream_;
};

}  // namespace hubcache::inline v0_1::detail

#if !defined(HUBCACHE_SEPARATE_COMPILATION)
#include <hubcache/impl/transport_tls.ipp>
#endif
