package outrider

// #include "calls.h"
import "C"

import (
	"io"
	"net"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

// A Request is a request as the handler sees it. When the handler has returned, it is empty. Its texts are copies, which may be
// kept. As an io.Reader, it has the bytes of the body.
type Request struct{ exchange *exchange }

var _ io.Reader = (*Request)(nil)

// none is the head of a request whose handler has returned.
var none C.outrider_head

func (r *Request) head() *C.outrider_head {
	if r.exchange.head == nil {
		return &none
	}
	return r.exchange.head
}

func (r *Request) has(flag C.uint32_t) bool { return r.head().flags&flag != 0 }

// Method returns the method, such as "GET".
func (r *Request) Method() string { return text(r.head().method) }

// Scheme returns "http" or "https", as the client sees it.
func (r *Request) Scheme() string { return text(r.head().scheme) }

// Authority returns the host, with its port if it is not the scheme's. It may be empty over HTTP/1.0.
func (r *Request) Authority() string { return text(r.head().authority) }

// Target returns the target as received (RFC 9112 section 3.2).
func (r *Request) Target() string { return text(r.head().target) }

// Path returns the path: decoded once, without dot segments and without the mount.
func (r *Request) Path() string { return text(r.head().path) }

// RawPath returns the path as received, with the mount.
func (r *Request) RawPath() string { return text(r.head().raw_path) }

// Query returns the query as received, without "?".
func (r *Request) Query() string { return text(r.head().query) }

// Mount returns the prefix that Path is without; "" for a plugin on "/".
func (r *Request) Mount() string { return text(r.head().mount) }

// RemoteAddress returns the client's address and port, as net.Dial takes them; "" on a unix socket.
func (r *Request) RemoteAddress() string {
	return hostAndPort(r.head().client_address, r.head().client_port)
}

// LocalAddress returns the server's address and port; "" on a unix socket.
func (r *Request) LocalAddress() string {
	return hostAndPort(r.head().server_address, r.head().server_port)
}

func hostAndPort(host C.outrider_bytes, port C.uint32_t) string {
	if host.size == 0 {
		return ""
	}
	return net.JoinHostPort(text(host), strconv.Itoa(int(port)))
}

// ID returns the id that the logs have of the request.
func (r *Request) ID() string { return text(r.head().request_id) }

// TLSSubject returns the subject of the verified client certificate, or "".
func (r *Request) TLSSubject() string { return text(r.head().tls_subject) }

// Version returns the version of HTTP: 1 and 0, 1 and 1, or 2 and 0.
func (r *Request) Version() (major, minor int) {
	version := int(r.head().http_version)
	return version / 10, version % 10
}

// IsTLS tells whether the client's connection to this server is TLS.
func (r *Request) IsTLS() bool { return r.has(C.OUTRIDER_HEAD_TLS) }

// MayHint tells whether an informational response would be sent.
func (r *Request) MayHint() bool { return r.has(C.OUTRIDER_HEAD_MAY_HINT) }

// HasBody tells whether the request announces a body, which may be empty.
func (r *Request) HasBody() bool { return r.has(C.OUTRIDER_HEAD_HAS_BODY) }

// AcceptsTrailers tells whether the client has said so (TE: trailers).
func (r *Request) AcceptsTrailers() bool { return r.has(C.OUTRIDER_HEAD_ACCEPTS_TRAILERS) }

// ContentLength returns the announced length of the body; -1 if it is not announced.
func (r *Request) ContentLength() int64 { return int64(r.head().content_length) }

// TimeLeft returns the time after which the server cancels the request; false if it does not.
func (r *Request) TimeLeft() (time.Duration, bool) {
	deadline := r.head().deadline_ns
	if deadline == 0 {
		return 0, false
	}
	return time.Duration(C.outrider_go_until(deadline)), true
}

// Fields returns the fields of the head, in the order received.
func (r *Request) Fields() Fields { return fieldsOf(r.head().fields, r.head().n_fields) }

// Field returns the value of the first field of that name, in any case; "" if there is none.
func (r *Request) Field(name string) string {
	for _, field := range fieldsAt(r.head().fields, r.head().n_fields) {
		if int(field.name.size) == len(name) && strings.EqualFold(text(field.name), name) {
			return text(field.value)
		}
	}
	return ""
}

// Read reads bytes of the body. The first call sends 100 (Continue) if the client waits for it.
func (r *Request) Read(buffer []byte) (int, error) {
	if len(buffer) == 0 {
		return 0, nil
	}
	x := r.exchange
	got := C.outrider_go_read(x.io, x.handle, unsafe.Pointer(&buffer[0]), C.size_t(len(buffer)))
	switch {
	case got.status < 0:
		return 0, Status(got.status)
	case got.size == 0:
		return 0, io.EOF
	default:
		return int(got.size), nil
	}
}

// Trailers returns the trailer fields of the request, once Read has returned io.EOF.
func (r *Request) Trailers() (Fields, error) {
	var fields *C.outrider_field
	got := C.outrider_go_request_trailers(r.exchange.io, r.exchange.handle, &fields)
	if got.status < 0 {
		return nil, Status(got.status)
	}
	return fieldsOf(fields, got.size), nil
}

// Logf writes a line to the error log, with the name of the plugin and the id of the request.
func (r *Request) Logf(level Level, format string, arguments ...any) {
	r.exchange.logf(level, format, arguments...)
}

func fieldsAt(fields *C.outrider_field, n C.size_t) []C.outrider_field {
	if n == 0 {
		return nil
	}
	return unsafe.Slice(fields, int(n))
}

func fieldsOf(fields *C.outrider_field, n C.size_t) Fields {
	copies := make(Fields, 0, int(n))
	for _, field := range fieldsAt(fields, n) {
		copies = append(copies, [2]string{text(field.name), text(field.value)})
	}
	return copies
}
