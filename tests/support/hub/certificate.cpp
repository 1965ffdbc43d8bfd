#include "support/hub/certificate.hpp"

#include <asio/buffer.hpp>
#include <asio/ssl/context.hpp>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <stdexcept>

namespace embedded {
namespace {

template <class T, void (*Free)(T*)>
struct freed {
  void operator()(T* object) const { Free(object); }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed<EVP_PKEY, EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, freed<X509, X509_free>>;
using extension_ptr = std::unique_ptr<X509_EXTENSION, freed<X509_EXTENSION, X509_EXTENSION_free>>;
using memory_ptr = std::unique_ptr<BIO, freed<BIO, BIO_free_all>>;

void require(bool done, const char* what) {
  if (!done) throw std::runtime_error(std::string("OpenSSL: ") + what);
}

key_ptr new_key() {
  key_ptr key(EVP_EC_gen("P-256"));
  require(key != nullptr, "no key");
  return key;
}

void extend(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context{};
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const extension_ptr extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value));
  require(extension && X509_add_ext(certificate, extension.get(), -1) == 1, value);
}

/// A certificate for `key` without issuer and signature, valid for a day around now, or until yesterday.
certificate_ptr unsigned_certificate(EVP_PKEY* key, const char* name, long serial, bool expired) {
  constexpr long day = 24 * 60 * 60;
  certificate_ptr made(X509_new());
  require(made != nullptr, "no certificate");
  X509_set_version(made.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), expired ? -3 * day : -day);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), expired ? -day : day);
  X509_set_pubkey(made.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  return made;
}

void sign(X509* certificate, X509* issuer, EVP_PKEY* issuer_key) {
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
  require(X509_sign(certificate, issuer_key, EVP_sha256()) != 0, "cannot sign");
}

template <class Write>
std::string pem(Write write) {
  const memory_ptr memory(BIO_new(BIO_s_mem()));
  require(memory && write(memory.get()) == 1, "cannot write PEM");
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string certificate_pem(X509* certificate) {
  return pem([&](BIO* out) { return PEM_write_bio_X509(out, certificate); });
}

}  // namespace

server_identity make_identity(certificate_kind kind) {
  const key_ptr ca_key = new_key();
  const certificate_ptr ca = unsigned_certificate(ca_key.get(), "Embedded Hub CA", 1, false);
  extend(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE");
  extend(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  extend(ca.get(), ca.get(), NID_subject_key_identifier, "hash");
  sign(ca.get(), ca.get(), ca_key.get());

  const key_ptr key = new_key();
  const certificate_ptr own =
      unsigned_certificate(key.get(), "Embedded Hub", 2, kind == certificate_kind::expired);
  const bool wrong = kind == certificate_kind::wrong_host;
  X509* issuer = kind == certificate_kind::self_signed ? own.get() : ca.get();
  extend(own.get(), issuer, NID_subject_alt_name,
         wrong ? "DNS:wrong.example" : "DNS:localhost,IP:127.0.0.1,IP:127.0.0.2");
  extend(own.get(), issuer, NID_ext_key_usage, "serverAuth");
  sign(own.get(), issuer, issuer == own.get() ? key.get() : ca_key.get());

  server_identity made;
  made.ca_pem = certificate_pem(ca.get());
  made.context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  const std::string chain = certificate_pem(own.get());
  const std::string private_key = pem([&](BIO* out) {
    return PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  made.context->use_certificate_chain(asio::buffer(chain));
  made.context->use_private_key(asio::buffer(private_key), asio::ssl::context::pem);
  return made;
}

}  // namespace embedded
