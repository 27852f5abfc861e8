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

// confirmFor polls a package until every invoice in ids has left the states sent, sending and
// unknown. It gives up when the time limit has passed.
func confirmFor(s *stage, w *actor, pkg string, limit time.Duration, ids ...string) {
	for began := s.now(); s.now().Sub(began) < limit; {
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
		s.advance(10 * time.Second)
	}
}

// countOne changes a session's answer: it counts one accepted invoice.
func countOne(i ksef.SessionInfo) ksef.SessionInfo {
	if i.Counted {
		i.InvoiceCount, i.SuccessfulInvoiceCount, i.FailedInvoiceCount = 1, 1, 0
	}
	return i
}

// noCounts removes the counts from a session's answer.
func noCounts(i ksef.SessionInfo) ksef.SessionInfo {
	return ksef.SessionInfo{Status: i.Status, Batch: i.Batch}
}

// notSentAgain checks that none of these invoices waits to be sent again. KSeF has accepted all of
// them.
func notSentAgain(t *testing.T, s *stage, ids ...string) {
	for _, id := range ids {
		g := s.read(id)
		t.Logf("%s %s lane=%s code=%d reason=%q resends=%d failed sessions=%d ksef=%s",
			g.Number, g.State, g.Lane, g.Code, g.Reason, g.Resends, g.FailedSessions, g.KsefNumber)
		if g.State == ledger.Queued || g.State == ledger.Packed {
			t.Errorf("KSeF accepted %s, but it is %s again: %s", g.Number, g.State, g.Reason)
		}
	}
	t.Logf("accepted at KSeF: %d", len(s.sim.Books().Accepted))
}

// The session's count and list still lack the second invoice. But the worker also asks for the
// invoice by its reference, and KSeF answers that it has the invoice.
func TestAbsence_OnlineCountLags_ReferenceAsked(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.listed = hide("A/2")
	client.session = countOne
	w := s.worker("w", client)
	a, b, pkg := s.sentPair(w, ledger.Express)
	t.Logf("reference %q state %s", s.read(b.ID).Reference, s.read(b.ID).State)
	confirmFor(s, w, pkg, 3*time.Hour, a.ID, b.ID)
	notSentAgain(t, s, a.ID, b.ID)
}

// The session's count and list still lack the second invoice. The session's receipt has it.
func TestAbsence_BatchCountLags_ReceiptAsked(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.listed = hide("A/2")
	client.session = countOne
	w := s.worker("w", client)
	a, b, pkg := s.sentPair(w, ledger.Bulk)
	confirmFor(s, w, pkg, 3*time.Hour, a.ID, b.ID)
	notSentAgain(t, s, a.ID, b.ID)
	if s.read(b.ID).State == ledger.Queued {
		w.must(queue.KindPackage, w.cut(b.ID))
		t.Errorf("A/2 was put into a second package although KSeF has it")
	}
}

// A session that reports zero invoices proves nothing.
func TestAbsence_NothingCountedNothingListed_ReceiptAsked(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.listed = noList
	client.session = func(i ksef.SessionInfo) ksef.SessionInfo {
		i.Counted, i.InvoiceCount, i.SuccessfulInvoiceCount, i.FailedInvoiceCount = true, 0, 0, 0
		return i
	}
	w := s.worker("w", client)
	a, b, pkg := s.sentPair(w, ledger.Bulk)
	confirmFor(s, w, pkg, 3*time.Hour, a.ID, b.ID)
	notSentAgain(t, s, a.ID, b.ID)
}

// A rejected invoice is listed twice, and another invoice is missing in the list. The second line
// must not count as the answer about the missing invoice.
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
		t.Errorf("KSeF accepted A/1, but it is %s again: %s", g.State, g.Reason)
	}
}

// The session counts neither successes nor failures. The answers in its list have numbers that no
// invoice has. The receipt lacks one invoice.
func TestAbsence_AnswersWithoutNumbers_ProveNothing(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.listed = change(func(i *ksef.InvoiceInfo) { i.InvoiceNumber = "?" })
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

// An invoice that KSeF is still processing is not absent.
func TestAbsence_FailedSessionListsInvoicesInProcessing_ProvesNothing(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.SessionSpoiled}}})
	client := s.client()
	client.listed = change(func(i *ksef.InvoiceInfo) {
		i.Status, i.KSeFNumber = ksef.StatusInfo{Code: 150, Description: "processing"}, ""
	})
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

// The receipt has as many lines as the session has invoices, but none of the lines is about an
// invoice of the session.
func TestAbsence_ReceiptNamesOtherInvoices_ProvesNothing(t *testing.T) {
	s := newStage(t, simulator.Options{})
	client := s.client()
	client.listed = noList
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
	a, b, pkg := s.sentPair(w, ledger.Bulk)
	confirmFor(s, w, pkg, 3*time.Hour, a.ID, b.ID)
	notSentAgain(t, s, a.ID, b.ID)
}

// The session gives neither counts nor a list. But the invoice has a reference, and the worker asks
// KSeF about that reference.
func TestAbsence_FailedOnlineSession_ReferenceAsked(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.SessionSpoiled}}})
	client := &sickClient{testClient: s.client()}
	asked := 0
	client.status = func(string) error { asked++; return nil }
	client.listed = noList
	client.session = noCounts
	w := s.worker("w2", client)
	a := s.admit(ledger.Express, s.good("A/1"))
	pkg := s.sent(w, a)
	confirmFor(s, w, pkg, 3*time.Hour, a.ID)
	t.Logf("InvoiceStatus was asked %d times", asked)
	notSentAgain(t, s, a.ID)
}
