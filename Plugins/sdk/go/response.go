package outrider

// #include "calls.h"
import "C"

import (
	"fmt"
	"io"
	"os"
	"unsafe"
)

// A Response sends the response: either one Respond, or Start, any number of Write and SendFile, and perhaps Trailers. It ends
// when the handler returns. Calls may block until the client receives bytes. They fail with ErrClosed when it has left, and
// with ErrCancelled on a deadline.
//
// Fields of the connection (RFC 9110 section 7.6.1), such as Connection and Transfer-Encoding, are the server's own, and
// ErrInvalid.
type Response struct{ exchange *exchange }

var (
	_ io.Writer       = (*Response)(nil)
	_ io.StringWriter = (*Response)(nil)
)

// EarlyHints sends 103 (RFC 8297) at once. Where none is sent, as over HTTP/1.0, it does nothing; see Request.MayHint.
func (w *Response) EarlyHints(fields Fields) error { return w.Informational(103, fields) }

// Informational sends an informational response at once; status is 102 to 199.
func (w *Response) Informational(status int, fields Fields) error {
	section := pack(fields)
	defer section.free()
	return failure(int32(C.outrider_go_informational(w.exchange.io, w.exchange.handle, statusCode(status), section.text(),
		section.lengths(), section.count())))
}

// Respond sends a complete response, to which the server adds Content-Length.
func (w *Response) Respond(status int, fields Fields, body []byte) error {
	section := pack(fields)
	defer section.free()
	return failure(int32(C.outrider_go_respond(w.exchange.io, w.exchange.handle, statusCode(status), section.text(),
		section.lengths(), section.count(), addressOf(body), C.size_t(len(body)))))
}

// Start begins a response whose body follows. With a Content-Length among the fields, exactly that much has to follow. The head
// is sent with the first part of the body; Flush sends it at once.
func (w *Response) Start(status int, fields Fields) error {
	section := pack(fields)
	defer section.free()
	return failure(int32(C.outrider_go_start(w.exchange.io, w.exchange.handle, statusCode(status), section.text(),
		section.lengths(), section.count())))
}

// Write sends bytes of the body.
func (w *Response) Write(body []byte) (int, error) {
	if len(body) == 0 {
		return 0, nil
	}
	status := C.outrider_go_write(w.exchange.io, w.exchange.handle, unsafe.Pointer(&body[0]), C.size_t(len(body)))
	if status < 0 {
		return 0, Status(status)
	}
	return len(body), nil
}

// WriteString sends a text as bytes of the body.
func (w *Response) WriteString(body string) (int, error) { return w.Write([]byte(body)) }

// Flush sends the head, if no part of the body has been sent yet. What is written is never held back.
func (w *Response) Flush() error {
	return failure(int32(C.outrider_go_write(w.exchange.io, w.exchange.handle, nil, 0)))
}

// SendFile sends length bytes of a regular file as a part of the body, from offset on. It neither uses nor changes the position
// of the file, and does not close it.
func (w *Response) SendFile(file *os.File, offset, length int64) error {
	if offset < 0 || length < 0 {
		return fmt.Errorf("%w: offset %d and length %d must not be negative", ErrInvalid, offset, length)
	}
	descriptor, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var status C.outrider_status
	err = descriptor.Control(func(fd uintptr) {
		status = C.outrider_go_sendfile(w.exchange.io, w.exchange.handle, C.int32_t(fd), C.uint64_t(offset), C.uint64_t(length))
	})
	if err != nil {
		return err
	}
	return failure(int32(status))
}

// Trailers ends the body with trailer fields. They are not sent to a client that cannot receive them.
func (w *Response) Trailers(fields Fields) error {
	section := pack(fields)
	defer section.free()
	return failure(int32(C.outrider_go_trailers(w.exchange.io, w.exchange.handle, section.text(), section.lengths(),
		section.count())))
}

// statusCode is 0, which the server refuses, for what is no status.
func statusCode(status int) C.uint32_t {
	if status < 0 || status > 999 {
		return 0
	}
	return C.uint32_t(status)
}

func addressOf(bytes []byte) unsafe.Pointer {
	if len(bytes) == 0 {
		return nil
	}
	return unsafe.Pointer(&bytes[0])
}
