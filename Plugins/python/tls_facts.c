/* tls_facts.c: the client's TLS in Python's forms. */
#include "tls_facts.h"

#include <string.h>

PyObject *tls_pem(outrider_bytes der) {
  PyObject *ssl = PyImport_ImportModule("ssl");
  PyObject *pem = ssl ? PyObject_CallMethod(ssl, "DER_cert_to_PEM_cert", "y#", der.data, (Py_ssize_t)der.size) : NULL;
  Py_XDECREF(ssl);
  return pem;
}

static int is_equal(outrider_bytes text, const char *other) {
  return strlen(other) == text.size && memcmp(text.data, other, text.size) == 0;
}

uint32_t tls_cipher_number(outrider_bytes name) {
  static const struct {
    const char *name;
    uint32_t number;
  } known[] = {
      {"TLS_AES_128_GCM_SHA256", 0x1301},
      {"TLS_AES_256_GCM_SHA384", 0x1302},
      {"TLS_CHACHA20_POLY1305_SHA256", 0x1303},
      {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", 0xC02B},
      {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", 0xC02C},
      {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 0xC02F},
      {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", 0xC030},
      {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", 0xCCA8},
      {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", 0xCCA9},
  };
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (is_equal(name, known[i].name)) return known[i].number;
  return 0;
}

uint32_t tls_version_number(outrider_bytes name) {
  return is_equal(name, "TLSv1.3") ? 0x0304 : is_equal(name, "TLSv1.2") ? 0x0303 : 0;
}
