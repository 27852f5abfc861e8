package tasks_test

import (
	"errors"
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/simulator"
)

// KSeF accepted the invoices of a batch session that ended with 500. The session's list is late,
// and the session's status counts no invoices.
func TestSilence_SessionEndedWithoutAReasonAndEverythingLags_NothingIsSentAgain(t *testing.T) {
	for name, session := range map[string]ksef.SessionInfo{"no counts": {}, "counts 0": {Counted: true}} {
		for listName, list := range map[string][]ksef.InvoiceInfo{"empty": {}, "none": nil} {
			t.Run(name+"/"+listName, func(t *testing.T) {
				s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.SessionSpoiled}}})
				client := s.client()
				late := true
				client.listed = func(all []ksef.InvoiceInfo) []ksef.InvoiceInfo {
					if late {
						return list
					}
					return all
				}
				client.session = func(i ksef.SessionInfo) ksef.SessionInfo {
					if i.Status.Code == 500 && late {
						session.Status, session.Batch = i.Status, i.Batch
						return session
					}
					return i
				}
				w := s.worker("w", client)
				a, b, pkg := s.sentPair(w, ledger.Bulk)
				confirmFor(s, w, pkg, 45*time.Second, a.ID, b.ID)
				notSentAgain(t, s, a.ID, b.ID)
				late = false
				confirmFor(s, w, pkg, 10*time.Minute, a.ID, b.ID)
				for _, id := range []string{a.ID, b.ID} {
					if got := s.read(id); got.State != ledger.Accepted {
						t.Errorf("%s is %s, want accepted: %s", got.Number, got.State, got.Reason)
					}
				}
			})
		}
	}
}

// The session ended with a code that KSeF has not published. The session's status counts two
// invoices, and its list has none.
func TestSilence_SessionCodeIsNotPublished_NothingIsSentAgain(t *testing.T) {
	for _, lane := range []ledger.Lane{ledger.Bulk, ledger.Express} {
		t.Run(string(lane), func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			client := &sickClient{testClient: s.client()}
			client.status = func(string) error { return refusedError("ask invoice status") }
			client.listed = nothingListed
			client.session = func(i ksef.SessionInfo) ksef.SessionInfo {
				if i.Status.Code == 200 {
					i.Status = ksef.StatusInfo{Code: 210, Description: "new in this month"}
					i.SuccessfulInvoiceCount, i.FailedInvoiceCount = 0, 0 // as if KSeF gave neither
				}
				return i
			}
			client.upo = notGiven
			w := s.worker("w2", client)
			a, b, pkg := s.sentPair(w, lane)
			confirmFor(s, w, pkg, 3*time.Hour, a.ID, b.ID)
			notSentAgain(t, s, a.ID, b.ID)
		})
	}
}

// The worker asks KSeF for an invoice of an online session by the invoice's reference, and cannot
// read the answer. Such an answer is about an invoice that KSeF has.
func TestSilence_AnswerAboutTheReferenceCannotBeRead_NothingIsSentAgain(t *testing.T) {
	for _, code := range []int{440, 415, 500} {
		s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.SessionSpoiled, Code: code}}})
		client := &sickClient{testClient: s.client()}
		client.status = func(string) error {
			return &ksef.APIError{
				Op: "ask invoice status", Group: ksef.GroupInvoiceStatus, Kind: ksef.KindUnreadable, Status: 200,
				MaybeDone: true, Err: errors.New("cannot be read"),
			}
		}
		client.listed = nothingListed
		client.session = noCounts
		w := s.worker("w2", client)
		a := s.admit(ledger.Express, s.good("A/1"))
		pkg := s.sent(w, a)
		confirmFor(s, w, pkg, 3*time.Hour, a.ID)
		notSentAgain(t, s, a.ID)
	}
}

// The session's count, list and receipt were all made before KSeF had processed the second invoice.
func TestSilence_CountListAndReceiptLagTogether_NothingIsSentAgain(t *testing.T) {
	for _, lane := range []ledger.Lane{ledger.Bulk, ledger.Express} {
		t.Run(string(lane), func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			client := &sickClient{testClient: s.client()}
			client.listed = hide("A/2")
			client.status = func(string) error { return refusedError("ask invoice status") }
			client.session = func(i ksef.SessionInfo) ksef.SessionInfo {
				if i.Counted && i.Status.Code == 200 {
					i.InvoiceCount, i.SuccessfulInvoiceCount, i.FailedInvoiceCount = 1, 1, 0
				}
				return i
			}
			client.upo = func(raw []byte, err error) ([]byte, error) { return withoutLine(raw, "A/2"), err }
			w := s.worker("w2", client)
			a, b, pkg := s.sentPair(w, lane)
			confirmFor(s, w, pkg, 20*time.Minute, a.ID, b.ID)
			notSentAgain(t, s, a.ID, b.ID)
		})
	}
}
