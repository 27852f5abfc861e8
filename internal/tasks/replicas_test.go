package tasks_test

import (
	"errors"
	"net"
	"testing"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/redisd"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/retry"
	"ksefworker/internal/simulator"
)

// withReplica starts a replica. The returned admitter waits for the replica. The function wait lets
// a worker wait for the replica too. The function lose cuts the replica off, and returns the
// function that brings it back.
func (fa *failures) withReplica() (a *intake.Admitter, wait func(*actor), lose func() (back func())) {
	fa.t.Helper()
	fa.rdb.ConfigSet(fa.t.Context(), "repl-diskless-sync-delay", "0")
	host, port, err := net.SplitHostPort(fa.redis.Addr())
	if err != nil {
		fa.t.Fatal(err)
	}
	replica := redistest.Client(fa.t, redistest.StartWith(fa.t, redisd.Options{Args: []string{"--replicaof", host, port}}))
	o := ledger.Options{Now: fa.now, Replicas: 1, ReplicaTimeout: time.Second}
	l := ledger.New(fa.rdb, o)
	follows := func() {
		fa.t.Helper()
		fa.eventually("the replica is up to date", func() bool { return l.Replicated(fa.t.Context()) == nil })
	}
	follows()
	a = fa.entries.admitter()
	a.Ledger = l
	wait = func(a *actor) { a.Ledger = ledger.New(a.rdb, o) }
	lose = func() func() {
		fa.t.Helper()
		if err := replica.ReplicaOf(fa.t.Context(), "NO", "ONE").Err(); err != nil {
			fa.t.Fatal(err)
		}
		return func() {
			fa.t.Helper()
			if err := replica.ReplicaOf(fa.t.Context(), host, port).Err(); err != nil {
				fa.t.Fatal(err)
			}
			follows()
		}
	}
	return a, wait, lose
}

// waitsForReplicas checks that a task waits for a replica.
func waitsForReplicas(t *testing.T, err error) {
	t.Helper()
	if v := retry.Judge(err); v.Action != retry.Later || v.Reason != retry.ReasonReplicas || v.Delay <= 0 {
		t.Errorf("the task ends with %v (%+v), want it to wait for replicas", err, v)
	}
}

func TestReplicas_LostBeforeABatchIsClosed_CloseIsNotCalledUntilOneIsBack(t *testing.T) {
	s := newStage(t, simulator.Options{})
	_, wait, lose := s.withReplica()
	w := s.worker("w", s.client())
	wait(w)
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := w.cut(inv.ID)
	back := lose()
	waitsForReplicas(t, w.run(queue.KindPackage, pkg))
	w.must(queue.KindPackage, pkg) // the second run leaves the rest to the confirm task
	for range 2 {
		waitsForReplicas(t, w.run(queue.KindConfirm, pkg))
	}
	if p, n := s.pkg(pkg), s.sim.Books().Requests["batchSessionClose"]; p.State != ledger.PackageClosing || n != 0 {
		t.Errorf("the package is %s and close was called %d times, want closing and no call", p.State, n)
	}
	back()
	w.settle(pkg)
	if i, n := s.read(inv.ID), len(s.sim.Books().Sessions); i.State != ledger.Accepted || n != 1 {
		t.Errorf("the invoice is %s after %d sessions, want accepted after one", i.State, n)
	}
}

func TestReplicas_LostBeforeASingleSend_NothingIsPostedAndItStaysExpress(t *testing.T) {
	s := newStage(t, simulator.Options{})
	_, wait, lose := s.withReplica()
	w := s.worker("w", s.client())
	wait(w)
	first, inv := s.admit(ledger.Express, s.good("A/0")), s.admit(ledger.Express, s.good("A/1"))
	w.must(queue.KindSend, first.ID) // the session is open when the replica goes away
	back := lose()
	for range 2 {
		waitsForReplicas(t, w.run(queue.KindSend, inv.ID))
	}
	i, n := s.read(inv.ID), s.sim.Books().Requests["invoiceSend"]
	if i.State != ledger.Queued || i.Lane != ledger.Express || i.Package != "" || n != 1 {
		t.Errorf("the invoice is %s, lane %s, in %q, want queued, express, in no package; %d sends were posted, want only the first invoice's",
			i.State, i.Lane, i.Package, n)
	}
	back()
	w.must(queue.KindSend, inv.ID)
	pkg := s.read(inv.ID).Package

	// The close of the session waits for a replica as well.
	back = lose()
	if err := w.Stop(t.Context()); err == nil {
		t.Error("Stop returns no error although the session could not be closed")
	}
	if p, n := s.pkg(pkg), s.sim.Books().Requests["onlineSessionClose"]; p.State != ledger.PackageClosing || n != 0 {
		t.Errorf("the session's package is %s and close was called %d times, want closing and no call", p.State, n)
	}
	waitsForReplicas(t, w.run(queue.KindConfirm, pkg))
	back()
	w.settle(pkg)
	if i, n := s.read(inv.ID), len(s.sim.Books().Accepted); i.State != ledger.Accepted || i.Attempts != 3 || n != 2 {
		t.Errorf("the invoice is %s after %d attempts, want accepted after 3; KSeF accepted %d invoices, want 2", i.State, i.Attempts, n)
	}
}

// Without a replica nothing could be sent in a session. So no session is opened. Otherwise each try
// would cost a session, for as long as there is no replica.
func TestReplicas_LostBeforeASessionIsOpened_NoneIsOpened(t *testing.T) {
	s := newStage(t, simulator.Options{})
	_, wait, lose := s.withReplica()
	w := s.worker("w", s.client())
	wait(w)
	inv := s.admit(ledger.Express, s.good("A/1"))
	back := lose()
	for range 2 {
		waitsForReplicas(t, w.run(queue.KindSend, inv.ID))
	}
	if i, n := s.read(inv.ID), len(s.sim.Books().Sessions); i.State != ledger.Queued || i.Attempts != 0 || n != 0 {
		t.Errorf("the invoice is %s after %d attempts, want queued after none; %d sessions were opened, want none", i.State, i.Attempts, n)
	}
	back()
	w.must(queue.KindSend, inv.ID)
	if i, n := s.read(inv.ID), len(s.sim.Books().Sessions); i.State != ledger.Sent || n != 1 {
		t.Errorf("with a replica the invoice is %s after %d sessions, want sent after one", i.State, n)
	}
}

// An invoice that a failover could lose is not reported as taken. Handed in again with a replica,
// the invoice is reported as present.
func TestReplicas_LostAtIntake_IsAnErrorAndSafeToHandInAgain(t *testing.T) {
	s := newStage(t, simulator.Options{})
	a, _, lose := s.withReplica()
	docs := []intake.Document{{File: "a.xml", Data: s.good("A/1")}, {File: "b.xml", Data: s.good("A/2")}}
	back := lose()
	for range 2 {
		out, err := a.Admit(t.Context(), docs, intake.Terms{})
		if _, lags := errors.AsType[*ledger.ReplicaError](err); !lags || out != nil {
			t.Errorf("without the replica Admit returns %v and %v, want only a ReplicaError", out, err)
		}
	}
	back()
	out, err := a.Admit(t.Context(), docs, intake.Terms{})
	if err != nil || out[0].Taken != ledger.Present || out[1].Taken != ledger.Present {
		t.Errorf("handed in again, the invoices are %+v, want both present; %v", out, err)
	}
	if stats, err := s.queue.Stats(100); len(stats.Tasks) != 1 || len(stats.Chunks) != 2 || err != nil {
		t.Errorf("%d tasks carry %d invoices (%v), want one task that carries both", len(stats.Tasks), len(stats.Chunks), err)
	}
}
