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
	seen, wrote atomic.Bool
	reports     bool // the transport is known to call the hooks
}

func (t *trail) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn:      func(string) { t.seen.Store(true) },
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
