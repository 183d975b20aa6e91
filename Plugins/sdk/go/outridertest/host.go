// Package outridertest tests plugins without a server, in the host in memory of outrider-testing(3). It opens no socket.
//
//	func TestPage(t *testing.T) {
//		host := outridertest.Start(t, `{}`)
//		response := host.Get("/")
//		if response.Status != 200 || string(response.Body) != "hello\n" {
//			t.Error(response)
//		}
//	}
//
// The plugin is the one that the package under test registers. A Host is for the goroutine of its test.
package outridertest

// #cgo pkg-config: outrider-testing
// #include <stdlib.h>
// #include <outrider/testing.h>
import "C"

import (
	"errors"
	"runtime"
	"testing"
	"unsafe"

	"outrider"
	"outrider/internal/entrypoint"
)

// A Host has loaded the plugin as a worker does.
type Host struct {
	mock *C.outrider_mock
	t    testing.TB
}

// Start loads and starts the plugin with the [plugin.config] table as a JSON object; "" is `{}`. It fails the test if the
// plugin refuses. The host ends with the test, which fails if the plugin has misused a function.
func Start(t testing.TB, config string) *Host {
	t.Helper()
	runtime.LockOSThread() // the host calls each hook on the thread that has made it
	host := &Host{newMock(config), t}
	t.Cleanup(host.stop)
	if C.outrider_mock_start(host.mock) < 0 {
		t.Fatalf("the plugin is refused: %s", C.GoString(C.outrider_mock_error(host.mock)))
	}
	return host
}

// Load loads the plugin as `outrider -t` does, and returns the reason if it refuses.
func Load(config string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	mock := newMock(config)
	defer C.outrider_mock_free(mock)
	if C.outrider_mock_load(mock, C.OUTRIDER_PURPOSE_CHECK) < 0 {
		return errors.New(C.GoString(C.outrider_mock_error(mock)))
	}
	return nil
}

func newMock(config string) *C.outrider_mock {
	if config == "" {
		config = "{}"
	}
	settings := C.outrider_mock_settings{process: C.OUTRIDER_PROCESS_WORKER, config: C.CString(config)}
	settings.size = C.uint32_t(unsafe.Sizeof(settings))
	defer C.free(unsafe.Pointer(settings.config))
	return C.outrider_mock_new(C.outrider_mock_entry(entrypoint.Address), &settings)
}

func (h *Host) stop() {
	defer runtime.UnlockOSThread()
	C.outrider_mock_stop(h.mock, 0)
	for i := C.size_t(0); i < C.outrider_mock_misuses(h.mock); i++ {
		h.t.Errorf("misuse: %s", C.GoString(C.outrider_mock_misuse(h.mock, i)))
	}
	C.outrider_mock_free(h.mock)
}

// Log returns the lines that the plugin has logged.
func (h *Host) Log() []string {
	var lines []string
	for i := C.size_t(0); i < C.outrider_mock_log_lines(h.mock); i++ {
		lines = append(lines, C.GoString(C.outrider_mock_log_line(h.mock, i, nil)))
	}
	return lines
}

// Get serves `GET target HTTP/1.1`.
func (h *Host) Get(target string) Response { return h.Serve(Request{Target: target}) }

// Serve passes a request to the handler, and returns what the client receives. It fails the test if the server would refuse the
// request itself.
func (h *Host) Serve(r Request) Response {
	h.t.Helper()
	request := newRequest(r)
	defer request.free()
	exchange := C.outrider_mock_serve(h.mock, &request.c)
	if exchange == nil {
		h.t.Fatalf("the server refuses %+v", r)
	}
	return newResponse(C.outrider_mock_response_of(exchange))
}

// A Request is what a client sends. What is left out is that of `GET / HTTP/1.1`.
type Request struct {
	Method, Target string
	Fields         outrider.Fields
	Body           []byte
	Trailers       outrider.Fields // with these, the body is chunked
	Version        Version
	NoHints        bool // hints are disabled for this request
	BodyFollows    bool // the client leaves before the body has ended
}

// A Version is a version of HTTP.
type Version int

// The versions.
const (
	HTTP10 Version = 10
	HTTP11 Version = 11
	HTTP2  Version = 20
)

// A Section is an informational response.
type Section struct {
	Status int
	Fields outrider.Fields
}

// An Ending is how a response has ended.
type Ending int

// The endings.
const (
	Complete Ending = C.OUTRIDER_MOCK_COMPLETE // the plugin's response is complete
	Page     Ending = C.OUTRIDER_MOCK_PAGE     // the server has sent its own page: 413, 500, 503 or 504
	Cut      Ending = C.OUTRIDER_MOCK_CUT      // the response is cut off after its head
	None     Ending = C.OUTRIDER_MOCK_NONE     // there is no response: Abort, or the client has left
)

// A Response is what the client receives.
type Response struct {
	Ending        Ending
	Informational []Section
	Status        int
	Fields        outrider.Fields
	Body          []byte
	Trailers      outrider.Fields
	Wire          string // everything, as HTTP/1.1 has it
}
