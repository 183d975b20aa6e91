/* tls_facts.h: the client's TLS in Python's forms. */
#ifndef PYTHON_TLS_FACTS_H
#define PYTHON_TLS_FACTS_H

#include "entry.h"

/* A certificate in DER as PEM: a str. [new reference] */
PyObject *tls_pem(outrider_bytes der);
/* The two bytes of a cipher suite in IANA's registry, by name; 0 if unknown. */
uint32_t tls_cipher_number(outrider_bytes name);
/* 0x0303 for TLS 1.2, 0x0304 for TLS 1.3 (RFC 8446 section 4.2.1). */
uint32_t tls_version_number(outrider_bytes name);

#endif
