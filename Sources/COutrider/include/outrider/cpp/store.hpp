/** @file
 * State that all workers share. Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_STORE_HPP
#define OUTRIDER_CPP_STORE_HPP

#include <outrider/cpp/bytes.hpp>
#include <outrider/cpp/error.hpp>
#include <outrider/cpp/host.hpp>
#include <outrider/store.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace outrider {

/** The shared store, in workers: see outrider_store. Each call is atomic, and takes a few microseconds. [any-thread] A time
 * to live of 0 is for ever. Each function throws error: E_LIMIT if there is no room, E_AGAIN if another worker was stopped
 * within a call, E_UNSUPPORTED with store.size = 0. */
class store {
 public:
  /** Throws error: the host is older than the extension outrider.store/1. */
  explicit store(host host) : host_(host.table()), functions_(host.extension<outrider_store>(OUTRIDER_STORE)) {
    if (functions_ == nullptr) throw error(OUTRIDER_STORE, OUTRIDER_E_UNSUPPORTED);
  }

  /** The value of a key; empty: there is none. */
  std::optional<std::string> get(std::string_view key) const {
    std::string value(256, '\0');
    for (;;) {
      std::size_t size = 0;
      const auto status = functions_->get(host_, bytes(key), value.data(), value.size(), &size, nullptr);
      if (status == OUTRIDER_SKIPPED) return std::nullopt;
      if (status != OUTRIDER_E_LIMIT) detail::accepted("get", status);
      value.resize(size);
      if (status != OUTRIDER_E_LIMIT) return value;
    }
  }

  void set(std::string_view key, std::string_view value, std::chrono::nanoseconds time_to_live = {}) const {
    detail::accepted("set", functions_->set(host_, bytes(key), bytes(value), detail::nanoseconds(time_to_live)));
  }

  /** Set the value if it is `expected`, or if there is none and expected is empty. Returns whether it was set. */
  bool compare_and_set(std::string_view key, std::optional<std::string_view> expected, std::string_view value,
                       std::chrono::nanoseconds time_to_live = {}) const {
    const outrider_bytes present = bytes(expected.value_or(std::string_view()));
    return detail::accepted("compare_and_set",
                            functions_->compare_and_set(host_, bytes(key), expected ? &present : nullptr, bytes(value),
                                                        detail::nanoseconds(time_to_live))) != OUTRIDER_SKIPPED;
  }

  /** Add to a counter; the sum. The time to live is that of a new counter. */
  std::int64_t add(std::string_view key, std::int64_t amount, std::chrono::nanoseconds time_to_live = {}) const {
    std::int64_t sum = 0;
    detail::accepted("add", functions_->add(host_, bytes(key), amount, detail::nanoseconds(time_to_live), &sum));
    return sum;
  }

  /** Delete a key. Returns whether it was there. */
  bool remove(std::string_view key) const {
    return detail::accepted("remove", functions_->remove(host_, bytes(key))) != OUTRIDER_SKIPPED;
  }

  /** Call visit(std::string_view key) for each key that begins with the prefix, in no particular order. */
  template <class Visit>
  void each_key(std::string_view prefix, Visit visit) const {
    char key[OUTRIDER_STORE_MAX_KEY];
    std::size_t size = 0;
    std::uint64_t cursor = 0;
    while (detail::accepted("next", functions_->next(host_, bytes(prefix), &cursor, key, sizeof key, &size)) != OUTRIDER_SKIPPED)
      visit(std::string_view(key, size));
  }

 private:
  const outrider_host *host_;
  const outrider_store *functions_;
};

}  // namespace outrider

#endif
