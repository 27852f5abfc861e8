package ledger

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/redisd"
	"ksefworker/internal/redisd/redistest"
)

// replicated is a ledger that waits for one replica.
type replicated struct {
	*world
	replica *redis.Client
}

func newReplicated(t *testing.T) *replicated {
	t.Helper()
	master := redistest.StartWith(t, redisd.Options{Args: []string{"--repl-diskless-sync-delay", "0"}})
	rdb := redistest.Client(t, master)
	r := &replicated{world: newWorld(t, rdb, "w:")}
	r.Ledger = r.patient(2 * time.Second)
	host, port, err := net.SplitHostPort(master.Addr())
	r.must(err)
	r.replica = redistest.Client(t, redistest.StartWith(t, redisd.Options{Args: []string{"--replicaof", host, port}}))
	r.follows()
	return r
}

// patient returns the same ledger with a replica timeout of d.
func (r *replicated) patient(d time.Duration) *Ledger {
	return New(r.rdb, Options{Prefix: "w:", Now: r.world.now, Replicas: 1, ReplicaTimeout: d})
}

// follows waits until the replica has everything.
func (r *replicated) follows() {
	r.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); r.Replicated(ctx()) != nil; {
		if time.Now().After(deadline) {
			r.t.Fatal("the replica did not follow within 20 seconds")
		}
	}
}

// lost cuts the replica off, and returns a function that lets it follow again.
func (r *replicated) lost() (back func()) {
	r.t.Helper()
	host, port, err := net.SplitHostPort(r.rdb.Options().Addr)
	r.must(err)
	r.must(r.replica.ReplicaOf(ctx(), "NO", "ONE").Err())
	return func() { r.must(r.replica.ReplicaOf(ctx(), host, port).Err()); r.follows() }
}

func (r *replicated) has(kind, id, field string) string {
	return r.replica.HGet(ctx(), r.key(kind, id), field).Val()
}

func lags(t *testing.T, what string, err error) {
	t.Helper()
	lag, ok := errors.AsType[*ReplicaError](err)
	if !ok || lag.Got != 0 || lag.Want != 1 || !strings.Contains(err.Error(), "redis.wait_replicas") {
		t.Errorf("%s gives %v, want a ReplicaError that counts 0 of 1 replicas", what, err)
	}
}

// Some writes must not be lost in a failover. When a verb that makes such a write has returned, the
// replica must have the write, even if Redis did not know the verb's script before.
func TestFence_ReplicaFollows_HasWhatMayNotBeLostWhenTheVerbReturns(t *testing.T) {
	r := newReplicated(t)
	for range 3 {
		inv, single := r.take(r.fresh())[0], r.take(r.fresh())[0]
		if got := r.has("inv:", single.ID, "state"); got != "queued" {
			t.Fatalf("after Take the replica has the invoice as %q, want queued", got)
		}
		r.must(r.rdb.ScriptFlush(ctx()).Err())
		s, err := r.OpenOnline(ctx(), Package{ID: "pkg-" + single.ID, Tenant: sellerA, Form: "v3", Session: "s", Owner: "w"})
		r.must(err)
		_, _, err = r.BeginSend(ctx(), s.ID, "w", &single)
		r.must(err)
		if got := r.has("inv:", single.ID, "state"); got != "sending" {
			t.Fatalf("after BeginSend the replica has the invoice as %q, want sending", got)
		}
		r.must(r.Wait(ctx(), &inv))
		p := r.cut(groupA, CutLimits{Invoices: 1, Bytes: 1 << 40})
		r.must(r.MovePackage(ctx(), &p, PackageMove{To: PackageOpened}))
		r.must(r.MovePackage(ctx(), &p, PackageMove{To: PackageClosing, InvoicesFrom: []State{Packed}, InvoicesTo: Sending}))
		if got := r.has("pkg:", p.ID, "state"); got != "closing" {
			t.Fatalf("after MovePackage the replica has the package as %q, want closing", got)
		}
	}
}

func TestFence_ReplicaLost_IsWrittenAndReported_AndSecureOnceItIsBack(t *testing.T) {
	r := newReplicated(t)
	inv, single, doc := r.take(r.fresh())[0], r.take(r.fresh())[0], r.fresh()
	s, err := r.OpenOnline(ctx(), Package{ID: "pkg-o", Tenant: sellerA, Form: "v3", Session: "s", Owner: "w"})
	r.must(err)
	r.must(r.Wait(ctx(), &inv))
	p := r.cut(groupA, CutLimits{Invoices: 1, Bytes: 1 << 40})
	r.must(r.MovePackage(ctx(), &p, PackageMove{To: PackageOpened}))
	back := r.lost()
	l := r.patient(100 * time.Millisecond)

	_, err = l.Take(ctx(), []NewInvoice{doc})
	lags(t, "take", err)
	_, err = l.Take(ctx(), []NewInvoice{doc}) // the invoice is present now, but the replica still lacks it
	lags(t, "take again", err)
	rev, ordinal, err := l.BeginSend(ctx(), s.ID, "w", &single)
	lags(t, "begin to send", err)
	if got := r.again(single); got.State != Sending || got.Rev != rev || ordinal != 1 {
		t.Errorf("the invoice is %s at revision %d; BeginSend returned revision %d and ordinal %d: want it sending at that revision, and ordinal 1",
			got.State, got.Rev, rev, ordinal)
	}
	lags(t, "close", l.MovePackage(ctx(), &p, PackageMove{To: PackageClosing, InvoicesFrom: []State{Packed}, InvoicesTo: Sending}))
	if got := r.readPackage(p.ID); got.State != PackageClosing || p.State != PackageClosing || got.Rev != p.Rev {
		t.Errorf("the package is %s at revision %d, the caller's copy %s at %d: want both closing at the same revision",
			got.State, got.Rev, p.State, p.Rev)
	}
	lags(t, "secure", l.Secure(ctx(), &p))
	// A move that does not wait for replicas works.
	r.must(r.Move(ctx(), Move{ID: single.ID, Rev: rev, From: []State{Sending}, To: Queued, Edit: Edit{{"package", ""}, {"session", ""}}}))

	back()
	r.must(r.Secure(ctx(), &p))
	if got := r.has("pkg:", p.ID, "state"); got != "closing" {
		t.Errorf("after Secure the replica has the package as %q, want closing", got)
	}
	res, err := r.Take(ctx(), []NewInvoice{doc})
	if r.must(err); res[0].Taken != Present || r.has("inv:", doc.ID, "state") != "queued" {
		t.Errorf("handed in again: %+v, and the replica has it as %q: want present and queued", res, r.has("inv:", doc.ID, "state"))
	}
	stale := p
	stale.Rev--
	var conflict *ConflictError
	if err := r.Secure(ctx(), &stale); !errors.As(err, &conflict) {
		t.Errorf("Secure of a stale copy gives %v, want a conflict", err)
	}
	if connected, wanted, err := r.Replicas(ctx()); connected != 1 || wanted != 1 || err != nil {
		t.Errorf("Redis has %d of %d replicas (error %v), want 1 of 1", connected, wanted, err)
	}
}

// A conflict is reported as a conflict even when the replica is lost. Nothing was written, so the
// replica lacks nothing.
func TestFence_ReplicaLostAndConflict_IsAConflict(t *testing.T) {
	r := newReplicated(t)
	p := r.packed(1)
	r.must(r.MovePackage(ctx(), &p, PackageMove{To: PackageOpened}))
	r.lost()
	stale := p
	stale.Rev--
	var conflict *ConflictError
	if err := r.MovePackage(ctx(), &stale, PackageMove{To: PackageClosing}); !errors.As(err, &conflict) {
		t.Errorf("a move with a stale copy gives %v, want a conflict", err)
	}
	if got := r.readPackage(p.ID); got.State != PackageOpened {
		t.Errorf("the package is %s, want opened", got.State)
	}
}

func TestFence_NoReplicasAreWanted_NothingWaits(t *testing.T) {
	w := oneWorld(t)
	p := w.packed(1)
	w.must(w.MovePackage(ctx(), &p, PackageMove{To: PackageOpened}))
	w.must(w.MovePackage(ctx(), &p, PackageMove{To: PackageClosing}))
	rev := p.Rev
	w.must(w.Secure(ctx(), &p))
	w.must(w.Replicated(ctx()))
	if got := w.rdb.InfoMap(ctx(), "commandstats").Item("Commandstats", "cmdstat_wait"); got != "" || p.Rev != rev {
		t.Errorf("Redis counts WAIT as %q, and the package went from revision %d to %d: want no WAIT and no change",
			got, rev, p.Rev)
	}
}

// Each Redis server has a life of its own. When a replica is promoted, another life begins, because
// the replica may lack the last writes of its master.
func TestLife_RestartAndPromotion_BeginAnotherLife(t *testing.T) {
	r := newReplicated(t)
	p := r.packed(1)
	life, err := r.Life(ctx())
	r.must(err)
	r.must(r.MovePackage(ctx(), &p, PackageMove{To: PackageOpened}))
	if got := r.readPackage(p.ID).Life; got != life || len(life) != 81 {
		t.Errorf("the package was opened in life %q, and Redis is in life %q: want the same life, of 81 characters", got, life)
	}
	r.follows()
	promoted := New(r.replica, Options{Prefix: "w:"})
	before, err := promoted.Life(ctx())
	r.must(err)
	r.lost()
	after, err := promoted.Life(ctx())
	r.must(err)
	if before == life || after == life || after == before {
		t.Errorf("the lives of the master, the replica and the promoted replica are %q, %q and %q, want three different ones",
			life, before, after)
	}
	if again, err := r.Life(ctx()); again != life || err != nil {
		t.Errorf("the life of the master, which forgot nothing, is now %q (error %v), want it unchanged", again, err)
	}
}
