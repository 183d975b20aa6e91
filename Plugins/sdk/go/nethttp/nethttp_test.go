package nethttp_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"outrider"
	"outrider/nethttp"
	"outrider/outridertest"
)

// The plugin under test calls what the test sets.
var serve http.HandlerFunc

func init() {
	load := func(*outrider.Host) (outrider.Handler, error) {
		return nethttp.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(w, r) })), nil
	}
	outrider.Register(outrider.Plugin{Name: "tested", Version: "1.0", Load: load})
}

func served(t *testing.T, r outridertest.Request, f http.HandlerFunc) (outridertest.Response, []string) {
	t.Helper()
	serve = f
	host := outridertest.Start(t, `{}`)
	return host.Serve(r), host.Log()
}

func TestEarlyHints(t *testing.T) {
	response, _ := served(t, outridertest.Request{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload; as=style")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		io.WriteString(w, "<!doctype html>")
	})
	hints := []outridertest.Section{{Status: 103, Fields: outrider.Fields{{"Link", "</style.css>; rel=preload; as=style"}}}}
	if !reflect.DeepEqual(response.Informational, hints) {
		t.Errorf("%+v", response.Informational)
	}
	expected := "HTTP/1.1 200 \r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 15\r\n\r\n<!doctype html>"
	if _, final, _ := strings.Cut(response.Wire, "\r\n\r\n"); final != expected {
		t.Errorf("%q", final)
	}
}

func TestTheRequest(t *testing.T) {
	request := outridertest.Request{
		Method: "PUT", Target: "/a%20b?x=1&y=2", Fields: outrider.Fields{{"cookie", "a=b"}, {"X-A", "1"}, {"x-a", "2"}},
		Body: []byte("content"), Trailers: outrider.Fields{{"X-Sum", "7"}},
	}
	request.Fields = append(request.Fields, [2]string{"Trailer", "x-sum"})
	served(t, request, func(w http.ResponseWriter, r *http.Request) {
		found := []any{r.Method, r.URL.Path, r.URL.Query().Get("y"), r.RequestURI, r.Host, r.Proto, r.ProtoAtLeast(1, 1),
			r.Header["X-A"], r.Header["Host"], r.TLS == nil, r.ContentLength}
		expected := []any{"PUT", "/a b", "2", "/a%20b?x=1&y=2", "localhost", "HTTP/1.1", true, []string{"1", "2"},
			[]string(nil), true, int64(-1)}
		if !reflect.DeepEqual(found, expected) {
			t.Errorf("found %v, expected %v", found, expected)
		}
		if cookie, err := r.Cookie("a"); err != nil || cookie.Value != "b" {
			t.Error(cookie, err)
		}
		if _, announced := r.Trailer["X-Sum"]; !announced || r.Trailer.Get("X-Sum") != "" {
			t.Error(r.Trailer)
		}
		body, err := io.ReadAll(r.Body)
		if string(body) != "content" || err != nil || r.Trailer.Get("X-Sum") != "7" {
			t.Error(string(body), err, r.Trailer)
		}
		if r.Context().Err() != nil {
			t.Error(r.Context().Err())
		}
	})
}

func TestARequestWithoutABody(t *testing.T) {
	served(t, outridertest.Request{}, func(w http.ResponseWriter, r *http.Request) {
		if r.Body != http.NoBody || r.ContentLength != 0 {
			t.Error(r.Body, r.ContentLength)
		}
	})
}

func TestALargeBodyGoesOutInPieces(t *testing.T) {
	piece := bytes.Repeat([]byte("x"), 3000)
	response, _ := served(t, outridertest.Request{}, func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < 3; i++ {
			if n, err := w.Write(piece); n != len(piece) || err != nil {
				t.Error(n, err)
			}
		}
		w.Header().Set("X-Late", "is not sent")
	})
	if len(response.Body) != 9000 || response.Field("Content-Length") != "" || response.Field("X-Late") != "" ||
		response.Field("Content-Type") != "text/plain; charset=utf-8" || response.Ending != outridertest.Complete {
		t.Errorf("%+v", response.Fields)
	}
}

func TestFlushSendsWhatIsThere(t *testing.T) {
	response, _ := served(t, outridertest.Request{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		io.WriteString(w, "data: 1\n\n")
		w.(interface{ FlushError() error }).FlushError()
		io.WriteString(w, "data: 2\n\n")
	})
	if string(response.Body) != "data: 1\n\ndata: 2\n\n" || response.Field("Content-Length") != "" {
		t.Errorf("%+v", response)
	}
}

func TestAFileWithRanges(t *testing.T) {
	content := strings.Repeat("0123456789", 2000)
	path := filepath.Join(t.TempDir(), "digits.txt")
	os.WriteFile(path, []byte(content), 0o600)
	for fields, expected := range map[[2]string]string{
		{"x", "y"}:                    content,
		{"range", "bytes=5000-14999"}: content[5000:15000],
		{"range", "bytes=3-5"}:        "345",
	} {
		response, log := served(t, outridertest.Request{Fields: outrider.Fields{fields}}, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFile(w, r, path)
		})
		if string(response.Body) != expected || response.Ending != outridertest.Complete || len(log) != 0 {
			t.Errorf("%v: %d bytes, %v, %v", fields, len(response.Body), response.Fields, log)
		}
	}
}

func TestHeadAndStatusesWithoutBody(t *testing.T) {
	response, _ := served(t, outridertest.Request{Method: "HEAD"}, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "content")
	})
	if response.Field("Content-Length") != "7" || len(response.Body) != 0 {
		t.Errorf("%+v", response)
	}
	response, _ = served(t, outridertest.Request{}, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusNotModified)
		if _, err := io.WriteString(w, "content"); err != http.ErrBodyNotAllowed {
			t.Error(err)
		}
	})
	if response.Status != 304 || response.Ending != outridertest.Complete {
		t.Errorf("%+v", response)
	}
}

func TestTrailers(t *testing.T) {
	request := outridertest.Request{Version: outridertest.HTTP2, Fields: outrider.Fields{{"te", "trailers"}}}
	response, _ := served(t, request, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "x-sum")
		io.WriteString(w, "content")
		w.Header().Set("X-Sum", "7")
		w.Header().Set(http.TrailerPrefix+"X-More", "8")
	})
	if expected := (outrider.Fields{{"X-Sum", "7"}, {"X-More", "8"}}); !reflect.DeepEqual(response.Trailers, expected) {
		t.Errorf("%+v", response)
	}
}

func TestFieldsOfTheServer(t *testing.T) {
	response, _ := served(t, outridertest.Request{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "close")
		w.Header().Set("X-Lines", "a\r\nb ")
	})
	if response.Status != 200 || response.Field("Connection") != "" || response.Field("X-Lines") != "a  b" {
		t.Errorf("%+v", response)
	}
}

func TestPanics(t *testing.T) {
	response, log := served(t, outridertest.Request{}, func(w http.ResponseWriter, r *http.Request) { panic("on purpose") })
	if response.Ending != outridertest.Page || response.Status != 500 || len(log) != 1 ||
		!strings.HasPrefix(log[0], "panic: on purpose, in outrider/nethttp_test.TestPanics.func1 (nethttp_test.go:") {
		t.Errorf("%+v %v", response, log)
	}
	response, log = served(t, outridertest.Request{}, func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	if response.Ending != outridertest.None || len(log) != 0 {
		t.Errorf("%+v %v", response, log)
	}
}

func TestASecondStatus(t *testing.T) {
	response, log := served(t, outridertest.Request{}, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(201)
		w.WriteHeader(202)
	})
	if response.Status != 201 || !reflect.DeepEqual(log, []string{"superfluous WriteHeader(202) after WriteHeader(201)"}) {
		t.Errorf("%+v %v", response, log)
	}
}
