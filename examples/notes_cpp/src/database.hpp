// The notes in a SQLite database.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace notes {

// A connection to the database, which one thread uses. Everything throws std::runtime_error with SQLite's reason.
class database {
 public:
  // Opens the file, and creates the table if it is not there.
  explicit database(const std::string &path);

  // All notes by id, as a JSON array.
  std::string list_as_json();
  std::int64_t count();
  // Adds a note; its id.
  std::int64_t add(std::string_view text);
  std::optional<std::string> get(std::int64_t id);
  // Whether the note was there.
  bool remove(std::int64_t id);

 private:
  class statement;
  struct close {
    void operator()(sqlite3 *connection) const noexcept { sqlite3_close(connection); }
    void operator()(sqlite3_stmt *statement) const noexcept { sqlite3_finalize(statement); }
  };
  using prepared = std::unique_ptr<sqlite3_stmt, close>;

  prepared prepare(const char *sql);

  std::unique_ptr<sqlite3, close> connection_;
  prepared list_, count_, add_, get_, remove_;
};

// The note as JSON.
std::string note_as_json(std::int64_t id, std::string_view text);

}  // namespace notes
