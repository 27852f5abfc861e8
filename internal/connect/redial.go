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

// redials gives up a client's connections when the server behind them answers that it is not a
// master. Behind a proxy, a floating address or a host name, a new connection leads to the master.
// An old connection stays with the node that was demoted. go-redis closes only the connection that
// receives READONLY as the answer to a single command. It keeps a connection that receives READONLY
// in a pipeline, or from a proxy that words the answer differently. It also keeps a connection that
// only reads, although a replica's answers may be out of date.
//
// redials sees the answers in two ways. As a limiter, it gets the result of each try, including the
// tries that go-redis repeats by itself. As a hook, it gets the answers to the single commands of a
// pipeline. It numbers the connections by era. An answer "not a master" begins a new era, and
// connections of earlier eras are not used again. Calls in progress on them end by themselves.
type redials struct {
	era  atomic.Int64 // number of the connections that are dialled now
	last atomic.Int64 // when the last era began, in ns
	due  atomic.Bool  // the next era begins as soon as it may
}

// minEra is the minimum time between two eras. While no node is a master, each new connection gets
// the same answer, and each answer would begin another era.
const minEra = time.Second

// noMaster reports whether an error says that the server takes no writes, at least for now.
func noMaster(err error) bool {
	if _, answered := errors.AsType[redis.Error](err); !answered {
		return false
	}
	s := err.Error()
	// The errors of a script and of a proxy have the word in the middle.
	return strings.Contains(s, "READONLY ") || redis.IsMasterDownError(err) || redis.IsLoadingError(err)
}

func (r *redials) observe(err error) {
	if noMaster(err) {
		r.due.Store(true)
		r.begin()
	}
}

// begin begins an era that is due. When it is too soon after the last era, the new era stays due.
// It is not dropped, because the node may never answer "not a master" again while other calls still
// read from it.
func (r *redials) begin() {
	if !r.due.Load() {
		return
	}
	last, now := r.last.Load(), time.Now().UnixNano()
	if now-last >= int64(minEra) && r.last.CompareAndSwap(last, now) {
		r.due.Store(false)
		r.era.Add(1)
	}
}

// Allow implements redis.Limiter. It never limits.
func (*redials) Allow() error { return nil }

// ReportResult implements redis.Limiter.
func (r *redials) ReportResult(err error) { r.observe(err) }

type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// dialer returns a dialer that numbers the connections of dial.
func (r *redials) dialer(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		era := r.era.Load() // before dialling: an answer in the meantime may concern this connection
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
	return next // ReportResult gets the answer
}

// ProcessPipelineHook implements redis.Hook.
func (r *redials) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		for _, cmd := range cmds {
			r.observe(cmd.Err())
		}
		return err
	}
}

// numberedConn is a connection of an era. Before go-redis uses a connection again, it checks the
// file descriptor. A connection of a former era then reports that it is closed.
type numberedConn struct {
	net.Conn
	of  *redials
	era int64
}

func (c *numberedConn) outdated() bool {
	c.of.begin()
	return c.era != c.of.era.Load()
}

// SyscallConn implements syscall.Conn.
func (c *numberedConn) SyscallConn() (syscall.RawConn, error) {
	if c.outdated() {
		return nil, net.ErrClosed
	}
	if raw, ok := c.Conn.(syscall.Conn); ok {
		return raw.SyscallConn()
	}
	return noDescriptor{}, nil // TLS has none, and go-redis then treats the connection as open
}

// Write implements net.Conn. It reports the end of the era for connections that are not checked
// before use. These are subscriptions and, on some systems, all connections. io.EOF makes go-redis
// dial again.
func (c *numberedConn) Write(b []byte) (int, error) {
	if c.outdated() {
		return 0, io.EOF
	}
	return c.Conn.Write(b)
}

// noDescriptor stands for a file descriptor that cannot be checked.
type noDescriptor struct{}

// Control implements syscall.RawConn.
func (noDescriptor) Control(func(uintptr)) error { return nil }

// Read implements syscall.RawConn.
func (noDescriptor) Read(func(uintptr) bool) error { return nil }

// Write implements syscall.RawConn.
func (noDescriptor) Write(func(uintptr) bool) error { return nil }

var (
	_ redis.Hook    = (*redials)(nil)
	_ redis.Limiter = (*redials)(nil)
	_ syscall.Conn  = (*numberedConn)(nil)
)
