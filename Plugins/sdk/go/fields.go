package outrider

// #include <stddef.h>
import "C"

import (
	"sync"
	"unsafe"
)

// Fields are the fields of a head, or trailers: pairs of name and value, in the order of the wire. A name may occur more than
// once. Names have any case; over HTTP/2 they are sent in lower case.
//
//	outrider.Fields{{"content-type", "text/html"}, {"cache-control", "no-store"}}
type Fields [][2]string

// A packedSection is a section of fields in the form in which it is passed to C: cgo forbids memory with pointers of Go.
type packedSection struct {
	bytes []byte     // names and values, one after the other, and a byte that gives an empty section an address
	sizes []C.size_t // the size of each of them, and one more
}

var packedSections = sync.Pool{New: func() any { return new(packedSection) }}

// pack returns the packed fields; the caller frees them.
func pack(fields Fields) *packedSection {
	p := packedSections.Get().(*packedSection)
	p.bytes, p.sizes = p.bytes[:0], p.sizes[:0]
	for i := range fields {
		for _, text := range fields[i] {
			p.bytes = append(p.bytes, text...)
			p.sizes = append(p.sizes, C.size_t(len(text)))
		}
	}
	p.bytes, p.sizes = append(p.bytes, 0), append(p.sizes, 0)
	return p
}

func (p *packedSection) free() { packedSections.Put(p) }

func (p *packedSection) text() unsafe.Pointer { return unsafe.Pointer(&p.bytes[0]) }
func (p *packedSection) lengths() *C.size_t   { return &p.sizes[0] }
func (p *packedSection) count() C.size_t      { return C.size_t(len(p.sizes) / 2) }
