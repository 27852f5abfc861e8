package app_test

import (
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/tasks"
	"ksefworker/internal/waiting"
)

// A person pauses a tenant: nothing new of it leaves, by either lane, while the others go on; what it
// waits for is told, and after the word to resume it goes on by itself.
func TestHold_Paused_NothingNewLeavesUntilItIsResumed(t *testing.T) {
	t.Parallel()
	p := newPool(t, 2, quickSim, hasty)
	nip := sample.NIP(0)
	if err := p.base.Ledger.Hold(t.Context(), nip, ledger.Hold{Kind: ledger.Paused, By: "anna", Why: "key expires"}); err != nil {
		t.Fatal(err)
	}
	addr, _ := p.workAt()
	held := p.admit(tasks.Terms{Lane: ledger.Bulk}, numbered(nip, "B", 8)...)
	held = append(held, p.admit(tasks.Terms{Lane: ledger.Express}, numbered(nip, "E", 3)...)...)
	others := p.admit(tasks.Terms{Lane: ledger.Bulk}, numbered(sample.NIP(1), "O", 8)...)
	others = append(others, p.admit(tasks.Terms{Lane: ledger.Express}, numbered(sample.NIP(1), "P", 3)...)...)
	until(t, 60*time.Second, "the others are receipted", p.all(others, receipted))
	for _, a := range p.sim.Books().Accepted {
		if a.NIP == nip {
			t.Errorf("%s of the paused tenant was accepted", a.Number)
		}
	}
	reader, err := p.base.Waiting()
	if err != nil {
		t.Fatal(err)
	}
	counts, err := reader.Overview(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	waits := 0
	for _, c := range counts {
		if c.For == waiting.TenantPaused && c.Tenant == nip && strings.Contains(c.What, "anna (key expires): enqueue resume "+nip) {
			waits += c.Invoices
		}
	}
	if waits != len(held) {
		t.Errorf("%d of %d are told to wait for the pause: %+v", waits, len(held), counts)
	}
	if ready := get(t, "http://"+addr+"/readyz"); !strings.Contains(ready, "paused by anna") || !strings.Contains(ready, `"ready": true`) {
		t.Errorf("readiness says %s", ready)
	}
	if _, err := p.base.Ledger.Release(t.Context(), nip); err != nil {
		t.Fatal(err)
	}
	until(t, 60*time.Second, "they go on", p.all(held, receipted))
	p.balanced(22)
}

// What is at KSeF already is followed to its end during a pause.
func TestHold_PausedWhileASessionIsProcessed_ItIsSettled(t *testing.T) {
	t.Parallel()
	o := quickSim
	o.Delay = 3 * time.Second
	p := newPool(t, 1, o, hasty)
	p.work()
	taken := p.admit(tasks.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 8)...)
	until(t, 30*time.Second, "they are at KSeF", func() bool {
		counts, err := p.base.Ledger.Counts(t.Context())
		return err == nil && counts[string(ledger.Sent)]+counts[string(ledger.Sending)] == 8
	})
	if err := p.base.Ledger.Hold(t.Context(), sample.NIP(0), ledger.Hold{Kind: ledger.Paused, By: "anna"}); err != nil {
		t.Fatal(err)
	}
	until(t, 60*time.Second, "they are receipted", p.all(taken, receipted))
}

// A tenant that is drained takes nothing new in; what was taken is sent, and what is here is told.
func TestHold_Draining_NothingNewIsTaken(t *testing.T) {
	t.Parallel()
	p := newPool(t, 2, quickSim, hasty)
	docs := numbered(sample.NIP(0), "D", 6)
	taken := p.admit(tasks.Terms{}, docs[:3]...)
	if err := p.base.Ledger.Hold(t.Context(), sample.NIP(0), ledger.Hold{Kind: ledger.Draining, By: "anna"}); err != nil {
		t.Fatal(err)
	}
	a, err := p.base.Admitter()
	if err != nil {
		t.Fatal(err)
	}
	out, err := a.Admit(t.Context(), append(docs, numbered(sample.NIP(1), "D", 1)...), tasks.Terms{})
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range out {
		want := ledger.Present
		switch {
		case i == 6:
			want = ledger.Created
		case i >= 3:
			want = ledger.Refused
		}
		if o.Taken != want || want == ledger.Refused && !strings.Contains(o.Err.Error(), "enqueue resume "+sample.NIP(0)) {
			t.Errorf("document %d: %s, %v, want %s", i, o.Taken, o.Err, want)
		}
	}
	p.work()
	until(t, 60*time.Second, "what was taken is receipted", p.all(taken, receipted))
}
