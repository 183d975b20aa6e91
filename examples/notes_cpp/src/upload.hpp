// A file that gets its name when it is complete.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace notes {

// A file of a folder while it is received. Its destructor deletes it, unless finish() has been called. Everything throws
// std::system_error.
class upload {
 public:
  // Whether a file may have this name.
  static bool is_valid_name(std::string_view name) noexcept;

  upload(const std::string &folder, std::string_view name);
  upload(const upload &) = delete;
  ~upload();

  void write(std::string_view piece);
  // Gives the file its name, and replaces an earlier one.
  void finish();
  std::uint64_t size() const noexcept { return size_; }

 private:
  std::string path_, part_;
  int file_;
  std::uint64_t size_ = 0;
};

}  // namespace notes
