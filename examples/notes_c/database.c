#include "database.h"

#include <stdio.h>

/* AUTOINCREMENT: the id of a deleted note is not used again. IMMEDIATE: other connections that do the same wait. */
static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL);"
    "COMMIT";

static int prepare(database *notes, sqlite3_stmt **statement, const char *sql) {
  return sqlite3_prepare_v3(notes->connection, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) == SQLITE_OK;
}

static int is_open(database *notes, const char *path) {
  return sqlite3_open(path, &notes->connection) == SQLITE_OK &&
         sqlite3_busy_timeout(notes->connection, 10 * 1000) == SQLITE_OK &&
         sqlite3_exec(notes->connection, schema, NULL, NULL, NULL) == SQLITE_OK &&
         prepare(notes, &notes->list, "SELECT id, text FROM note ORDER BY id") &&
         prepare(notes, &notes->count, "SELECT count(*) FROM note") &&
         prepare(notes, &notes->insert, "INSERT INTO note (text) VALUES (?)") &&
         prepare(notes, &notes->get, "SELECT text FROM note WHERE id = ?") &&
         prepare(notes, &notes->delete, "DELETE FROM note WHERE id = ?");
}

int database_open(database *notes, const char *path, char *error, size_t error_size) {
  *notes = (database){0};
  if (is_open(notes, path)) return 0;
  snprintf(error, error_size, "%s: %s", path, sqlite3_errmsg(notes->connection));
  database_close(notes);
  return -1;
}

void database_close(database *notes) {
  sqlite3_stmt *statements[] = {notes->list, notes->count, notes->insert, notes->get, notes->delete};
  for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) sqlite3_finalize(statements[i]);
  sqlite3_close(notes->connection);
}
