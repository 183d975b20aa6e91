package outridertest

// #include <stdlib.h>
// #include <outrider/testing.h>
import "C"

import (
	"strings"
	"unsafe"

	"outrider"
)

// A request is one in the memory of C.
type request struct {
	c      C.outrider_mock_request
	memory []unsafe.Pointer
}

func newRequest(r Request) *request {
	request := &request{}
	c := &request.c
	c.size = C.uint32_t(unsafe.Sizeof(*c))
	c.http_version = C.uint32_t(r.Version)
	c.method, c.target = request.text(r.Method), request.text(r.Target)
	c.fields, c.n_fields = request.fields(r.Fields)
	c.trailers, c.n_trailers = request.fields(r.Trailers)
	c.body = request.bytes(string(r.Body))
	if r.Trailers != nil {
		c.flags |= C.OUTRIDER_MOCK_CHUNKED
	}
	if r.NoHints {
		c.flags |= C.OUTRIDER_MOCK_NO_HINTS
	}
	if r.BodyFollows {
		c.flags |= C.OUTRIDER_MOCK_BODY_FOLLOWS
	}
	return request
}

func (r *request) free() {
	for _, memory := range r.memory {
		C.free(memory)
	}
}

// text returns NULL for "", for which the host has a default.
func (r *request) text(text string) *C.char {
	if text == "" {
		return nil
	}
	copied := C.CString(text)
	r.memory = append(r.memory, unsafe.Pointer(copied))
	return copied
}

func (r *request) bytes(text string) C.outrider_bytes {
	return C.outrider_bytes{data: r.text(text), size: C.size_t(len(text))}
}

func (r *request) fields(fields outrider.Fields) (*C.outrider_field, C.size_t) {
	if len(fields) == 0 {
		return nil, 0
	}
	memory := C.calloc(C.size_t(len(fields)), C.sizeof_outrider_field)
	r.memory = append(r.memory, memory)
	section := unsafe.Slice((*C.outrider_field)(memory), len(fields))
	for i, field := range fields {
		section[i] = C.outrider_field{name: r.bytes(field[0]), value: r.bytes(field[1])}
	}
	return &section[0], C.size_t(len(fields))
}

func newResponse(c *C.outrider_mock_response) Response {
	response := Response{
		Ending: Ending(c.ending), Status: int(c.status), Fields: fieldsOf(c.fields, c.n_fields), Body: []byte(text(c.body)),
		Trailers: fieldsOf(c.trailers, c.n_trailers), Wire: text(c.wire),
	}
	if c.n_informational != 0 {
		for _, section := range unsafe.Slice(c.informational, int(c.n_informational)) {
			response.Informational = append(response.Informational,
				Section{int(section.status), fieldsOf(section.fields, section.n_fields)})
		}
	}
	return response
}

// Field returns the value of the first field of that name, in any case; "" if there is none.
func (r Response) Field(name string) string {
	for _, field := range r.Fields {
		if strings.EqualFold(field[0], name) {
			return field[1]
		}
	}
	return ""
}

func text(bytes C.outrider_bytes) string {
	return C.GoStringN(bytes.data, C.int(bytes.size))
}

func fieldsOf(fields *C.outrider_field, n C.size_t) outrider.Fields {
	if n == 0 {
		return nil
	}
	var copies outrider.Fields
	for _, field := range unsafe.Slice(fields, int(n)) {
		copies = append(copies, [2]string{text(field.name), text(field.value)})
	}
	return copies
}
