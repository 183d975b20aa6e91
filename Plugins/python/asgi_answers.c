/* asgi_answers.c: complete responses, from the event loop's thread to the worker's loop. */
#include "asgi_answers.h"

#include "log.h"

#include <errno.h>
#include <time.h>

#define LONGEST_BATCH_NS 500000 /* the maximum wait of the first response of a batch */

int asgi_answers_make(asgi_answers *answers) {
  answers->first = NULL;
  answers->last = &answers->first;
  answers->is_batch = answers->has_unsaid = 0;
  errno = pthread_mutex_init(&answers->lock, NULL);
  return errno ? -1 : 0;
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void tell(asgi_answers *answers, const outrider_host *host) {
  answers->has_unsaid = 0;
  host->wake(host);
}

outrider_status asgi_answers_put(asgi_answers *answers, asgi_exchange *exchange) {
  const outrider_host *host = exchange->entry->host; /* the exchange belongs to the loop after the unlock */
  pthread_mutex_lock(&answers->lock);
  int is_closed = exchange->is_closed;
  if (!is_closed) {
    exchange->is_queued = 1;
    exchange->next_answer = NULL;
    *answers->last = exchange;
    answers->last = &exchange->next_answer;
  }
  pthread_mutex_unlock(&answers->lock);
  if (is_closed) return OUTRIDER_E_CLOSED;
  if (!answers->is_batch) {
    tell(answers, host);
  } else if (!answers->has_unsaid) {
    answers->has_unsaid = 1;
    answers->since_ns = now();
  } else if (now() - answers->since_ns > LONGEST_BATCH_NS) {
    tell(answers, host);
  }
  return OUTRIDER_OK;
}

void asgi_answers_begin_batch(asgi_answers *answers) { answers->is_batch = 1; }

void asgi_answers_end_batch(asgi_answers *answers, const outrider_host *host) {
  answers->is_batch = 0;
  if (answers->has_unsaid) tell(answers, host);
}

/* ---- The worker's loop ------------------------------------------------------------------------------------------------- */

static void send(asgi_exchange *exchange) {
  const outrider_host *host = exchange->entry->host;
  outrider_status status = host->send(host, exchange->id, (const outrider_event *)&exchange->answer);
  exchange->is_queued = 0;
  exchange->is_held = status == OUTRIDER_E_AGAIN;
  if (status >= 0 || exchange->is_held || status == OUTRIDER_E_CLOSED || status == OUTRIDER_E_CANCELLED) return;
  log_format(host, (log_request){exchange->id, NULL}, OUTRIDER_LOG_ERROR,
             "the server refused the response of the ASGI application (status %d)", (int)status);
  outrider_send_abort(host, exchange->id, OUTRIDER_E_FAILED);
}

void asgi_answers_send(asgi_answers *answers) {
  pthread_mutex_lock(&answers->lock);
  asgi_exchange *exchange = answers->first, *next;
  answers->first = NULL;
  answers->last = &answers->first;
  pthread_mutex_unlock(&answers->lock);
  for (; exchange; exchange = next) {
    next = exchange->next_answer; /* close() is never called from inside send() */
    send(exchange);
  }
}

void asgi_answers_resume(asgi_exchange *exchange) { send(exchange); }

void asgi_answers_drop(asgi_answers *answers, asgi_exchange *exchange) {
  exchange->is_held = 0;
  pthread_mutex_lock(&answers->lock);
  exchange->is_closed = 1;
  asgi_exchange **at = &answers->first;
  while (exchange->is_queued && *at != exchange) at = &(*at)->next_answer;
  if (exchange->is_queued) {
    *at = exchange->next_answer;
    if (!*at) answers->last = at;
  }
  pthread_mutex_unlock(&answers->lock);
}
