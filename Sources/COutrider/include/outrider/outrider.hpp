/** @file
 * The plugin ABI for C++17 and later: a class is a plugin, and an object or a coroutine handles a request. Headers only, on
 * top of <outrider.h>, whose rules on threads, forks and the end of a worker apply. See outrider-cpp(7).
 *
 *     #include <outrider/outrider.hpp>
 *
 *     struct hello {
 *       void handle(outrider::request &request) {
 *         request.early_hints({{"link", "</style.css>; rel=preload; as=style"}});
 *         request.respond(200, {{"content-type", "text/plain"}}, "hello\n");
 *       }
 *     };
 *     OUTRIDER_PLUGIN(hello, "hello", "1.0");
 *
 *     c++ -std=c++17 -shared -fPIC -fvisibility=hidden -o libhello.so hello.cpp
 *
 * THE APPLICATION is an object for each [[plugin]] entry. Its constructor is the hook load(): it runs in the master, gets
 * (outrider::host, outrider::purpose), (outrider::host) or nothing, and throws to refuse the start. Its destructor is
 * unload(). It has at least one of these styles; with the first and another, the sync and gthread models use handle(), and
 * the async model uses the other:
 *
 *     void handle(outrider::request &);                blocking: <outrider/cpp/request.hpp>
 *     class exchange : public outrider::event_handler  event: <outrider/cpp/event_handler.hpp>
 *                                                      with WebSockets: <outrider/cpp/websocket_handler.hpp>
 *     outrider::task<> serve(outrider::async_request &)  coroutines of C++20: <outrider/cpp/async_request.hpp>
 *
 * It may have any of these:
 *
 *     static constexpr bool thread_safe = true;        handle() may run on several threads at once
 *     struct thread                                    what a thread that runs handle() has: made on it, by the constructor
 *                                                      (application &, outrider::thread_info), (application &) or (), and
 *                                                      passed as handle(outrider::request &, thread &)
 *     void before_fork();                              [master] before each fork of a worker
 *     void worker_start(outrider::worker_info);        [worker-main] before the first request; throws to refuse
 *     void worker_stop();                              [worker-main] after the last one
 *     void on_wake();                                  [loop] after outrider::host::wake()
 *
 * EXCEPTIONS never leave a hook. What a handler throws becomes a 500 with a line in the error log, or a response that is
 * cut off after its head; outrider::http_error becomes a response; see <outrider/cpp/error.hpp>. What load(),
 * worker_start() or the constructor of a thread throws is the reason for which the start fails.
 *
 * The headers need exceptions, and no run-time type information.
 */
#ifndef OUTRIDER_HPP
#define OUTRIDER_HPP

#ifndef __cpp_exceptions
#error "<outrider/outrider.hpp> needs exceptions: build without -fno-exceptions."
#endif

#include <outrider/cpp/async_request.hpp>
#include <outrider/cpp/async_websocket.hpp>
#include <outrider/cpp/bytes.hpp>
#include <outrider/cpp/config.hpp>
#include <outrider/cpp/error.hpp>
#include <outrider/cpp/event_handler.hpp>
#include <outrider/cpp/fields.hpp>
#include <outrider/cpp/file.hpp>
#include <outrider/cpp/health.hpp>
#include <outrider/cpp/host.hpp>
#include <outrider/cpp/metrics.hpp>
#include <outrider/cpp/plugin.hpp>
#include <outrider/cpp/request.hpp>
#include <outrider/cpp/store.hpp>
#include <outrider/cpp/task.hpp>
#include <outrider/cpp/watch.hpp>
#include <outrider/cpp/websocket_handler.hpp>

#endif
