// Handlers in Go that fail in each way, and one of net/http.
package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"outrider"
	"outrider/nethttp"
)

type config struct{ Name string }

func load(host *outrider.Host) (outrider.Handler, error) {
	var c config
	if err := host.Config(&c); err != nil {
		return nil, err
	}
	if c.Name == "panics" {
		panic("load on purpose")
	}
	nethttp := nethttp.Handler(http.HandlerFunc(hints))
	return outrider.HandlerFunc(func(w *outrider.Response, r *outrider.Request) error {
		switch r.Path() {
		case "/error":
			return errors.New("no milk")
		case "/panic":
			panic("on purpose")
		case "/nil":
			var nothing *config
			return errors.New(nothing.Name)
		case "/index":
			return errors.New(string(c.Name[len(c.Name)+1]))
		case "/late":
			w.Start(200, nil)
			w.WriteString("some")
			panic("late")
		case "/fatal":
			go panic("in a goroutine of its own")
			select {}
		case "/goroutines":
			return goroutines(w)
		case "/wait":
			w.Start(200, nil)
			w.Flush()
			select {
			case <-r.Context().Done():
				r.Logf(outrider.LevelInfo, "waited: %v", r.Context().Err())
				return r.Context().Err()
			case <-time.After(time.Minute):
				return nil
			}
		case "/hints":
			return nethttp.ServeRequest(w, r)
		}
		return w.Respond(200, nil, []byte(fmt.Sprintf("%s %d", c.Name, os.Getpid())))
	}), nil
}

// goroutines has a hundred goroutines allocate and sleep, while the runtime stops them to collect what they leave.
func goroutines(w *outrider.Response) error {
	var all sync.WaitGroup
	for i := 0; i < 100; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for j := 0; j < 10; j++ {
				_ = make([]byte, 64<<10)
				time.Sleep(time.Millisecond)
			}
		}()
	}
	all.Wait()
	return w.Respond(200, nil, []byte("all"))
}

func hints(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Link", "</style.css>; rel=preload; as=style")
	w.WriteHeader(http.StatusEarlyHints)
	w.Header().Del("Link")
	fmt.Fprintf(w, "%s %s", r.Method, r.URL.Path)
}

func init() {
	outrider.Register(outrider.Plugin{Name: "faults", Version: "1.0", Load: load})
}

func main() {}
