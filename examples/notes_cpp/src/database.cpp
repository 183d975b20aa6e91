#include "database.hpp"

#include "json.hpp"

#include <stdexcept>

namespace notes {

// A run of a prepared statement, which its destructor resets.
class database::statement {
 public:
  explicit statement(const prepared &prepared) noexcept : statement_(prepared.get()) {}
  statement(const statement &) = delete;
  ~statement() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }

  void bind(std::int64_t value) { sqlite3_bind_int64(statement_, 1, value); }
  void bind(std::string_view value) {
    sqlite3_bind_text(statement_, 1, value.data(), static_cast<int>(value.size()), SQLITE_STATIC);
  }

  // Whether there is a row.
  bool step() {
    const int result = sqlite3_step(statement_);
    if (result != SQLITE_ROW && result != SQLITE_DONE)
      throw std::runtime_error(sqlite3_errmsg(sqlite3_db_handle(statement_)));
    return result == SQLITE_ROW;
  }

  std::int64_t integer(int column) { return sqlite3_column_int64(statement_, column); }
  std::string_view text(int column) {
    const auto *const data = reinterpret_cast<const char *>(sqlite3_column_text(statement_, column));
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }

 private:
  sqlite3_stmt *statement_;
};

database::database(const std::string &path) {
  sqlite3 *connection = nullptr;
  const int result = sqlite3_open(path.c_str(), &connection);
  connection_.reset(connection);
  sqlite3_busy_timeout(connection, 10'000);
  // AUTOINCREMENT: the id of a deleted note is not used again. IMMEDIATE: other connections that do the same wait.
  constexpr auto schema =
      "BEGIN IMMEDIATE;"
      "CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL);"
      "COMMIT";
  if (result != SQLITE_OK || sqlite3_exec(connection, schema, nullptr, nullptr, nullptr) != SQLITE_OK)
    throw std::runtime_error(path + ": " + sqlite3_errmsg(connection));
  list_ = prepare("SELECT id, text FROM note ORDER BY id");
  count_ = prepare("SELECT count(*) FROM note");
  add_ = prepare("INSERT INTO note (text) VALUES (?)");
  get_ = prepare("SELECT text FROM note WHERE id = ?");
  remove_ = prepare("DELETE FROM note WHERE id = ?");
}

database::prepared database::prepare(const char *sql) {
  sqlite3_stmt *statement = nullptr;
  if (sqlite3_prepare_v3(connection_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK)
    throw std::runtime_error(sqlite3_errmsg(connection_.get()));
  return prepared(statement);
}

std::string database::list_as_json() {
  std::string json = "[";
  for (statement list(list_); list.step();) {
    if (json.size() > 1) json += ',';
    json += note_as_json(list.integer(0), list.text(1));
  }
  return json += ']';
}

std::int64_t database::count() {
  statement count(count_);
  count.step();
  return count.integer(0);
}

std::int64_t database::add(std::string_view text) {
  statement add(add_);
  add.bind(text);
  add.step();
  return sqlite3_last_insert_rowid(connection_.get());
}

std::optional<std::string> database::get(std::int64_t id) {
  statement get(get_);
  get.bind(id);
  if (!get.step()) return std::nullopt;
  return std::string(get.text(0));
}

bool database::remove(std::int64_t id) {
  statement remove(remove_);
  remove.bind(id);
  remove.step();
  return sqlite3_changes(connection_.get()) > 0;
}

std::string note_as_json(std::int64_t id, std::string_view text) {
  return "{\"id\":" + std::to_string(id) + ",\"text\":" + quoted(text) + '}';
}

}  // namespace notes
