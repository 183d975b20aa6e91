/* /ws/chat: a room. What one of those in it says, all hear, in the same order.
 *
 * The room is over all workers of the service, and of both generations during a reload: what was said last is a value in
 * the store that workers share (outrider.store/1), and each worker that has somebody in the room reads it LOOKS_APART.
 * Without a store (store.size = 0) each worker has a room of its own. */
#include "websockets.h"

#include <outrider/store.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST 1000                     /* bytes of what is said at once */
#define LOOKS_APART UINT64_C(50000000)   /* nanoseconds between two looks at the store */
#define ATTEMPTS 100                     /* to add to a value to which others add too */
/* The value has what was said last. Who says more than that between two looks of another worker is not heard there. */
#define VALUE_SIZE 32768

/* What stands before each text in the value. A number is one more than that of the text before it. */
typedef struct text_head {
  uint64_t number, size;
} text_head;

typedef struct room room;

/* Somebody in the room. [malloc'ed in open_chat_socket(), freed in leave()] */
typedef struct member {
  exchange_hooks hooks;
  outrider_exchange exchange;
  room *room;      /* NULL: sent away */
  int is_paused;   /* what was sent fills the queue; RESUME follows */
  int is_answered; /* what it said last has been passed on: the next message is asked for unless it is paused */
  struct member *next, **link; /* link: what points to this one */
} member;

/* The part of the room that is in this worker. [malloc'ed when somebody comes; freed in look(), when nobody is left] */
struct room {
  const outrider_host *host;
  const outrider_websocket *websocket;
  const outrider_store *store; /* NULL: there is none */
  room *next;
  member *first;
  uint64_t heard; /* the number of the last text that was passed on */
  char value[VALUE_SIZE], changed[VALUE_SIZE];
};

/* One for each [[plugin]] entry that has somebody in its room. Only the loop uses them. */
static room *rooms;

static const outrider_bytes KEY = OUTRIDER_BYTES("chat");

/* ---- To those who are here ---------------------------------------------------------------------------------------- */

static void take_out(member *member) {
  if (!member->room) return;
  *member->link = member->next;
  if (member->next) member->next->link = member->link;
  member->room = NULL;
}

/* Nothing more may be sent to this one. */
static void send_away(member *member, uint32_t code, const char *reason) {
  const room *room = member->room;
  if (!room) return;
  take_out(member);
  room->websocket->close(room->host, member->exchange, code, outrider_text(reason));
}

static void tell_all(const room *room, outrider_bytes text) {
  for (member *member = room->first, *next; member; member = next) {
    next = member->next;
    const outrider_status status = room->websocket->text(room->host, member->exchange, text);
    if (status == OUTRIDER_PAUSE) member->is_paused = 1;
    if (status == OUTRIDER_E_AGAIN)
      send_away(member, OUTRIDER_WEBSOCKET_POLICY, "reads too slowly");
  }
}

/* ---- The store ---------------------------------------------------------------------------------------------------- */

/* The text at `place` in the value, and its head. 0: there is no further one. */
static int text_at(const char *value, size_t size, size_t place, text_head *head, outrider_bytes *text) {
  if (size - place < sizeof *head) return 0;
  memcpy(head, value + place, sizeof *head);
  if (head->size > size - place - sizeof *head) return 0;
  *text = (outrider_bytes){value + place + sizeof *head, head->size};
  return 1;
}

/* Read the value, which is empty as long as nothing has been said. */
static outrider_status read_value(room *room, size_t *size) {
  const outrider_status status = room->store->get(room->host, KEY, room->value, sizeof room->value, size, NULL);
  if (status != OUTRIDER_OK) *size = 0;
  return status == OUTRIDER_SKIPPED ? OUTRIDER_OK : status;
}

/* The number of the last text, and where the texts begin that leave room for one more of `more` bytes. Of a value that is
 * malformed, none is kept. */
static uint64_t last_number(const char *value, size_t size, size_t more, size_t *kept) {
  text_head head = {0, 0};
  outrider_bytes text;
  uint64_t last = 0;
  *kept = 0;
  size_t place = 0;
  while (text_at(value, size, place, &head, &text)) {
    place += sizeof head + text.size;
    if (size - *kept > VALUE_SIZE - sizeof head - more) *kept = place;
    last = head.number;
  }
  if (place != size) *kept = size;
  return last;
}

/* Pass on what others have said since the last time. */
static void hear(room *room) {
  size_t size, kept;
  text_head head;
  outrider_bytes text;
  if (read_value(room, &size) < 0) return;
  if (size && last_number(room->value, size, 0, &kept) < room->heard) room->heard = 0; /* the store was emptied */
  for (size_t place = 0; text_at(room->value, size, place, &head, &text); place += sizeof head + text.size) {
    if (head.number <= room->heard) continue;
    room->heard = head.number;
    tell_all(room, text);
  }
}

/* Add a text to the value. SKIPPED: somebody else did so at the same time. */
static outrider_status add(room *room, outrider_bytes text) {
  size_t size, kept;
  const outrider_status status = read_value(room, &size);
  if (status < 0) return status;
  const text_head head = {last_number(room->value, size, text.size, &kept) + 1, text.size};
  char *place = room->changed;
  memcpy(place, room->value + kept, size - kept);
  place += size - kept;
  memcpy(place, &head, sizeof head);
  memcpy(place + sizeof head, text.data, text.size);
  const outrider_bytes before = {room->value, size};
  const outrider_bytes after = {room->changed, size - kept + sizeof head + text.size};
  return room->store->compare_and_set(room->host, KEY, size ? &before : NULL, after, 0);
}

/* All hear it: those who are here at once, the others when their workers look. */
static outrider_status say(room *room, outrider_bytes text) {
  outrider_status status = room->store ? OUTRIDER_SKIPPED : OUTRIDER_E_UNSUPPORTED;
  for (int i = 0; i < ATTEMPTS && status == OUTRIDER_SKIPPED; i++) status = add(room, text);
  if (status == OUTRIDER_OK) hear(room);
  if (status != OUTRIDER_E_UNSUPPORTED) return status;
  tell_all(room, text);
  return OUTRIDER_OK;
}

/* ---- The room ----------------------------------------------------------------------------------------------------- */

static void take_away(room *gone) {
  room **link = &rooms;
  while (*link != gone) link = &(*link)->next;
  *link = gone->next;
  free(gone);
}

/* Timer: it stays as long as somebody is in the room. If there can be no timer, all have to leave. */
static void look(void *context, outrider_status why) {
  room *room = context;
  const outrider_exchange worker = {0};
  if (why == OUTRIDER_OK && room->first) {
    if (room->store) hear(room);
    why = room->host->after(room->host, worker, LOOKS_APART, look, room, NULL);
    if (why >= 0) return;
  }
  while (room->first) send_away(room->first, OUTRIDER_WEBSOCKET_TRY_AGAIN_LATER, "no timer");
  take_away(room);
}

static room *room_of(const outrider_host *host) {
  const outrider_exchange worker = {0};
  room *found = rooms;
  while (found && found->host != host) found = found->next;
  if (found) return found;
  room *made = calloc(1, sizeof *made);
  if (!made) return NULL;
  made->host = host;
  made->websocket = host->extension(host, OUTRIDER_WEBSOCKET);
  made->store = host->extension(host, OUTRIDER_STORE);
  if (!made->websocket || host->after(host, worker, LOOKS_APART, look, made, NULL) < 0) {
    free(made);
    return NULL;
  }
  size_t size = 0, kept;
  if (made->store) read_value(made, &size);
  made->heard = last_number(made->value, size, 0, &kept);
  made->next = rooms;
  rooms = made;
  return made;
}

/* Who speaks faster than it listens is not read meanwhile. */
static void ask(member *member) {
  const room *room = member->room;
  if (!room || member->is_paused || !member->is_answered) return;
  member->is_answered = 0;
  room->host->receive(room->host, member->exchange, 1);
}

static void message(member *member, const outrider_body_event *event) {
  member->is_answered = 1;
  if (!(event->flags & OUTRIDER_WEBSOCKET_TEXT))
    send_away(member, OUTRIDER_WEBSOCKET_UNSUPPORTED_DATA, "text only");
  else if (event->bytes.size > LONGEST)
    send_away(member, OUTRIDER_WEBSOCKET_TOO_BIG, "too long");
  else if (event->bytes.size && say(member->room, event->bytes) != OUTRIDER_OK)
    send_away(member, OUTRIDER_WEBSOCKET_TRY_AGAIN_LATER, "the store has no room");
  else
    ask(member);
}

static void on_chat_event(exchange_hooks *self, const outrider_event *event) {
  member *member = (struct member *)self;
  if (event->type == OUTRIDER_EVENT_WEBSOCKET_MESSAGE && member->room)
    message(member, (const outrider_body_event *)event);
  if (event->type == OUTRIDER_EVENT_RESUME) {
    member->is_paused = 0;
    ask(member);
  }
}

static void leave(exchange_hooks *self) {
  take_out((member *)self);
  free(self);
}

outrider_status open_chat_socket(const outrider_host *host, outrider_exchange exchange, void **self) {
  room *room = room_of(host);
  member *came = room ? malloc(sizeof *came) : NULL;
  if (!came) return OUTRIDER_E_LIMIT;
  outrider_status status = room->websocket->accept(host, exchange, NULL);
  if (status >= 0) status = host->receive(host, exchange, 1);
  if (status < 0) {
    free(came);
    return status;
  }
  *came = (member){
      .hooks = {on_chat_event, leave}, .exchange = exchange, .room = room, .next = room->first, .link = &room->first};
  if (came->next) came->next->link = &came->next;
  room->first = came;
  *self = came;
  return OUTRIDER_OK;
}
