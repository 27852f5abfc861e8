package app_test

import (
	"strings"
	"testing"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/waiting"
)

// A person pauses a tenant. None of its invoices is sent, in either lane, while the other tenant's
// invoices go on. The pause is shown as the reason. When a person resumes the tenant, its invoices
// go on by themselves.
func TestHold_TenantPaused_NothingNewIsSentUntilItIsResumed(t *testing.T) {
	t.Parallel()
	p := newPool(t, 2, quickSim, hasty)
	nip := sample.NIP(0)
	if err := p.base.Ledger.Hold(t.Context(), nip, ledger.Hold{Kind: ledger.Paused, By: "anna", Why: "key expires"}); err != nil {
		t.Fatal(err)
	}
	addr, _ := p.workAt()
	held := p.admitBoth(nip, "HELD", 3, 8)
	others := p.admitBoth(sample.NIP(1), "OTHER", 3, 8)
	until(t, 60*time.Second, "the other tenant's invoices are receipted", p.all(others, receipted))
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
		t.Errorf("%d of %d invoices are shown to wait because of the pause, want all: %+v", waits, len(held), counts)
	}
	if ready := page(t, addr, "/readyz"); !strings.Contains(ready, "paused by anna") || !strings.Contains(ready, `"ready": true`) {
		t.Errorf("readiness is %s, want ready, with the pause shown", ready)
	}
	if _, err := p.base.Ledger.Release(t.Context(), nip); err != nil {
		t.Fatal(err)
	}
	until(t, 60*time.Second, "the held invoices are receipted", p.all(held, receipted))
	p.balanced(22)
}

// A session that is already in KSeF is polled to its end during a pause.
func TestHold_TenantPausedWhileASessionIsProcessed_TheSessionIsSettled(t *testing.T) {
	t.Parallel()
	o := quickSim
	o.Delay = 3 * time.Second
	p := newPool(t, 1, o, hasty)
	p.work()
	taken := p.admit(intake.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 8)...)
	until(t, 30*time.Second, "all eight invoices are sending or sent", func() bool {
		counts, err := p.base.Ledger.Counts(t.Context())
		return err == nil && counts[string(ledger.Sent)]+counts[string(ledger.Sending)] == 8
	})
	if err := p.base.Ledger.Hold(t.Context(), sample.NIP(0), ledger.Hold{Kind: ledger.Paused, By: "anna"}); err != nil {
		t.Fatal(err)
	}
	until(t, 60*time.Second, "all eight invoices are receipted", p.all(taken, receipted))
}

// A person drains a tenant. New invoices are refused, and those that were taken in are sent. A file
// that was taken in before is still "already here" when it is handed in again.
func TestHold_TenantDrained_NothingNewIsTakenIn(t *testing.T) {
	t.Parallel()
	p := newPool(t, 2, quickSim, hasty)
	docs := numbered(sample.NIP(0), "D", 6)
	taken := p.admit(intake.Terms{}, docs[:3]...)
	if err := p.base.Ledger.Hold(t.Context(), sample.NIP(0), ledger.Hold{Kind: ledger.Draining, By: "anna"}); err != nil {
		t.Fatal(err)
	}
	a := p.base.Admitter()
	out, err := a.Admit(t.Context(), append(docs, numbered(sample.NIP(1), "D", 1)...), intake.Terms{})
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
			t.Errorf("document %d was taken in as %s (error %v), want %s", i, o.Taken, o.Err, want)
		}
	}
	p.work()
	until(t, 60*time.Second, "what was taken in is receipted", p.all(taken, receipted))
}
