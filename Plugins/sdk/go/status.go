package outrider

import "fmt"

// A Status is the reason for which the server has refused a call: nothing of it was sent. Compare it by errors.Is.
type Status int32

// The reasons, as in outrider.h.
const (
	ErrState       Status = -1  // not allowed at this point: a second response, a hint after the response
	ErrInvalid     Status = -2  // an argument is malformed: a field, a status, a length
	ErrClosed      Status = -3  // the client has left, or the handler has returned
	ErrCancelled   Status = -4  // a deadline passed, or the worker has to stop
	ErrUnsupported Status = -5  // not supported by this server or protocol
	ErrLimit       Status = -6  // a configured limit is reached
	ErrAgain       Status = -7  // there is no room at the moment
	ErrThread      Status = -8  // called by another goroutine than the handler's
	ErrIO          Status = -9  // a file could not be read
	ErrFailed      Status = -10 // the plugin itself has failed
)

var statusTexts = [...]string{
	"", "not allowed at this point of the response", "malformed argument", "the client has left", "cancelled by the server",
	"not supported", "a configured limit is reached", "no room at the moment", "called by another goroutine than the handler's",
	"the file could not be read", "the handler has failed",
}

// Error returns the reason in words.
func (s Status) Error() string {
	if s < 0 && int(-s) < len(statusTexts) {
		return "outrider: " + statusTexts[-s]
	}
	return fmt.Sprintf("outrider: status %d", int32(s))
}

// failure is nil unless the status is a refusal.
func failure(status int32) error {
	if status >= 0 {
		return nil
	}
	return Status(status)
}
