package tasks_test

import (
	"regexp"
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
)

// confirmFor asks about a package until each of the invoices has left the states in which
// KSeF holds it, for at most so long.
func confirmFor(s *stage, w *actor, pkg string, most time.Duration, ids ...string) {
	for began := s.now(); s.now().Sub(began) < most; {
		_ = w.run(queue.KindConfirm, pkg)
		done := true
		for _, id := range ids {
			if st := s.read(id).State; st == ledger.Sent || st == ledger.Sending || st == ledger.Unknown {
				done = false
			}
		}
		if done {
			return
		}
		<-time.After(2 * time.Millisecond)
		s.advance(10 * time.Second)
	}
}

// notSentAgain fails if one of the invoices, which KSeF accepted, would go out a second time.
func notSentAgain(t *testing.T, s *stage, ids ...string) {
	for _, id := range ids {
		g := s.read(id)
		t.Logf("%s %s lane=%s code=%d reason=%q resends=%d strikes=%d ksef=%s",
			g.Number, g.State, g.Lane, g.Code, g.Reason, g.Resends, g.FailedSessions, g.KsefNumber)
		if g.State == ledger.Queued || g.State == ledger.Packed {
			t.Errorf("%s: accepted by KSeF, and back to %s: %s", g.Number, g.State, g.Reason)
		}
	}
	t.Logf("accepted at KSeF: %d", len(s.sim.Books().Accepted))
}

// TestAbsence_OnlineCountLags_ReferenceAsked: count and list lag, the reference of the invoice
// does not.
func TestAbsence_OnlineCountLags_ReferenceAsked(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.listed = hide("A/2")
	client.session = func(i ksef.SessionInfo) ksef.SessionInfo {
		if i.Counted {
			i.InvoiceCount, i.SuccessfulInvoiceCount, i.FailedInvoiceCount = 1, 1, 0
		}
		return i
	}
	w := s.worker("w", client)
	a, b := s.admit(ledger.Express, s.good("A/1")), s.admit(ledger.Express, s.good("A/2"))
	pkg := s.sent(w, a, b)
	t.Logf("reference %q state %s", s.read(b.ID).Reference, s.read(b.ID).State)
	confirmFor(s, w, pkg, 3*time.Hour, a.ID, b.ID)
	notSentAgain(t, s, a.ID, b.ID)
}

// TestAbsence_BatchCountLags_ReceiptAsked: count and list lag, the receipt names the invoice.
func TestAbsence_BatchCountLags_ReceiptAsked(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.listed = hide("A/2")
	client.session = func(i ksef.SessionInfo) ksef.SessionInfo {
		if i.Counted {
			i.InvoiceCount, i.SuccessfulInvoiceCount, i.FailedInvoiceCount = 1, 1, 0
		}
		return i
	}
	w := s.worker("w", client)
	a, b := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.good("A/2"))
	pkg := s.sent(w, a, b)
	confirmFor(s, w, pkg, 3*time.Hour, a.ID, b.ID)
	notSentAgain(t, s, a.ID, b.ID)
	if s.read(b.ID).State == ledger.Queued {
		w.must(queue.KindPackage, w.cut(b.ID))
		t.Errorf("it was packed a second time")
	}
}

// TestAbsence_NothingCountedNothingListed_ReceiptAsked: a session that counts nothing proves
// nothing.
func TestAbsence_NothingCountedNothingListed_ReceiptAsked(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.listed = func([]ksef.InvoiceInfo) []ksef.InvoiceInfo { return nil }
	client.session = func(i ksef.SessionInfo) ksef.SessionInfo {
		i.Counted, i.InvoiceCount, i.SuccessfulInvoiceCount, i.FailedInvoiceCount = true, 0, 0, 0
		return i
	}
	w := s.worker("w", client)
	a, b := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.good("A/2"))
	pkg := s.sent(w, a, b)
	confirmFor(s, w, pkg, 3*time.Hour, a.ID, b.ID)
	notSentAgain(t, s, a.ID, b.ID)
}

// TestAbsence_RefusalListedTwice_CountsOnce: the second line of a refusal stands for no other
// invoice.
func TestAbsence_RefusalListedTwice_CountsOnce(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.listed = func(all []ksef.InvoiceInfo) []ksef.InvoiceInfo {
		var out []ksef.InvoiceInfo
		for _, i := range all {
			if i.InvoiceNumber == "A/2" {
				out = append(out, i, i)
			}
			if i.InvoiceNumber == "A/3" {
				out = append(out, i)
			}
		}
		return out
	}
	w := s.worker("w", client)
	a, b := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.bad("A/2"))
	c := s.admit(ledger.Bulk, s.good("A/3"))
	pkg := s.sent(w, a, b, c)
	confirmFor(s, w, pkg, 3*time.Hour, a.ID, b.ID, c.ID)
	g := s.read(a.ID)
	t.Logf("A/1 %s %q", g.State, g.Reason)
	if g.State == ledger.Queued || g.State == ledger.Packed {
		t.Errorf("accepted A/1 went back to %s: %s", g.State, g.Reason)
	}
}

// TestAbsence_AnswersWithoutNumbers_ProveNothing: no tally, answers that name nobody, a receipt
// that lacks one.
func TestAbsence_AnswersWithoutNumbers_ProveNothing(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.listed = func(all []ksef.InvoiceInfo) []ksef.InvoiceInfo {
		for i := range all {
			all[i].InvoiceNumber = "?"
		}
		return all
	}
	client.session = func(i ksef.SessionInfo) ksef.SessionInfo {
		i.SuccessfulInvoiceCount, i.FailedInvoiceCount = 0, 0
		return i
	}
	client.upo = func(raw []byte, err error) ([]byte, error) {
		if err != nil {
			return raw, err
		}
		re := regexp.MustCompile(`(?s)<([a-z0-9]*:?)Dokument>.*?</([a-z0-9]*:?)Dokument>`)
		loc := re.FindIndex(raw)
		if loc == nil {
			t.Errorf("no Dokument in %s", raw)
			return raw, nil
		}
		return append(append([]byte{}, raw[:loc[0]]...), raw[loc[1]:]...), nil
	}
	w := s.worker("w", client)
	a, b := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.good("A/2"))
	c := s.admit(ledger.Bulk, s.good("A/3"))
	pkg := s.sent(w, a, b, c)
	confirmFor(s, w, pkg, 3*time.Hour, a.ID, b.ID, c.ID)
	notSentAgain(t, s, a.ID, b.ID, c.ID)
}

// TestAbsence_FailedSessionListsRunning_ProvesNothing: what is still being processed is not
// absent.
func TestAbsence_FailedSessionListsRunning_ProvesNothing(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.SessionSpoiled}}})
	client := s.client()
	client.listed = func(all []ksef.InvoiceInfo) []ksef.InvoiceInfo {
		for i := range all {
			all[i].Status = ksef.StatusInfo{Code: 150, Description: "processing"}
			all[i].KSeFNumber = ""
		}
		return all
	}
	client.session = func(i ksef.SessionInfo) ksef.SessionInfo {
		i.SuccessfulInvoiceCount, i.FailedInvoiceCount = 0, 0
		return i
	}
	w := s.worker("w", client)
	a := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := s.sent(w, a)
	confirmFor(s, w, pkg, 3*time.Hour, a.ID)
	notSentAgain(t, s, a.ID)
}

// TestAbsence_ReceiptOfStrangers_ProvesNothing: as many lines as the session counts, and none
// of them is of its invoices.
func TestAbsence_ReceiptOfStrangers_ProvesNothing(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.listed = func([]ksef.InvoiceInfo) []ksef.InvoiceInfo { return nil }
	client.upo = func(raw []byte, err error) ([]byte, error) {
		re := regexp.MustCompile(`(<[a-z0-9]*:?SkrotDokumentu>)[^<]*`)
		n := 0
		return re.ReplaceAllFunc(raw, func(b []byte) []byte {
			n++
			m := re.FindSubmatch(b)
			return append(append([]byte{}, m[1]...), []byte("ffff0000ffff000"+string(rune('0'+n)))...)
		}), err
	}
	w := s.worker("w", client)
	a, b := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.good("A/2"))
	pkg := s.sent(w, a, b)
	confirmFor(s, w, pkg, 3*time.Hour, a.ID, b.ID)
	notSentAgain(t, s, a.ID, b.ID)
}

// TestAbsence_FailedOnlineSession_ReferenceAsked: neither counts nor a list; the invoice has a
// reference.
func TestAbsence_FailedOnlineSession_ReferenceAsked(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.SessionSpoiled}}})
	client := &sickClient{testClient: s.client()}
	asked := 0
	client.status = func(string) error { asked++; return nil }
	client.listed = func([]ksef.InvoiceInfo) []ksef.InvoiceInfo { return nil }
	client.session = func(i ksef.SessionInfo) ksef.SessionInfo {
		return ksef.SessionInfo{Status: i.Status, Batch: i.Batch} // no counts in an error
	}
	w := sickWorker(s, client)
	a := s.admit(ledger.Express, s.good("A/1"))
	pkg := s.sent(w, a)
	confirmFor(s, w, pkg, 3*time.Hour, a.ID)
	t.Logf("InvoiceStatus asked %d times", asked)
	notSentAgain(t, s, a.ID)
}
