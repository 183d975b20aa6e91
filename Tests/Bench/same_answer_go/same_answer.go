// same_answer.c in Go: the same fields and body.
package main

import "outrider"

var body = []byte("Hello, Outrider!")

func init() {
	outrider.Register(outrider.Plugin{Name: "same_answer", Version: "1.0", Load: func(*outrider.Host) (outrider.Handler, error) {
		return outrider.HandlerFunc(func(w *outrider.Response, r *outrider.Request) error {
			return w.Respond(200, outrider.Fields{{"content-type", "text/plain"}}, body)
		}), nil
	}})
}

func main() {}
