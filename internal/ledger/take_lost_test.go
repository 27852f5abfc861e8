package ledger

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
)

// lossy is a connection that breaks after Redis has carried out the first EXEC of all connections,
// and loses the answer to it.
type lossy struct {
	net.Conn
	execs    *atomic.Int32 // how many EXEC were sent, on all connections
	executed func()        // runs before the answer is lost
	lost     bool
}

func (d *lossy) Write(b []byte) (int, error) {
	if bytes.Contains(bytes.ToLower(b), []byte("\r\nexec\r\n")) && d.execs.Add(1) == 1 {
		d.lost = true
	}
	return d.Conn.Write(b)
}

func (d *lossy) Read(b []byte) (int, error) {
	n, err := d.Conn.Read(b)
	if d.lost && err == nil {
		d.executed()
		_ = d.Conn.Close()
		return 0, errors.New("connection reset by a test")
	}
	return n, err
}

// Redis carries out EXEC, but the connection breaks before the answer arrives. The entries exist,
// and one of them has already moved on. The client must not repeat EXEC. On the new connection
// nothing is watched. So a second EXEC would overwrite the entry that moved on, and its invoice
// would be queued again, perhaps after it was sent.
func TestTake_AnswerLost_TransactionIsNotRepeatedAndNothingIsOverwritten(t *testing.T) {
	w := oneWorld(t)
	a, b := w.fresh(), w.fresh()
	var execs atomic.Int32
	dial := func(dialCtx context.Context, network, addr string) (net.Conn, error) {
		var d net.Dialer
		c, err := d.DialContext(dialCtx, network, addr)
		if err != nil {
			return nil, err
		}
		return &lossy{Conn: c, execs: &execs, executed: func() {
			if err := w.Wait(ctx(), &w.read(a.ID)[0]); err != nil {
				t.Error(err)
			}
		}}, nil
	}
	rdb := redis.NewClient(&redis.Options{Addr: w.rdb.Options().Addr, Dialer: dial})
	defer rdb.Close()
	l := New(rdb, Options{Prefix: w.prefix, Now: w.now})
	if _, err := l.Take(ctx(), []NewInvoice{a, b}); err == nil {
		t.Fatal("Take returns no error although the answer was lost")
	}
	if n := execs.Load(); n != 1 {
		t.Fatalf("EXEC was sent %d times, want once", n)
	}
	moved := w.read(a.ID)[0]
	if moved.Rev != moved.FirstRev()+1 || moved.Fresh() {
		t.Errorf("the entry that had moved on is at revision %d, want %d", moved.Rev, moved.FirstRev()+1)
	}
	res, err := l.Take(ctx(), []NewInvoice{a, b})
	w.must(err)
	if res[0].Taken != Present || res[0].Rev != moved.Rev || res[1].Taken != Present {
		t.Errorf("handed in again: %+v, want both present", res)
	}
}

// A new document may take the identity of a rejected document. But here a person retries the
// rejected document before the new document is written. So the new document must be refused.
func TestTake_FirstIsRetriedMeanwhile_SecondIsRefused(t *testing.T) {
	w := oneWorld(t)
	first := w.invoiceIn(Rejected)
	second := document(first.NIP, first.Kind, first.Number, "second")
	var once atomic.Bool
	w.rdb.AddHook(beforeExec(func() {
		if once.CompareAndSwap(false, true) {
			w.must(w.Retry(ctx(), &first))
		}
	}))
	res, err := w.Take(ctx(), []NewInvoice{second})
	w.must(err)
	if !once.Load() {
		t.Fatal("the first document was not retried: this test proves nothing")
	}
	if res[0].Taken != Refused || res[0].ID != first.ID || res[0].State != Queued {
		t.Errorf("Take gives %+v, want the new document refused because %s is queued", res[0], first.ID)
	}
}

// beforeExec is a hook that runs before each transaction that has something to write.
type beforeExec func()

func (f beforeExec) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (f beforeExec) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (f beforeExec) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if len(cmds) > 0 && cmds[0].Name() == "multi" {
			f()
		}
		return next(ctx, cmds)
	}
}
