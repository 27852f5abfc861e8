package tasks_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/simulator"
)

// drive polls a package until want holds. The clock moves on by the pauses that the task asks for.
// The test fails when this takes longer than the duration within, or when the task ends with an
// error that does not ask to come back.
func (po *paths) drive(w *actor, pkg string, within time.Duration, want func() bool) {
	po.t.Helper()
	for began := po.now(); ; {
		err := w.run(queue.KindConfirm, pkg)
		if want() {
			return
		}
		v := retry.Judge(err)
		if v.Action != "" && v.Action != retry.Later {
			po.t.Fatal(err)
		}
		if took := po.now().Sub(began); took > within {
			po.t.Fatalf("after %v the state that the test waits for has not come: %v", took, err)
		}
		po.advance(max(v.Delay, time.Second))
	}
}

// KSeF normalises white space in its answers, or answers with another invoice number or with none.
// The invoice is recognised and never sent twice.
func TestAbsence_NumberIsAnsweredInAnotherSpelling_AcceptedAndSentOnce(t *testing.T) {
	rewrite := map[string]func(string) string{
		"a space at the end":            func(n string) string { return n + " " },
		"no-break spaces":               func(n string) string { return strings.ReplaceAll(n, " ", "\u00a0") },
		"white space doubled":           func(n string) string { return strings.ReplaceAll(n, " ", " \t") },
		"letters changed":               strings.ToLower,
		"something else":                func(string) string { return "?" },
		"no number at all":              func(string) string { return "" },
		"the number of another invoice": func(string) string { return "A /2" },
		"a next-line character":         func(n string) string { return n + "\u0085" },
	}
	for why, f := range rewrite {
		for _, lane := range []ledger.Lane{ledger.Bulk, ledger.Express} {
			t.Run(why+"/"+string(lane), func(t *testing.T) {
				t.Parallel()
				s := newStage(t, simulator.Options{})
				client := s.client()
				client.listed = change(func(i *ksef.InvoiceInfo) {
					if i.InvoiceNumber == "A /1" {
						i.InvoiceNumber = f("A /1")
					}
				})
				w := s.worker("w", client)
				first, second := s.admit(lane, s.good("A /1")), s.admit(lane, s.good("A /2"))
				pkg := s.sent(w, first, second)
				s.drive(w, pkg, time.Hour, func() bool { return s.pkg(pkg).State == ledger.PackageSettled })
				for _, id := range []string{first.ID, second.ID} {
					if got := s.read(id); got.State != ledger.Accepted {
						t.Errorf("%s is %s, want accepted: %s", got.Number, got.State, got.Reason)
					}
				}
				s.acceptedOnce(2)
				w.must(queue.KindReceipt, pkg)
				if got := s.read(first.ID); got.State != ledger.Receipted {
					t.Errorf("the first invoice is %s, want receipted: %s", got.State, got.Reason)
				}
			})
		}
	}
}

// The list has 2 invoices where the session counts 5. The session's receipt has the other three.
func TestAbsence_ListIsShorterThanTheSessionCounts_NothingIsSentAgain(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.listed = func(all []ksef.InvoiceInfo) []ksef.InvoiceInfo { return all[:min(2, len(all))] }
	w := s.worker("w", client)
	var invs []ledger.Invoice
	for i := range 5 {
		invs = append(invs, s.admit(ledger.Bulk, s.good(fmt.Sprint("A/", i))))
	}
	pkg := s.sent(w, invs...)
	s.drive(w, pkg, time.Hour, func() bool { return s.pkg(pkg).State == ledger.PackageSettled })
	for _, inv := range invs {
		if got := s.read(inv.ID); got.State != ledger.Accepted {
			t.Errorf("%s is %s, want accepted: %s", got.Number, got.State, got.Reason)
		}
	}
	s.acceptedOnce(5)
}

// The session's list lacks an invoice, and there is no receipt. The invoice waits with a reason.
// After half an hour the worker asks the register, which has the invoice.
func TestAbsence_NeitherListNorReceipt_WaitsThenTheRegisterProves(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.listed = hide("A/1")
	client.upo = notGiven
	w := s.worker("w", client)
	hidden, other, pkg := s.sentPair(w, ledger.Bulk)
	s.drive(w, pkg, time.Hour, func() bool { return s.read(other.ID).State == ledger.Accepted })
	if got := s.read(hidden.ID); got.State != ledger.Sent || !strings.Contains(got.Reason, "not complete (1 of 2)") {
		t.Errorf("the hidden invoice is %s, want sent, with %q in the reason: %q", got.State, "not complete (1 of 2)", got.Reason)
	}
	s.advance(20 * time.Minute)
	if err := w.run(queue.KindConfirm, pkg); err == nil || s.read(hidden.ID).State != ledger.Sent {
		t.Errorf("after twenty minutes the task returns %v and the hidden invoice is %s, want an error and sent",
			err, s.read(hidden.ID).State)
	}
	s.drive(w, pkg, 3*time.Hour, func() bool { return s.read(hidden.ID).State.Final() })
	if got := s.read(hidden.ID); got.State != ledger.Accepted || got.KsefNumber == "" {
		t.Errorf("the hidden invoice is %s with the KSeF number %q, want accepted, with a number: %s",
			got.State, got.KsefNumber, got.Reason)
	}
	s.acceptedOnce(2)
}

// Nothing proves whether KSeF has the invoice. A person is asked, and nothing is sent twice.
func TestAbsence_NothingProvesAnything_ParkedWithTheReasonAndSentOnce(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.listed = hide("A/1")
	client.upo = notGiven
	pages := 0
	client.page = func(ksef.MetadataPage, error) (ksef.MetadataPage, error) { pages++; return ksef.MetadataPage{}, nil }
	w := s.worker("w", client)
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := s.sent(w, inv)
	s.drive(w, pkg, 4*time.Hour, func() bool { return s.read(inv.ID).State.Final() })
	if got := s.read(inv.ID); got.State != ledger.Parked ||
		!strings.Contains(got.Reason, "does not account for it") || !strings.Contains(got.Reason, "retry") {
		t.Errorf("the invoice is %s, want parked, with what to do in the reason: %s", got.State, got.Reason)
	}
	if pages > 20 {
		t.Errorf("the register was asked %d times, want at most the 20 requests that KSeF allows in an hour", pages)
	}
	s.acceptedOnce(1)
}

// A session failed as a whole. Yet it lists an acceptance under an unknown number, or counts an
// acceptance that it does not list. So KSeF may have an invoice of the session, and no invoice is
// sent again.
func TestAbsence_FailedSessionMayHaveAcceptedOne_NothingIsSentAgain(t *testing.T) {
	for why, change := range map[string]func(*testClient){
		"listed under another name": func(client *testClient) {
			client.listed = change(func(i *ksef.InvoiceInfo) {
				if i.Status.Done() {
					i.InvoiceNumber = "?"
				}
			})
		},
		"counted and not listed": func(client *testClient) {
			client.listed = noList
			client.session = func(i ksef.SessionInfo) ksef.SessionInfo { i.SuccessfulInvoiceCount = 1; return i }
		},
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.SessionSpoiled}}})
			client := s.client()
			change(client)
			w := s.worker("w", client)
			inv := s.admit(ledger.Bulk, s.good("A/1"))
			pkg := s.sent(w, inv)
			s.drive(w, pkg, 3*time.Hour, func() bool { return s.read(inv.ID).State.Final() })
			if got := s.read(inv.ID); got.State != ledger.Accepted {
				t.Errorf("the invoice is %s, want accepted: %s", got.State, got.Reason)
			}
			s.acceptedOnce(1)
		})
	}
}

// One answer in the list cannot be read. This concerns only the invoice of that answer. If the
// session's receipt has this invoice, the invoice is accepted. Otherwise it is parked. The other
// invoice is settled and receipted as usual.
func TestAbsence_OneAnswerCannotBeRead_TheReceiptDecidesAndTheOthersGoOn(t *testing.T) {
	for why, c := range map[string]struct {
		bad  bool
		want ledger.State
	}{"it was accepted": {false, ledger.Accepted}, "it was refused": {true, ledger.Parked}} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{})
			client := s.client()
			client.listed = change(func(i *ksef.InvoiceInfo) {
				if i.InvoiceNumber == "A/1" {
					*i = ksef.InvoiceInfo{InvoiceNumber: "A/1", Unreadable: "answer has no status code"}
				}
			})
			w := s.worker("w", client)
			doc := s.good("A/1")
			if c.bad {
				doc = s.bad("A/1")
			}
			odd, other := s.admit(ledger.Bulk, doc), s.admit(ledger.Bulk, s.good("A/2"))
			pkg := s.sent(w, odd, other)
			s.drive(w, pkg, time.Hour, func() bool { return s.pkg(pkg).State == ledger.PackageSettled })
			if got := s.read(odd.ID); got.State != c.want || c.bad && !strings.Contains(got.Reason, "cannot be read") {
				t.Errorf("the invoice of the unreadable answer is %s, want %s: %s",
					got.State, c.want, got.Reason)
			}
			w.must(queue.KindReceipt, pkg)
			if got := s.read(other.ID); got.State != ledger.Receipted {
				t.Errorf("the other invoice is %s, want receipted: %s", got.State, got.Reason)
			}
		})
	}
}

// The worker calls BeginSend. Redis carries the call out, but the answer of Redis is lost. The
// worker is alive and could still use the session. But it closes the session, so that the status of
// the session shows whether the invoice arrived.
func TestExpress_LedgerUnclearAboutASend_SessionIsClosedAndShowsTheOutcome(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	first := s.admit(ledger.Express, s.good("A/1"))
	w.must(queue.KindSend, first.ID)
	pkg := s.read(first.ID).Package
	stuck := s.admit(ledger.Express, s.good("A/2"))
	// This stands for a lost answer of Redis. The command is first carried out here. After that
	// comes the worker's own command, as if the Redis client repeated it. So the worker sees a
	// conflict.
	lost := &before{is: func(args []any) bool { return isVerb(args, "send") }, do: func() {
		if _, _, err := s.ledger.BeginSend(t.Context(), pkg, "w", &stuck); err != nil {
			t.Error(err)
		}
	}}
	w.rdb.AddHook(lost)
	if err := w.run(queue.KindSend, stuck.ID); err == nil || s.read(stuck.ID).State != ledger.Sending {
		t.Fatalf("the second invoice is %s, want sending; the task ended with %v, want an error", s.read(stuck.ID).State, err)
	}
	third := s.admit(ledger.Express, s.good("A/3"))
	w.must(queue.KindSend, third.ID)
	if got := s.read(third.ID).Package; got == pkg {
		t.Fatal("the session still takes sends")
	}
	if err := w.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.until(queue.KindConfirm, pkg, func() bool { return s.read(stuck.ID).State == ledger.Queued })
	if got := s.read(stuck.ID); got.Resends != 0 || got.FailedSessions != 0 {
		t.Errorf("the second invoice has %d resends and %d failed sessions, want none", got.Resends, got.FailedSessions)
	}
}

// longNumbers spells each KSeF number of a list in another way, with 36 characters.
var longNumbers = change(func(i *ksef.InvoiceInfo) {
	if n := i.KSeFNumber; len(n) == 35 {
		i.KSeFNumber = n[:26] + "-" + n[26:]
	}
})

// renameOriginal changes a list: each duplicate in it names the invoice with this KSeF number as
// its original.
func renameOriginal(number string) func([]ksef.InvoiceInfo) []ksef.InvoiceInfo {
	return change(func(i *ksef.InvoiceInfo) {
		for k := range i.Status.Extensions {
			if e := &i.Status.Extensions[k]; e.Key == "originalKsefNumber" {
				e.Value = number
			}
		}
	})
}

// The register does not list the original of a duplicate. The pauses between the searches grow.
func TestRecover_RegisterDoesNotListTheOriginal_PausesBetweenSearchesGrow(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.OmitOriginal, Times: -1}}})
	client := s.client()
	w := s.worker("w", client)
	doc := s.seeded("A/1", 1)
	s.known(w, doc)
	var asked []time.Time
	client.page = func(ksef.MetadataPage, error) (ksef.MetadataPage, error) {
		asked = append(asked, s.now())
		return ksef.MetadataPage{}, nil
	}
	inv := s.admit(ledger.Bulk, doc)
	pkg := s.sent(w, inv)
	// The task also runs earlier than it asked to, as when the sweep or a person in the dashboard
	// starts it. The register must not be asked more often for that reason.
	for began := s.now(); !s.read(inv.ID).State.Final() && s.now().Sub(began) < 3*time.Hour; s.advance(2 * time.Second) {
		_ = w.run(queue.KindConfirm, pkg)
		if n := len(asked); n > 0 && s.now().Sub(asked[n-1]) > time.Minute {
			s.advance(time.Minute)
		}
	}
	if got := s.read(inv.ID); got.State != ledger.Parked {
		t.Errorf("the duplicate is %s, want parked", got.State)
	}
	if len(asked) > 10 {
		t.Errorf("the register was asked %d times in about an hour, want at most 10", len(asked))
	}
	for i := 2; i < len(asked)-1; i++ {
		if before, now := asked[i-1].Sub(asked[i-2]), asked[i].Sub(asked[i-1]); now < before {
			t.Errorf("pause %d is %v, want at least the pause before it, %v", i, now, before)
		}
	}
}
