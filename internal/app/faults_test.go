package app_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// eachHas starts a pool with one tenant for each fault. Each tenant meets its own fault only.
// eachHas returns the pool, which is at work, and the invoices of all tenants. All tenants are in
// one pool, because starting a pool takes longer than sending the invoices.
func eachHas(t *testing.T, faults []simulator.Fault, lane ledger.Lane, tune func(*config.Config)) (*pool, []intake.Admission) {
	t.Helper()
	o := quickSim
	for i, f := range faults {
		f.Account = "test_" + sample.NIP(i)
		o.Faults = append(o.Faults, f)
	}
	p := newPool(t, len(faults), o, tune)
	p.work()
	var taken []intake.Admission
	for i := range faults {
		taken = append(taken, p.admit(intake.Terms{Lane: lane}, good(sample.NIP(i), 3)...)...)
	}
	return p, taken
}

// Each call to KSeF in the list steps fails in each way in the list kinds. Each of these ways has a
// tenant of its own. The simulator's books must show that each invoice was accepted exactly once.
func TestFaults_EveryStepBrokenInEveryWay_AcceptedExactlyOnce(t *testing.T) {
	t.Parallel()
	kinds := []simulator.Fault{
		{Kind: simulator.DropRequest},
		{Kind: simulator.Reset},
		{Kind: simulator.DropAnswer},
		{Kind: simulator.Error500},
		{Kind: simulator.Status, Code: 503},
		{Kind: simulator.HTML200},
		{Kind: simulator.TooMany, For: time.Second},
		{Kind: simulator.Slow, For: 3 * time.Second}, // carried out, but answered after the client's timeout
	}
	steps := []struct {
		on   string
		lane ledger.Lane
	}{
		{"publicKey", ledger.Bulk}, {"openBatch", ledger.Bulk}, {"part", ledger.Bulk}, {"close", ledger.Bulk},
		{"sessionStatus", ledger.Bulk}, {"invoices", ledger.Bulk}, {"upo", ledger.Bulk},
		{"openOnline", ledger.Express}, {"send", ledger.Express}, {"close", ledger.Express}, {"invoices", ledger.Express},
	}
	for _, step := range steps {
		t.Run(fmt.Sprintf("%s/%s", step.lane, step.on), func(t *testing.T) {
			t.Parallel()
			faults := slices.Clone(kinds)
			for i := range faults {
				faults[i].On, faults[i].Times = step.on, 2
			}
			p, taken := eachHas(t, faults, step.lane, func(c *config.Config) { c.Gateway.Timeout = 2 * time.Second })
			p.wait(120*time.Second, taken, ledger.Receipted)
			p.balanced(len(taken))
			for _, fault := range faults {
				if p.sim.Books().Faults[fault.Kind] == 0 {
					t.Errorf("the fault %s never occurred: this test proved nothing", fault.Kind)
				}
			}
		})
	}
}

// A session is refused as a whole, with a different code for each tenant. The same invoices go in a
// new session.
func TestFaults_SessionRefused_SameInvoicesGoInANewSession(t *testing.T) {
	t.Parallel()
	for lane, of := range map[string]ledger.Lane{"batch": ledger.Bulk, "online": ledger.Express} {
		t.Run(lane, func(t *testing.T) {
			t.Parallel()
			var faults []simulator.Fault
			for _, code := range []int{405, 415, 420, 430, 435, 440, 445, 500, 550} {
				faults = append(faults, simulator.Fault{Kind: simulator.SessionRefused, Lane: lane, Code: code, Label: fmt.Sprint(code)})
			}
			p, taken := eachHas(t, faults, of, nil)
			p.wait(120*time.Second, taken, ledger.Receipted)
			p.balanced(len(taken))
			for _, fault := range faults {
				if p.sim.Books().Faults[fault.Label] == 0 {
					t.Errorf("no session was refused with %s: this test proved nothing", fault.Label)
				}
			}
		})
	}
}

// KSeF refuses every package that holds a certain invoice. The invoice is found by halving and
// parked, and the others go through. The number of sessions grows only with the logarithm of the
// number of invoices.
func TestFaults_PoisonousInvoice_IsFoundByHalvingAndParkedAlone(t *testing.T) {
	t.Parallel()
	docs := good(sample.NIP(0), 32)
	o := quickSim
	o.Delay = 50 * time.Millisecond
	p := newPool(t, 1, o, nil)
	taken := p.admit(intake.Terms{Lane: ledger.Bulk}, docs...)
	number := taken[17].Invoice.Number
	if err := p.sim.Inject(simulator.Fault{Kind: simulator.Poison, Number: number, Code: 405}); err != nil {
		t.Fatal(err)
	}
	p.work()
	invs := p.wait(120*time.Second, taken, ledger.Receipted, ledger.Parked)
	p.balanced(31)
	for _, inv := range invs {
		if parked := inv.State == ledger.Parked; parked != (inv.Number == number) {
			t.Errorf("%s is %s, want that only the poisonous invoice is parked", inv.Number, inv.State)
		}
	}
	sessions := len(p.sim.Books().Sessions)
	t.Logf("%d sessions for one poisonous invoice among %d", sessions, len(docs))
	// At first nothing else of the tenant goes through. So the whole package is tried once more,
	// and then a part of it as a probe. Only after that is the package halved. A half that is
	// refused is also tried once more, unless the other half is known to be through.
	if maxSessions := 3 + 4 + 2*5; sessions > maxSessions {
		t.Errorf("%d sessions, want at most %d", sessions, maxSessions)
	}
}

// The answer to the closing of a session is lost, and KSeF reports status 100 (open) for a while,
// although the session was closed. The worker closes the session again, which KSeF refuses, and
// polls the session until its status changes.
func TestFaults_SessionStays100AfterClose_IsPolledUntilItChanges(t *testing.T) {
	t.Parallel()
	o := quickSim
	o.Faults = []simulator.Fault{
		{Kind: simulator.Stuck, Code: 100, For: 20 * time.Minute, Lane: "batch"},
		{On: "close", Kind: simulator.DropAnswer},
	}
	p := newPool(t, 1, o, hasty)
	p.work()
	taken := p.admit(intake.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 6)...)
	until(t, 30*time.Second, "a second close was tried", func() bool { return p.sim.Books().Requests["batchSessionClose"] >= 2 })
	p.sim.Advance(21 * time.Minute)
	p.wait(60*time.Second, taken, ledger.Receipted)
	p.balanced(6)
	if n := len(p.sim.Books().Sessions); n != 1 {
		t.Errorf("%d sessions, want one: no invoice may be sent again while the first session can still accept it", n)
	}
}

// In each run, KSeF gives a different code to one invoice of a package. The other invoices are
// receipted.
func TestFaults_InvoiceCodes_EachLeadsToItsDocumentedOutcome(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		why  string
		code int
		want ledger.State
	}{
		{"no permission: a person gives it, then retries", 410, ledger.Parked},
		{"attachments not allowed: a person allows them, then retries", 415, ledger.Parked},
		{"file verification failed: the document is at fault", 430, ledger.Rejected},
		{"not decrypted: a new session with a fresh key takes it", 435, ledger.Receipted},
		{"cancelled with its session: sent again", 405, ledger.Receipted},
		{"unknown error: sent again", 500, ledger.Receipted},
		{"cancelled by the system: sent again", 550, ledger.Receipted},
		{"an unknown code: a person decides", 999, ledger.Parked},
	} {
		t.Run(fmt.Sprint(c.code), func(t *testing.T) {
			t.Parallel()
			p := newPool(t, 1, quickSim, hasty)
			taken := p.admit(intake.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 6)...)
			affected := taken[2].Invoice
			if err := p.sim.Inject(simulator.Fault{Kind: simulator.InvoiceStatus, Number: affected.Number, Code: c.code}); err != nil {
				t.Fatal(err)
			}
			p.work()
			invs := p.wait(90*time.Second, taken, ledger.Receipted, ledger.Parked, ledger.Rejected)
			for _, inv := range invs {
				want := ledger.Receipted
				if inv.ID == affected.ID {
					want = c.want
				}
				if inv.State != want {
					t.Errorf("%s: %s is %s (%d %s), want %s", c.why, inv.Number, inv.State, inv.Code, inv.Reason, want)
				}
			}
		})
	}
}

// KSeF gives one invoice the code 500 in every session. The invoice is tried a bounded number of
// times and then parked.
func TestFaults_InvoiceFailsEveryTime_IsParkedAfterABoundedNumberOfTries(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, hasty)
	taken := p.admit(intake.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 6)...)
	fault := simulator.Fault{Kind: simulator.InvoiceStatus, Number: taken[2].Invoice.Number, Code: 500, Times: -1}
	if err := p.sim.Inject(fault); err != nil {
		t.Fatal(err)
	}
	p.work()
	p.wait(120*time.Second, taken, ledger.Receipted, ledger.Parked)
	p.balanced(5)
	if inv := p.state(taken[2]); inv.State != ledger.Parked || inv.Attempts > 5 {
		t.Errorf("the invoice is %s after %d sessions, want it parked after at most five", inv.State, inv.Attempts)
	}
}
