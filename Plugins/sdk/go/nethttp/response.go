package nethttp

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"sort"
	"strings"

	"outrider"
)

// room is how much of a body is gathered before the head is sent: a body that fits goes out with it, and with its length.
const room = 4096

// A response is an http.ResponseWriter.
type response struct {
	w       *outrider.Response
	request *outrider.Request
	header  http.Header

	status   int         // 0: no WriteHeader yet
	head     http.Header // as it was at WriteHeader
	gathered []byte      // bytes of the body, until the head is sent
	started  bool        // the head is sent, or on its way
	err      error       // the first refusal of the server
}

func newResponse(w *outrider.Response, r *outrider.Request) *response {
	return &response{w: w, request: r, header: make(http.Header)}
}

func (r *response) Header() http.Header { return r.header }

func (r *response) WriteHeader(status int) {
	switch {
	case status < 100 || status > 999:
		panic(fmt.Sprintf("invalid WriteHeader code %v", status)) // as net/http does
	case r.status != 0:
		r.request.Logf(outrider.LevelWarning, "superfluous WriteHeader(%d) after WriteHeader(%d)", status, r.status)
	case status < 200:
		if err := r.w.Informational(status, fields(r.header)); err != nil {
			r.request.Logf(outrider.LevelWarning, "WriteHeader(%d): %v", status, err)
		}
	default:
		r.status = status
		r.head = r.header.Clone()
	}
}

func (r *response) Write(bytes []byte) (int, error) { return r.write(bytes, len(bytes)) }

func (r *response) WriteString(text string) (int, error) { return r.write([]byte(text), len(text)) }

func (r *response) write(bytes []byte, n int) (int, error) {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	switch {
	case r.err != nil:
		return 0, r.err
	case !allowsBody(r.status):
		return 0, http.ErrBodyNotAllowed
	case !r.started && len(r.gathered)+n <= room:
		r.gathered = append(r.gathered, bytes...)
		return n, nil
	}
	if r.start(bytes); r.err == nil {
		_, r.err = r.w.Write(bytes)
	}
	if r.err != nil {
		return 0, r.err
	}
	return n, nil
}

// ReadFrom sends what src has; a file, or a part of one, without copying it.
func (r *response) ReadFrom(src io.Reader) (int64, error) {
	limited, ok := src.(*io.LimitedReader)
	if !ok {
		limited = &io.LimitedReader{R: src, N: 1<<63 - 1}
	}
	if file, ok := limited.R.(*os.File); ok {
		if n, done, err := r.sendFile(file, limited.N); done {
			limited.N -= n
			return n, err
		}
	}
	return io.Copy(writerOnly{r}, src)
}

type writerOnly struct{ io.Writer }

// sendFile sends up to most bytes from the position of the file on; done is false if it is no regular file.
func (r *response) sendFile(file *os.File, most int64) (n int64, done bool, err error) {
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() || (r.status != 0 && !allowsBody(r.status)) {
		return 0, false, nil
	}
	position, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, false, nil
	}
	if n = info.Size() - position; n > most {
		n = most
	}
	if n <= room || r.err != nil {
		return 0, false, nil
	}
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	if r.header.Get("Content-Type") == "" {
		var begin [512]byte
		k, _ := file.ReadAt(begin[:], position)
		r.start(begin[:k])
	} else {
		r.start(nil)
	}
	if r.err == nil {
		r.err = r.w.SendFile(file, position, n)
	}
	if r.err != nil {
		return 0, true, r.err
	}
	_, err = file.Seek(n, io.SeekCurrent)
	return n, true, err
}

// Flush implements http.Flusher.
func (r *response) Flush() { _ = r.FlushError() }

// FlushError is what http.ResponseController calls.
func (r *response) FlushError() error {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	if r.start(nil); r.err == nil {
		r.err = r.w.Flush()
	}
	return r.err
}

// start sends the head, with what has been gathered; next are bytes that follow.
func (r *response) start(next []byte) {
	if r.started || r.err != nil {
		return
	}
	r.started = true
	r.detectType(next)
	if r.err = r.w.Start(r.status, fields(r.head)); r.err == nil && len(r.gathered) != 0 {
		_, r.err = r.w.Write(r.gathered)
	}
	r.gathered = nil
}

// finish sends what is left when the handler has returned.
func (r *response) finish() error {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	trailers := r.trailers()
	if !r.started && trailers == nil && r.err == nil {
		r.detectType(nil)
		r.err = r.w.Respond(r.status, fields(r.head), r.gathered)
		return r.err
	}
	if r.start(nil); r.err == nil && trailers != nil {
		r.err = r.w.Trailers(trailers)
	}
	return r.err
}

// detectType sets Content-Type by the bytes that have been gathered and those that follow.
func (r *response) detectType(next []byte) {
	_, isSet := r.head["Content-Type"]
	if isSet || r.head.Get("Content-Encoding") != "" || len(r.gathered)+len(next) == 0 {
		return
	}
	begin := r.gathered
	if len(begin) < 512 {
		if len(next) > 512 {
			next = next[:512]
		}
		begin = append(begin[:len(begin):len(begin)], next...)
	}
	r.head.Set("Content-Type", http.DetectContentType(begin))
}

// trailers returns the trailer fields: those that Trailer announces, and those with http.TrailerPrefix.
func (r *response) trailers() outrider.Fields {
	var trailers outrider.Fields
	add := func(name string, values []string) {
		for _, value := range values {
			trailers = append(trailers, [2]string{name, clean(value)})
		}
	}
	for _, list := range r.head["Trailer"] {
		for _, name := range strings.Split(list, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			add(name, r.header[name])
		}
	}
	for name, values := range r.header {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			add(strings.TrimPrefix(name, http.TrailerPrefix), values)
		}
	}
	return trailers
}

// serversOwn are fields that the server refuses: those of the connection (RFC 9110 section 7.6.1).
var serversOwn = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Connection": true, "Te": true, "Transfer-Encoding": true, "Upgrade": true,
}

// fields returns the header as the server takes it.
func fields(header http.Header) outrider.Fields {
	names := make([]string, 0, len(header))
	for name := range header {
		if !serversOwn[name] && !strings.HasPrefix(name, http.TrailerPrefix) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	list := make(outrider.Fields, 0, len(header))
	for _, name := range names {
		for _, value := range header[name] {
			list = append(list, [2]string{name, clean(value)})
		}
	}
	return list
}

var lineEnds = strings.NewReplacer("\r", " ", "\n", " ")

// clean returns the value without what net/http removes too.
func clean(value string) string { return strings.TrimSpace(lineEnds.Replace(value)) }

// allowsBody tells whether a response of that status may have a body (RFC 9110 section 15).
func allowsBody(status int) bool {
	return status != http.StatusNoContent && status != http.StatusResetContent && status != http.StatusNotModified
}
