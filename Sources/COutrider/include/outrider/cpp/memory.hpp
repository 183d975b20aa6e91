/** @file
 * The memory of what belongs to a request. Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_MEMORY_HPP
#define OUTRIDER_CPP_MEMORY_HPP

#include <cstddef>
#include <new>
#include <utility>

namespace outrider::detail {

/** Objects that are made and destroyed on one thread, the loop. The last one's memory is kept for the next: a request that is
 * answered at once allocates nothing. */
template <class Object>
class recycled {
 public:
  recycled() noexcept = default;
  recycled(const recycled &) = delete;
  recycled &operator=(const recycled &) = delete;
  ~recycled() { release(kept_); }

  template <class... Arguments>
  Object *make(Arguments &&...arguments) {
    void *const memory = kept_ != nullptr ? std::exchange(kept_, nullptr) : allocate();
    try {
      return new (memory) Object(std::forward<Arguments>(arguments)...);
    } catch (...) {
      keep(memory);
      throw;
    }
  }

  void destroy(Object *object) noexcept {
    object->~Object();
    keep(object);
  }

 private:
  static void *allocate() { return ::operator new(sizeof(Object), std::align_val_t(alignof(Object))); }
  static void release(void *memory) noexcept {
    if (memory != nullptr) ::operator delete(memory, std::align_val_t(alignof(Object)));
  }

  void keep(void *memory) noexcept {
    if (kept_ == nullptr)
      kept_ = memory;
    else
      release(memory);
  }

  void *kept_ = nullptr;
};

}  // namespace outrider::detail

#endif
