// A blocking handler that sends early hints before its page. outrider-go(7) explains it.
package main

import "outrider"

func page(w *outrider.Response, r *outrider.Request) error {
	w.EarlyHints(outrider.Fields{{"link", "</style.css>; rel=preload; as=style"}}) // on the wire before this returns
	return w.Respond(200, outrider.Fields{{"content-type", "text/plain"}}, []byte("hello\n"))
}

func load(host *outrider.Host) (outrider.Handler, error) {
	return outrider.HandlerFunc(page), nil
}

func init() {
	outrider.Register(outrider.Plugin{Name: "hello", Version: "1.0", Load: load})
}

func main() {} // never called: a plugin is a shared object
