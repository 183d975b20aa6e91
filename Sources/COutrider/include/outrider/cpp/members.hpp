/** @file
 * What an application has of the members that may be left out. Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_MEMBERS_HPP
#define OUTRIDER_CPP_MEMBERS_HPP

#include <outrider/cpp/async_request.hpp>
#include <outrider/cpp/event_handler.hpp>
#include <outrider/cpp/request.hpp>
#include <outrider/cpp/websocket_handler.hpp>

#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

namespace outrider::detail {

/** Stands for the class `thread` of an application without one. */
struct no_thread {};

#define OUTRIDER_DETECT(name, expression)                                                    \
  template <class Type, class = void>                                                        \
  struct name : std::false_type {};                                                          \
  template <class Type>                                                                      \
  struct name<Type, std::void_t<decltype(expression)>> : std::true_type {}

OUTRIDER_DETECT(has_thread, std::declval<typename Type::thread *>());
OUTRIDER_DETECT(has_exchange, std::declval<typename Type::exchange *>());
OUTRIDER_DETECT(is_thread_safe, std::enable_if_t<Type::thread_safe>());
OUTRIDER_DETECT(has_handle, std::declval<Type &>().handle(std::declval<request &>()));
OUTRIDER_DETECT(has_before_fork, std::declval<Type &>().before_fork());
OUTRIDER_DETECT(has_worker_start, std::declval<Type &>().worker_start(std::declval<worker_info>()));
OUTRIDER_DETECT(has_worker_stop, std::declval<Type &>().worker_stop());
OUTRIDER_DETECT(has_on_wake, std::declval<Type &>().on_wake());
OUTRIDER_DETECT(has_on_body, std::declval<Type &>().on_body(std::string_view(), true));
OUTRIDER_DETECT(has_on_trailers, std::declval<Type &>().on_trailers(fields()));
OUTRIDER_DETECT(has_on_resume, std::declval<Type &>().on_resume());
OUTRIDER_DETECT(has_on_sent, std::declval<Type &>().on_sent(std::uint64_t()));
OUTRIDER_DETECT(has_on_text, std::declval<Type &>().on_text(std::string_view()));
OUTRIDER_DETECT(has_on_binary, std::declval<Type &>().on_binary(std::string_view()));
OUTRIDER_DETECT(has_on_close, std::declval<Type &>().on_close(std::declval<const websocket_close &>()));
OUTRIDER_DETECT(has_on_draining, std::declval<Type &>().on_draining());
OUTRIDER_DETECT(has_on_disconnect, std::declval<Type &>().on_disconnect(outrider_status()));
#if OUTRIDER_HAS_COROUTINES
OUTRIDER_DETECT(has_serve, std::declval<Type &>().serve(std::declval<async_request &>()));
#else
template <class>
struct has_serve : std::false_type {};
#endif

template <class Type, class = void>
struct thread_of {
  using type = no_thread;
};
template <class Type>
struct thread_of<Type, std::enable_if_t<has_thread<Type>::value>> {
  using type = typename Type::thread;
};

template <class Type, class Thread, class = void>
struct has_handle_with_thread : std::false_type {};
template <class Type, class Thread>
struct has_handle_with_thread<Type, Thread,
                              std::void_t<decltype(std::declval<Type &>().handle(std::declval<request &>(), std::declval<Thread &>()))>>
    : std::true_type {};
#undef OUTRIDER_DETECT

}  // namespace outrider::detail

#endif
