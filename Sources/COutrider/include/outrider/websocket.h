/** @file
 * The extension "outrider.websocket/1": WebSocket (RFC 6455) over HTTP/1.1 and HTTP/2 (RFC 8441), for exchanges of the
 * event style.
 *
 *     const outrider_websocket *websocket = host->extension(host, OUTRIDER_WEBSOCKET);
 *
 * A handshake is an exchange: open() gets its head, with the flag OUTRIDER_HEAD_WEBSOCKET. The plugin calls accept(), now
 * or later, or responds as to any request, which refuses the WebSocket with that status. (An exchange without the flag
 * is no valid handshake, or [websocket] is not enabled.)
 *
 * After accept(), the exchange lives as long as the WebSocket. The host owns handshake, frames, masks, pings, limits and
 * deadlines; the plugin sees messages:
 * - receive() of the host table gives credit for WEBSOCKET_MESSAGE events, one for each. The client is not read without
 *   credit. accept() gives none.
 * - Messages to the client are sent by send() of the host table with a WEBSOCKET_MESSAGE, or by text() and binary(). PAUSE,
 *   RESUME, E_AGAIN and SENT are as for BODY.
 * - WEBSOCKET_CLOSE tells of the client's Close, or why the host closes the WebSocket. Only close() of the plugin follows.
 *   A client that leaves without a Close is told of by DISCONNECT.
 * - DRAINING comes when the worker drains. The host closes each WebSocket with 1012 (service restart) within
 *   server.graceful_timeout, spread over that time, unless the plugin closes it first.
 *
 * The deadline of the head (timeouts.request) ends with accept(). The functions are [any-thread], and only one thread at a
 * time may send, as with send().
 */
#ifndef OUTRIDER_WEBSOCKET_H
#define OUTRIDER_WEBSOCKET_H

#include <outrider.h>

#if defined(__clang__) && !defined(OUTRIDER_NO_NULLABILITY)
_Pragma("clang diagnostic push")
_Pragma("clang diagnostic ignored \"-Wnullability-extension\"")
_Pragma("clang assume_nonnull begin")
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define OUTRIDER_WEBSOCKET "outrider.websocket/1"

#define OUTRIDER_HEAD_WEBSOCKET 0x80u /**< outrider_head.flags: a valid handshake for a WebSocket */

/** body_event, from the host and to send(): a message, or a part of one. From the host, bytes are [borrowed], and more is 0
 * unless OUTRIDER_WEBSOCKET_PARTS was set. To send(), more = 1 says that another part of the message follows; flags are those
 * of the first part. Text is UTF-8: that of a client is checked, that of a plugin is not. */
#define OUTRIDER_EVENT_WEBSOCKET_MESSAGE 65u
#define OUTRIDER_EVENT_WEBSOCKET_CLOSE 67u /**< websocket_close_event, from the host */

#define OUTRIDER_WEBSOCKET_TEXT 0x100u /**< body_event.flags: the message is text; otherwise it is binary */

#define OUTRIDER_WEBSOCKET_PARTS 0x01u /**< options.flags: deliver parts of messages as they arrive */

/* Close codes (RFC 6455 section 7.4). */
#define OUTRIDER_WEBSOCKET_NORMAL 1000u
#define OUTRIDER_WEBSOCKET_GOING_AWAY 1001u
#define OUTRIDER_WEBSOCKET_PROTOCOL_ERROR 1002u
#define OUTRIDER_WEBSOCKET_UNSUPPORTED_DATA 1003u
#define OUTRIDER_WEBSOCKET_NO_STATUS 1005u /**< only from the host: the Close had no code */
#define OUTRIDER_WEBSOCKET_INVALID_DATA 1007u
#define OUTRIDER_WEBSOCKET_POLICY 1008u
#define OUTRIDER_WEBSOCKET_TOO_BIG 1009u
#define OUTRIDER_WEBSOCKET_INTERNAL_ERROR 1011u
#define OUTRIDER_WEBSOCKET_SERVICE_RESTART 1012u
#define OUTRIDER_WEBSOCKET_TRY_AGAIN_LATER 1013u

#define OUTRIDER_WEBSOCKET_MAX_REASON 123u /**< bytes of a reason; longer ones are cut at a character */

#define OUTRIDER_WEBSOCKET_OPTIONS_SIZE_1_0 40u
#define OUTRIDER_WEBSOCKET_CLOSE_EVENT_SIZE_1_0 40u

/** Options of accept(). [borrowed] */
typedef struct outrider_websocket_options {
  uint32_t size, flags;       /**< flags: 0 or OUTRIDER_WEBSOCKET_PARTS */
  outrider_bytes subprotocol; /**< one of those that the client offers; empty for none */
  const outrider_field *OUTRIDER_NULLABLE fields; /**< further fields of the response */
  size_t n_fields;
} outrider_websocket_options;

/** WEBSOCKET_CLOSE: the WebSocket is closed. [valid during the call] */
typedef struct outrider_websocket_close_event {
  uint32_t size, type;
  uint64_t tag;     /**< 0 */
  uint32_t code;    /**< of the client's Close, or that the host has sent because of the client, or OUTRIDER_WEBSOCKET_NO_STATUS */
  uint32_t by_host; /**< 1: the host closes it: a violation of the protocol, a limit, a deadline, or a drain */
  outrider_bytes reason; /**< UTF-8 */
} outrider_websocket_close_event;

/** The functions of the extension. [host owns; valid for the life of the process] */
typedef struct outrider_websocket {
  uint32_t size, reserved;

  /** Accept the handshake: 101 (Switching Protocols), or 200 over HTTP/2. options may be NULL.
   * E_STATE: a response has begun, or the WebSocket is accepted. E_INVALID: the exchange is no valid handshake, the
   * client does not offer that subprotocol, or a field is malformed or one of the handshake's own. E_CLOSED: the exchange
   * is over. E_UNSUPPORTED: the exchange is of the blocking style. */
  outrider_status (*accept)(const outrider_host *, outrider_exchange,
                            const outrider_websocket_options *OUTRIDER_NULLABLE options);

  /** Send a whole text message, whose bytes are [borrowed]. PAUSE, E_AGAIN, E_LIMIT: as send(). E_STATE: the WebSocket is
   * not accepted, the plugin has closed it, or a message of several parts is not complete. E_CLOSED: the client or the host
   * has closed it. */
  outrider_status (*text)(const outrider_host *, outrider_exchange, outrider_bytes);

  /** Send a whole binary message likewise. */
  outrider_status (*binary)(const outrider_host *, outrider_exchange, outrider_bytes);

  /** Send a Close, and end the exchange when the client has answered it. reason is cut to
   * OUTRIDER_WEBSOCKET_MAX_REASON bytes. Code 0 sends none. E_INVALID: a code that may not be sent (RFC 6455 section
   * 7.4). E_STATE: the WebSocket is not accepted, or the plugin has closed it. E_CLOSED: the client or the host has. */
  outrider_status (*close)(const outrider_host *, outrider_exchange, uint32_t code, outrider_bytes reason);
} outrider_websocket;

#ifdef __cplusplus
}
#endif

#if defined(__clang__) && !defined(OUTRIDER_NO_NULLABILITY)
_Pragma("clang assume_nonnull end")
_Pragma("clang diagnostic pop")
#endif

#endif /* OUTRIDER_WEBSOCKET_H */
