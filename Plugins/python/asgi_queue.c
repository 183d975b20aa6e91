/* asgi_queue.c: messages from the worker's loop to the event loop of an application. */
#include "asgi_queue.h"

#include <errno.h>

int asgi_queue_make(asgi_queue *queue) {
  queue->first = NULL;
  queue->last = &queue->first;
  queue->is_awaited = queue->is_busy = 0;
  queue->changed = NULL;
  errno = pthread_mutex_init(&queue->lock, NULL);
  return errno ? -1 : 0;
}

static void become(asgi_queue *queue, int is_busy) {
  if (queue->is_busy == is_busy) return;
  queue->is_busy = is_busy;
  if (queue->changed) queue->changed(queue->context, is_busy);
}

int asgi_queue_put(asgi_queue *queue, asgi_message *message, int is_idle) {
  message->next = NULL;
  pthread_mutex_lock(&queue->lock);
  *queue->last = message;
  queue->last = &message->next;
  int is_to_be_told = !queue->is_awaited && !is_idle;
  if (is_to_be_told) {
    queue->is_awaited = 1;
    become(queue, 1);
  }
  pthread_mutex_unlock(&queue->lock);
  return is_to_be_told;
}

asgi_message *asgi_queue_take(asgi_queue *queue) {
  pthread_mutex_lock(&queue->lock);
  asgi_message *taken = queue->first;
  queue->first = NULL;
  queue->last = &queue->first;
  queue->is_awaited = 0;
  pthread_mutex_unlock(&queue->lock);
  return taken;
}

void asgi_queue_done(asgi_queue *queue) {
  pthread_mutex_lock(&queue->lock);
  become(queue, queue->is_awaited);
  pthread_mutex_unlock(&queue->lock);
}
