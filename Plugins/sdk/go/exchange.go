package outrider

// #include "calls.h"
import "C"

import (
	"context"
	"fmt"
)

// An exchange is one request and its response.
type exchange struct {
	host    *Host
	handle  C.outrider_exchange
	io      *C.outrider_io
	head    *C.outrider_head // nil when the handler has returned
	context *requestContext  // made when it is asked for
}

// end makes what a handler has kept of the request harmless.
func (x *exchange) end() {
	x.head = nil
	if x.context != nil {
		x.context.end(context.Canceled)
	}
}

func (x *exchange) logf(level Level, format string, arguments ...any) {
	x.host.log(x.handle, level, fmt.Sprintf(format, arguments...))
}
