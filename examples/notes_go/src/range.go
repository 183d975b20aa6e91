package main

import (
	"math"
	"strings"
)

type rangeKind int

const (
	ignored rangeKind = iota // there is none, or one of another form: the whole text is sent
	satisfiable
	unsatisfiable
)

// A byteRange is the part of a text that a Range field asks for (RFC 9110 section 14): the bytes from first to last.
type byteRange struct {
	kind        rangeKind
	first, last int
}

// readRange reads a field with a single range of the bytes of a text.
func readRange(value string, size int) byteRange {
	spec, ok := cutPrefix(value, "bytes=")
	from, to, isRange := strings.Cut(spec, "-")
	if !ok || !isRange {
		return byteRange{}
	}
	first, hasFirst := number(from)
	last, hasLast := number(to)
	switch {
	case !hasFirst && from != "", !hasLast && to != "", !hasFirst && !hasLast, hasFirst && hasLast && last < first:
		return byteRange{}
	case !hasFirst: // the last bytes, so many
		first, last = size-last, size-1
		if first < 0 {
			first = 0
		}
	case !hasLast || last >= size:
		last = size - 1
	}
	if first >= size {
		return byteRange{kind: unsatisfiable}
	}
	return byteRange{satisfiable, first, last}
}

// number reads digits. A number that is too large counts as the largest.
func number(digits string) (value int, ok bool) {
	for i := 0; i < len(digits); i++ {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, false
		}
		if value > (math.MaxInt-9)/10 {
			value = math.MaxInt
		} else {
			value = value*10 + int(digits[i]-'0')
		}
	}
	return value, digits != ""
}

func cutPrefix(text, prefix string) (rest string, ok bool) {
	return strings.TrimPrefix(text, prefix), strings.HasPrefix(text, prefix)
}
