/* demo_pages.h: the responses of the two demo plugins.
 *
 * demo_blocking and demo_event give the same responses, one in each style. Everything that does not depend on the style
 * is here: the page for each path (demo_plan_for), the texts, the query, and the fields of every response. A plan says
 * what to send and when; the plugins differ in how they wait and send. No function here blocks, and only an unusual
 * path or /headers allocates memory. */
#ifndef DEMO_PAGES_H
#define DEMO_PAGES_H

#include "gathered.h"
#include "json.h"
#include "socket_pages.h"

#include <stdio.h>

#define DEMO_MS UINT64_C(1000000)      /* nanoseconds */
#define DEMO_SECOND UINT64_C(1000000000)
#define DEMO_LONGEST_DELAY (5 * DEMO_SECOND)
#define DEMO_LARGE_SIZE (1024 * 1024)
#define DEMO_STREAM_CHUNKS 10
#define DEMO_STREAM_GAP (100 * DEMO_MS)

#define DEMO_PLAIN TEXT("text/plain")
#define DEMO_HTML TEXT("text/html; charset=utf-8")

/* ---- Plans ----------------------------------------------------------------------------------------------------- */

enum demo_kind {
  DEMO_WHOLE,   /* status and body, at once */
  DEMO_TIMED,   /* n_hints times: wait hint_wait, send 103; then wait answer_wait and answer as DEMO_WHOLE */
  DEMO_HEADERS, /* the body is demo_headers_json() */
  DEMO_ECHO,    /* the request's body, as it comes; there is one */
  DEMO_GATHER,  /* the same once it is whole, up to GATHERED_LIMIT: many proxies take no response before they have sent all */
  DEMO_STREAM,  /* DEMO_STREAM_CHUNKS times demo_chunk(), DEMO_STREAM_GAP apart */
  DEMO_ECHO_SOCKET, /* in event style: a WebSocket for a handshake, else as DEMO_WHOLE. In blocking style: demo_no_socket() */
  DEMO_CHAT_SOCKET  /* likewise */
};

/* The response to a request. May be copied; it points to static memory or to the request's head. */
typedef struct demo_plan {
  enum demo_kind kind;
  uint32_t status;
  outrider_bytes content_type; /* empty: no such field */
  outrider_bytes cache_control; /* likewise */
  outrider_bytes page;         /* the body, unless it is in text: see demo_body() */
  const outrider_field *hints; /* n_hints times links_per_hint */
  uint32_t n_hints, links_per_hint;
  uint64_t hint_wait, answer_wait; /* nanoseconds */
  size_t text_size;
  char text[56];
} demo_plan;

static inline outrider_bytes demo_body(const demo_plan *plan) {
  return plan->text_size ? (outrider_bytes){plan->text, plan->text_size} : plan->page;
}

/* ---- The query ------------------------------------------------------------------------------------------------- */

/* The value of the first `name=value` in a query, as received; data is NULL if there is none. */
static inline outrider_bytes demo_query_value(outrider_bytes query, const char *name) {
  size_t name_size = strlen(name), start = 0;
  while (start < query.size) {
    size_t end = start;
    while (end < query.size && query.data[end] != '&') end++;
    const char *pair = query.data + start;
    if (end - start > name_size && pair[name_size] == '=' && memcmp(pair, name, name_size) == 0)
      return (outrider_bytes){pair + name_size + 1, end - start - name_size - 1};
    start = end + 1;
  }
  return (outrider_bytes){NULL, 0};
}

/* Three digits from 200 to 599, else 0. */
static inline uint32_t demo_parse_status(outrider_bytes text) {
  uint32_t status = 0;
  if (text.size != 3) return 0;
  for (size_t i = 0; i < text.size; i++) {
    if (text.data[i] < '0' || text.data[i] > '9') return 0;
    status = status * 10 + (uint32_t)(text.data[i] - '0');
  }
  return status >= 200 && status <= 599 ? status : 0;
}

/* Seconds, such as 2 or 0.25, as nanoseconds. True if it is a number from 0 to DEMO_LONGEST_DELAY, of at most 16
 * characters. */
static inline int demo_parse_seconds(outrider_bytes text, uint64_t *ns) {
  uint64_t value = 0, unit = DEMO_SECOND;
  int in_fraction = 0;
  if (text.size == 0 || text.size > 16 || text.data[0] == '.' || text.data[text.size - 1] == '.') return 0;
  for (size_t i = 0; i < text.size; i++) {
    char byte = text.data[i];
    if (byte == '.' && !in_fraction) {
      in_fraction = 1;
    } else if (byte < '0' || byte > '9') {
      return 0;
    } else if (in_fraction) {
      unit /= 10; /* 0 past the ninth digit: finer than a nanosecond */
      value += (uint64_t)(byte - '0') * unit;
    } else {
      value = value * 10 + (uint64_t)(byte - '0') * DEMO_SECOND;
      if (value > DEMO_LONGEST_DELAY) return 0;
    }
  }
  *ns = value;
  return value <= DEMO_LONGEST_DELAY;
}

/* ---- Routes ---------------------------------------------------------------------------------------------------- */

static const char demo_hinted_page[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<title>Early hints</title>\n"
    "<link rel=\"stylesheet\" href=\"/style.css\">\n<script src=\"/app.js\" defer></script>\n</head>\n"
    "<body>\n<h1>Early hints</h1>\n<p id=\"state\">The style sheet was on its way before this page.</p>\n"
    "</body>\n</html>\n";

static const outrider_field demo_links[] = {
    {TEXT("link"), TEXT("</style.css>; rel=preload; as=style")},
    {TEXT("link"), TEXT("</app.js>; rel=preload; as=script")},
    {TEXT("link"), TEXT("</font.woff2>; rel=preload; as=font; crossorigin")},
};

static char demo_large_page[DEMO_LARGE_SIZE];

static inline void demo_say(demo_plan *plan, uint32_t status, const char *verb, outrider_bytes what) {
  int size = snprintf(plan->text, sizeof plan->text, "%s %.*s\n", verb, (int)what.size, what.data);
  plan->text_size = (size_t)size < sizeof plan->text ? (size_t)size : sizeof plan->text - 1;
  plan->status = status;
}

static inline void demo_refuse(demo_plan *plan, const char *reason) {
  plan->status = 400;
  plan->page = outrider_text(reason);
}

/* 204, 205 and 304 have no content (RFC 9110 section 15). */
static inline void demo_plan_status(demo_plan *plan, const outrider_head *head) {
  outrider_bytes code = demo_query_value(head->query, "code");
  uint32_t status = demo_parse_status(code);
  if (status == 0) {
    demo_refuse(plan, "code must be a number from 200 to 599\n");
  } else if (status == 204 || status == 205 || status == 304) {
    plan->status = status;
    plan->content_type.size = 0;
  } else {
    demo_say(plan, status, "status", code);
  }
}

static inline void demo_plan_delay(demo_plan *plan, const outrider_head *head) {
  outrider_bytes seconds = demo_query_value(head->query, "s");
  if (!demo_parse_seconds(seconds, &plan->answer_wait)) {
    demo_refuse(plan, "s must be a number of seconds from 0 to 5\n");
    return;
  }
  plan->kind = DEMO_TIMED;
  demo_say(plan, 200, "delayed", seconds);
}

/* The first hint is delayed because browsers ignore a 103 within a few milliseconds of the request. `s` is the number
 * of seconds between the hint and the page. */
static inline void demo_plan_early_hints(demo_plan *plan, const outrider_head *head) {
  outrider_bytes seconds = demo_query_value(head->query, "s");
  plan->answer_wait = 300 * DEMO_MS;
  if (seconds.data && !demo_parse_seconds(seconds, &plan->answer_wait)) {
    plan->kind = DEMO_WHOLE;
    plan->content_type = (outrider_bytes)DEMO_PLAIN;
    demo_refuse(plan, "s must be a number of seconds from 0 to 5\n");
    return;
  }
  plan->hints = demo_links;
  plan->n_hints = 1;
  plan->links_per_hint = 2;
  plan->hint_wait = 50 * DEMO_MS;
}

static inline void demo_plan_early_hints_multiple(demo_plan *plan, const outrider_head *head) {
  (void)head;
  plan->hints = demo_links;
  plan->n_hints = 3;
  plan->links_per_hint = 1;
  plan->hint_wait = plan->answer_wait = 50 * DEMO_MS;
}

static inline void demo_plan_method(demo_plan *plan, const outrider_head *head) { plan->page = head->method; }

static inline void demo_plan_version(demo_plan *plan, const outrider_head *head) {
  plan->page = text_http_version(head);
}

/* The content type is the request's; without a body there is nothing to stream. */
static inline void demo_plan_echo(demo_plan *plan, const outrider_head *head) {
  const outrider_bytes name = TEXT("content-type");
  for (size_t i = 0; i < head->n_fields; i++)
    if (text_same_name(head->fields[i].name, name)) plan->content_type = head->fields[i].value;
  if (!(head->flags & OUTRIDER_HEAD_HAS_BODY)) plan->kind = DEMO_WHOLE;
}

/* A browser uses an asset that a hint made it fetch only if it may cache it; otherwise it fetches the asset again for
 * the page. */
static inline void demo_plan_asset(demo_plan *plan, const outrider_head *head) {
  (void)head;
  plan->cache_control = (outrider_bytes)TEXT("max-age=600");
}

/* The page opens the WebSocket at its own path. Who asks for one, and for whom there is none, would not see a page. */
static inline void demo_plan_socket(demo_plan *plan, const outrider_head *head) {
  const outrider_bytes name = TEXT("upgrade");
  for (size_t i = 0; i < head->n_fields; i++) {
    if (!text_same_name(head->fields[i].name, name)) continue;
    plan->content_type = (outrider_bytes)DEMO_PLAIN;
    demo_refuse(plan, "The handshake is malformed, or [websocket] is not enabled\n");
  }
}

/* The blocking style has no WebSockets. */
static inline void demo_no_socket(demo_plan *plan) {
  plan->status = 404;
  plan->content_type = (outrider_bytes)DEMO_PLAIN;
  plan->page = (outrider_bytes)TEXT("WebSockets are in demo_event\n");
}

typedef struct demo_route {
  outrider_bytes path;
  enum demo_kind kind;
  outrider_bytes content_type, page;
  void (*refine)(demo_plan *, const outrider_head *); /* what depends on the request; may be NULL */
} demo_route;

/* The search is linear, so the most requested routes come first. */
static const demo_route demo_routes[] = {
    {TEXT("/"), DEMO_WHOLE, DEMO_PLAIN, TEXT("Hello, Outrider!"), NULL},
    {TEXT("/health"), DEMO_WHOLE, DEMO_PLAIN, TEXT("OK"), NULL},
    {TEXT("/echo"), DEMO_ECHO, TEXT("application/octet-stream"), TEXT(""), demo_plan_echo},
    {TEXT("/echo-whole"), DEMO_GATHER, TEXT("application/octet-stream"), TEXT(""), demo_plan_echo},
    {TEXT("/headers"), DEMO_HEADERS, TEXT("application/json"), TEXT(""), NULL},
    {TEXT("/version"), DEMO_WHOLE, DEMO_PLAIN, TEXT(""), demo_plan_version},
    {TEXT("/large"), DEMO_WHOLE, DEMO_PLAIN, {demo_large_page, DEMO_LARGE_SIZE}, NULL},
    {TEXT("/stream"), DEMO_STREAM, DEMO_PLAIN, TEXT(""), NULL},
    {TEXT("/status"), DEMO_WHOLE, DEMO_PLAIN, TEXT(""), demo_plan_status},
    {TEXT("/delay"), DEMO_WHOLE, DEMO_PLAIN, TEXT(""), demo_plan_delay},
    {TEXT("/method"), DEMO_WHOLE, DEMO_PLAIN, TEXT(""), demo_plan_method},
    {TEXT("/early-hints"), DEMO_TIMED, TEXT("text/html"), TEXT(demo_hinted_page), demo_plan_early_hints},
    {TEXT("/early-hints-multiple"), DEMO_TIMED, TEXT("text/html"), TEXT(demo_hinted_page),
     demo_plan_early_hints_multiple},
    {TEXT("/style.css"), DEMO_WHOLE, TEXT("text/css"),
     TEXT("body { font-family: sans-serif; margin: 4rem; }\nh1 { color: #256; }\n"), demo_plan_asset},
    {TEXT("/app.js"), DEMO_WHOLE, TEXT("text/javascript"),
     TEXT("document.getElementById('state').append(' So was this script.');\n"), demo_plan_asset},
    {TEXT("/ws/echo"), DEMO_ECHO_SOCKET, DEMO_HTML, TEXT(demo_echo_page), demo_plan_socket},
    {TEXT("/ws/chat"), DEMO_CHAT_SOCKET, DEMO_HTML, TEXT(demo_chat_page), demo_plan_socket},
};

static const demo_route demo_not_found = {TEXT(""), DEMO_WHOLE, DEMO_PLAIN, TEXT("Not found\n"), NULL};

/* The plan for a request. It refers to bytes of the head. */
static inline void demo_plan_for(demo_plan *plan, const outrider_head *head) {
  const demo_route *route = &demo_not_found;
  for (size_t i = 0; i < sizeof demo_routes / sizeof *demo_routes; i++) {
    if (!text_equal(head->path, demo_routes[i].path)) continue;
    route = &demo_routes[i];
    break;
  }
  plan->kind = route->kind;
  plan->status = route == &demo_not_found ? 404 : 200;
  plan->content_type = route->content_type;
  plan->cache_control = (outrider_bytes){NULL, 0};
  plan->page = route->page;
  plan->hints = NULL;
  plan->n_hints = plan->links_per_hint = 0;
  plan->hint_wait = plan->answer_wait = 0;
  plan->text_size = 0;
  if (route->refine) route->refine(plan, head);
}

/* The fields of a plan's 103 number `index`, links_per_hint of them. */
static inline const outrider_field *demo_hint(const demo_plan *plan, uint32_t index) {
  return plan->hints + (size_t)index * plan->links_per_hint;
}

/* "chunk 0\n" to "chunk 9\n" for /stream, written into `text`. */
static inline outrider_bytes demo_chunk(char text[static 8], uint32_t index) {
  memcpy(text, "chunk 0\n", 8);
  text[6] = (char)('0' + index % 10);
  return (outrider_bytes){text, 8};
}

/* Fill /large. For load(): the page is then shared by all workers. */
static inline void demo_fill_large_page(void) { memset(demo_large_page, 'X', sizeof demo_large_page); }

/* ---- The fields of an answer ----------------------------------------------------------------------------------- */

/* content-type, cache-control, x-request-path, x-request-method, and content-length if the length of a streamed body is
 * known. */
typedef struct demo_fields {
  outrider_field list[5];
  size_t n;
  char *encoded_path; /* malloc'ed where the path could not be a field value as it is, else NULL */
  char length[24];
} demo_fields;

static inline void demo_add_field(demo_fields *fields, outrider_bytes name, outrider_bytes value) {
  fields->list[fields->n++] = (outrider_field){name, value};
}

/* A field value contains no control characters and does not begin or end with a space (RFC 9110 section 5.5). */
static inline int demo_must_encode(outrider_bytes path, size_t i) {
  unsigned char byte = (unsigned char)path.data[i];
  return byte < 0x20 || byte == 0x7f || (byte == ' ' && (i == 0 || i == path.size - 1));
}

static inline outrider_bytes demo_encode_path(outrider_bytes path, char *encoded) {
  static const char digits[] = "0123456789ABCDEF";
  size_t size = 0;
  for (size_t i = 0; i < path.size; i++) {
    unsigned char byte = (unsigned char)path.data[i];
    if (demo_must_encode(path, i)) {
      encoded[size++] = '%';
      encoded[size++] = digits[byte >> 4];
      encoded[size++] = digits[byte & 15];
    } else {
      encoded[size++] = (char)byte;
    }
  }
  return (outrider_bytes){encoded, size};
}

/* The path as a field value. Empty if out of memory. */
static inline outrider_bytes demo_path_value(demo_fields *fields, outrider_bytes path) {
  for (size_t i = 0; i < path.size; i++) {
    if (!demo_must_encode(path, i)) continue;
    fields->encoded_path = malloc(path.size * 3);
    return fields->encoded_path ? demo_encode_path(path, fields->encoded_path) : (outrider_bytes){NULL, 0};
  }
  return path;
}

/* Make the fields of every response. They point into the head and the plan; demo_free_fields() must follow. */
static inline void demo_make_fields(demo_fields *fields, const outrider_head *head, const demo_plan *plan) {
  fields->n = 0;
  fields->encoded_path = NULL;
  if (plan->content_type.size)
    demo_add_field(fields, (outrider_bytes)TEXT("content-type"), plan->content_type);
  if (plan->cache_control.size)
    demo_add_field(fields, (outrider_bytes)TEXT("cache-control"), plan->cache_control);
  demo_add_field(fields, (outrider_bytes)TEXT("x-request-path"), demo_path_value(fields, head->path));
  demo_add_field(fields, (outrider_bytes)TEXT("x-request-method"), head->method);
}

/* The content-length of a streamed response, if the request announced one: the body is returned unchanged. */
static inline void demo_add_length(demo_fields *fields, const outrider_head *head) {
  if (head->content_length < 0) return;
  int size = snprintf(fields->length, sizeof fields->length, "%lld", (long long)head->content_length);
  demo_add_field(fields, (outrider_bytes)TEXT("content-length"), (outrider_bytes){fields->length, (size_t)size});
}

static inline void demo_free_fields(demo_fields *fields) { free(fields->encoded_path); }

/* ---- /headers -------------------------------------------------------------------------------------------------- */

static inline int demo_seen_before(const outrider_head *head, size_t index) {
  for (size_t i = 0; i < index; i++)
    if (text_same_name(head->fields[i].name, head->fields[index].name)) return 1;
  return 0;
}

/* One member of the object: the values of all fields of this name, in order (RFC 9110 section 5.3). */
static inline void demo_headers_member(json_text *json, const outrider_head *head, size_t index) {
  json_string(json, head->fields[index].name);
  json_literal(json, ": \"");
  json_characters(json, head->fields[index].value);
  for (size_t i = index + 1; i < head->n_fields; i++) {
    if (!text_same_name(head->fields[i].name, head->fields[index].name)) continue;
    json_literal(json, ", ");
    json_characters(json, head->fields[i].value);
  }
  json_literal(json, "\"");
}

/* The request's fields as a JSON object. Each name occurs once, in the spelling in which it was first received. */
static inline void demo_headers_json(json_text *json, const outrider_head *head) {
  json_literal(json, "{");
  for (size_t i = 0; i < head->n_fields; i++) {
    if (demo_seen_before(head, i)) continue;
    json_literal(json, i ? ", " : "");
    demo_headers_member(json, head, i);
  }
  json_literal(json, "}\n");
}

#endif
