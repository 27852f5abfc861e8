package tasks_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/simulator"
)

// keyring makes a sealer with these keys, each of one repeated byte. A sealer without keys does not
// encrypt.
func keyring(t *testing.T, keys ...byte) *ledger.Bodies {
	t.Helper()
	var all [][]byte
	for _, k := range keys {
		all = append(all, bytes.Repeat([]byte{k}, 32))
	}
	b, err := ledger.NewBodies(all...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// keyless has the keys of workers that cannot open what the pool seals with key 7, by the reason
// why they cannot.
var keyless = map[string][]byte{"another key": {8}, "no key": nil, "the key before the last": {6}}

// wantsAnotherWorker checks the error with which a task of worker a ended. The error must make the
// task wait for another worker, and worker a must report a fault of its storage.
func wantsAnotherWorker(t *testing.T, a *actor, err error) {
	t.Helper()
	if v := retry.Judge(err); v.Action != retry.Later || v.Reason != retry.ReasonStorage || v.Delay <= 0 || v.Delay > time.Minute {
		t.Errorf("the task ends with %v (%+v), want it to wait for another worker", err, v)
	}
	if a.StorageFault() == "" {
		t.Error("the worker does not report that it cannot open documents")
	}
}

func TestStorage_WorkerWithoutTheKey_PackageGoesToAnotherWorkerAndNothingIsParked(t *testing.T) {
	for why, keys := range keyless {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{})
			s.bodies = keyring(t, 7)
			var ids []string
			for i := range 20 {
				ids = append(ids, s.admit(ledger.Bulk, s.good(fmt.Sprint("A/", i))).ID)
			}
			well := s.worker("well", s.client())
			s.bodies = keyring(t, keys...)
			a := s.worker("sick", s.client())
			for _, id := range ids {
				a.must(queue.KindSubmit, id)
			}
			first := s.read(ids[0])
			group := first.WaitingGroup().Name()
			s.advance(time.Minute)
			a.until(queue.KindCut, group, func() bool { return s.read(ids[0]).State == ledger.Packed })
			pkg := s.read(ids[0]).Package
			for range 3 {
				wantsAnotherWorker(t, a, a.run(queue.KindPackage, pkg))
			}
			for _, id := range ids {
				if inv := s.read(id); inv.State != ledger.Packed || inv.Package != pkg {
					t.Fatalf("%s is %s in %s, want packed in the first package: %s", inv.Number, inv.State, inv.Package, inv.Reason)
				}
			}
			if n := len(s.sim.Books().Sessions); n != 0 {
				t.Errorf("%d sessions were opened by a worker without the key, want none", n)
			}
			well.must(queue.KindPackage, pkg)
			well.settle(pkg)
			// A worker that can open the documents has to run the package's receipt task as well.
			wantsAnotherWorker(t, a, a.run(queue.KindReceipt, pkg))
			well.until(queue.KindReceipt, pkg, func() bool { return s.read(ids[0]).State == ledger.Receipted })
			if s.log.says("document is lost here") {
				t.Error("a document that another worker can open counts as lost")
			}
			s.advance(10 * time.Minute)
			if why := a.StorageFault(); why != "" {
				t.Errorf("ten minutes after the last such document the worker still reports: %s", why)
			}
		})
	}
}

func TestStorage_WorkerWithoutTheKey_SingleSendStaysExpress(t *testing.T) {
	for why, keys := range keyless {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{})
			s.bodies = keyring(t, 7)
			inv := s.admit(ledger.Express, s.good("A/1"))
			well := s.worker("well", s.client())
			s.bodies = keyring(t, keys...)
			a := s.worker("sick", s.client())
			wantsAnotherWorker(t, a, a.run(queue.KindSend, inv.ID))
			if got := s.read(inv.ID); got.State != ledger.Queued || got.Lane != ledger.Express || got.Group != "" || got.Rev != inv.Rev {
				t.Errorf("the invoice is %s, lane %s, waiting in %q, at revision %d, want it queued for express and untouched",
					got.State, got.Lane, got.Group, got.Rev)
			}
			well.must(queue.KindSend, inv.ID)
			if got := s.read(inv.ID); got.State != ledger.Sent {
				t.Errorf("after the send of the other worker the invoice is %s, want sent", got.State)
			}
		})
	}
}

// The pauses grow. Otherwise a pool in which no worker has the key would run the task again and
// again.
func TestStorage_NobodyHasTheKey_PausesGrowToHalfAMinute(t *testing.T) {
	s := newStage(t, simulator.Options{})
	s.bodies = keyring(t, 7)
	inv := s.admit(ledger.Express, s.good("A/1"))
	s.bodies = keyring(t, 8)
	a := s.worker("sick", s.client())
	var last time.Duration
	for range 20 {
		pause := retry.Judge(a.run(queue.KindSend, inv.ID)).Delay
		if pause < last {
			t.Fatalf("a pause of %v comes after a longer one of %v", pause, last)
		}
		last = pause
		s.advance(pause)
	}
	if last != 30*time.Second {
		t.Errorf("the last pause is %v, want 30s", last)
	}
}

// A damaged document concerns its own invoice only, whatever part is damaged. The rest of its
// package goes on.
func TestStorage_DamagedDocument_IsParkedAloneAndTheWorkerGoesOn(t *testing.T) {
	for why, damage := range map[string]func([]byte) []byte{
		"in the ciphertext":   func(b []byte) []byte { b[len(b)-20] ^= 1; return b },
		"in the nonce":        func(b []byte) []byte { b[10] ^= 1; return b },
		"in the key's id":     func(b []byte) []byte { b[4] ^= 1; return b },
		"in the layout":       func(b []byte) []byte { b[0] = 77; return b },
		"cut off":             func(b []byte) []byte { return b[:30] },
		"cut off at the id":   func(b []byte) []byte { return b[:5] },
		"of another document": func(b []byte) []byte { return nil },
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{})
			s.bodies = keyring(t, 7)
			bad, good := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.good("A/2"))
			body := func(id string) []byte { b, _ := s.ledger.Body(t.Context(), id); return b }
			broken := damage(body(bad.ID))
			if broken == nil {
				broken = body(good.ID)
			}
			s.rdb.Set(t.Context(), "ksef:body:"+bad.ID, broken, 0)
			a := s.worker("w", s.client())
			a.must(queue.KindSubmit, bad.ID)
			pkg := a.cut(good.ID)
			a.must(queue.KindPackage, pkg)
			if inv := s.read(bad.ID); inv.State != ledger.Parked {
				t.Errorf("the invoice of the damaged document is %s, want parked: %s", inv.State, inv.Reason)
			}
			if inv := s.read(good.ID); inv.State != ledger.Sent {
				t.Errorf("the other invoice is %s, want sent: %s", inv.State, inv.Reason)
			}
			if fault := a.StorageFault(); fault != "" {
				t.Errorf("the worker reports a fault of its own, want none: %s", fault)
			}
		})
	}
}

func TestAdmit_ProcessWithoutThePoolsKey_TakesNothing(t *testing.T) {
	s := newStage(t, simulator.Options{})
	s.bodies = keyring(t, 7)
	s.admit(ledger.Bulk, s.good("A/1"))
	for why, keys := range map[string][]byte{"no key": nil, "another key": {8}} {
		a := s.admitter()
		a.Bodies = keyring(t, keys...)
		out, err := a.Admit(t.Context(), []intake.Document{{File: "b.xml", Data: s.good("A/2")}}, intake.Terms{})
		if _, refused := errors.AsType[*ledger.SealError](err); !refused || out != nil {
			t.Errorf("%s: Admit returns %v and %v, want only a SealError", why, out, err)
		}
	}
	if n, _ := s.rdb.ZCard(t.Context(), "ksef:st:queued").Result(); n != 1 {
		t.Errorf("%d invoices are in the ledger, want 1", n)
	}
}

// A pool gets its first key while a process without a key is running. The next intake by that
// process is refused.
func TestAdmit_KeyIsIntroducedWhileItRuns_NothingPlainIsStoredAfterwards(t *testing.T) {
	s := newStage(t, simulator.Options{})
	a := s.admitter()
	a.Bodies = keyring(t)
	plain := func(number string) error {
		_, err := a.Admit(t.Context(), []intake.Document{{File: "b.xml", Data: s.good(number)}}, intake.Terms{Lane: ledger.Bulk})
		return err
	}
	if err := plain("A/1"); err != nil {
		t.Fatal(err)
	}
	s.bodies = keyring(t, 7)
	second := s.admit(ledger.Bulk, s.good("A/2"))
	if _, refused := errors.AsType[*ledger.SealError](plain("A/3")); !refused {
		t.Error("a pool that encrypts took a plain document")
	}
	w := s.worker("w", s.client())
	for _, id := range s.rdb.ZRange(t.Context(), "ksef:st:queued", 0, -1).Val() {
		w.must(queue.KindSubmit, id)
	}
	pkg := w.cut(second.ID)
	w.must(queue.KindPackage, pkg)
	if n, _ := s.rdb.ZCard(t.Context(), "ksef:st:sent").Result(); n != 2 {
		t.Errorf("%d invoices were sent, want 2, because a plain document must stay readable", n)
	}
}
