/** @file
 * The hooks that every application has. Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_LIFECYCLE_HOOKS_HPP
#define OUTRIDER_CPP_LIFECYCLE_HOOKS_HPP

#include <outrider/config.h>
#include <outrider/cpp/entry.hpp>
#include <outrider/cpp/failure.hpp>

#include <cstdint>
#include <cstdio>
#include <memory>
#include <type_traits>

namespace outrider::detail {

/** Passes a fault that names its key to the extension outrider.config/1, which knows the place of it. */
inline outrider_status refuse_config(const outrider_host *host, const config_error &fault, outrider_error *error) noexcept {
  const auto *config = static_cast<const outrider_config *>(host->extension(host, OUTRIDER_CONFIG));
  if (config == nullptr ||
      config->error(host, OUTRIDER_CONFIG_ROOT, fault.key().c_str(), outrider_text(fault.what())) < 0)
    std::snprintf(error->text, sizeof error->text, "plugin.config.%s: %s", fault.key().c_str(), fault.what());
  return OUTRIDER_E_INVALID;
}

/** The hooks that every application has. */
template <class Application>
struct hooks {
  using entry = detail::entry<Application>;
  using thread = typename thread_of<Application>::type;

  static Application &application(void *state) noexcept { return static_cast<entry *>(state)->application; }

  static outrider_status load(const outrider_host *host, const outrider_load_info *info, void **state,
                              outrider_error *error) noexcept {
    try {
      *state = new entry(host, static_cast<purpose>(info->purpose));
      return OUTRIDER_OK;
    } catch (const config_error &fault) {
      return refuse_config(host, fault, error);
    } catch (...) {
      return refuse(error);
    }
  }

  static void unload(void *state) noexcept { delete static_cast<entry *>(state); }

  static void before_fork(void *state) noexcept {
    if constexpr (has_before_fork<Application>::value) try {
        application(state).before_fork();
      } catch (...) {
        log_exception(static_cast<entry *>(state)->host);
      }
  }

  static outrider_status worker_start([[maybe_unused]] void *state, const outrider_worker_info *info,
                                      [[maybe_unused]] outrider_error *error) noexcept {
    most_copied = static_cast<std::size_t>(info->output_limit / 2);
    if constexpr (has_worker_start<Application>::value) try {
        application(state).worker_start(worker_info(*info));
      } catch (...) {
        return refuse(error);
      }
    return OUTRIDER_OK;
  }

  static void worker_stop(void *state, std::uint64_t) noexcept {
    if constexpr (has_worker_stop<Application>::value) try {
        application(state).worker_stop();
      } catch (...) {
        log_exception(static_cast<entry *>(state)->host);
      }
  }

  static void on_wake(void *state) noexcept {
    if constexpr (has_on_wake<Application>::value) try {
        application(state).on_wake();
      } catch (...) {
        log_exception(static_cast<entry *>(state)->host);
      }
  }

  static outrider_status thread_start(void *state, const outrider_thread_info *info, void **made,
                                      outrider_error *error) noexcept {
    try {
      *made = make_thread(application(state), thread_info{info->index, info->threads}).release();
      return OUTRIDER_OK;
    } catch (...) {
      return refuse(error);
    }
  }

  static std::unique_ptr<thread> make_thread(Application &application, [[maybe_unused]] thread_info info) {
    if constexpr (std::is_constructible_v<thread, Application &, thread_info>)
      return std::make_unique<thread>(application, info);
    else if constexpr (std::is_constructible_v<thread, Application &>)
      return std::make_unique<thread>(application);
    else
      return std::make_unique<thread>();
  }

  static void thread_stop(void *, void *made) noexcept { delete static_cast<thread *>(made); }
};

}  // namespace outrider::detail

#endif
