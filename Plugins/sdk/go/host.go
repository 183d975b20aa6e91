package outrider

// #include "calls.h"
import "C"

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unsafe"
)

// A Host is the server as one [[plugin]] entry sees it. All goroutines may use it, until the end of the worker.
type Host struct {
	table   *C.outrider_host
	purpose C.uint32_t
}

// A Level says how serious a line of the error log is.
type Level uint32

// The levels of the error log.
const (
	LevelDebug    Level = 1
	LevelInfo     Level = 2
	LevelWarning  Level = 3
	LevelError    Level = 4
	LevelCritical Level = 5
)

// Config decodes the [plugin.config] table into the struct that v points to, by the rules of encoding/json. Values that are
// not in the table stay as they are. A key without a field is an error, which names it.
func (h *Host) Config(v any) error {
	decoder := json.NewDecoder(bytes.NewReader(copied(C.outrider_go_config(h.table))))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		return fmt.Errorf("[plugin.config]: %w", err)
	}
	return nil
}

// Logf writes a line to the error log, with the name of the plugin. What is longer than 4 KiB is cut off.
func (h *Host) Logf(level Level, format string, arguments ...any) {
	h.log(C.outrider_exchange{}, level, fmt.Sprintf(format, arguments...))
}

// LogWriter returns a writer, such as log.New takes, of which each Write is a line of the error log.
func (h *Host) LogWriter(level Level) io.Writer { return logWriter{h, level} }

type logWriter struct {
	host  *Host
	level Level
}

func (w logWriter) Write(line []byte) (int, error) {
	w.host.log(C.outrider_exchange{}, w.level, string(bytes.TrimSuffix(line, []byte("\n"))))
	return len(line), nil
}

func (h *Host) log(exchange C.outrider_exchange, level Level, message string) {
	text := append([]byte(message), 0)
	C.outrider_go_log(h.table, exchange, C.uint32_t(level), unsafe.Pointer(&text[0]), C.size_t(len(message)))
}

// Draining tells whether the worker is about to end: requests under way are to be finished soon.
func (h *Host) Draining() bool { return C.outrider_go_draining(h.table) != 0 }

// Checking tells whether the plugin is loaded by `outrider -t` or `outriderctl inspect`. Load then opens and changes nothing
// outside of the process.
func (h *Host) Checking() bool { return h.purpose != C.OUTRIDER_PURPOSE_SERVE }

// Inspecting tells whether the plugin is loaded by `outriderctl inspect`, which may have no configuration for it.
func (h *Host) Inspecting() bool { return h.purpose == C.OUTRIDER_PURPOSE_INSPECT }

// view returns the bytes of C, without copying them.
func view(b C.outrider_bytes) []byte {
	if b.size == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(b.data)), int(b.size))
}

func copied(b C.outrider_bytes) []byte { return append([]byte(nil), view(b)...) }

func text(b C.outrider_bytes) string { return string(view(b)) }
