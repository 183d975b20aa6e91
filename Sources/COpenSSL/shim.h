// What Swift can't say of OpenSSL: its macros. Nothing else. The names are OpenSSL's, after a prefix.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

static const uint64_t outrider_SSL_OP_NO_RENEGOTIATION = SSL_OP_NO_RENEGOTIATION;
static const uint64_t outrider_SSL_OP_NO_COMPRESSION = SSL_OP_NO_COMPRESSION;
static const uint64_t outrider_SSL_OP_CIPHER_SERVER_PREFERENCE = SSL_OP_CIPHER_SERVER_PREFERENCE;
static const uint64_t outrider_SSL_OP_PRIORITIZE_CHACHA = SSL_OP_PRIORITIZE_CHACHA;
static const uint64_t outrider_SSL_OP_IGNORE_UNEXPECTED_EOF = SSL_OP_IGNORE_UNEXPECTED_EOF;
static const uint64_t outrider_SSL_OP_ENABLE_KTLS = SSL_OP_ENABLE_KTLS;

static const unsigned long outrider_XN_FLAG_RFC2253 = XN_FLAG_RFC2253;

static inline int outrider_SSL_CTX_set_min_proto_version(SSL_CTX *context, int version) {
  return (int)SSL_CTX_set_min_proto_version(context, version);
}
static inline void outrider_SSL_CTX_set_mode(SSL_CTX *context, long mode) { SSL_CTX_set_mode(context, mode); }
static inline void outrider_SSL_CTX_set_read_ahead(SSL_CTX *context, int yes) { SSL_CTX_set_read_ahead(context, yes); }
static inline void outrider_SSL_CTX_set_session_cache_mode(SSL_CTX *context, long mode) {
  SSL_CTX_set_session_cache_mode(context, mode);
}
static inline int outrider_SSL_CTX_add1_chain_cert(SSL_CTX *context, X509 *certificate) {
  return (int)SSL_CTX_add1_chain_cert(context, certificate);
}
static inline void outrider_SSL_CTX_set_tlsext_servername_callback(
    SSL_CTX *context, int (*callback)(SSL *, int *, void *), void *argument) {
  SSL_CTX_set_tlsext_servername_callback(context, callback);
  SSL_CTX_set_tlsext_servername_arg(context, argument);
}
static inline void outrider_ERR_raise(int library, int reason) { ERR_raise(library, reason); }
static inline void outrider_OPENSSL_free(void *memory) { OPENSSL_free(memory); }
static inline void outrider_BIO_clear_retry_flags(BIO *bio) { BIO_clear_retry_flags(bio); }
static inline void outrider_BIO_set_retry_read(BIO *bio) { BIO_set_retry_read(bio); }
static inline int outrider_BIO_get_ktls_send(BIO *bio) { return BIO_get_ktls_send(bio) ? 1 : 0; }
static inline int outrider_BIO_get_ktls_recv(BIO *bio) { return BIO_get_ktls_recv(bio) ? 1 : 0; }
static inline long outrider_BIO_get_mem_data(BIO *bio, char **bytes) { return BIO_get_mem_data(bio, bytes); }
