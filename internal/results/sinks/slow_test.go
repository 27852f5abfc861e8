package sinks

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"ksefworker/internal/ledger"
)

// slowFor is a receiver that accepts everything. The field took is the time that it needs for each
// result of one tenant, or for every result if tenant is "". It needs a millisecond for any other
// result.
type slowFor struct {
	*stub
	tenant string
	took   time.Duration
	calls  [][]string // the tenants of the results in each call, in order
}

func (s *slowFor) Deliver(ctx context.Context, messages []Message) []error {
	var tenants []string
	for i := range messages {
		tenants = append(tenants, messages[i].Tenant)
		if messages[i].Took = time.Millisecond; s.tenant == "" || messages[i].Tenant == s.tenant {
			messages[i].Took = s.took
		}
	}
	s.calls = append(s.calls, tenants)
	return s.stub.Deliver(ctx, messages)
}

func count(all []string, one string) (n int) {
	for _, s := range all {
		if s == one {
			n++
		}
	}
	return n
}

// A receiver takes fourteen seconds for each result of one tenant, and three hundred results of
// that tenant wait. Results of another tenant must not wait for all of them.
func TestRun_SlowButInTimeForOneTenant_OthersWaitForOneAnswer(t *testing.T) {
	w, s := newWorld(t, 10_000), &slowFor{stub: &stub{}, tenant: "one", took: 14 * time.Second}
	r := w.runner(s)
	r.Batch = WebhookBatch
	sick := w.rejected(300)
	others := w.rejectedOf("two", 40)
	w.run(r)
	if n := count(s.calls[0], "one"); n != WebhookBatch {
		t.Fatalf("the first call has %d results of the slow tenant, want %d", n, WebhookBatch)
	}
	if n := count(s.calls[1], "two"); n != WebhookBatch {
		t.Errorf("the second call has %d results of the other tenant, want %d", n, WebhookBatch)
	}
	for i, call := range s.calls[1:] {
		n := count(call, "one")
		if n > slowAtOnce {
			t.Errorf("call %d has %d results of the slow tenant, want at most %d", i+1, n, slowAtOnce)
		}
		if n > 0 && count(call, "two") > 0 && call[1] == call[0] {
			t.Errorf("call %d begins with two results of tenant %q, want one of each tenant first", i+1, call[0])
		}
	}
	w.wantTold(s.stub, append(sick, others...))
	if l := w.standings()["one"]; l == nil || !l.Slow || l.Left != 0 || len(ledger.NotTold(w.standings())) != 0 {
		t.Errorf("the standing is %+v, want a slow tenant with nothing left; ledger.NotTold returned %v, want none",
			l, ledger.NotTold(w.standings()))
	}
	s.took = 10 * time.Millisecond
	fast := w.rejected(1)
	w.run(r)
	w.wantTold(s.stub, fast)
	if len(w.standings()) != 0 {
		t.Errorf("the receiver is fast again, but the standing of tenant one is %+v", w.standings()["one"])
	}
}

// Several slow tenants take turns.
func TestRun_SlowForManyTenants_EachHasItsShareOfARound(t *testing.T) {
	w, s := newWorld(t, 10_000), &slowFor{stub: &stub{}, took: 14 * time.Second}
	r := w.runner(s)
	r.Batch = WebhookBatch
	var ids []string
	for i := range 4 {
		ids = append(ids, w.rejectedOf(fmt.Sprint("t", i), 60)...)
	}
	w.run(r)
	w.wantTold(s.stub, ids)
	for i, call := range s.calls {
		if len(call) > WebhookBatch+slowAtOnce {
			t.Errorf("call %d has %d results, want at most %d", i, len(call), WebhookBatch+slowAtOnce)
		}
	}
}

// Results that were given up are kept for a person, up to a maximum. When there are more, the
// oldest are dropped, counted and logged.
func TestRun_MoreIsGivenUpThanIsKept_OldestAreDroppedLoggedAndCounted(t *testing.T) {
	w, s := newWorld(t, 10_000), refuse(errRefused, "one")
	r := w.runner(s)
	var log bytes.Buffer
	r.Log = zerolog.New(&log)
	for from := 0; from < ledger.MaxFailed; from += 1000 {
		var names []redis.Z
		for i := range 1000 {
			names = append(names, redis.Z{Score: float64(w.now().UnixMilli()), Member: fmt.Sprint("inv-", from+i, ":1")})
		}
		w.must(w.rdb.ZAdd(t.Context(), "ksef:sinkgaveup:erp", names...).Err())
	}
	w.rejected(3)
	w.run(r)
	w.pass(giveUpAfter + time.Hour)
	w.run(r)
	if _, failed := w.counts(); failed != ledger.MaxFailed {
		t.Errorf("%d results are kept for a person, want %d", failed, ledger.MaxFailed)
	}
	if w.state().Dropped != 3 || !strings.Contains(log.String(), `"results":3`) {
		t.Errorf("%d results count as dropped, and the log is %s, want 3 in both", w.state().Dropped, log.String())
	}
}
