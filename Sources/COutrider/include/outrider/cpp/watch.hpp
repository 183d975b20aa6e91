/** @file
 * Descriptors, timers and functions on the worker's loop. Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_WATCH_HPP
#define OUTRIDER_CPP_WATCH_HPP

#include <outrider/cpp/failure.hpp>
#include <outrider/cpp/host.hpp>
#include <outrider/loop.h>

#include <chrono>
#include <cstdint>
#include <utility>

namespace outrider {

/** A watch of a descriptor on the loop, which its destructor ends. The descriptor belongs to the plugin, and is closed after
 * the watch has ended. [loop] */
class watch {
 public:
  watch() noexcept = default;

  /** run(context, why, events) is called as at outrider_loop.watch. Throws error: the host rejects it, or has no loop. */
  watch(host host, outrider_exchange exchange, int descriptor, std::uint32_t events,
        void (*run)(void *context, outrider_status why, std::uint32_t events), void *context)
      : host_(host.table()), loop_(host.extension<outrider_loop>(OUTRIDER_LOOP)) {
    if (loop_ == nullptr) detail::reject("outrider.loop/1", OUTRIDER_E_UNSUPPORTED);
    detail::accepted("watch", loop_->watch(host_, exchange, descriptor, events, run, context, &id_));
  }

  watch(watch &&other) noexcept { swap(other); }
  watch &operator=(watch &&other) noexcept {
    watch(std::move(other)).swap(*this);
    return *this;
  }
  ~watch() {
    if (id_ != 0) loop_->unwatch(host_, id_);
  }

  /** Change the events, a combination of OUTRIDER_LOOP_*. */
  void change(std::uint32_t events) { detail::accepted("change", loop_->change(host_, id_, events)); }

 private:
  void swap(watch &other) noexcept {
    std::swap(host_, other.host_), std::swap(loop_, other.loop_), std::swap(id_, other.id_);
  }

  const outrider_host *host_ = nullptr;
  const outrider_loop *loop_ = nullptr;
  std::uint64_t id_ = 0;
};

namespace detail {

template <class>
struct member_function;
template <class Class, class... Arguments>
struct member_function<void (Class::*)(Arguments...)> {
  using class_type = Class;
};
template <class Class, class... Arguments>
struct member_function<void (Class::*)(Arguments...) noexcept> {
  using class_type = Class;
};
/** The class of a member function. */
template <auto Method>
using class_of = typename member_function<decltype(Method)>::class_type;

/** An object of the worker, and the host that hears of its failures. */
template <class Object>
struct on_worker {
  const outrider_host *host;
  Object *object;

  template <auto Method>
  static void run(void *context, outrider_status why) noexcept {
    auto *const self = static_cast<on_worker *>(context);
    if (why == OUTRIDER_OK) try {
        (self->object->*Method)();
      } catch (...) {
        log_exception(self->host);
      }
    delete self;
  }
};

}  // namespace detail

/** Call a method of an object on the loop: `post<&app::refresh>(host, *this)`. The object must live until it is called or
 * the worker ends. What it throws is logged. [any-thread], from worker_start on */
template <auto Method>
void post(host host, detail::class_of<Method> &object) {
  using target = detail::on_worker<detail::class_of<Method>>;
  auto *const call = new target{host.table(), &object};
  const auto status = host.table()->post(host.table(), outrider_exchange{0}, target::template run<Method>, call);
  if (status < 0) delete call;
  detail::accepted("post", status);
}

/** The same after some time; the timer's number, for outrider_host.cancel. */
template <auto Method>
std::uint64_t after(host host, std::chrono::nanoseconds time, detail::class_of<Method> &object) {
  using target = detail::on_worker<detail::class_of<Method>>;
  auto *const call = new target{host.table(), &object};
  std::uint64_t timer = 0;
  const auto status = host.table()->after(host.table(), outrider_exchange{0}, detail::nanoseconds(time),
                                          target::template run<Method>, call, &timer);
  if (status < 0) delete call;
  detail::accepted("after", status);
  return timer;
}

}  // namespace outrider

#endif
