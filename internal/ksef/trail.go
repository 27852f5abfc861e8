package ksef

import (
	"errors"
	"net"
	"net/http/httptrace"
	"sync/atomic"
)

// trail records how far a request came. Its hooks are called from the transport's goroutines; the transport returns only after its writing goroutine has
// ended, so what is read afterwards is final.
type trail struct {
	seen, connected, wrote atomic.Bool
	reports                bool // the transport is known to call the hooks
}

func (t *trail) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn:      func(string) { t.seen.Store(true) },
		GotConn:      func(httptrace.GotConnInfo) { t.connected.Store(true) },
		WroteHeaders: func() { t.wrote.Store(true) },
	}
}

// maybeLeft tells whether bytes of the request may have reached the other side. Headers "written" may still lie in a buffer when the connection breaks, so
// it errs towards true. A transport that does not report its progress leaves only dial errors as proof.
func (t *trail) maybeLeft(err error) bool {
	if t.reports || t.seen.Load() {
		return t.wrote.Load()
	}
	var op *net.OpError
	return !errors.As(err, &op) || op.Op != "dial"
}

// unconnected tells whether no connection came about. A transport that does not report its progress
// leaves only dial errors as proof.
func (t *trail) unconnected(err error) bool {
	if t.reports || t.seen.Load() {
		return t.seen.Load() && !t.connected.Load()
	}
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
