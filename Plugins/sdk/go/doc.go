// Package outrider is for handlers in Go: plugins of the Outrider application server.
//
//	package main
//
//	import "outrider"
//
//	func hello(w *outrider.Response, r *outrider.Request) error {
//		w.EarlyHints(outrider.Fields{{"link", "</style.css>; rel=preload; as=style"}})
//		return w.Respond(200, outrider.Fields{{"content-type", "text/plain"}}, []byte("hello\n"))
//	}
//
//	func init() {
//		outrider.Register(outrider.Plugin{
//			Name:    "hello",
//			Version: "1.0",
//			Load:    func(*outrider.Host) (outrider.Handler, error) { return outrider.HandlerFunc(hello), nil },
//		})
//	}
//
//	func main() {}
//
// Built with -buildmode=c-shared, it is served by `outrider --load worker libhello.so`. The runtime of Go starts threads as
// soon as it is loaded, so each worker loads the plugin for itself, after the fork; the master refuses it.
//
// Handlers are of the blocking style: each request has a thread, as many as the server's worker model has of them. Package
// outrider/nethttp serves an http.Handler, package outrider/outridertest tests plugins without a server. See
// outrider-go(7).
package outrider
