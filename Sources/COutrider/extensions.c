// The layout of the extensions, checked whenever the server is built: what was released does not move. A function that is
// appended gets a line of its own; a line that fails is a break of the contract, and is not edited.
#include <outrider/config.h>
#include <outrider/health.h>
#include <outrider/log.h>
#include <outrider/loop.h>
#include <outrider/metrics.h>
#include <outrider/store.h>
#include <outrider/websocket.h>

#define AT(type, field, offset) _Static_assert(offsetof(type, field) == (offset), #type "." #field " has moved")
// Used as elements of arrays.
#define FROZEN(type, size) _Static_assert(sizeof(type) == (size), #type " has another size")
// What plugins lay out, or have filled, and may grow: the size of 1.0 is for ever.
#define GROWS(type, least) _Static_assert(sizeof(type) >= (least), #type " is smaller than in 1.0")

GROWS(outrider_config_date, OUTRIDER_CONFIG_DATE_SIZE_1_0);
AT(outrider_config_date, size, 0);
AT(outrider_config_date, parts, 4);
AT(outrider_config_date, year, 8);
AT(outrider_config_date, month, 12);
AT(outrider_config_date, day, 16);
AT(outrider_config_date, hour, 20);
AT(outrider_config_date, minute, 24);
AT(outrider_config_date, second, 28);
AT(outrider_config_date, nanosecond, 32);
AT(outrider_config_date, offset_minutes, 36);
AT(outrider_config, size, 0);
AT(outrider_config, reserved, 4);
AT(outrider_config, find, 8);
AT(outrider_config, type, 16);
AT(outrider_config, count, 24);
AT(outrider_config, at, 32);
AT(outrider_config, key, 40);
AT(outrider_config, text, 48);
AT(outrider_config, integer, 56);
AT(outrider_config, number, 64);
AT(outrider_config, date, 72);
AT(outrider_config, folder, 80);
AT(outrider_config, error, 88);
AT(outrider_config, expect, 96);
FROZEN(outrider_metric_label, 16);
AT(outrider_metric_label, name, 0);
AT(outrider_metric_label, value, 8);
GROWS(outrider_metric, OUTRIDER_METRIC_SIZE_1_0);
AT(outrider_metric, size, 0);
AT(outrider_metric, kind, 4);
AT(outrider_metric, name, 8);
AT(outrider_metric, help, 16);
AT(outrider_metric, labels, 24);
AT(outrider_metric, n_labels, 32);
AT(outrider_metric, bounds, 40);
AT(outrider_metric, n_bounds, 48);
AT(outrider_metrics, size, 0);
AT(outrider_metrics, reserved, 4);
AT(outrider_metrics, define, 8);
AT(outrider_metrics, add, 16);
AT(outrider_metrics, set, 24);
AT(outrider_metrics, change, 32);
AT(outrider_metrics, observe, 40);
GROWS(outrider_trace, OUTRIDER_TRACE_SIZE_1_0);
AT(outrider_trace, size, 0);
AT(outrider_trace, present, 4);
AT(outrider_trace, version, 8);
AT(outrider_trace, flags, 12);
AT(outrider_trace, trace_id, 16);
AT(outrider_trace, parent_id, 32);
AT(outrider_trace, trace_id_text, 40);
AT(outrider_trace, parent_id_text, 56);
AT(outrider_log, size, 0);
AT(outrider_log, reserved, 4);
AT(outrider_log, enabled, 8);
AT(outrider_log, note, 16);
AT(outrider_log, trace, 24);
AT(outrider_health, size, 0);
AT(outrider_health, reserved, 4);
AT(outrider_health, watch, 8);
AT(outrider_health, alive, 16);
AT(outrider_health, idle, 24);
AT(outrider_health, unwatch, 32);
AT(outrider_health, ready, 40);
AT(outrider_loop, size, 0);
AT(outrider_loop, reserved, 4);
AT(outrider_loop, own, 8);
AT(outrider_loop, watch, 16);
AT(outrider_loop, change, 24);
AT(outrider_loop, unwatch, 32);
AT(outrider_loop, descriptor, 40);
AT(outrider_loop, dispatch, 48);
AT(outrider_store, size, 0);
AT(outrider_store, reserved, 4);
AT(outrider_store, get, 8);
AT(outrider_store, set, 16);
AT(outrider_store, compare_and_set, 24);
AT(outrider_store, add, 32);
AT(outrider_store, remove, 40);
AT(outrider_store, next, 48);
GROWS(outrider_websocket_options, OUTRIDER_WEBSOCKET_OPTIONS_SIZE_1_0);
AT(outrider_websocket_options, size, 0);
AT(outrider_websocket_options, flags, 4);
AT(outrider_websocket_options, subprotocol, 8);
AT(outrider_websocket_options, fields, 24);
AT(outrider_websocket_options, n_fields, 32);
GROWS(outrider_websocket_close_event, OUTRIDER_WEBSOCKET_CLOSE_EVENT_SIZE_1_0);
AT(outrider_websocket_close_event, size, 0);
AT(outrider_websocket_close_event, type, 4);
AT(outrider_websocket_close_event, tag, 8);
AT(outrider_websocket_close_event, code, 16);
AT(outrider_websocket_close_event, by_host, 20);
AT(outrider_websocket_close_event, reason, 24);
AT(outrider_websocket, size, 0);
AT(outrider_websocket, reserved, 4);
AT(outrider_websocket, accept, 8);
AT(outrider_websocket, text, 16);
AT(outrider_websocket, binary, 24);
AT(outrider_websocket, close, 32);
