package outrider

import (
	"fmt"
	"sync"
)

// A Handler serves requests, on many goroutines at once. Each request has a goroutine that is tied to a thread of the
// server. Only this one may use r and w, and only until ServeRequest returns: calls from others return ErrThread or
// ErrClosed, and send nothing.
//
// An error, or a panic, is logged. The client gets a 500, or a 504 if the error is ErrCancelled; after the head of the
// response is sent, the response is cut off so that the client can tell.
type Handler interface {
	ServeRequest(w *Response, r *Request) error
}

// A HandlerFunc is a function as a Handler.
type HandlerFunc func(w *Response, r *Request) error

// ServeRequest calls f.
func (f HandlerFunc) ServeRequest(w *Response, r *Request) error { return f(w, r) }

// A Plugin describes a plugin to the server.
type Plugin struct {
	// Name and Version are shown in logs and by `outriderctl inspect`. Neither contains a NUL.
	Name, Version string

	// Load makes the handler of one [[plugin]] entry. It is called in each worker, before the first request. An error
	// makes the start or the reload fail, with its text as the reason. A handler that is an io.Closer is closed after
	// the worker's last request.
	Load func(*Host) (Handler, error)
}

// registered is what Register was given: set before the server asks for it, as init functions have run by then.
var registered Plugin

// Register names the plugin of this shared object. It is called once, by an init function of package main. It panics if the
// description is incomplete.
func Register(plugin Plugin) {
	switch {
	case registered.Load != nil:
		panic("outrider: Register is called twice; a shared object is one plugin")
	case plugin.Load == nil:
		panic("outrider: Plugin.Load is missing")
	case !isText(plugin.Name) || !isText(plugin.Version):
		panic(fmt.Sprintf("outrider: Plugin.Name and Plugin.Version are texts without NUL, found %q and %q",
			plugin.Name, plugin.Version))
	}
	registered = plugin
}

func isText(text string) bool {
	for i := 0; i < len(text); i++ {
		if text[i] == 0 {
			return false
		}
	}
	return text != ""
}

// An entry is a [[plugin]] entry that is loaded.
type entry struct {
	host    *Host
	handler Handler
}

// entries holds what is loaded; the state of an entry in the server is its place here, plus one: pointers of Go must not be
// kept by C. Entries are added before the first request of the worker, and read without a lock from then on.
var entries struct {
	sync.Mutex
	loaded []*entry
}

func (e *entry) add() int {
	entries.Lock()
	defer entries.Unlock()
	entries.loaded = append(entries.loaded, e)
	return len(entries.loaded)
}
