/** @file
 * A file descriptor with an owner. Part of <outrider/outrider.hpp>.
 */
#ifndef OUTRIDER_CPP_FILE_HPP
#define OUTRIDER_CPP_FILE_HPP

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace outrider {

/** An open file, which its destructor closes. */
class file {
 public:
  /** Takes over a descriptor. */
  explicit file(int descriptor) noexcept : descriptor_(descriptor) {}

  /** Opens a file to read it. Throws std::system_error. */
  explicit file(const std::string &path) : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), path);
  }

  file(file &&other) noexcept : descriptor_(other.release()) {}
  file &operator=(file &&other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~file() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  int descriptor() const noexcept { return descriptor_; }

  /** Gives the descriptor to the caller. */
  int release() noexcept { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

}  // namespace outrider

#endif
