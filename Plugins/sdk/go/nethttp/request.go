package nethttp

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"outrider"
)

// newRequest returns the request as net/http has it.
func newRequest(r *outrider.Request) *http.Request {
	major, minor := r.Version()
	request := &http.Request{
		Method: r.Method(), Proto: fmt.Sprintf("HTTP/%d.%d", major, minor),
		ProtoMajor: major, ProtoMinor: minor,
		URL:    &url.URL{Path: r.Path(), RawQuery: r.Query()},
		Header: make(http.Header), Body: http.NoBody, ContentLength: r.ContentLength(),
		Host: r.Authority(), RemoteAddr: r.RemoteAddress(), RequestURI: r.Target(),
	}
	for _, field := range r.Fields() {
		// net/http has the Host in a member of its own.
		if name := http.CanonicalHeaderKey(field[0]); name != "Host" {
			request.Header[name] = append(request.Header[name], field[1])
		}
	}
	if r.IsTLS() {
		request.TLS = &tls.ConnectionState{HandshakeComplete: true}
	}
	if r.HasBody() {
		request.Trailer = announcedTrailer(request)
		request.Body = &body{request: r, trailer: request.Trailer}
	} else {
		request.ContentLength = 0
	}
	return request.WithContext(r.Context())
}

// announcedTrailer has the names that the field Trailer announces, without values, or is nil.
func announcedTrailer(r *http.Request) http.Header {
	var trailer http.Header
	for _, list := range r.Header["Trailer"] {
		for _, name := range strings.Split(list, ",") {
			if name = http.CanonicalHeaderKey(strings.TrimSpace(name)); name != "" {
				if trailer == nil {
					trailer = make(http.Header)
				}
				trailer[name] = nil
			}
		}
	}
	delete(r.Header, "Trailer")
	return trailer
}

// A body is the body of a request.
type body struct {
	request *outrider.Request
	trailer http.Header // gets its values at the end
	err     error       // of all reads from now on
}

func (b *body) Read(buffer []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.request.Read(buffer)
	b.err = err
	if err == io.EOF && b.trailer != nil {
		fields, _ := b.request.Trailers()
		for _, field := range fields {
			name := http.CanonicalHeaderKey(field[0])
			b.trailer[name] = append(b.trailer[name], field[1])
		}
	}
	return n, err
}

func (b *body) Close() error {
	if b.err == nil {
		b.err = http.ErrBodyReadAfterClose
	}
	return nil
}
