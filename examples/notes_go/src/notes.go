// The notes application (../notes.md) in Go: notes in SQLite, server-sent events, uploads.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"outrider"
)

const maxNote = 64 << 10

// A service is a [[plugin]] entry.
type service struct {
	config struct{ Database, Uploads string }
	notes  *database
}

func load(host *outrider.Host) (outrider.Handler, error) {
	s := &service{}
	if err := host.Config(&s.config); err != nil {
		return nil, err
	}
	switch {
	case host.Inspecting():
		return s, nil
	case s.config.Database == "":
		return nil, errors.New(`[plugin.config] needs the key "database": the path of the database`)
	case s.config.Uploads == "":
		return nil, errors.New(`[plugin.config] needs the key "uploads": the path of a folder`)
	case host.Checking():
		return s, nil
	}
	var err error
	s.notes, err = openDatabase(s.config.Database)
	return s, err
}

func (s *service) Close() error {
	if s.notes == nil {
		return nil
	}
	return s.notes.close()
}

// ServeRequest passes the request to the function of its path and method.
func (s *service) ServeRequest(w *outrider.Response, r *outrider.Request) error {
	path, method := r.Path(), r.Method()
	isGet := method == "GET" || method == "HEAD"
	switch {
	case path == "/notes" && isGet:
		return s.list(w)
	case path == "/notes" && method == "POST":
		return s.add(w, r)
	case path == "/notes":
		return notAllowed(w, "GET, HEAD, POST")
	case strings.HasPrefix(path, "/notes/"):
		id, err := strconv.ParseUint(strings.TrimPrefix(path, "/notes/"), 10, 63)
		switch {
		case err != nil:
			return notFound(w)
		case isGet:
			return s.get(w, r, int64(id))
		case method == "DELETE":
			return s.delete(w, int64(id))
		}
		return notAllowed(w, "GET, HEAD, DELETE")
	case path == "/events" && method == "GET":
		return s.events(w, r)
	case path == "/events":
		return notAllowed(w, "GET")
	case strings.HasPrefix(path, "/upload/") && method == "PUT":
		return s.upload(w, r, strings.TrimPrefix(path, "/upload/"))
	case strings.HasPrefix(path, "/upload/"):
		return notAllowed(w, "PUT")
	}
	return notFound(w)
}

func (s *service) list(w *outrider.Response) error {
	w.EarlyHints(outrider.Fields{{"link", "</notes.css>; rel=preload; as=style"}})
	notes, err := s.notes.list()
	if err != nil {
		return err
	}
	return respondJSON(w, 200, nil, notes)
}

func (s *service) add(w *outrider.Response, r *outrider.Request) error {
	content, err := io.ReadAll(io.LimitReader(r, maxNote+1))
	if err != nil {
		return err
	}
	if len(content) > maxNote {
		return respondError(w, 413, nil, "a note has at most 64 KiB")
	}
	var members map[string]json.RawMessage
	var text string
	if json.Unmarshal(content, &members) != nil || json.Unmarshal(members["text"], &text) != nil || text == "" {
		return respondError(w, 400, nil, "a note is an object with a text")
	}
	added, err := s.notes.add(text)
	if err != nil {
		return err
	}
	return respondJSON(w, 201, outrider.Fields{{"location", fmt.Sprintf("/notes/%d", added.ID)}}, added)
}

func (s *service) get(w *outrider.Response, r *outrider.Request, id int64) error {
	text, found, err := s.notes.get(id)
	if err != nil {
		return err
	}
	if !found {
		return notFound(w)
	}
	fields := outrider.Fields{{"content-type", "text/plain; charset=utf-8"}}
	part := byteRange{kind: ignored}
	if r.Method() == "GET" {
		part = readRange(r.Field("range"), len(text))
	}
	switch part.kind {
	case satisfiable:
		place := fmt.Sprintf("bytes %d-%d/%d", part.first, part.last, len(text))
		return w.Respond(206, append(fields, [2]string{"content-range", place}), text[part.first:part.last+1])
	case unsatisfiable:
		return respondError(w, 416, outrider.Fields{{"content-range", fmt.Sprintf("bytes */%d", len(text))}},
			"no byte of the note is within the range")
	}
	return w.Respond(200, fields, text)
}

func (s *service) delete(w *outrider.Response, id int64) error {
	found, err := s.notes.delete(id)
	if err != nil {
		return err
	}
	if !found {
		return notFound(w)
	}
	return w.Respond(204, nil, nil)
}

func (s *service) events(w *outrider.Response, r *outrider.Request) error {
	err := w.Start(200, outrider.Fields{{"content-type", "text/event-stream"}, {"cache-control", "no-cache"}})
	for i := 0; i < 5 && err == nil; i++ {
		if i > 0 {
			time.Sleep(200 * time.Millisecond)
		}
		var count int64
		if count, err = s.notes.count(); err == nil {
			_, err = fmt.Fprintf(w, "data: {\"count\":%d}\n\n", count)
		}
	}
	return err
}

func (s *service) upload(w *outrider.Response, r *outrider.Request, name string) error {
	if !isUploadName(name) {
		return respondError(w, 400, nil, "no file may have this name")
	}
	size, err := receive(r, s.config.Uploads, name)
	if err != nil {
		return err
	}
	return respondJSON(w, 201, nil, map[string]int64{"bytes": size})
}

func respondJSON(w *outrider.Response, status int, fields outrider.Fields, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return w.Respond(status, append(fields, [2]string{"content-type", "application/json"}), body)
}

func respondError(w *outrider.Response, status int, fields outrider.Fields, reason string) error {
	return respondJSON(w, status, fields, map[string]string{"error": reason})
}

func notFound(w *outrider.Response) error { return respondError(w, 404, nil, "not found") }

func notAllowed(w *outrider.Response, methods string) error {
	return respondError(w, 405, outrider.Fields{{"allow", methods}}, "method not allowed")
}

func init() {
	outrider.Register(outrider.Plugin{Name: "notes", Version: "1.0", Load: load})
}

func main() {}
