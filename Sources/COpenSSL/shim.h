// OpenSSL's macros, which Swift can't import, and nothing else. The names are OpenSSL's with a prefix.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

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
static inline int outrider_sk_X509_num(const STACK_OF(X509) *certificates) { return sk_X509_num(certificates); }
static inline X509 *outrider_sk_X509_value(const STACK_OF(X509) *certificates, int index) {
  return sk_X509_value(certificates, index);
}
static inline GENERAL_NAMES *outrider_X509_alternative_names(X509 *certificate) {
  return (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
}
static inline int outrider_sk_GENERAL_NAME_num(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }
// The bytes of a name that is a string or an address, else NULL.
static inline const unsigned char *outrider_sk_GENERAL_NAME_value(const GENERAL_NAMES *names, int index, int *kind,
                                                                  int *count) {
  const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
  const void *value = GENERAL_NAME_get0_value(name, kind);
  if (*kind != GEN_DNS && *kind != GEN_EMAIL && *kind != GEN_URI && *kind != GEN_IPADD) return NULL;
  *count = ASN1_STRING_length((const ASN1_STRING *)value);
  return ASN1_STRING_get0_data((const ASN1_STRING *)value);
}
