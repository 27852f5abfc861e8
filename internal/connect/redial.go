package connect

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// redials gives up a client's connections when the server behind them says that it is no master.
// Behind a proxy, a floating address or a name, a new connection leads to the master, and an old
// one for ever to the node that has been demoted. go-redis closes the one connection that hears
// READONLY as the answer to a single command; those that hear it in a pipeline, or in other words
// from a proxy, and those that only read (what a replica answers may be out of date) stay in its
// pool.
//
// It listens as a limiter, which go-redis tells what came of each try, those that it repeats by
// itself included, and as a hook, for what a pipeline's single commands were answered. And it
// numbers the connections: those that were dialled before the last such answer are not used again.
// Calls under way on them end by themselves.
type redials struct {
	era  atomic.Int64 // number of the connections that are dialled now
	last atomic.Int64 // when the last era began, in ns
	due  atomic.Bool  // another is to begin as soon as it may
}

// redialEvery bounds how often connections are given up: while no node is a master, each new one
// says the same.
const redialEvery = time.Second

// noMaster reports that the server is not, or not yet, one that can be written to.
func noMaster(err error) bool {
	if _, said := errors.AsType[redis.Error](err); !said {
		return false
	}
	s := err.Error()
	// A script's error, and a proxy's, has it in the middle.
	return strings.Contains(s, "READONLY ") || redis.IsMasterDownError(err) || redis.IsLoadingError(err)
}

func (r *redials) heard(err error) {
	if noMaster(err) {
		r.due.Store(true)
		r.begin()
	}
}

// begin begins an era that is due. What is heard too soon after the last is kept for later: it may be
// the last that is heard of a node which others still read from.
func (r *redials) begin() {
	if !r.due.Load() {
		return
	}
	last, now := r.last.Load(), time.Now().UnixNano()
	if now-last >= int64(redialEvery) && r.last.CompareAndSwap(last, now) {
		r.due.Store(false)
		r.era.Add(1)
	}
}

// Allow implements redis.Limiter: there is no limit.
func (*redials) Allow() error { return nil }

// ReportResult implements redis.Limiter.
func (r *redials) ReportResult(err error) { r.heard(err) }

type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// dialer numbers the connections of another dialer.
func (r *redials) dialer(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		era := r.era.Load() // before it: what is heard meanwhile may be about this one
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &numberedConn{Conn: conn, of: r, era: era}, nil
	}
}

// DialHook implements redis.Hook.
func (*redials) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (*redials) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return next // the limiter has heard it
}

// ProcessPipelineHook implements redis.Hook.
func (r *redials) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		for _, cmd := range cmds {
			r.heard(cmd.Err())
		}
		return err
	}
}

// numberedConn is a connection of an era. go-redis asks a connection's file descriptor whether it
// is still open before it uses it again; that of a former era says no.
type numberedConn struct {
	net.Conn
	of  *redials
	era int64
}

func (c *numberedConn) gone() bool {
	c.of.begin()
	return c.era != c.of.era.Load()
}

// SyscallConn implements syscall.Conn.
func (c *numberedConn) SyscallConn() (syscall.RawConn, error) {
	if c.gone() {
		return nil, net.ErrClosed
	}
	if raw, ok := c.Conn.(syscall.Conn); ok {
		return raw.SyscallConn()
	}
	return unasked{}, nil // TLS has none, and go-redis takes it for open
}

// Write implements net.Conn. A subscription, and a system on which file descriptors are not asked,
// notice by it; io.EOF makes go-redis dial again.
func (c *numberedConn) Write(b []byte) (int, error) {
	if c.gone() {
		return 0, io.EOF
	}
	return c.Conn.Write(b)
}

// unasked is a file descriptor of which nothing is known.
type unasked struct{}

// Control implements syscall.RawConn.
func (unasked) Control(func(uintptr)) error { return nil }

// Read implements syscall.RawConn.
func (unasked) Read(func(uintptr) bool) error { return nil }

// Write implements syscall.RawConn.
func (unasked) Write(func(uintptr) bool) error { return nil }

var (
	_ redis.Hook    = (*redials)(nil)
	_ redis.Limiter = (*redials)(nil)
	_ syscall.Conn  = (*numberedConn)(nil)
)
