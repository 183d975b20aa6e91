/* asgi_exchange.c: a copy of a request's head, because the host's own is valid only on the worker's loop, and only until
 * close(). */
#include "asgi_exchange.h"

#include "tls_facts.h"

#include <stdlib.h>
#include <string.h>

enum { STRINGS = 12 };

/* The strings of a head, the host's or the copy. */
static void strings_of(outrider_head *head, outrider_bytes *strings[STRINGS]) {
  outrider_bytes *all[STRINGS] = {&head->method,         &head->scheme,         &head->authority,  &head->target,
                                  &head->path,           &head->query,          &head->mount,      &head->client_address,
                                  &head->server_address, &head->tls_subject,    &head->raw_path,   &head->request_id};
  memcpy(strings, all, sizeof all);
}

static char *copy(outrider_bytes *string, char *to) {
  if (string->size) memcpy(to, string->data, string->size);
  string->data = to;
  return to + string->size;
}

asgi_exchange *asgi_exchange_new(const entry *entry, outrider_exchange id, const outrider_head *head) {
  outrider_head own = *head;
  outrider_bytes *strings[STRINGS];
  strings_of(&own, strings);
  const outrider_tls *tls = head->flags & OUTRIDER_HEAD_TLS ? entry->host->tls(entry->host, id) : NULL;
  size_t n_certificates = tls ? tls->n_client_chain : 0;
  size_t size = own.n_fields * sizeof(outrider_field) + n_certificates * sizeof(outrider_bytes);
  for (size_t i = 0; i < n_certificates; i++) size += tls->client_chain[i].size;
  for (int i = 0; i < STRINGS; i++) size += strings[i]->size;
  for (size_t i = 0; i < own.n_fields; i++) size += own.fields[i].name.size + own.fields[i].value.size;
  asgi_exchange *made = malloc(sizeof *made + size);
  if (!made) return NULL;
  outrider_field *fields = (outrider_field *)(made + 1);
  outrider_bytes *certificates = (outrider_bytes *)(fields + own.n_fields);
  char *to = (char *)(certificates + n_certificates);
  for (size_t i = 0; i < n_certificates; i++) {
    certificates[i] = tls->client_chain[i];
    to = copy(&certificates[i], to);
  }
  for (size_t i = 0; i < own.n_fields; i++) {
    fields[i] = own.fields[i];
    to = copy(&fields[i].value, copy(&fields[i].name, to));
  }
  for (int i = 0; i < STRINGS; i++) to = copy(strings[i], to);
  own.fields = fields;
  made->entry = entry;
  made->id = id;
  made->connection = NULL;
  made->opened = (asgi_message){.kind = ASGI_OPENED, .exchange = made};
  made->closed = (asgi_message){.kind = ASGI_CLOSED, .exchange = made};
  made->head = own;
  made->tls_version = tls ? tls_version_number(tls->version) : 0;
  made->tls_cipher = tls ? tls_cipher_number(tls->cipher) : 0;
  made->n_certificates = n_certificates;
  made->certificates = certificates;
  made->next_answer = NULL;
  made->is_queued = made->is_closed = made->is_held = made->is_body_large = 0;
  return made;
}
