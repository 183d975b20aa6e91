/** @file
 * A response that is sent without blocking. Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_EVENT_RESPONSE_HPP
#define OUTRIDER_CPP_EVENT_RESPONSE_HPP

#include <outrider/cpp/failure.hpp>
#include <outrider/cpp/file.hpp>
#include <outrider/cpp/incoming.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace outrider {

/** What has become of a part of a response. */
enum class flow {
  accepted, /**< go on */
  pause,    /**< accepted; send no more until on_resume() */
  again,    /**< the queue is full, and nothing was accepted: send it again in on_resume() */
};

namespace detail {

/** Half of limits.output: the most that the host is asked to copy at once. Set when the worker starts. */
inline std::size_t most_copied = 65536;

/** How far a response is. It outlives the handler, whose constructor may throw. */
class response_state {
 public:
  enum class progress { none, begun, websocket, complete };

  /** A response with its own memory. */
  struct kept_response {
    kept_response(std::uint32_t code, outrider::fields lines, std::string_view content) : status(code), body(content) {
      texts.reserve(2 * lines.size());
      for (const auto [name, value] : lines) {
        const auto &kept_name = texts.emplace_back(name), &kept_value = texts.emplace_back(value);
        fields.emplace_back(kept_name, kept_value);
      }
    }
    kept_response(const kept_response &) = delete;

    std::uint32_t status;
    std::vector<std::string> texts;
    std::vector<outrider::field> fields;
    std::string body;
  };

  // Rarely needed, and therefore kept out of the path of every request.
  struct drop {
    [[gnu::cold, gnu::noinline]] void operator()(kept_response *response) const noexcept { delete response; }
  };

  std::unique_ptr<kept_response, drop> kept;
  progress reached = progress::none;
};

}  // namespace detail

/** A request that has arrived: what the constructor of an event handler passes on to its base. */
struct opening {
  const outrider_host *host;
  outrider_exchange exchange;
  const outrider_head *head;
  detail::response_state *response;
};

/** What event handlers and coroutines have in common: a response is either one respond(); or start(), and parts of its
 * content, the last of which has more = false. No function blocks. All are for the loop.
 *
 * Each throws `closed` when the exchange is over, and `error` for another rejection, with the status as at
 * outrider_host.send. */
class event_response : public incoming {
 public:
  /** Send 103 (Early Hints, RFC 8297) at once. Returns whether it was sent: not to HTTP/1.0, not where hints are disabled,
   * and not above the limit. */
  bool early_hints(outrider::fields hints) { return informational(103, hints); }
  bool early_hints(field_list hints) { return informational(103, detail::of(hints)); }

  /** The same with another status of 102 to 199. */
  bool informational(std::uint32_t status, outrider::fields fields) {
    const outrider_status result = host_->send_informational(host_, exchange_, status, fields.data(), fields.size());
    if (result == OUTRIDER_E_LIMIT || result == OUTRIDER_E_AGAIN) return false;
    return detail::accepted("send_informational", result) != OUTRIDER_SKIPPED;
  }

  /** Send a complete response. The host adds content-length. A body that is larger than what the host copies, and a response
   * for which there is no room yet, as on a crowded connection of HTTP/2, is kept until it is sent. */
  void respond(std::uint32_t status, outrider::fields fields, std::string_view body = {}) {
    const outrider_status result =
        body.size() > detail::most_copied
            ? OUTRIDER_E_AGAIN
            : host_->send_response(host_, exchange_, status, fields.data(), fields.size(), bytes(body));
    if (result < 0) keep_or_throw(result, status, fields, body);
    response_.reached = progress::complete;
  }
  void respond(std::uint32_t status, field_list fields, std::string_view body = {}) {
    respond(status, detail::of(fields), body);
  }

  /** Begin a response whose content follows. It is sent at once. */
  void start(std::uint32_t status, outrider::fields fields) {
    detail::accepted("send_start", host_->send_start(host_, exchange_, status, fields.data(), fields.size(), 0));
    response_.reached = progress::begun;
  }
  void start(std::uint32_t status, field_list fields) { start(status, detail::of(fields)); }

  /** End the exchange without a complete response. After a head, the response is cut off; before it, the client gets a 500,
   * or a 504 if reason is E_CANCELLED, or nothing if it is 0. */
  void abort(outrider_status reason = OUTRIDER_E_FAILED) noexcept {
    response_.reached = progress::complete;
    host_->send_abort(host_, exchange_, reason);
  }

  /** Whether a final head has been passed to the host. */
  bool is_answered() const noexcept { return response_.reached != progress::none; }

 protected:
  explicit event_response(const opening &opening) noexcept
      : incoming(opening.host, opening.exchange, opening.head), response_(*opening.response) {}
  ~event_response() = default;

  /** BODY: bytes are copied where they can't be sent at once. */
  flow send_part(std::string_view piece, bool more) {
    return flow_of("send_body", host_->send_body(host_, exchange_, bytes(piece), more), more);
  }

  /** BODY with a tag, which comes back in SENT. */
  flow send_part(std::string_view piece, bool more, std::uint64_t tag) {
    outrider_body_event event{};
    event.size = sizeof event, event.type = OUTRIDER_EVENT_BODY, event.tag = tag;
    event.bytes = bytes(piece), event.more = more;
    return flow_of("send", host_->send(host_, exchange_, reinterpret_cast<const outrider_event *>(&event)), more);
  }

  /** FILE: the descriptor is closed when it is not needed any more. If the result is `again`, the caller still has it. */
  flow send_file_part(file &file, std::uint64_t offset, std::uint64_t length, bool more) {
    outrider_file_event event{};
    event.size = sizeof event, event.type = OUTRIDER_EVENT_FILE;
    event.fd = file.descriptor(), event.more = more, event.offset = offset, event.length = length;
    event.release = [](void *context) noexcept { ::close(static_cast<int>(reinterpret_cast<std::intptr_t>(context))); };
    event.context = reinterpret_cast<void *>(static_cast<std::intptr_t>(file.descriptor()));
    const auto result = host_->send(host_, exchange_, reinterpret_cast<const outrider_event *>(&event));
    if (result >= 0) file.release();
    return flow_of("send", result, more);
  }

  /** RESUME: sends the response that was kept. Returns whether there was none. */
  bool has_nothing_kept() noexcept {
    if (!response_.kept) return true;
    const outrider_status result = lend_kept();
    if (result < 0 && result != OUTRIDER_E_AGAIN && result != OUTRIDER_E_CLOSED && result != OUTRIDER_E_CANCELLED) abort();
    return false;
  }

  /** Call this within catch (...). The exchange ends as the exception says, unless its response is complete or was cut off. */
  void fail() noexcept {
    const outrider_status status = failure_status();
    if (status < 0 && (response_.reached != progress::complete || response_.kept)) abort(status);
  }

  /** The same where the host ends the exchange: in open(). */
  [[gnu::cold, gnu::noinline]] outrider_status failure_status() noexcept {
    return detail::handle_exception(host_, exchange_, is_answered(), [this](std::uint32_t status, const char *reason) noexcept {
      try {
        respond(status, {{"content-type", "text/plain; charset=utf-8"}}, std::string(reason) + '\n');
        return OUTRIDER_OK;
      } catch (...) {
        return OUTRIDER_E_FAILED;
      }
    });
  }

  using state = detail::response_state;
  using progress = state::progress;
  progress response_progress() const noexcept { return response_.reached; }
  void reach(progress reached) noexcept { response_.reached = reached; }

  flow flow_of(const char *call, outrider_status result, bool more) {
    if (result == OUTRIDER_E_AGAIN) return flow::again;
    detail::accepted(call, result);
    if (!more) response_.reached = progress::complete;
    return result == OUTRIDER_PAUSE ? flow::pause : flow::accepted;
  }

 private:
  [[gnu::cold, gnu::noinline]] void keep_or_throw(outrider_status result, std::uint32_t status, outrider::fields fields,
                                                  std::string_view body) {
    if (result != OUTRIDER_E_AGAIN) detail::reject("send_response", result);
    response_.kept.reset(new state::kept_response(status, fields, body));
    const outrider_status lent = lend_kept();
    if (lent < 0 && lent != OUTRIDER_E_AGAIN) {
      response_.kept = nullptr;
      detail::reject("send", lent);
    }
  }

  /** RESPONSE, whose bytes are the host's until it has sent them. If it is rejected, they are kept. */
  [[gnu::cold, gnu::noinline]] outrider_status lend_kept() noexcept {
    auto *const kept = response_.kept.release();
    outrider_response_event event{};
    event.size = sizeof event, event.type = OUTRIDER_EVENT_RESPONSE, event.status = kept->status;
    event.fields = kept->fields.data(), event.n_fields = kept->fields.size(), event.body = bytes(kept->body);
    event.release = [](void *context) noexcept { delete static_cast<state::kept_response *>(context); };
    event.context = kept;
    const outrider_status result = host_->send(host_, exchange_, reinterpret_cast<const outrider_event *>(&event));
    if (result < 0) response_.kept.reset(kept);
    return result;
  }

  detail::response_state &response_;
};

}  // namespace outrider

#endif
