/** @file
 * The coroutine type of handlers (C++20). Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_TASK_HPP
#define OUTRIDER_CPP_TASK_HPP

#if defined(__cpp_impl_coroutine) && __has_include(<coroutine>)
#define OUTRIDER_HAS_COROUTINES 1
#else
#define OUTRIDER_HAS_COROUTINES 0
#endif

#if OUTRIDER_HAS_COROUTINES

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace outrider {

template <class Result>
class task;

namespace detail {

/** Continues whoever waits for a coroutine that has ended. */
struct final_awaiter {
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
    return ended.promise().waiting;
  }
  void await_resume() const noexcept {}
};

struct promise_base {
  std::suspend_always initial_suspend() const noexcept { return {}; }
  final_awaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { exception = std::current_exception(); }
  void rethrow() const {
    if (exception) std::rethrow_exception(exception);
  }

  std::coroutine_handle<> waiting = std::noop_coroutine();
  std::exception_ptr exception;
};

template <class Result>
struct promise : promise_base {
  task<Result> get_return_object() noexcept;
  template <class Value>
  void return_value(Value &&value) {
    result.emplace(std::forward<Value>(value));
  }
  Result take() {
    rethrow();
    return std::move(*result);
  }

  std::optional<Result> result;
};

template <>
struct promise<void> : promise_base {
  task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take() const { rethrow(); }
};

}  // namespace detail

/** A coroutine that begins when it is awaited, and passes its result or its exception to whoever awaits it. Its destructor
 * destroys the coroutine, and what it holds, wherever it waits. */
template <class Result = void>
class [[nodiscard]] task {
 public:
  using promise_type = detail::promise<Result>;

  explicit task(std::coroutine_handle<promise_type> coroutine) noexcept : coroutine_(coroutine) {}
  task(task &&other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  task &operator=(task &&other) noexcept {
    std::swap(coroutine_, other.coroutine_);
    return *this;
  }
  ~task() {
    if (coroutine_) coroutine_.destroy();
  }

  auto operator co_await() const noexcept {
    struct awaiter {
      std::coroutine_handle<promise_type> coroutine;

      bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiting) const noexcept {
        coroutine.promise().waiting = waiting;
        return coroutine;
      }
      Result await_resume() const { return coroutine.promise().take(); }
    };
    return awaiter{coroutine_};
  }

  /** The coroutine itself, for who runs it without awaiting it. */
  std::coroutine_handle<promise_type> coroutine() const noexcept { return coroutine_; }

 private:
  std::coroutine_handle<promise_type> coroutine_;
};

namespace detail {

template <class Result>
task<Result> promise<Result>::get_return_object() noexcept {
  return task<Result>(std::coroutine_handle<promise>::from_promise(*this));
}
inline task<void> promise<void>::get_return_object() noexcept {
  return task<void>(std::coroutine_handle<promise>::from_promise(*this));
}

}  // namespace detail
}  // namespace outrider

#endif
#endif
