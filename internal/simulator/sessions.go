package simulator

import (
	"fmt"
	"time"

	"ksefworker/internal/simulator/fa"
)

const (
	laneOnline = "online"
	laneBatch  = "batch"
)

const (
	sessionLife = 12 * time.Hour   // of an online session; a batch session left open is cancelled then too
	partLife    = 20 * time.Minute // for each part, times the number of parts
	maxInvoices = 10_000           // in a session
)

// session is one session of KSeF. Everything in it is guarded by the simulator's mu, except that the goroutine that
// unpacks a closed batch session alone reads its parts.
type session struct {
	id      string
	lane    string
	account string // key_id that opened it
	context string // NIP of the taxpayer that sends: the account's, or the issuer of the first readable invoice
	form    *fa.Form
	offline bool
	opened  time.Time
	expires time.Time
	closed  time.Time // zero while open
	key     []byte    // nil: the key could not be decrypted
	iv      []byte
	lost    bool
	boxed   bool // opened by the black box: no part of the gateway's own session operations

	batch *batchFile
	parts map[int]*part

	invoices []*outcome
	pending  int // invoices of an online session that are being read just now
	// decided is set when the session's fate is known; visible it becomes only after the delay.
	decided bool
	code    int
	details string

	refuse     int // by a fault: the code it shall end with
	spoil      int // by a fault: the code it shall end with although what it accepted stays accepted
	stuckCode  int
	stuckUntil time.Time
}

// end fixes the session's fate.
func (sess *session) end(code int, details string) {
	sess.decided, sess.code, sess.details = true, code, details
}

// own gives the account's session by its id. Sessions of others do not exist for it. The caller holds mu.
func (s *Simulator) own(account Account, id string) (*session, *refusal) {
	sess := s.sessions[id]
	if sess == nil || sess.lost || sess.boxed || sess.account != account.ID {
		return nil, noSession(id)
	}
	s.age(sess)
	return sess, nil
}

// lose makes a session unknown; "" and strangers are no session.
func (s *Simulator) lose(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sess := s.sessions[id]; sess != nil {
		sess.lost = true
	}
}

// admit registers a new session. The caller holds mu.
func (s *Simulator) admit(sess *session) {
	s.sessions[sess.id] = sess
	s.order = append(s.order, sess)
}

// age does what time alone does to a session: online ones close, batch ones are cancelled. The caller holds mu.
func (s *Simulator) age(sess *session) {
	if !sess.closed.IsZero() || s.now().Before(sess.expires) {
		return
	}
	sess.closed = sess.expires
	if sess.lane == laneBatch {
		sess.end(440, "Przekroczono czas wysyłki")
		for _, p := range sess.parts {
			p.remove()
		}
		return
	}
	s.conclude(sess)
}

// conclude counts what a closed online session holds, once its last invoice is read. The caller holds mu.
func (s *Simulator) conclude(sess *session) {
	switch {
	case sess.decided || sess.pending > 0:
	case sess.refuse != 0:
		sess.end(sess.refuse, "")
	case sess.spoil != 0:
		sess.end(sess.spoil, "")
	case len(sess.invoices) == 0:
		sess.end(440, "Nie przesłano faktur")
	case sess.count(true) == 0:
		sess.end(445, "")
	default:
		sess.end(200, "")
	}
}

// count of accepted (true) or refused invoices.
func (sess *session) count(accepted bool) int {
	n := 0
	for _, o := range sess.invoices {
		if (o.code == 200) == accepted {
			n++
		}
	}
	return n
}

// status is the code that a client sees at now.
func (s *Simulator) status(sess *session) int {
	now := s.now()
	if sess.lane == laneOnline && sess.key == nil && !sess.boxed && !now.Before(sess.opened.Add(s.opts.InvoiceDelay)) {
		return 415
	}
	if sess.closed.IsZero() {
		return 100
	}
	if sess.lane == laneBatch && sess.decided && sess.code == 440 {
		return 440 // cancelled without processing
	}
	if now.Before(sess.stuckUntil) {
		return sess.stuckCode
	}
	passed := now.Sub(sess.closed)
	ready := sess.decided && passed >= s.opts.Delay && (sess.lane == laneBatch || s.settled(sess))
	switch {
	case ready:
		return sess.code
	case sess.lane == laneOnline:
		return 170
	case passed < s.opts.Delay/3:
		return 100
	}
	return 150
}

// settled tells whether every invoice of an online session has its visible outcome.
func (s *Simulator) settled(sess *session) bool {
	if len(sess.invoices) == 0 {
		return true
	}
	last := sess.invoices[len(sess.invoices)-1]
	return !s.now().Before(last.sent.Add(s.opts.InvoiceDelay))
}

func (s *Simulator) sessionStatus(c *call) (reply, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sess, refused := s.own(c.account, c.value(0))
	if refused != nil {
		return reply{}, refused
	}
	type info struct {
		Status  statusInfo `json:"status"`
		Batch   *bool      `json:"batch,omitempty"`
		Count   *int       `json:"invoiceCount,omitempty"`
		Success *int       `json:"successfulInvoiceCount,omitempty"`
		Failed  *int       `json:"failedInvoiceCount,omitempty"`
	}
	code := s.status(sess)
	batch := sess.lane == laneBatch
	answer := info{Status: statusInfo{Code: code, Description: sess.describe(code)}, Batch: &batch}
	if code == sess.code && sess.decided {
		answer.Status.Details = sess.details
	}
	if code == 200 || code == 445 || sess.lane == laneOnline {
		count, success, failed := len(sess.invoices), 0, 0
		for _, o := range sess.invoices {
			switch seen := s.visible(sess, o); {
			case seen == 200:
				success++
			case seen > 200:
				failed++
			}
		}
		answer.Count, answer.Success, answer.Failed = &count, &success, &failed
	}
	return jsonReply(struct {
		Info info `json:"sessionInfo"`
	}{answer}), nil
}

// describe gives KSeF's text for a session's code.
func (sess *session) describe(code int) string {
	switch code {
	case 100:
		if sess.lane == laneOnline {
			return "Sesja interaktywna otwarta"
		}
		return "Sesja wsadowa rozpoczęta"
	case 150:
		return "Trwa przetwarzanie"
	case 170:
		return "Sesja interaktywna zamknięta"
	case 200:
		if sess.lane == laneOnline {
			return "Sesja interaktywna przetworzona pomyślnie"
		}
		return "Sesja wsadowa przetworzona pomyślnie"
	case 405:
		return "Błąd weryfikacji poprawności dostarczonych elementów paczki"
	case 415:
		return "Błąd odszyfrowania dostarczonego klucza"
	case 420:
		return "Przekroczony limit faktur w sesji"
	case 430:
		return "Błąd dekompresji pierwotnego archiwum"
	case 435:
		return "Błąd odszyfrowania zaszyfrowanych części archiwum"
	case 440:
		return "Sesja anulowana"
	case 445:
		return "Błąd weryfikacji, brak poprawnych faktur"
	case 550:
		return "Operacja została anulowana przez system"
	}
	return fmt.Sprintf("Nieznany błąd (%d)", code)
}

// closeSession ends a session; for a batch session processing begins. Only an open session can be closed.
func (s *Simulator) closeSession(c *call) (reply, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sess, refused := s.own(c.account, c.value(0))
	if refused != nil {
		return reply{}, refused
	}
	if status := s.status(sess); !sess.closed.IsZero() || status != 100 {
		if status == 440 && sess.lane == laneBatch {
			return reply{}, &refusal{status: 400, code: codeTimedOut, description: "Czas oczekiwania na requesty upload lub finish został przekroczony.",
				details: "Sesja anulowana, przekroczony czas wysyłki."}
		}
		return reply{}, wrongStatus(status, "jej zamknięcie")
	}
	now := s.now()
	sess.closed = now
	if f, struck := s.faults.take(sess.occasion(""), Stuck); struck {
		sess.stuckCode, sess.stuckUntil = f.Code, now.Add(f.For)
		if f.Code == 0 {
			sess.stuckCode = 150
			if sess.lane == laneOnline {
				sess.stuckCode = 170
			}
		}
	}
	if sess.lane == laneOnline {
		s.conclude(sess)
	} else {
		s.process(sess)
	}
	return jsonReply(struct {
		Result bool `json:"result"`
	}{true}), nil
}

// occasion describes the session, and one invoice of it, to the faults.
func (sess *session) occasion(number string) occasion {
	return occasion{account: sess.account, nip: sess.context, lane: sess.lane, number: number}
}
