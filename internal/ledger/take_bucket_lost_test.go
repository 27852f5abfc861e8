package ledger

import (
	"context"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// A person or another program has deleted an entry from a bucket. KSeF has the invoice. So neither
// its document nor another document with its number may be taken in.
func TestTake_AReceiptedEntryIsLost_NothingIsTakenInItsPlace(t *testing.T) {
	w := unaudited(t)
	lost, kept := w.receipt(w.accepted("1", "order 7", "a.xml")), w.receipt(w.accepted("2", "", "b.xml"))
	key, field := w.bucketOf(lost.ID)
	w.must(w.rdb.HDel(ctx(), key, field).Err())
	docs := []NewInvoice{document(sellerA, "VAT", "1", "x"), document(sellerA, "VAT", "1", "y"), document(sellerA, "VAT", "2", "x"),
		document(sellerA, "VAT", "3", "x")}
	for range 2 {
		res, err := w.Take(ctx(), docs)
		w.must(err)
		for i, want := range []Taken{Unread, Unread, Present, Created} {
			if got := res[i].Taken; got != want && !(i == 3 && got == Present) {
				t.Errorf("document %d is %s, want %s", i, got, want)
			}
		}
		if res[1].ID != lost.ID || res[2].ID != kept.ID {
			t.Errorf("Take names %+v, want the lost and the kept invoice", res)
		}
	}
	// A person gives the lost entry up, and its document is taken in again. KSeF will answer 440, a
	// duplicate, and that answer brings the KSeF number back.
	w.must(w.rdb.ZRem(ctx(), w.key(keyState, string(Receipted)), lost.ID).Err())
	if res, err := w.Take(ctx(), docs[:1]); err != nil || res[0].Taken != Created {
		t.Errorf("after the lost entry was given up, Take gives %+v (error %v), want created", res, err)
	}
}

// betweenReads is a hook that calls act before the first pipeline that reads a bucket of entries.
type betweenReads struct {
	act  func()
	done bool
}

func (h *betweenReads) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (h *betweenReads) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (h *betweenReads) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, c := range cmds {
			if args := c.Args(); !h.done && c.Name() == "hget" && len(args) > 1 && strings.Contains(text(args[1]), keyFinal) {
				h.done = true
				h.act()
			}
		}
		return next(ctx, cmds)
	}
}

func TestTake_AnEntryLeavesItsBucketBetweenTwoReads_IsPresent(t *testing.T) {
	w := oneWorld(t)
	inv := w.receipt(w.accepted("1", "", "a.xml"))
	other := New(redis.NewClient(w.rdb.Options()), Options{Prefix: w.prefix, Now: w.now})
	t.Cleanup(func() { _ = other.rdb.Close() })
	hook := &betweenReads{act: func() {
		if n, err := other.thaw(ctx(), []string{inv.ID}); n != 1 || err != nil {
			t.Errorf("moved %d entries out of their buckets (error %v), want 1", n, err)
		}
	}}
	w.rdb.AddHook(hook)
	res, err := w.Take(ctx(), []NewInvoice{document(sellerA, "VAT", "1", "x"), document(sellerA, "VAT", "1", "y")})
	if err != nil || !hook.done || res[0].Taken != Present || res[1].Taken != Refused {
		t.Errorf("the hook ran: %v; handed in: %+v (error %v), want the first document present and the second refused",
			hook.done, res, err)
	}
}
