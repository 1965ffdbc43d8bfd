#pragma once
/// @file
/// Certificates made in memory, and the TLS side of a scripted server.

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <csignal>
#include <memory>
#include <stdexcept>
#include <string>

#include "transport/scripted_server.hpp"

namespace scripted {

struct freed_by_openssl {
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
  void operator()(SSL* p) const { SSL_free(p); }
  void operator()(BIO* p) const { BIO_free(p); }
};
template <class T>
using owned = std::unique_ptr<T, freed_by_openssl>;

/// A certificate with its key.
class certificate {
 public:
  /// `alt_names` as OpenSSL's configuration spells them ("DNS:a.test,IP:127.0.0.1"), empty for a CA; valid
  /// from `start` to `end` seconds from now. Signed by `issuer`, or by itself.
  explicit certificate(const std::string& alt_names, const certificate* issuer = nullptr, long start = -60,
                       long end = 3600)
      : key_(EVP_EC_gen("P-256")), x509_(X509_new()) {
    X509_set_version(x509_.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509_.get()), issuer ? 2 : 1);
    X509_gmtime_adj(X509_getm_notBefore(x509_.get()), start);
    X509_gmtime_adj(X509_getm_notAfter(x509_.get()), end);
    X509_set_pubkey(x509_.get(), key_.get());
    X509_NAME* const name = X509_get_subject_name(x509_.get());
    const auto* common = reinterpret_cast<const unsigned char*>(issuer ? "server" : "test CA");
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common, -1, -1, 0);
    X509_set_issuer_name(x509_.get(), issuer ? X509_get_subject_name(issuer->x509_.get()) : name);
    if (!issuer) extend(NID_basic_constraints, "critical,CA:TRUE");
    if (!alt_names.empty()) extend(NID_subject_alt_name, alt_names);
    if (X509_sign(x509_.get(), issuer ? issuer->key_.get() : key_.get(), EVP_sha256()) == 0)
      throw std::runtime_error("cannot make a certificate");
  }

  [[nodiscard]] std::string pem() const {
    const owned<BIO> out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(out.get(), x509_.get());
    char* text = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
  }
  [[nodiscard]] EVP_PKEY* key() const { return key_.get(); }
  [[nodiscard]] X509* x509() const { return x509_.get(); }

 private:
  void extend(int id, const std::string& value) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, id, value.c_str());
    if (!extension) throw std::runtime_error("cannot extend a certificate");
    X509_add_ext(x509_.get(), extension, -1);
    X509_EXTENSION_free(extension);
  }

  owned<EVP_PKEY> key_;
  owned<X509> x509_;
};

/// What a TLS server presents.
class tls_identity {
 public:
  explicit tls_identity(const certificate& shown, int max_version = TLS1_3_VERSION)
      : context_(SSL_CTX_new(TLS_server_method())) {
    std::signal(SIGPIPE, SIG_IGN);  // SSL_write cannot be told MSG_NOSIGNAL
    SSL_CTX_set_security_level(context_.get(), 0);
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context_.get(), max_version);
    SSL_CTX_use_certificate(context_.get(), shown.x509());
    SSL_CTX_use_PrivateKey(context_.get(), shown.key());
  }
  [[nodiscard]] SSL_CTX* context() const { return context_.get(); }

 private:
  owned<SSL_CTX> context_;
};

/// The same connection as `plain`, after a handshake.
class tls_peer final : public peer {
 public:
  tls_peer(const peer& plain, const tls_identity& identity)
      : peer(plain.socket(), plain.record()), session_(SSL_new(identity.context())) {
    SSL_set_fd(session_.get(), plain.socket());
    accepted_ = SSL_accept(session_.get()) == 1;
  }
  [[nodiscard]] bool accepted() const { return accepted_; }
  /// The name the client asked for (SNI); empty if none.
  [[nodiscard]] std::string server_name() const {
    const char* const name = SSL_get_servername(session_.get(), TLSEXT_NAMETYPE_host_name);
    return name ? name : "";
  }
  [[nodiscard]] bool resumed() const { return SSL_session_reused(session_.get()) == 1; }
  /// `count` records that bring no bytes of the stream (TLS 1.3), for plain.send().
  [[nodiscard]] std::string key_updates(std::size_t count) {
    BIO* const memory = BIO_new(BIO_s_mem());
    SSL_set0_wbio(session_.get(), memory);
    for (std::size_t k = 0; k < count; ++k) {
      SSL_key_update(session_.get(), SSL_KEY_UPDATE_NOT_REQUESTED);
      SSL_do_handshake(session_.get());
    }
    char* bytes = nullptr;
    const auto size = BIO_get_mem_data(memory, &bytes);
    std::string records(bytes, static_cast<std::size_t>(size));
    SSL_set_fd(session_.get(), socket());
    return records;
  }
  /// Ends the stream as TLS wants it.
  void close_notify() { SSL_shutdown(session_.get()); }

 protected:
  ssize_t receive(char* into, std::size_t size) override {
    return accepted_ ? SSL_read(session_.get(), into, static_cast<int>(size)) : -1;
  }
  ssize_t transmit(const char* from, std::size_t size) override {
    return accepted_ ? SSL_write(session_.get(), from, static_cast<int>(size)) : -1;
  }

 private:
  owned<SSL> session_;
  bool accepted_ = false;
};

/// `serve`, behind a handshake.
inline server::script over_tls(const tls_identity& identity, server::script serve) {
  return [&identity, serve = std::move(serve)](peer& plain, std::size_t index) {
    tls_peer client(plain, identity);
    if (client.accepted()) serve(client, index);
  };
}

}  // namespace scripted
