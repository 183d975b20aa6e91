package main

import (
	"reflect"
	"testing"

	"outrider"
	"outrider/outridertest"
)

// No server, no socket: see outridertest.
func TestHintsComeBeforeThePage(t *testing.T) {
	response := outridertest.Start(t, `{}`).Get("/")
	hints := []outridertest.Section{{Status: 103, Fields: outrider.Fields{{"link", "</style.css>; rel=preload; as=style"}}}}
	if !reflect.DeepEqual(response.Informational, hints) {
		t.Errorf("hints: %v", response.Informational)
	}
	if response.Status != 200 || string(response.Body) != "hello\n" || response.Ending != outridertest.Complete {
		t.Errorf("page: %+v", response)
	}
}

func TestNoHintsOverHTTP10(t *testing.T) {
	response := outridertest.Start(t, `{}`).Serve(outridertest.Request{Version: outridertest.HTTP10})
	if response.Informational != nil || response.Status != 200 {
		t.Errorf("%+v", response)
	}
}
