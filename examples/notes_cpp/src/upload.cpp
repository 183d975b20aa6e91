#include "upload.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace notes {
namespace {

void check(bool is_good, const std::string &path) {
  if (!is_good) throw std::system_error(errno, std::generic_category(), path);
}

}  // namespace

bool upload::is_valid_name(std::string_view name) noexcept {
  constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  return !name.empty() && name.size() <= 64 && name.front() != '.' && name.find_first_not_of(allowed) == name.npos;
}

upload::upload(const std::string &folder, std::string_view name)
    : path_(folder + '/' + std::string(name)),
      part_(folder + "/." + std::string(name) + ".XXXXXX"),
      file_(::mkostemp(part_.data(), O_CLOEXEC)) {
  check(file_ >= 0, part_);
}

upload::~upload() {
  if (file_ < 0) return;
  ::close(file_);
  ::unlink(part_.c_str());
}

void upload::write(std::string_view piece) {
  while (!piece.empty()) {
    const ssize_t written = ::write(file_, piece.data(), piece.size());
    check(written >= 0 || errno == EINTR, part_);
    if (written < 0) continue;
    size_ += static_cast<std::uint64_t>(written);
    piece.remove_prefix(static_cast<std::size_t>(written));
  }
}

void upload::finish() {
  check(::fchmod(file_, 0644) == 0 && ::rename(part_.c_str(), path_.c_str()) == 0, path_);
  ::close(std::exchange(file_, -1));
}

}  // namespace notes
