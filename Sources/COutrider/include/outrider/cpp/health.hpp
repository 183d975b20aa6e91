/** @file
 * Whether a plugin is ready, and whether its threads live. Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_HEALTH_HPP
#define OUTRIDER_CPP_HEALTH_HPP

#include <outrider/cpp/bytes.hpp>
#include <outrider/cpp/error.hpp>
#include <outrider/cpp/host.hpp>
#include <outrider/health.h>

#include <cstdint>
#include <string_view>

namespace outrider {

/** Say whether the entry is ready in this worker, for /readyz; reason is for the operator. A host without the extension
 * outrider.health/1 ignores it. [any-thread], in a worker */
inline void set_ready(host host, bool is_ready, std::string_view reason = {}) {
  if (const auto *health = host.extension<outrider_health>(OUTRIDER_HEALTH))
    detail::accepted("ready", health->ready(host.table(), is_ready, bytes(reason)));
}

/** A thread of the plugin that says that it lives, from its constructor to its destructor: see outrider_health.watch. On a
 * host without the extension outrider.health/1 it does nothing. */
class watched_thread {
 public:
  /** name: letters, digits, '-', '_' and '.'. Throws error: the name is malformed, or there are too many. */
  watched_thread(host host, const char *name)
      : host_(host.table()), functions_(host.extension<outrider_health>(OUTRIDER_HEALTH)) {
    if (functions_ != nullptr) detail::accepted("watch", functions_->watch(host_, name, &thread_));
  }
  watched_thread(const watched_thread &) = delete;
  watched_thread &operator=(const watched_thread &) = delete;
  ~watched_thread() {
    if (functions_ != nullptr) functions_->unwatch(host_, thread_);
  }

  /** Say that the thread lives: more often than timeouts.worker. */
  void alive() const noexcept {
    if (functions_ != nullptr) functions_->alive(host_, thread_);
  }

  /** Say that the thread waits for work, until the next alive(). */
  void idle() const noexcept {
    if (functions_ != nullptr) functions_->idle(host_, thread_);
  }

 private:
  const outrider_host *host_;
  const outrider_health *functions_;
  std::uint32_t thread_ = 0;
};

}  // namespace outrider

#endif
