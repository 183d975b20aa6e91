package outrider_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"

	"outrider"
	"outrider/outridertest"
)

// The plugin under test has what the test sets.
var (
	serve  outrider.HandlerFunc
	closed int
)

type config struct {
	Greeting string
	Depth    int
}

type handler struct{ config config }

func (h *handler) ServeRequest(w *outrider.Response, r *outrider.Request) error { return serve(w, r) }

func (h *handler) Close() error {
	closed++
	return errors.New("closed as asked")
}

func init() {
	outrider.Register(outrider.Plugin{Name: "tested", Version: "2.0", Load: func(host *outrider.Host) (outrider.Handler, error) {
		h := &handler{config{Depth: 7}}
		if err := host.Config(&h.config); err != nil {
			return nil, err
		}
		if h.config.Greeting == "panic" {
			panic("no greeting")
		}
		host.Logf(outrider.LevelInfo, "%s %d %v", h.config.Greeting, h.config.Depth, host.Checking())
		return h, nil
	}})
}

// served returns the response of a handler to a request, and what was logged, without the line of Load.
func served(t *testing.T, r outridertest.Request, f outrider.HandlerFunc) (outridertest.Response, []string) {
	t.Helper()
	serve = f
	host := outridertest.Start(t, `{}`)
	return host.Serve(r), host.Log()[1:]
}

func TestConfigurationIsDecoded(t *testing.T) {
	host := outridertest.Start(t, `{"greeting": "hi"}`)
	if log := host.Log(); !reflect.DeepEqual(log, []string{"hi 7 false"}) {
		t.Error(log)
	}
}

func TestLoadRefuses(t *testing.T) {
	for config, reason := range map[string]string{
		`{"greeting": 1}`:       "[plugin.config]: json: cannot unmarshal number into Go struct field config.Greeting",
		`{"other": 1}`:          `[plugin.config]: json: unknown field "other"`,
		`{"greeting": "panic"}`: "panic: no greeting, in outrider_test.init.0.func1 (plugin_test.go:",
	} {
		if err := outridertest.Load(config); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v", config, err)
		}
	}
	if err := outridertest.Load(`{}`); err != nil {
		t.Error(err)
	}
}

func TestAHandlerIsClosedAtTheEnd(t *testing.T) {
	closed = 0
	t.Run("worker", func(t *testing.T) { outridertest.Start(t, `{}`) })
	if closed != 1 {
		t.Error(closed)
	}
}

func TestWhatARequestHas(t *testing.T) {
	request := outridertest.Request{
		Method: "POST", Target: "/a%20b/../c%20d?x=1", Body: []byte("one two"),
		Fields: outrider.Fields{{"X-A", "1"}, {"x-a", "2"}},
	}
	served(t, request, func(w *outrider.Response, r *outrider.Request) error {
		major, minor := r.Version()
		found := fmt.Sprint(r.Method(), r.Scheme(), r.Authority(), r.Target(), r.Path(), r.RawPath(), r.Query(), r.Mount(),
			major, minor, r.IsTLS(), r.MayHint(), r.HasBody(), r.ContentLength(), r.Field("X-a"), r.Field("x"))
		expected := fmt.Sprint("POST", "http", "localhost", "/a%20b/../c%20d?x=1", "/c d", "/a%20b/../c%20d", "x=1", "",
			1, 1, false, true, true, 7, "1", "")
		if found != expected {
			t.Errorf("found %s, expected %s", found, expected)
		}
		if fields := r.Fields(); !reflect.DeepEqual(fields[1:3], request.Fields) {
			t.Error(fields)
		}
		if body, err := io.ReadAll(r); string(body) != "one two" || err != nil {
			t.Error(string(body), err)
		}
		return w.Respond(200, nil, nil)
	})
}

func TestTrailersOfBothSides(t *testing.T) {
	request := outridertest.Request{
		Method: "POST", Body: []byte("content"), Trailers: outrider.Fields{{"X-Sum", "7"}}, Version: outridertest.HTTP2,
		Fields: outrider.Fields{{"te", "trailers"}},
	}
	response, _ := served(t, request, func(w *outrider.Response, r *outrider.Request) error {
		io.Copy(io.Discard, r)
		trailers, err := r.Trailers()
		if err != nil || !reflect.DeepEqual(trailers, request.Trailers) {
			t.Error(trailers, err)
		}
		w.Start(200, nil)
		w.WriteString("some ")
		w.Write([]byte("content"))
		return w.Trailers(trailers)
	})
	if string(response.Body) != "some content" || !reflect.DeepEqual(response.Trailers, request.Trailers) {
		t.Errorf("%+v", response)
	}
}

func TestPartOfAFile(t *testing.T) {
	path := t.TempDir() + "/file"
	os.WriteFile(path, []byte("0123456789"), 0o600)
	response, _ := served(t, outridertest.Request{}, func(w *outrider.Response, r *outrider.Request) error {
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		w.Start(200, outrider.Fields{{"content-length", "4"}})
		if err := w.SendFile(file, -1, 4); !errors.Is(err, outrider.ErrInvalid) {
			t.Error(err)
		}
		return w.SendFile(file, 3, 4)
	})
	if string(response.Body) != "3456" || response.Ending != outridertest.Complete {
		t.Errorf("%+v", response)
	}
}

func TestManyFields(t *testing.T) {
	var many outrider.Fields
	for i := 0; i < 100; i++ {
		many = append(many, [2]string{fmt.Sprint("x-", i), strings.Repeat("v", i)})
	}
	response, _ := served(t, outridertest.Request{}, func(w *outrider.Response, r *outrider.Request) error {
		return w.Respond(200, many, nil)
	})
	if !reflect.DeepEqual(response.Fields[:100], many) {
		t.Errorf("%+v", response.Fields)
	}
}

func TestRefusedCalls(t *testing.T) {
	serve = func(w *outrider.Response, r *outrider.Request) error {
		elsewhere := make(chan error)
		go func() { elsewhere <- w.Respond(200, nil, nil) }()
		for i, call := range []struct{ err, reason error }{
			{<-elsewhere, outrider.ErrThread},
			{w.Respond(-1, nil, nil), outrider.ErrInvalid},
			{w.Respond(199, nil, nil), outrider.ErrInvalid},
			{w.Respond(1<<40+200, nil, nil), outrider.ErrInvalid},
			{w.EarlyHints(outrider.Fields{{"bad name", ""}}), outrider.ErrInvalid},
			{w.Respond(200, outrider.Fields{{"te", ""}}, nil), outrider.ErrInvalid},
			{second(r.Trailers()), outrider.ErrState},
			{second(w.WriteString("early")), outrider.ErrState},
		} {
			if !errors.Is(call.err, call.reason) {
				t.Errorf("call %d: %v, expected %v", i, call.err, call.reason)
			}
		}
		w.Respond(200, nil, nil)
		if err := w.Respond(200, nil, nil); !errors.Is(err, outrider.ErrState) {
			t.Error(err)
		}
		return nil
	}
	if misuses := misusesOf(t, func(host *outridertest.Host) { host.Get("/") }); misuses != 9 {
		t.Errorf("%d of 9 misuses are reported", misuses)
	}
}

func second[T any](_ T, err error) error { return err }

func TestFailures(t *testing.T) {
	for name, failing := range map[string]struct {
		f      outrider.HandlerFunc
		ending outridertest.Ending
		status int
		log    string
	}{
		"error": {func(*outrider.Response, *outrider.Request) error { return errors.New("no milk") },
			outridertest.Page, 500, "no milk"},
		"panic": {func(*outrider.Response, *outrider.Request) error { panic("on purpose") },
			outridertest.Page, 500, "panic: on purpose, in outrider_test.TestFailures.func2 (plugin_test.go:"},
		"nil": {func(w *outrider.Response, r *outrider.Request) error { w = nil; return w.Flush() },
			outridertest.Page, 500, "panic: runtime error: invalid memory address or nil pointer dereference, in outrider"},
		"nested": {func(*outrider.Response, *outrider.Request) error { defer func() { panic("second") }(); panic("first") },
			outridertest.Page, 500, "panic: second, in outrider_test.TestFailures.func4"},
		"nothing":   {func(*outrider.Response, *outrider.Request) error { return nil }, outridertest.Page, 500, ""},
		"cancelled": {func(*outrider.Response, *outrider.Request) error { return outrider.ErrCancelled }, outridertest.Page, 504, ""},
		"abort":     {func(*outrider.Response, *outrider.Request) error { outrider.Abort(); return nil }, outridertest.None, 0, ""},
		"after head": {func(w *outrider.Response, r *outrider.Request) error {
			w.Start(200, nil)
			w.WriteString("some")
			panic("late")
		}, outridertest.Cut, 200, "panic: late, in outrider_test.TestFailures"},
	} {
		t.Run(name, func(t *testing.T) {
			response, log := served(t, outridertest.Request{}, failing.f)
			if response.Ending != failing.ending || response.Status != failing.status {
				t.Errorf("%+v", response)
			}
			if joined := strings.Join(log, "\n"); !strings.HasPrefix(joined, failing.log) || (failing.log == "" && joined != "") {
				t.Error(joined)
			}
		})
	}
}

func TestARequestIsEmptyAfterItsHandler(t *testing.T) {
	var kept *outrider.Request
	var done context.Context
	served(t, outridertest.Request{Target: "/kept"}, func(w *outrider.Response, r *outrider.Request) error {
		kept, done = r, r.Context()
		if done.Err() != nil || r.Path() != "/kept" {
			t.Error(done.Err())
		}
		return w.Respond(200, nil, nil)
	})
	if kept.Path() != "" || kept.Fields() != nil && len(kept.Fields()) != 0 || kept.Context() != done {
		t.Error("it is not")
	}
	<-done.Done()
	if done.Err() != context.Canceled {
		t.Error(done.Err())
	}
}

func TestTheContextEndsWhenTheClientLeaves(t *testing.T) {
	serve = func(w *outrider.Response, r *outrider.Request) error {
		// The client leaves while its body is waited for.
		if _, err := io.ReadAll(r); !errors.Is(err, outrider.ErrClosed) {
			t.Error(err)
		}
		<-r.Context().Done()
		return r.Context().Err()
	}
	host := outridertest.Start(t, `{}`)
	host.Serve(outridertest.Request{Method: "POST", Body: []byte("some"), BodyFollows: true})
}

// misusesOf returns how many misuses a host has reported at its end.
func misusesOf(t *testing.T, f func(*outridertest.Host)) int {
	recorder := &recorder{TB: t}
	f(outridertest.Start(recorder, `{}`))
	for _, cleanup := range recorder.cleanups {
		cleanup()
	}
	return recorder.errors
}

type recorder struct {
	testing.TB
	cleanups []func()
	errors   int
}

func (r *recorder) Cleanup(f func())      { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(string, ...any) { r.errors++ }
