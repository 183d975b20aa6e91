/** @file
 * A plugin, made of a class. Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_PLUGIN_HPP
#define OUTRIDER_CPP_PLUGIN_HPP

#include <outrider/cpp/async_hooks.hpp>
#include <outrider/cpp/blocking_hooks.hpp>
#include <outrider/cpp/event_hooks.hpp>
#include <outrider/cpp/lifecycle_hooks.hpp>

#include <type_traits>

namespace outrider::detail {

/** The description of a plugin of this class. Hooks of which it has nothing are left out. */
template <class Application>
outrider_plugin describe(const char *name, const char *version) noexcept {
  using blocking = blocking_hooks<Application>;
  constexpr bool is_event = has_exchange<Application>::value, is_async = has_serve<Application>::value;
  static_assert(blocking::is_used || is_event || is_async,
                "an application has handle(outrider::request &), a class exchange, or serve(outrider::async_request &)");
  static_assert(!is_event || !is_async, "an application has either a class exchange or serve()");

  outrider_plugin plugin{};
  plugin.size = sizeof plugin, plugin.abi = OUTRIDER_ABI_VERSION, plugin.abi_required = OUTRIDER_ABI(1, 0);
  plugin.capabilities = is_thread_safe<Application>::value ? OUTRIDER_THREAD_SAFE : 0;
  plugin.name = name, plugin.version = version;
  plugin.load = hooks<Application>::load, plugin.unload = hooks<Application>::unload;
  if constexpr (has_before_fork<Application>::value) plugin.before_fork = hooks<Application>::before_fork;
  plugin.worker_start = hooks<Application>::worker_start;
  if constexpr (has_worker_stop<Application>::value) plugin.worker_stop = hooks<Application>::worker_stop;
  if constexpr (has_on_wake<Application>::value) plugin.on_wake = hooks<Application>::on_wake;
  if constexpr (has_thread<Application>::value) {
    plugin.thread_start = hooks<Application>::thread_start;
    plugin.thread_stop = hooks<Application>::thread_stop;
  }
  if constexpr (blocking::is_used) plugin.handle = blocking::handle;
  if constexpr (is_event || is_async) {
    using event = std::conditional_t<is_event, event_hooks<Application>, async_hooks<Application>>;
    plugin.open = event::open, plugin.on_event = event::on_event, plugin.close = event::close;
  }
  return plugin;
}

}  // namespace outrider::detail

/** Defines the entry point of a plugin whose application is of the class Application. name and version are string
 * literals, for display. */
#define OUTRIDER_PLUGIN(Application, name, version)                                                      \
  const outrider_plugin *outrider_plugin_v1(const outrider_host *) {                                     \
    static const outrider_plugin plugin = outrider::detail::describe<Application>(name, version);        \
    return &plugin;                                                                                      \
  }                                                                                                      \
  static_assert(true, "")

#endif
