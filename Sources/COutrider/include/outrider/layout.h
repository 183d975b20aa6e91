/** @file
 * Asserts that the compiler in use lays out the structures of outrider.h as the host does. Including it is enough:
 *
 *     #include <outrider/layout.h>
 *
 * For bindings of other languages it is the table of offsets, for 64-bit machines. What was released does not move: a
 * field that is appended gets a line of its own, and a line that fails is a break of the contract, never to be edited.
 */
#ifndef OUTRIDER_LAYOUT_H
#define OUTRIDER_LAYOUT_H

#include <outrider.h>

#ifdef __cplusplus
#define OUTRIDER_ASSERT(condition, text) static_assert(condition, text)
#else
#define OUTRIDER_ASSERT(condition, text) _Static_assert(condition, text)
#endif
#define OUTRIDER_AT(type, field, offset) OUTRIDER_ASSERT(offsetof(type, field) == (offset), #type "." #field " has moved")
/* Frozen for ever: used as elements of arrays. */
#define OUTRIDER_FROZEN(type, size) OUTRIDER_ASSERT(sizeof(type) == (size), #type " has another size")
/* May grow, by fields that are appended. */
#define OUTRIDER_GROWS(type, size) OUTRIDER_ASSERT(sizeof(type) >= (size), #type " is smaller than in 1.0")

OUTRIDER_FROZEN(outrider_bytes, 16);
OUTRIDER_AT(outrider_bytes, data, 0);
OUTRIDER_AT(outrider_bytes, size, 8);
OUTRIDER_FROZEN(outrider_field, 32);
OUTRIDER_AT(outrider_field, name, 0);
OUTRIDER_AT(outrider_field, value, 16);
OUTRIDER_FROZEN(outrider_exchange, 8);
OUTRIDER_AT(outrider_exchange, id, 0);
OUTRIDER_GROWS(outrider_head, OUTRIDER_HEAD_SIZE_1_0);
OUTRIDER_AT(outrider_head, size, 0);
OUTRIDER_AT(outrider_head, flags, 4);
OUTRIDER_AT(outrider_head, http_version, 8);
OUTRIDER_AT(outrider_head, server_port, 12);
OUTRIDER_AT(outrider_head, client_port, 16);
OUTRIDER_AT(outrider_head, reserved, 20);
OUTRIDER_AT(outrider_head, method, 24);
OUTRIDER_AT(outrider_head, scheme, 40);
OUTRIDER_AT(outrider_head, authority, 56);
OUTRIDER_AT(outrider_head, target, 72);
OUTRIDER_AT(outrider_head, raw_path, 88);
OUTRIDER_AT(outrider_head, path, 104);
OUTRIDER_AT(outrider_head, query, 120);
OUTRIDER_AT(outrider_head, mount, 136);
OUTRIDER_AT(outrider_head, client_address, 152);
OUTRIDER_AT(outrider_head, server_address, 168);
OUTRIDER_AT(outrider_head, request_id, 184);
OUTRIDER_AT(outrider_head, tls_subject, 200);
OUTRIDER_AT(outrider_head, fields, 216);
OUTRIDER_AT(outrider_head, n_fields, 224);
OUTRIDER_AT(outrider_head, content_length, 232);
OUTRIDER_AT(outrider_head, deadline_ns, 240);
OUTRIDER_GROWS(outrider_tls, OUTRIDER_TLS_SIZE_1_0);
OUTRIDER_AT(outrider_tls, size, 0);
OUTRIDER_AT(outrider_tls, flags, 4);
OUTRIDER_AT(outrider_tls, version, 8);
OUTRIDER_AT(outrider_tls, cipher, 24);
OUTRIDER_AT(outrider_tls, server_name, 40);
OUTRIDER_AT(outrider_tls, alpn, 56);
OUTRIDER_AT(outrider_tls, client_subject, 72);
OUTRIDER_AT(outrider_tls, client_sha256, 88);
OUTRIDER_AT(outrider_tls, client_chain, 104);
OUTRIDER_AT(outrider_tls, n_client_chain, 112);
OUTRIDER_AT(outrider_tls, client_names, 120);
OUTRIDER_AT(outrider_tls, n_client_names, 128);
OUTRIDER_GROWS(outrider_io, OUTRIDER_IO_SIZE_1_0);
OUTRIDER_AT(outrider_io, size, 0);
OUTRIDER_AT(outrider_io, reserved, 4);
OUTRIDER_AT(outrider_io, implementation, 8);
OUTRIDER_AT(outrider_io, read, 16);
OUTRIDER_AT(outrider_io, request_trailers, 24);
OUTRIDER_AT(outrider_io, informational, 32);
OUTRIDER_AT(outrider_io, respond, 40);
OUTRIDER_AT(outrider_io, start, 48);
OUTRIDER_AT(outrider_io, write, 56);
OUTRIDER_AT(outrider_io, sendfile, 64);
OUTRIDER_AT(outrider_io, trailers, 72);
OUTRIDER_GROWS(outrider_event, OUTRIDER_EVENT_SIZE_1_0);
OUTRIDER_AT(outrider_event, size, 0);
OUTRIDER_AT(outrider_event, type, 4);
OUTRIDER_AT(outrider_event, tag, 8);
OUTRIDER_GROWS(outrider_head_event, OUTRIDER_HEAD_EVENT_SIZE_1_0);
OUTRIDER_AT(outrider_head_event, size, 0);
OUTRIDER_AT(outrider_head_event, type, 4);
OUTRIDER_AT(outrider_head_event, tag, 8);
OUTRIDER_AT(outrider_head_event, status, 16);
OUTRIDER_AT(outrider_head_event, flags, 20);
OUTRIDER_AT(outrider_head_event, fields, 24);
OUTRIDER_AT(outrider_head_event, n_fields, 32);
OUTRIDER_GROWS(outrider_body_event, OUTRIDER_BODY_EVENT_SIZE_1_0);
OUTRIDER_AT(outrider_body_event, size, 0);
OUTRIDER_AT(outrider_body_event, type, 4);
OUTRIDER_AT(outrider_body_event, tag, 8);
OUTRIDER_AT(outrider_body_event, bytes, 16);
OUTRIDER_AT(outrider_body_event, more, 32);
OUTRIDER_AT(outrider_body_event, flags, 36);
OUTRIDER_AT(outrider_body_event, release, 40);
OUTRIDER_AT(outrider_body_event, context, 48);
OUTRIDER_GROWS(outrider_response_event, OUTRIDER_RESPONSE_EVENT_SIZE_1_0);
OUTRIDER_AT(outrider_response_event, size, 0);
OUTRIDER_AT(outrider_response_event, type, 4);
OUTRIDER_AT(outrider_response_event, tag, 8);
OUTRIDER_AT(outrider_response_event, status, 16);
OUTRIDER_AT(outrider_response_event, flags, 20);
OUTRIDER_AT(outrider_response_event, fields, 24);
OUTRIDER_AT(outrider_response_event, n_fields, 32);
OUTRIDER_AT(outrider_response_event, body, 40);
OUTRIDER_AT(outrider_response_event, release, 56);
OUTRIDER_AT(outrider_response_event, context, 64);
OUTRIDER_GROWS(outrider_file_event, OUTRIDER_FILE_EVENT_SIZE_1_0);
OUTRIDER_AT(outrider_file_event, size, 0);
OUTRIDER_AT(outrider_file_event, type, 4);
OUTRIDER_AT(outrider_file_event, tag, 8);
OUTRIDER_AT(outrider_file_event, fd, 16);
OUTRIDER_AT(outrider_file_event, more, 20);
OUTRIDER_AT(outrider_file_event, offset, 24);
OUTRIDER_AT(outrider_file_event, length, 32);
OUTRIDER_AT(outrider_file_event, release, 40);
OUTRIDER_AT(outrider_file_event, context, 48);
OUTRIDER_GROWS(outrider_notice_event, OUTRIDER_NOTICE_EVENT_SIZE_1_0);
OUTRIDER_AT(outrider_notice_event, size, 0);
OUTRIDER_AT(outrider_notice_event, type, 4);
OUTRIDER_AT(outrider_notice_event, tag, 8);
OUTRIDER_AT(outrider_notice_event, reason, 16);
OUTRIDER_AT(outrider_notice_event, flags, 20);
OUTRIDER_GROWS(outrider_host, OUTRIDER_HOST_SIZE_1_0);
OUTRIDER_AT(outrider_host, size, 0);
OUTRIDER_AT(outrider_host, abi, 4);
OUTRIDER_AT(outrider_host, implementation, 8);
OUTRIDER_AT(outrider_host, extension, 16);
OUTRIDER_AT(outrider_host, log, 24);
OUTRIDER_AT(outrider_host, config_json, 32);
OUTRIDER_AT(outrider_host, config_string, 40);
OUTRIDER_AT(outrider_host, config_integer, 48);
OUTRIDER_AT(outrider_host, config_boolean, 56);
OUTRIDER_AT(outrider_host, head, 64);
OUTRIDER_AT(outrider_host, tls, 72);
OUTRIDER_AT(outrider_host, cancelled, 80);
OUTRIDER_AT(outrider_host, draining, 88);
OUTRIDER_AT(outrider_host, send, 96);
OUTRIDER_AT(outrider_host, receive, 104);
OUTRIDER_AT(outrider_host, post, 112);
OUTRIDER_AT(outrider_host, after, 120);
OUTRIDER_AT(outrider_host, cancel, 128);
OUTRIDER_AT(outrider_host, wake, 136);
OUTRIDER_AT(outrider_host, send_informational, 144);
OUTRIDER_AT(outrider_host, send_start, 152);
OUTRIDER_AT(outrider_host, send_body, 160);
OUTRIDER_AT(outrider_host, send_trailers, 168);
OUTRIDER_AT(outrider_host, send_response, 176);
OUTRIDER_AT(outrider_host, send_abort, 184);
OUTRIDER_GROWS(outrider_load_info, OUTRIDER_LOAD_INFO_SIZE_1_0);
OUTRIDER_AT(outrider_load_info, size, 0);
OUTRIDER_AT(outrider_load_info, purpose, 4);
OUTRIDER_AT(outrider_load_info, process, 8);
OUTRIDER_AT(outrider_load_info, reserved, 12);
OUTRIDER_GROWS(outrider_worker_info, OUTRIDER_WORKER_INFO_SIZE_1_0);
OUTRIDER_AT(outrider_worker_info, size, 0);
OUTRIDER_AT(outrider_worker_info, model, 4);
OUTRIDER_AT(outrider_worker_info, threads, 8);
OUTRIDER_AT(outrider_worker_info, worker, 12);
OUTRIDER_AT(outrider_worker_info, workers, 16);
OUTRIDER_AT(outrider_worker_info, reserved, 20);
OUTRIDER_AT(outrider_worker_info, graceful_timeout_ns, 24);
OUTRIDER_AT(outrider_worker_info, output_limit, 32);
OUTRIDER_AT(outrider_worker_info, host_version, 40);
OUTRIDER_GROWS(outrider_thread_info, OUTRIDER_THREAD_INFO_SIZE_1_0);
OUTRIDER_AT(outrider_thread_info, size, 0);
OUTRIDER_AT(outrider_thread_info, index, 4);
OUTRIDER_AT(outrider_thread_info, threads, 8);
OUTRIDER_AT(outrider_thread_info, reserved, 12);
OUTRIDER_GROWS(outrider_error, OUTRIDER_ERROR_SIZE_1_0);
OUTRIDER_AT(outrider_error, size, 0);
OUTRIDER_AT(outrider_error, reserved, 4);
OUTRIDER_AT(outrider_error, text, 8);
OUTRIDER_GROWS(outrider_plugin, OUTRIDER_PLUGIN_SIZE_1_0);
OUTRIDER_AT(outrider_plugin, size, 0);
OUTRIDER_AT(outrider_plugin, abi, 4);
OUTRIDER_AT(outrider_plugin, abi_required, 8);
OUTRIDER_AT(outrider_plugin, capabilities, 12);
OUTRIDER_AT(outrider_plugin, name, 16);
OUTRIDER_AT(outrider_plugin, version, 24);
OUTRIDER_AT(outrider_plugin, load, 32);
OUTRIDER_AT(outrider_plugin, unload, 40);
OUTRIDER_AT(outrider_plugin, before_fork, 48);
OUTRIDER_AT(outrider_plugin, worker_start, 56);
OUTRIDER_AT(outrider_plugin, worker_stop, 64);
OUTRIDER_AT(outrider_plugin, on_wake, 72);
OUTRIDER_AT(outrider_plugin, thread_start, 80);
OUTRIDER_AT(outrider_plugin, thread_stop, 88);
OUTRIDER_AT(outrider_plugin, handle, 96);
OUTRIDER_AT(outrider_plugin, open, 104);
OUTRIDER_AT(outrider_plugin, on_event, 112);
OUTRIDER_AT(outrider_plugin, close, 120);

#undef OUTRIDER_GROWS
#undef OUTRIDER_FROZEN
#undef OUTRIDER_AT
#undef OUTRIDER_ASSERT

#endif /* OUTRIDER_LAYOUT_H */
