/** @file
 * A request in blocking style. Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_REQUEST_HPP
#define OUTRIDER_CPP_REQUEST_HPP

#include <outrider/cpp/incoming.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace outrider {

/** A request and its response in blocking style, as handle() gets it. It ends when handle() returns.
 *
 * A response is either one respond(); or start(), any number of write() and send_file(), and optionally trailers(). Each
 * function may block until the client receives or sends bytes, and is for the thread that runs handle().
 *
 * Each throws `closed` when the exchange is over, and `error` for another rejection, with the status as at outrider_io. */
class request : public incoming {
 public:
  request(const outrider_host *host, outrider_exchange exchange, const outrider_head *head, const outrider_io *io) noexcept
      : incoming(host, exchange, head), io_(io) {}

  /** Read up to capacity bytes of the content into buffer; the number of bytes read, 0 at the end. The first call sends 100
   * (Continue) if the client waits for it. Throws http_error 413 if the content is larger than limits.body. */
  std::size_t read(void *buffer, std::size_t capacity) {
    std::size_t got = 0;
    const outrider_status status = io_->read(io_, exchange_, buffer, capacity, &got);
    if (status == OUTRIDER_E_LIMIT) throw http_error(413, "the content is too large");
    detail::accepted("read", status);
    return got;
  }

#if OUTRIDER_HAS_SPAN
  /** The same; the part of the buffer that was read into, which is empty at the end (C++20). */
  std::span<std::byte> read(std::span<std::byte> buffer) { return buffer.first(read(buffer.data(), buffer.size())); }
#endif

  /** Read the whole content. Throws http_error 413 if it is larger than limit. */
  std::string read_all(std::size_t limit) {
    std::string content;
    if (const auto length = content_length()) {
      if (*length > limit) throw http_error(413, "the content is too large");
      content.reserve(static_cast<std::size_t>(*length));
    }
    char piece[16384];
    while (const std::size_t got = read(piece, sizeof piece)) {
      if (got > limit - content.size()) throw http_error(413, "the content is too large");
      content.append(piece, got);
    }
    return content;
  }

  /** The trailer fields of the request, valid until handle() returns, once read() has reported the end. */
  outrider::fields trailers() {
    const outrider_field *first = nullptr;
    std::size_t count = 0;
    detail::accepted("request_trailers", io_->request_trailers(io_, exchange_, &first, &count));
    return {first, count};
  }

  /** Send 103 (Early Hints, RFC 8297) before this call returns. Returns whether it was sent: not to HTTP/1.0, not where
   * hints are disabled, and not above the limit. */
  bool early_hints(outrider::fields hints) { return informational(103, hints); }
  bool early_hints(field_list hints) { return informational(103, detail::of(hints)); }

  /** The same with another status of 102 to 199. */
  bool informational(std::uint32_t status, outrider::fields fields) {
    const outrider_status result = io_->informational(io_, exchange_, status, fields.data(), fields.size());
    if (result == OUTRIDER_E_LIMIT) return false;
    return detail::accepted("informational", result) == OUTRIDER_OK;
  }

  /** Send a complete response. The host adds content-length. */
  void respond(std::uint32_t status, outrider::fields fields, std::string_view body = {}) {
    detail::accepted("respond", io_->respond(io_, exchange_, status, fields.data(), fields.size(), bytes(body)));
    is_answered_ = true;
  }
  void respond(std::uint32_t status, field_list fields, std::string_view body = {}) {
    respond(status, detail::of(fields), body);
  }

  /** Begin a response whose content follows. It is held until the first write(), so that they share a packet. */
  void start(std::uint32_t status, outrider::fields fields) {
    detail::accepted("start", io_->start(io_, exchange_, status, fields.data(), fields.size()));
    is_answered_ = true;
  }
  void start(std::uint32_t status, field_list fields) { start(status, detail::of(fields)); }

  /** Send a part of the content. Returns whether it was sent: not if the response has no content, as for HEAD. */
  bool write(std::string_view piece) {
    const outrider_bytes chunk = bytes(piece);
    return write_chunks(&chunk, 1);
  }

  /** The same, for up to 1,024 pieces: `write({"data: ", text, "\n\n"})`. */
  bool write(std::initializer_list<std::string_view> pieces) {
    constexpr std::size_t most = 16;
    outrider_bytes chunks[most];
    std::size_t count = 0;
    bool is_sent = true;
    for (const auto piece : pieces) {
      if (count == most) is_sent = write_chunks(chunks, count), count = 0;
      chunks[count++] = bytes(piece);
    }
    return count == 0 ? is_sent : write_chunks(chunks, count);
  }

  /** Like write(), for length bytes of a regular file from offset on. The caller keeps the descriptor. Throws error with
   * E_IO, and the response is cut off, if the file is too short or cannot be read. */
  bool send_file(int fd, std::uint64_t offset, std::uint64_t length) {
    return detail::accepted("sendfile", io_->sendfile(io_, exchange_, fd, offset, length)) != OUTRIDER_SKIPPED;
  }

  /** End the content with trailer fields. Returns whether they were sent: over HTTP/1.1 the client must ask for them. */
  bool trailers(field_list fields) {
    return detail::accepted("trailers", io_->trailers(io_, exchange_, fields.begin(), fields.size())) == OUTRIDER_OK;
  }

  /** Whether a final head has been passed to the host. */
  bool is_answered() const noexcept { return is_answered_; }

  /** The table of the C API, for what has no function here. */
  const outrider_io *io() const noexcept { return io_; }

 private:
  bool write_chunks(const outrider_bytes *chunks, std::size_t count) {
    return detail::accepted("write", io_->write(io_, exchange_, chunks, count)) != OUTRIDER_SKIPPED;
  }

  const outrider_io *io_;
  bool is_answered_ = false;
};

}  // namespace outrider

#endif
