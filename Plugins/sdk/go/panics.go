package outrider

// #include "calls.h"
import "C"

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
)

// errLogged stands for a failure of which the log knows already.
var errLogged = errors.New("the failure is logged")

// recovered logs the value of a panic, and returns the error that stands for it.
func (x *exchange) recovered(value any) error {
	if value == any(abort) {
		C.outrider_go_abort(x.host.table, x.handle)
		return nil
	}
	x.logf(LevelError, "%s", describePanic(value))
	return errLogged
}

const mostFrames = 8

// describePanic returns the value and where it came from, innermost first. It is called by the deferred function that has
// recovered it.
func describePanic(value any) string {
	var counters [64]uintptr
	frames := runtime.CallersFrames(counters[:runtime.Callers(1, counters[:])])
	var places []string
	hasPanicked := false // the frames before are those of the recovery
	for more := true; more && len(places) < mostFrames; {
		var frame runtime.Frame
		frame, more = frames.Next()
		switch {
		case frame.Function == "runtime.gopanic":
			hasPanicked = true
		case !hasPanicked || isBetween(frame.Function):
		case isOutermost(frame.Function):
			more = false
		default:
			places = append(places, fmt.Sprintf("%s (%s:%d)", frame.Function, filepath.Base(frame.File), frame.Line))
		}
	}
	return fmt.Sprintf("panic: %v, in %s", value, strings.Join(places, ", called by "))
}

func isOutermost(function string) bool {
	return function == "outrider.(*entry).serve" || strings.HasPrefix(function, "outrider.outrider_go_")
}

// isBetween tells whether a function is one of those between the author's.
func isBetween(function string) bool {
	return strings.HasPrefix(function, "runtime.") || strings.HasPrefix(function, "outrider/nethttp.") ||
		function == "outrider.HandlerFunc.ServeRequest"
}

type abortValue struct{}

func (abortValue) Error() string { return "outrider: the response is given up" }

var abort = new(abortValue)

// Abort ends the handler by a panic, without a line in the log. The connection, or the stream of HTTP/2, ends without a
// response, or in the middle of it.
func Abort() { panic(abort) }
