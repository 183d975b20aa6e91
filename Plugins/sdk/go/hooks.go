package outrider

// #cgo pkg-config: outrider-plugin
// #cgo CFLAGS: -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -fvisibility=hidden
// #include "calls.h"
// #include "entry.h"
import "C"

import (
	"errors"
	"io"
	"unsafe"

	"outrider/internal/entrypoint"
)

func init() { entrypoint.Address = unsafe.Pointer(C.outrider_go_entry()) }

//export outrider_go_describe
func outrider_go_describe(name, version **C.char) C.int32_t {
	if registered.Load == nil {
		return 0
	}
	*name, *version = C.CString(registered.Name), C.CString(registered.Version)
	return 1
}

//export outrider_go_load
func outrider_go_load(host *C.outrider_host, purpose C.uint32_t, text *C.char, capacity C.size_t) (number C.int64_t) {
	number = C.OUTRIDER_E_FAILED
	refuse := func(reason string) {
		room := unsafe.Slice((*byte)(unsafe.Pointer(text)), int(capacity))
		room[copy(room[:len(room)-1], reason)] = 0
	}
	defer func() {
		if value := recover(); value != nil {
			refuse(describePanic(value))
		}
	}()
	h := &Host{table: host, purpose: purpose}
	handler, err := registered.Load(h)
	switch {
	case err != nil:
		refuse(err.Error())
	case handler == nil:
		refuse("Plugin.Load returned neither a handler nor an error")
	default:
		number = C.int64_t((&entry{h, handler}).add())
	}
	return number
}

//export outrider_go_unload
func outrider_go_unload(number C.uintptr_t) {
	e := entries.loaded[number-1]
	closer, ok := e.handler.(io.Closer)
	if !ok {
		return
	}
	defer func() {
		if value := recover(); value != nil {
			e.host.Logf(LevelError, "%s", describePanic(value))
		}
	}()
	if err := closer.Close(); err != nil {
		e.host.Logf(LevelError, "close: %v", err)
	}
}

//export outrider_go_handle
func outrider_go_handle(number C.uintptr_t, id C.uint64_t, head *C.outrider_head, io *C.outrider_io) C.outrider_status {
	e := entries.loaded[number-1]
	x := &exchange{host: e.host, handle: C.outrider_exchange{id: id}, io: io, head: head}
	err := e.serve(x)
	x.end()
	return x.outcome(err)
}

// serve runs the handler.
func (e *entry) serve(x *exchange) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = x.recovered(value)
		}
	}()
	return e.handler.ServeRequest(&Response{x}, &Request{x})
}

// outcome logs the error of a handler, and returns the status that tells the server of it.
func (x *exchange) outcome(err error) C.outrider_status {
	if err == nil {
		return C.OUTRIDER_OK
	}
	var status Status
	if errors.As(err, &status) && (status == ErrClosed || status == ErrCancelled) {
		return C.outrider_status(status) // the client has left, or its time is over: no fault of the handler's
	}
	if err != errLogged {
		x.logf(LevelError, "%v", err)
	}
	return C.OUTRIDER_E_FAILED
}
