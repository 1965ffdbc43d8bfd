#pragma once

#include <hubcache/error.hpp>
#include <hubcache/transport/tls.hpp>

#include <asio/buffer.hpp>
#include <asio/error.hpp>
#include <asio/ip/address.hpp>
#include <asio/ssl/error.hpp>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <new>

namespace hubcache::inline v0_1::detail {

HUBCACHE_DECL void openssl_deleter::operator()(bio_method_st* method) const noexcept {
  BIO_meth_free(method);
}
HUBCACHE_DECL void openssl_deleter::operator()(ssl_ctx_st* context) const noexcept { SSL_CTX_free(context); }
HUBCACHE_DECL void openssl_deleter::operator()(ssl_session_st* session) const noexcept {
  SSL_SESSION_free(session);
}
HUBCACHE_DECL void openssl_deleter::operator()(ssl_st* stream) const noexcept { SSL_free(stream); }

/// The oldest error OpenSSL has queued for this thread.
HUBCACHE_DECL asio::error_code openssl_error() {
  return {static_cast<int>(ERR_get_error()), asio::error::get_ssl_category()};
}

HUBCACHE_DECL tls_context::tls_context(const std::string& ca_file, const std::string& ca_dir)
    : method_(BIO_meth_new(BIO_TYPE_SOURCE_SINK, "socket")), context_(SSL_CTX_new(TLS_client_method())) {
  SSL_CTX* const context = context_.get();
  // AES-128 first: as safe, and a quarter less work per byte than AES-256.
  if (!method_ || !context || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_ciphersuites(
          context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") != 1)
    throw error(errc::tls_failed, "this OpenSSL cannot do TLS 1.2");
  BIO_meth_set_read_ex(method_.get(), &tls_stream::read_socket);
  BIO_meth_set_write_ex(method_.get(), &tls_stream::write_socket);
  BIO_meth_set_ctrl(method_.get(), &tls_stream::control);

  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
  // A system call for four records instead of two for each.
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_default_read_buffer_len(context, 64 * 1024);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, &tls_stream::keep_session);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context, &tls_context::verify, this);
  load_roots(ca_file, ca_dir);
}

HUBCACHE_DECL void tls_context::load_roots(const std::string& ca_file, const std::string& ca_dir) {
  SSL_CTX* const context = context_.get();
  has_bundle_ = !ca_file.empty() || !ca_dir.empty();
  ERR_clear_error();
  const int loaded = has_bundle_
                         ? SSL_CTX_load_verify_locations(context, ca_file.empty() ? nullptr : ca_file.c_str(),
                                                         ca_dir.empty() ? nullptr : ca_dir.c_str())
                         : SSL_CTX_set_default_verify_dir(context);
  if (loaded == 1) return;
  throw error(errc::tls_failed, "cannot read the trusted roots" + (ca_file.empty() ? "" : " in " + ca_file) +
                                    ": " + openssl_error().message());
}

HUBCACHE_DECL bool tls_context::folder_suffices(X509_STORE_CTX* chain) const noexcept {
  X509_STORE_CTX* const probe = X509_STORE_CTX_new();
  const bool verified =
      probe &&
      X509_STORE_CTX_init(probe, SSL_CTX_get_cert_store(context_.get()), X509_STORE_CTX_get0_cert(chain),
                          X509_STORE_CTX_get0_untrusted(chain)) == 1 &&
      X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(probe), X509_STORE_CTX_get0_param(chain)) == 1 &&
      X509_verify_cert(probe) == 1;
  X509_STORE_CTX_free(probe);
  return verified;
}

HUBCACHE_DECL int tls_context::verify(X509_STORE_CTX* chain, void* self) noexcept {
  auto& context = *static_cast<tls_context*>(self);
  // A context verifies once: whether the folder suffices is tried with another one.
  if (!context.has_bundle_ && !context.folder_suffices(chain)) {
    context.has_bundle_ = true;
    ERR_set_mark();
    SSL_CTX_set_default_verify_file(context.context_.get());  // a system without one is no error yet
    ERR_pop_to_mark();
  }
  return X509_verify_cert(chain);
}

HUBCACHE_DECL void tls_context::remember(const std::string& origin, SSL_SESSION* session) {
  forget(origin);
  if (sessions_.size() == max_sessions) sessions_.erase(sessions_.begin());
  sessions_.emplace_back(origin, nullptr).second.reset(session);
}

HUBCACHE_DECL SSL_SESSION* tls_context::session_of(const std::string& origin) const noexcept {
  const auto found = std::find_if(sessions_.begin(), sessions_.end(),
                                  [&](const auto& entry) { return entry.first == origin; });
  return found == sessions_.end() ? nullptr : found->second.get();
}

HUBCACHE_DECL void tls_context::forget(const std::string& origin) {
  std::erase_if(sessions_, [&](const auto& entry) { return entry.first == origin; });
}

HUBCACHE_DECL std::unique_ptr<secure_stream> tls_context::stream(asio::ip::tcp::socket& socket,
                                                                 const std::string& host,
                                                                 std::string origin) {
  return std::make_unique<tls_stream>(shared_from_this(), socket, host, std::move(origin));
}

HUBCACHE_DECL tls_stream::tls_stream(std::shared_ptr<tls_context> context, asio::ip::tcp::socket& socket,
                                     const std::string& host, std::string origin)
    : context_(std::move(context)),
      socket_(socket),
      origin_(std::move(origin)),
      stream_(SSL_new(context_->context_.get())) {
  BIO* const bio = BIO_new(context_->method_.get());
  if (!stream_ || !bio) {
    BIO_free(bio);
    throw std::bad_alloc();
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL* const stream = stream_.get();
  SSL_set_bio(stream, bio, bio);
  SSL_set_app_data(stream, this);
  SSL_set_connect_state(stream);

  // As RFC 9525 has it: names stand in subjectAltName alone, a wildcard for a whole label.
  SSL_set_hostflags(stream, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  asio::error_code ec;
  asio::ip::make_address(host, ec);
  const bool prepared =
      ec ? SSL_set_tlsext_host_name(stream, host.c_str()) == 1 && SSL_set1_host(stream, host.c_str()) == 1
         : X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(stream), host.c_str()) == 1;
  if (!prepared) throw error(errc::tls_failed, "cannot verify certificates for the host name " + host);
  if (SSL_SESSION* const session = context_->session_of(origin_)) SSL_set_session(stream, session);
}

HUBCACHE_DECL tls_stream::~tls_stream() {
  // The stream just ends: its framing, not TLS, told where the last message did. Without this OpenSSL would
  // take the session for spoilt.
  SSL_set_shutdown(stream_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

HUBCACHE_DECL int tls_stream::keep_session(SSL* stream, SSL_SESSION* session) noexcept {
  auto& self = *static_cast<tls_stream*>(SSL_get_app_data(stream));
  try {
    self.context_->remember(self.origin_, session);
    return 1;  // it was taken over
  } catch (const std::bad_alloc&) {
    return 0;  // the next connection does without
  }
}

// Asio's sends never raise SIGPIPE.
HUBCACHE_DECL int tls_stream::write_socket(BIO* bio, const char* from, std::size_t size,
                                           std::size_t* n) noexcept {
  auto& self = *static_cast<tls_stream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  *n = self.socket_.write_some(asio::buffer(from, size), self.socket_error_);
  if (self.socket_error_ == asio::error::would_block) BIO_set_retry_write(bio);
  return self.socket_error_ ? 0 : 1;
}

HUBCACHE_DECL int tls_stream::read_socket(BIO* bio, char* into, std::size_t size, std::size_t* n) noexcept {
  auto& self = *static_cast<tls_stream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (self.budget_ == 0) {
    *n = 0;
    self.socket_error_ = asio::error::would_block;
  } else {
    *n = self.socket_.read_some(asio::buffer(into, std::min(size, self.budget_)), self.socket_error_);
    self.budget_ -= *n;
  }
  if (self.socket_error_ == asio::error::would_block) BIO_set_retry_read(bio);
  return self.socket_error_ ? 0 : 1;
}

HUBCACHE_DECL long tls_stream::control(BIO*, int command, long, void*) noexcept {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

HUBCACHE_DECL io_step tls_stream::judge(int result, asio::error_code& ec) {
  switch (SSL_get_error(stream_.get(), result)) {
    case SSL_ERROR_NONE:
      return io_step::done;
    case SSL_ERROR_WANT_READ:
      return io_step::want_read;
    case SSL_ERROR_WANT_WRITE:
      return io_step::want_write;
    case SSL_ERROR_ZERO_RETURN:
      return io_step::closed;
    case SSL_ERROR_SSL:
      ec = openssl_error();
      return io_step::failed;
    default:  // the socket failed, or ended where TLS did not
      ec = socket_error_ && socket_error_ != asio::error::eof
               ? socket_error_
               : asio::error_code(asio::ssl::error::stream_truncated);
      return io_step::failed;
  }
}

HUBCACHE_DECL io_step tls_stream::shake_hands(asio::error_code& ec) {
  ERR_clear_error();
  budget_ = spare_bytes;
  auto step = judge(SSL_do_handshake(stream_.get()), ec);
  if (step == io_step::closed) {
    ec = asio::ssl::error::stream_truncated;
    step = io_step::failed;
  }
  if (step == io_step::failed) context_->forget(origin_);  // the session may have been why
  return step;
}

HUBCACHE_DECL io_step tls_stream::read(std::span<std::byte> into, std::size_t& n, asio::error_code& ec) {
  ERR_clear_error();
  budget_ = into.size() + spare_bytes;
  for (n = 0; n < into.size();) {
    std::size_t record = 0;
    const int result = SSL_read_ex(stream_.get(), into.data() + n, into.size() - n, &record);
    if (result != 1) return judge(result, ec);
    n += record;
  }
  return io_step::done;
}

HUBCACHE_DECL io_step tls_stream::write(std::string_view bytes, std::size_t& n, asio::error_code& ec) {
  ERR_clear_error();
  n = 0;
  return judge(SSL_write_ex(stream_.get(), bytes.data(), bytes.size(), &n), ec);
}

HUBCACHE_DECL std::string tls_stream::refusal(const asio::error_code& ec) const {
  if (const long verdict = SSL_get_verify_result(stream_.get()); verdict != X509_V_OK)
    return std::string("certificate verify failed: ") + X509_verify_cert_error_string(verdict);
  return ec.category() == asio::error::get_ssl_category() ? "TLS handshake failed: " + ec.message()
                                                          : std::string();
}

}  // namespace hubcache::inline v0_1::detail
