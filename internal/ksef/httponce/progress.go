package httponce

import (
	"errors"
	"net"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"ksefworker/internal/ksef"
)

// progress records how far a request came. Its hooks are called from the transport's goroutines.
// The transport returns only after its writing goroutine has ended, so the values are final then.
type progress struct {
	seen, connected, wrote atomic.Bool
	reports                bool // the transport is known to call the hooks
}

func (p *progress) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn:      func(string) { p.seen.Store(true) },
		GotConn:      func(httptrace.GotConnInfo) { p.connected.Store(true) },
		WroteHeaders: func() { p.wrote.Store(true) },
	}
}

// maybeLeft reports whether bytes of the request may have reached the other side. Headers that
// count as written may still lie in a buffer when the connection breaks, so maybeLeft errs towards
// true. If the transport calls no hooks, only a dial error proves that nothing was sent.
func (p *progress) maybeLeft(err error) bool {
	if p.reports || p.seen.Load() {
		return p.wrote.Load()
	}
	return !isDialError(err)
}

// unconnected reports whether no connection was made. With a transport that does not report its
// progress, only dial errors prove it.
func (p *progress) unconnected(err error) bool {
	if p.reports || p.seen.Load() {
		return p.seen.Load() && !p.connected.Load()
	}
	return isDialError(err)
}

func isDialError(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// exhausted reports whether a connection could not be made for lack of file descriptors, ports or
// memory on this side. The resolver's error keeps only the text of its cause, so that text is
// searched.
func exhausted(err error) bool {
	dns, ofName := errors.AsType[*net.DNSError](err)
	return ksef.Exhausted(err) || ofName && slices.ContainsFunc(ksef.Shortages(), func(s syscall.Errno) bool {
		return strings.Contains(dns.Err, s.Error())
	})
}
