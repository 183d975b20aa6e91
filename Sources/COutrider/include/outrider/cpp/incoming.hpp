/** @file
 * What every style knows of a request. Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_INCOMING_HPP
#define OUTRIDER_CPP_INCOMING_HPP

#include <outrider/cpp/fields.hpp>
#include <outrider/cpp/host.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace outrider {

/** A request as it arrived, and what is done with it in either style. Views of it are valid until the exchange is over:
 * until handle() has returned, or until the destructor of the event handler. */
class incoming {
 public:
  incoming(const incoming &) = delete;
  incoming &operator=(const incoming &) = delete;

  std::string_view method() const noexcept { return view(head_->method); } /**< case-sensitive: "GET" */
  /** Decoded once, without dot segments and without the mount: "/" if nothing is left. */
  std::string_view path() const noexcept { return view(head_->path); }
  std::string_view raw_path() const noexcept { return view(head_->raw_path); } /**< as received, with the mount */
  std::string_view query() const noexcept { return view(head_->query); } /**< as received, without the '?' */
  std::string_view target() const noexcept { return view(head_->target); } /**< as received (RFC 9112 section 3.2) */
  std::string_view mount() const noexcept { return view(head_->mount); } /**< the prefix that path() is without */
  std::string_view scheme() const noexcept { return view(head_->scheme); } /**< "http" or "https", as the client sees it */
  std::string_view authority() const noexcept { return view(head_->authority); } /**< Host or :authority */
  std::string_view client_address() const noexcept { return view(head_->client_address); } /**< empty on a unix socket */
  std::string_view id() const noexcept { return view(head_->request_id); } /**< the same as in the logs */

  outrider::fields fields() const noexcept { return {head_->fields, head_->n_fields}; } /**< in the order received */
  /** The value of the first field of that name, in any case. */
  std::optional<std::string_view> field(std::string_view name) const noexcept { return fields().find(name); }

  /** The announced length of the content in bytes; empty: it is not announced. */
  std::optional<std::uint64_t> content_length() const noexcept {
    return head_->content_length < 0 ? std::nullopt : std::optional(static_cast<std::uint64_t>(head_->content_length));
  }
  bool has_body() const noexcept { return has(OUTRIDER_HEAD_HAS_BODY); } /**< content is announced; it may be empty */
  bool is_head() const noexcept { return has(OUTRIDER_HEAD_HEAD_ONLY); } /**< the content of the response is not sent */
  bool may_hint() const noexcept { return has(OUTRIDER_HEAD_MAY_HINT); } /**< a 103 would be sent */
  bool is_tls() const noexcept { return has(OUTRIDER_HEAD_TLS); } /**< the client's connection to this server is TLS */

  /** The head of the C API, with what has no function here. */
  const outrider_head &head() const noexcept { return *head_; }
  outrider::host host() const noexcept { return outrider::host(host_); }
  outrider_exchange exchange_handle() const noexcept { return exchange_; } /**< for functions of the C API */

  /** What is known of the client's TLS; null without TLS. [loop, request-thread] */
  const outrider_tls *tls() const noexcept { return host_->tls(host_, exchange_); }

  /** Whether the response is not needed any more. Cheap enough to be called often during a long computation. */
  bool cancelled() const noexcept { return host_->cancelled(host_, exchange_) != OUTRIDER_OK; }

  /** Whether the worker is draining: finish soon, nothing is cut off yet. */
  bool draining() const noexcept { return host_->draining(host_) != 0; }

  /** Write a line to the error log, with the request's id. */
  void log(level level, std::string_view message) const noexcept {
    host_->log(host_, exchange_, static_cast<std::uint32_t>(level), bytes(message));
  }

  /** Note a value of the request for the logs, by a key of letters, digits, '-', '_' and '.': see outrider_log.note. A host
   * without the extension ignores it. Throws error: the key or the value is malformed, or there are too many. */
  void note(const char *key, std::string_view value) const {
    if (const auto *log = host().extension<outrider_log>(OUTRIDER_LOG))
      detail::accepted("note", log->note(host_, exchange_, key, bytes(value)));
  }

 protected:
  incoming(const outrider_host *host, outrider_exchange exchange, const outrider_head *head) noexcept
      : host_(host), exchange_(exchange), head_(head) {}
  ~incoming() = default;

  const outrider_host *host_;
  outrider_exchange exchange_;

 private:
  bool has(std::uint32_t flag) const noexcept { return (head_->flags & flag) != 0; }

  const outrider_head *head_;
};

}  // namespace outrider

#endif
