/** @file
 * A request in the style of coroutines (C++20). Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_ASYNC_REQUEST_HPP
#define OUTRIDER_CPP_ASYNC_REQUEST_HPP

#include <outrider/cpp/event_handler.hpp>
#include <outrider/cpp/task.hpp>

#if OUTRIDER_HAS_COROUTINES

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace outrider {

class websocket;

/** A request and its response, as a coroutine gets them:
 *
 *     outrider::task<> serve(outrider::async_request &request) {
 *       request.early_hints({{"link", "</style.css>; rel=preload; as=style"}});
 *       co_await request.sleep(100ms);
 *       request.respond(200, {{"content-type", "text/plain"}}, "hello\n");
 *     }
 *
 * The coroutine runs on the worker's loop, and on no other thread. It must not block; while it waits, other requests run.
 * One coroutine at a time waits for something of a request.
 *
 * CANCELLATION. When the client leaves, the deadline of the request passes or the worker must stop, what the coroutine waits
 * for throws `closed`, and so does every later call: the coroutine unwinds, and destructors release what it holds. A
 * coroutine that still waits when the exchange is over, since its response is complete, is destroyed where it waits.
 *
 * THE END. When the coroutine returns, a response that was begun is complete. Without a response, the client gets a 500. What
 * it throws ends the exchange as its kind says: see <outrider/cpp/error.hpp>. */
class async_request : public websocket_response {
  class waiting_for;
  class sending;
  friend class websocket;

 public:
  /** Wait for a piece of the content: `std::string_view piece = co_await request.read()`. It is empty at the end. The piece
   * is valid until the coroutine waits for something else. The first call sends 100 (Continue) if the client waits for
   * it. */
  auto read() noexcept { return reading(*this); }

  /** Wait for the whole content: `std::string content = co_await request.read_all(65536)`. Throws http_error 413 if it is
   * larger than limit. */
  task<std::string> read_all(std::size_t limit) {
    if (content_length().value_or(0) > limit) throw http_error(413, "the content is too large");
    std::string content;
    for (auto piece = co_await read(); !piece.empty(); piece = co_await read()) {
      if (piece.size() > limit - content.size()) throw http_error(413, "the content is too large");
      content.append(piece);
    }
    co_return content;
  }

  /** Wait for a time: `co_await request.sleep(200ms)`. */
  auto sleep(std::chrono::nanoseconds time) noexcept { return sleeping(*this, time, false); }

  /** The same, but not longer than until the worker drains. Returns whether the time has passed; false: finish soon. */
  auto sleep_unless_draining(std::chrono::nanoseconds time) noexcept { return sleeping(*this, time, true); }

  /** Send part of the content, of any size: `co_await request.send(text)`. Waits until the host takes more. The text must
   * live until then, as a temporary string does. */
  auto send(std::string_view piece) noexcept { return sending(*this, piece); }

  /** Send length bytes of a regular file from offset on: `co_await request.send_file(file(path), 0, size)`. Waits until the
   * host takes more. A file that is too short ends the exchange. */
  auto send_file(file file, std::uint64_t offset, std::uint64_t length) noexcept {
    return sending_file(*this, std::move(file), offset, length);
  }

  /** Wait until the descriptor is ready: `co_await request.ready(fd, OUTRIDER_LOOP_READABLE)`. Returns the events. */
  auto ready(int descriptor, std::uint32_t events) noexcept { return watching(*this, descriptor, events); }

 protected:
  explicit async_request(const opening &opening) noexcept : websocket_response(opening) {}
  ~async_request() = default;

  /** Runs the coroutine until it waits for something or has ended. */
  void run(std::coroutine_handle<detail::promise<void>> coroutine) noexcept {
    coroutine_ = coroutine;
    coroutine.resume();
    finish_if_done();
  }

  /** REQUEST */
  void on_body(std::string_view piece, bool more) noexcept {
    piece_ = piece;
    is_read_ = !more;
    resume(wait::piece);
  }

  /** RESUME */
  void on_resume() noexcept {
    if (!has_nothing_kept()) return;
    if (is_ending_)
      end();
    else if (waiter_ != nullptr && kind_ == wait::room && waiter_->retry())
      resume(wait::room);
  }

  /** DRAINING */
  void on_draining() noexcept {
    if (kind_ == wait::time_or_drain) resume(kind_);
  }

  /** WEBSOCKET_MESSAGE, WEBSOCKET_CLOSE, after the WebSocket has been told. */
  void on_websocket() noexcept {
    if (kind_ == wait::message || (kind_ == wait::room && response_progress() == progress::complete)) resume(kind_);
  }

  websocket *socket() const noexcept { return socket_; }

  /** DISCONNECT */
  void on_disconnect(outrider_status reason) noexcept {
    closed_ = reason == OUTRIDER_E_CANCELLED ? reason : OUTRIDER_E_CLOSED;
    if (kind_ != wait::nothing) resume(kind_);
  }

 private:
  enum class wait { nothing, piece, time, time_or_drain, room, descriptor, message };

  void resume(wait kind) noexcept {
    if (kind_ != kind) return;
    kind_ = wait::nothing;
    waiter_->coroutine.resume();
    finish_if_done();
  }

  void finish_if_done() noexcept {
    if (!coroutine_.done() || is_finished_) return;
    is_finished_ = true;
    try {
      coroutine_.promise().rethrow();
    } catch (...) {
      fail();
      return;
    }
    if (closed_ != OUTRIDER_OK) return;
    if (response_progress() == progress::websocket) {
      end_websocket();
    } else if (response_progress() == progress::begun) {
      end();
    } else if (response_progress() == progress::none) {
      log(level::error, "the coroutine has returned without a response");
      abort();
    }
  }

  /** Ends the content of a response, at the next RESUME if there is no room now. */
  void end() noexcept {
    try {
      is_ending_ = send_part({}, false) == flow::again;
    } catch (...) {
      fail();
    }
  }

  void end_websocket() noexcept {
    try {
      close_websocket(OUTRIDER_WEBSOCKET_NORMAL, {});
    } catch (...) {
      fail();
    }
  }

  /** What a coroutine waits for. It is part of the coroutine, and does not move while it waits. */
  class waiting_for {
   public:
    explicit waiting_for(async_request &owner) noexcept : request(owner) {}

    /** RESUME: whether the wait is over. */
    virtual bool retry() noexcept { return true; }

    std::coroutine_handle<> coroutine;

   protected:
    ~waiting_for() = default;

    void wait_for(wait kind, std::coroutine_handle<> suspended) noexcept {
      coroutine = suspended;
      request.waiter_ = this;
      request.kind_ = kind;
    }

    /** Throws if the exchange is over, or if the call that began the wait was rejected. */
    void check(const char *call) const {
      if (request.closed_ != OUTRIDER_OK) detail::reject(call, request.closed_);
      detail::accepted(call, status);
    }

    async_request &request;
    outrider_status status = OUTRIDER_OK;
  };

  class reading : public waiting_for {
   public:
    using waiting_for::waiting_for;

    bool await_ready() noexcept {
      request.piece_ = {};
      return request.closed_ != OUTRIDER_OK || request.is_read_;
    }
    bool await_suspend(std::coroutine_handle<> suspended) noexcept {
      status = request.host_->receive(request.host_, request.exchange_, 1);
      if (status < 0) return false;
      wait_for(wait::piece, suspended);
      return true;
    }
    std::string_view await_resume() const {
      check("receive");
      return request.piece_;
    }
  };

  class sleeping : public waiting_for {
   public:
    sleeping(async_request &owner, std::chrono::nanoseconds time, bool ends_on_drain) noexcept
        : waiting_for(owner), time_(time), ends_on_drain_(ends_on_drain) {}

    bool await_ready() const noexcept {
      return request.closed_ != OUTRIDER_OK || (ends_on_drain_ && request.draining());
    }
    bool await_suspend(std::coroutine_handle<> suspended) noexcept {
      const auto *const host = request.host_;
      status = host->after(host, request.exchange_, detail::nanoseconds(time_), run, &request, &request.timer_);
      if (status < 0) return false;
      wait_for(ends_on_drain_ ? wait::time_or_drain : wait::time, suspended);
      return true;
    }
    bool await_resume() const {
      // What is left of the timer finds that nobody waits for it.
      if (const auto timer = std::exchange(request.timer_, 0)) request.host_->cancel(request.host_, timer);
      check("after");
      return has_passed_;
    }

   private:
    static void run(void *context, outrider_status why) noexcept {
      if (why != OUTRIDER_OK) return;
      auto *const sleeper = static_cast<async_request *>(context);
      sleeper->timer_ = 0;
      static_cast<sleeping *>(sleeper->waiter_)->has_passed_ = true;
      sleeper->resume(sleeper->kind_);
    }

    std::chrono::nanoseconds time_;
    bool ends_on_drain_;
    bool has_passed_ = false;
  };

  /** Waits for room, as often as it takes. */
  class sending : public waiting_for {
   public:
    sending(async_request &owner, std::string_view rest) noexcept : waiting_for(owner), rest_(rest) {}

    bool await_ready() { return request.closed_ != OUTRIDER_OK || pass(); }
    void await_suspend(std::coroutine_handle<> suspended) noexcept { wait_for(wait::room, suspended); }
    void await_resume() const {
      if (exception_) std::rethrow_exception(exception_);
      check("send");
    }
    bool retry() noexcept final {
      try {
        return pass();
      } catch (...) {
        exception_ = std::current_exception();
        return true;
      }
    }

   protected:
    /** Passes what there is room for to the host. Returns whether that is all, and more may follow. */
    virtual bool pass() {
      while (!rest_.empty()) {
        const auto piece = rest_.substr(0, detail::most_copied);
        const flow result = request.send_part(piece, true);
        if (result == flow::again) return false;
        rest_.remove_prefix(piece.size());
        if (result == flow::pause) return false;
      }
      return true;
    }

   private:
    std::string_view rest_;
    std::exception_ptr exception_;
  };

  class sending_file : public sending {
   public:
    sending_file(async_request &owner, file sent, std::uint64_t offset, std::uint64_t length) noexcept
        : sending(owner, {}), file_(std::move(sent)), offset_(offset), length_(length) {}

   private:
    bool pass() final {
      if (is_passed_) return true;
      const flow result = request.send_file_part(file_, offset_, length_, true);
      is_passed_ = result != flow::again;
      return result == flow::accepted;
    }

    file file_;
    std::uint64_t offset_, length_;
    bool is_passed_ = false;
  };

  class watching : public waiting_for {
   public:
    watching(async_request &owner, int descriptor, std::uint32_t events) noexcept
        : waiting_for(owner), descriptor_(descriptor), events_(events) {}

    bool await_ready() const noexcept { return request.closed_ != OUTRIDER_OK; }
    void await_suspend(std::coroutine_handle<> suspended) {
      watch_ = watch(request.host(), request.exchange_, descriptor_, events_, run, this);
      wait_for(wait::descriptor, suspended);
    }
    std::uint32_t await_resume() {
      watch_ = {};
      check("watch");
      return events_;
    }

   private:
    static void run(void *context, outrider_status why, std::uint32_t events) noexcept {
      if (why != OUTRIDER_OK) return;
      auto *const self = static_cast<watching *>(context);
      self->events_ = events;
      self->request.resume(wait::descriptor);
    }

    int descriptor_;
    std::uint32_t events_;
    watch watch_;
  };

  std::coroutine_handle<detail::promise<void>> coroutine_;
  waiting_for *waiter_ = nullptr;
  websocket *socket_ = nullptr;
  wait kind_ = wait::nothing;
  std::string_view piece_;
  std::uint64_t timer_ = 0;
  outrider_status closed_ = OUTRIDER_OK;
  bool is_read_ = false;
  bool is_finished_ = false;
  bool is_ending_ = false;
};

}  // namespace outrider

#endif
#endif
