// Package nethttp serves an http.Handler, such as an http.ServeMux, in an Outrider plugin.
//
//	Load: func(*outrider.Host) (outrider.Handler, error) { return nethttp.Handler(mux), nil }
//
// It is a package of its own, so that plugins that do not need net/http are built and loaded without it.
package nethttp

import (
	"net/http"

	"outrider"
)

// Handler returns a handler that calls h. It behaves as under http.Server:
//
//   - WriteHeader with a status from 102 to 199 sends an informational response at once, with the fields that Header has then.
//     So WriteHeader(http.StatusEarlyHints) sends early hints.
//   - Content-Type is detected if it is not set. A small response gets a Content-Length.
//   - Flush, also by http.ResponseController, sends what has been written. The ResponseWriter is an http.Flusher, an
//     io.ReaderFrom, which sends files without copying them, and an io.StringWriter.
//   - A panic with http.ErrAbortHandler ends the response without a line in the log.
//
// It differs in these respects:
//
//   - The body is read, and the response is written, by the goroutine that has called ServeHTTP. Another goroutine gets
//     outrider.ErrThread. A handler that passes the body on, such as httputil.ReverseProxy, has to read it first.
//   - URL.Path is without dot segments and without the mount of the plugin, as by http.StripPrefix.
//   - There is no http.Hijacker, and no 101 (Switching Protocols).
//   - Fields that are the server's own, such as Connection, are left out of responses.
func Handler(h http.Handler) outrider.Handler { return &handler{h} }

type handler struct{ http.Handler }

func (h *handler) ServeRequest(w *outrider.Response, r *outrider.Request) error {
	defer func() {
		switch value := recover(); value {
		case nil:
		case http.ErrAbortHandler:
			outrider.Abort()
		default:
			panic(value)
		}
	}()
	response := newResponse(w, r)
	h.ServeHTTP(response, newRequest(r))
	return response.finish()
}
