package main

/*
#cgo pkg-config: sqlite3
#include <sqlite3.h>
#include <stdlib.h>

// SQLITE_TRANSIENT is a cast, which cgo does not know.
static int bind_text(sqlite3_stmt *statement, int place, const void *text, int size) {
  return sqlite3_bind_text(statement, place, text, size, SQLITE_TRANSIENT);
}
*/
import "C"

import (
	"fmt"
	"sync"
	"unsafe"
)

type note struct {
	ID   int64  `json:"id"`
	Text string `json:"text"`
}

// A database has the notes. The goroutines of a worker share one connection.
type database struct {
	sync.Mutex
	connection                         *C.sqlite3
	all, number, insert, find, removal *C.sqlite3_stmt
}

// AUTOINCREMENT: the id of a deleted note is not used again. IMMEDIATE: other connections that do the same wait.
const schema = `BEGIN IMMEDIATE;
	CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL);
	COMMIT`

func openDatabase(path string) (*database, error) {
	d := &database{}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	if C.sqlite3_open(name, &d.connection) != C.SQLITE_OK {
		return nil, d.abandon(path)
	}
	C.sqlite3_busy_timeout(d.connection, 10*1000)
	create := C.CString(schema)
	defer C.free(unsafe.Pointer(create))
	if C.sqlite3_exec(d.connection, create, nil, nil, nil) != C.SQLITE_OK {
		return nil, d.abandon(path)
	}
	for statement, text := range map[**C.sqlite3_stmt]string{
		&d.all:     "SELECT id, text FROM note ORDER BY id",
		&d.number:  "SELECT count(*) FROM note",
		&d.insert:  "INSERT INTO note (text) VALUES (?)",
		&d.find:    "SELECT text FROM note WHERE id = ?",
		&d.removal: "DELETE FROM note WHERE id = ?",
	} {
		sql := C.CString(text)
		result := C.sqlite3_prepare_v3(d.connection, sql, -1, C.SQLITE_PREPARE_PERSISTENT, statement, nil)
		C.free(unsafe.Pointer(sql))
		if result != C.SQLITE_OK {
			return nil, d.abandon(path)
		}
	}
	return d, nil
}

// abandon closes the connection, and returns why it is of no use.
func (d *database) abandon(path string) error {
	err := fmt.Errorf("%s: %w", path, d.failure())
	d.close()
	return err
}

func (d *database) close() error {
	for _, statement := range []*C.sqlite3_stmt{d.all, d.number, d.insert, d.find, d.removal} {
		C.sqlite3_finalize(statement)
	}
	C.sqlite3_close(d.connection)
	return nil
}

func (d *database) failure() error {
	return fmt.Errorf("SQLite: %s", C.GoString(C.sqlite3_errmsg(d.connection)))
}

func (d *database) list() ([]note, error) {
	d.Lock()
	defer d.Unlock()
	defer C.sqlite3_reset(d.all)
	notes := []note{}
	for {
		switch C.sqlite3_step(d.all) {
		case C.SQLITE_ROW:
			notes = append(notes, note{int64(C.sqlite3_column_int64(d.all, 0)), string(column(d.all, 1))})
		case C.SQLITE_DONE:
			return notes, nil
		default:
			return nil, d.failure()
		}
	}
}

func (d *database) count() (int64, error) {
	d.Lock()
	defer d.Unlock()
	defer C.sqlite3_reset(d.number)
	if C.sqlite3_step(d.number) != C.SQLITE_ROW {
		return 0, d.failure()
	}
	return int64(C.sqlite3_column_int64(d.number, 0)), nil
}

// add adds a note with a text that is not empty.
func (d *database) add(text string) (note, error) {
	d.Lock()
	defer d.Unlock()
	defer C.sqlite3_reset(d.insert)
	bytes := []byte(text)
	C.bind_text(d.insert, 1, unsafe.Pointer(&bytes[0]), C.int(len(bytes)))
	if C.sqlite3_step(d.insert) != C.SQLITE_DONE {
		return note{}, d.failure()
	}
	return note{int64(C.sqlite3_last_insert_rowid(d.connection)), text}, nil
}

func (d *database) get(id int64) (text []byte, found bool, err error) {
	d.Lock()
	defer d.Unlock()
	defer C.sqlite3_reset(d.find)
	C.sqlite3_bind_int64(d.find, 1, C.sqlite3_int64(id))
	switch C.sqlite3_step(d.find) {
	case C.SQLITE_ROW:
		return column(d.find, 0), true, nil
	case C.SQLITE_DONE:
		return nil, false, nil
	default:
		return nil, false, d.failure()
	}
}

func (d *database) delete(id int64) (found bool, err error) {
	d.Lock()
	defer d.Unlock()
	defer C.sqlite3_reset(d.removal)
	C.sqlite3_bind_int64(d.removal, 1, C.sqlite3_int64(id))
	if C.sqlite3_step(d.removal) != C.SQLITE_DONE {
		return false, d.failure()
	}
	return C.sqlite3_changes(d.connection) > 0, nil
}

// column returns a copy of a text.
func column(statement *C.sqlite3_stmt, number C.int) []byte {
	text := unsafe.Pointer(C.sqlite3_column_text(statement, number))
	return C.GoBytes(text, C.sqlite3_column_bytes(statement, number))
}
