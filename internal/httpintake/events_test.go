package httpintake

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/ledger"
)

// events returns "number state" of each event that a query finds, and the next cursor.
func (b *bench) events(query string, heads ...string) (got []string, next string) {
	b.t.Helper()
	a := b.call("GET", "/v1/events?"+query, nil, heads...)
	if a.status != http.StatusOK {
		b.t.Fatalf("the call for the events of the query %s got status %d, %s, want 200", query, a.status, a.raw)
	}
	for _, it := range a.body.Items {
		got = append(got, it.Number+" "+it.State)
	}
	return got, a.body.Next
}

func TestEvents_Outcomes_ComeOnceInOrderAndToTheirClientAlone(t *testing.T) {
	b := newBench(t, nil)
	first, second, other := b.take(0, "FV/1", ""), b.take(0, "FV/2", ""), b.take(1, "FV/3", "")
	b.move(ledger.Rejected, ledger.Because(450, "x"), first)
	b.move(ledger.Parked, nil, other)
	b.move(ledger.Parked, nil, second)
	b.move(ledger.Queued, nil, first)
	b.move(ledger.Parked, nil, first)
	b.post([]byte("<x"), "") // this document names no owner, so the client's one tenant gets the event
	var got []string
	next := ""
	for range 10 {
		some, more := b.events("limit=1&cursor=" + next)
		got, next = append(got, some...), more
	}
	if all := strings.Join(got, ", "); all != "FV/1 rejected, FV/2 parked, FV/1 parked,  refused" {
		t.Errorf("the events of the first client are %s, want its four outcomes in order", all)
	}
	if some, _ := b.events("", "Authorization", "Bearer "+keyTwo); strings.Join(some, ", ") != "FV/3 parked" {
		t.Errorf("the other client got the events %q, want FV/3 parked", some)
	}
	b.move(ledger.Dismissed, nil, second)
	if some, _ := b.events("cursor=" + next); strings.Join(some, ", ") != "FV/2 dismissed" {
		t.Errorf("the later events are %q, want FV/2 dismissed", some)
	}
}

func TestEvents_Wait_EndsWithTheNextOutcome(t *testing.T) {
	b := newBench(t, nil)
	id := b.take(0, "FV/1", "")
	done := make(chan []string)
	go func() {
		got, _ := b.events("wait=60s")
		done <- got
	}()
	b.move(ledger.Parked, nil, id)
	if got := <-done; strings.Join(got, ", ") != "FV/1 parked" {
		t.Errorf("the call that waits got the events %q, want FV/1 parked", got)
	}
}

func TestEvents_ServerEnds_WaitingCallsEnd(t *testing.T) {
	b := newBench(t, nil)
	s, err := New(b.o)
	b.must(err)
	s.HTTP()
	ended := make(chan bool)
	go func() { ended <- s.told.pause(context.Background(), time.Hour, false) }()
	s.told.end()
	for goesOn := range ended {
		if !goesOn {
			return
		}
		go func() { ended <- s.told.pause(context.Background(), time.Hour, false) }()
	}
}

func TestEvents_CursorTooOld_IsRefusedWithTheNumberOfMissedEvents(t *testing.T) {
	b := newBench(t, nil)
	old := place{"1-0", 0}
	for n := range 3 {
		b.move(ledger.Parked, nil, b.take(0, "FV/"+string(rune('1'+n)), ""))
	}
	b.must(b.rdb.XTrimMaxLen(t.Context(), "ksef:outbox", 1).Err())
	a := b.call("GET", "/v1/events?cursor="+old.String(), nil)
	b.want(a, http.StatusGone, "cursor-too-old")
	if !strings.Contains(a.body.Detail, "2 events") {
		t.Errorf("the answer does not say that 2 events were missed: %s", a.raw)
	}
	if got, _ := b.events(""); strings.Join(got, ", ") != "FV/3 parked" {
		t.Errorf("without a cursor the events are %q, want FV/3 parked", got)
	}
}

func TestEvents_CursorAheadOfTheOutbox_IsRefused(t *testing.T) {
	b := newBench(t, nil)
	b.move(ledger.Parked, nil, b.take(0, "FV/1", ""))
	_, next := b.events("")
	b.must(b.rdb.Del(t.Context(), "ksef:outbox").Err()) // as after a restore from an old backup
	a := b.call("GET", "/v1/events?cursor="+next, nil)
	if b.want(a, http.StatusGone, "cursor-too-old"); !strings.Contains(a.body.Detail, "ahead") {
		t.Errorf("the answer does not say that the cursor is ahead: %s", a.raw)
	}
}

// No answer ever had these cursors, because they lie in the future. They are refused. Otherwise the
// caller would get nothing for a long time, and believe that there is nothing to get.
func TestEvents_CursorFarInTheFuture_IsRefused(t *testing.T) {
	b := newBench(t, nil)
	b.move(ledger.Parked, nil, b.take(0, "FV/1", ""))
	for _, at := range []string{"9223372036854775807-1", ledger.PlaceOf(time.Now().Add(time.Hour))} {
		b.want(b.call("GET", "/v1/events?cursor="+place{at, 1}.String(), nil), http.StatusBadRequest, "bad-request")
	}
	// Redis's clock was set back, so the last outcome lies in the future. An answer has given the
	// cursor of this outcome, so the cursor is not refused.
	b.must(b.rdb.XAdd(t.Context(), &redis.XAddArgs{Stream: "ksef:outbox", ID: ledger.PlaceOf(time.Now().Add(24 * time.Hour)),
		Values: []any{"id", "inv-gone", "rev", 1, "state", "parked"}}).Err())
	_, next := b.events("")
	if got, again := b.events("cursor=" + next); len(got) != 0 || again != next {
		t.Errorf("behind the last outcome, the events are %q, want none, and the next cursor is %s, want the same one", got, again)
	}
}

// A call checks its cursor, and then reads the outcomes behind the cursor. Outcomes that leave the
// outbox between these two steps must not be skipped silently.
func TestEvents_TrimmedWhileThePageIsRead_IsTold(t *testing.T) {
	b := newBench(t, nil)
	b.move(ledger.Parked, nil, b.take(0, "FV/1", ""))
	_, next := b.events("")
	b.move(ledger.Parked, nil, b.take(0, "FV/2", ""))
	b.move(ledger.Parked, nil, b.take(0, "FV/3", ""))
	trim := sync.OnceFunc(func() { b.must(b.rdb.XTrimMaxLen(context.Background(), "ksef:outbox", 1).Err()) })
	b.rdb.AddHook(before{"xrange", trim})
	b.want(b.call("GET", "/v1/events?cursor="+next, nil), http.StatusGone, "cursor-too-old")
}

// before is a hook of the Redis client. Before each command with the given name, the hook calls the
// function do.
type before struct {
	name string
	do   func()
}

func (h before) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h before) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == h.name {
			h.do()
		}
		return next(ctx, cmd)
	}
}

func (h before) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// A refused document is no invoice, so its event has no links.
func TestEvents_RefusalThatHasEnded_HasNoLinks(t *testing.T) {
	b := newBench(t, nil)
	b.post([]byte("<x"), "?ref=SO-1")
	refused := b.call("GET", "/v1/events", nil)
	id := refused.body.Items[0].ID
	b.must(b.o.Ledger.DismissRefusal(t.Context(), id, ledger.Dismissal{By: "anna", Reason: "not ours"}))
	for _, path := range []string{"/v1/events?cursor=" + refused.body.Next, "/v1/invoices?ref=SO-1",
		"/v1/invoices?ref=SO-1&state=dismissed"} {
		a := b.call("GET", path, nil)
		if len(a.body.Items) != 1 || a.body.Items[0].State != "dismissed" || strings.Contains(string(a.raw), "links") {
			t.Errorf("%s answers %s, want one dismissed document without links", path, a.raw)
		}
	}
	if a := b.call("GET", "/v1/invoices?ref=SO-1&state=refused", nil); len(a.body.Items) != 0 {
		t.Errorf("the refused documents of the ref are %s, want none, because the only one was dismissed", a.raw)
	}
}

func TestEvents_BadQueries_AreRefused(t *testing.T) {
	b := newBench(t, nil)
	for _, query := range []string{"cursor=x", "cursor=" + place{"a-b", 1}.String(),
		"cursor=" + place{"18446744073709551615-18446744073709551615", 1}.String(), "limit=0", "limit=1001", "wait=2h", "wait=soon",
		"since=1d", "limit=1&limit=2"} {
		b.want(b.call("GET", "/v1/events?"+query, nil), http.StatusBadRequest, "bad-request")
	}
	b.want(b.call("GET", "/v1/events", nil, "Authorization", ""), http.StatusUnauthorized, "unauthorized")
}
