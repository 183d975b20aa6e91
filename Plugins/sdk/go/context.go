package outrider

// #include "calls.h"
import "C"

import (
	"context"
	"sync"
	"time"
)

// watchInterval is how often a context asks whether the client is still there, once somebody waits for it.
const watchInterval = 50 * time.Millisecond

// A requestContext is the context of a request. It costs nothing until Done is called: a goroutine then asks the server.
type requestContext struct {
	host     *Host
	exchange C.outrider_exchange
	deadline time.Time // zero: there is none
	lock     sync.Mutex
	done     chan struct{} // nil: nobody has asked for it
	err      error
}

// Context returns the context of the request. It has the deadline of the request, and is done when the client leaves, when the
// server cancels the request, or when the handler has returned. It may be passed to other goroutines.
func (r *Request) Context() context.Context {
	x := r.exchange
	if x.context == nil {
		x.context = &requestContext{host: x.host, exchange: x.handle}
		if left, ok := r.TimeLeft(); ok {
			x.context.deadline = time.Now().Add(left)
		}
		if x.head == nil {
			x.context.err = context.Canceled
		}
	}
	return x.context
}

func (c *requestContext) Deadline() (time.Time, bool) { return c.deadline, !c.deadline.IsZero() }

func (c *requestContext) Value(any) any { return nil }

func (c *requestContext) Done() <-chan struct{} {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.err != nil {
			close(c.done)
		} else {
			go c.watch(c.done)
		}
	}
	return c.done
}

func (c *requestContext) Err() error {
	c.lock.Lock()
	err := c.err
	c.lock.Unlock()
	if err == nil {
		err = c.ask()
	}
	return err
}

// ask asks the server, and ends the context if the response is no longer wanted.
func (c *requestContext) ask() error {
	switch status := C.outrider_go_cancelled(c.host.table, c.exchange); {
	case status >= 0:
		return nil
	case status == C.OUTRIDER_E_CANCELLED && !c.deadline.IsZero() && !time.Now().Before(c.deadline):
		return c.end(context.DeadlineExceeded)
	default:
		return c.end(context.Canceled)
	}
}

// end ends the context, and returns the reason for which it has ended first.
func (c *requestContext) end(reason error) error {
	c.lock.Lock()
	defer c.lock.Unlock()
	if c.err == nil {
		c.err = reason
		if c.done != nil {
			close(c.done)
		}
	}
	return c.err
}

func (c *requestContext) watch(done chan struct{}) {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
			if c.ask() != nil {
				return
			}
		}
	}
}
