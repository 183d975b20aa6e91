/* The notes in a SQLite database. Each thread has a connection of its own. */
#ifndef NOTES_DATABASE_H
#define NOTES_DATABASE_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  sqlite3 *connection;
  sqlite3_stmt *list, *count, *insert, *get, *delete;
} database;

/* Opens the file, creates the table if it is not there, and prepares the statements. Returns 0; -1: error has the reason. */
int database_open(database *, const char *path, char *error, size_t error_size);
void database_close(database *);

#endif
