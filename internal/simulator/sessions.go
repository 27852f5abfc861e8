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
	sessionLife = 12 * time.Hour   // of an open session; a batch session with many parts lives longer
	partLife    = 20 * time.Minute // multiplied by the number of parts
	maxInvoices = 10_000           // in a session
)

// session is one session of KSeF. The simulator's mu guards every field that changes. There is one
// exception: the goroutine that unpacks a closed batch session removes the parts of that session
// without mu.
type session struct {
	id      string
	lane    string
	account string // id of the account that opened it
	context string // NIP of the sending taxpayer: the account's, or that of the issuer of the first valid invoice
	form    *fa.Form
	offline bool
	opened  time.Time
	expires time.Time
	closed  time.Time // zero while open
	key     []byte    // nil when the key could not be decrypted
	iv      []byte
	lost    bool
	boxed   bool // opened by the box, so the session operations do not find it
	// direct is set for a session of the Ministry's API, and tarGz for one whose package is a
	// tar.gz. author is who opened the session.
	direct, tarGz bool
	author        string

	batch *batchFile
	parts map[int]*part // by ordinal

	invoices []*outcome
	pending  int // invoices of an online session that are being read now
	// decided is set when the end of the session is known. Clients see it only after the delay.
	decided bool
	code    int
	details string

	refusedCode int // ordered by a fault: the session ends with this code and accepts nothing
	spoiledCode int // ordered by a fault: the session ends with this code, and what it accepted stays accepted
	stuckCode   int
	stuckUntil  time.Time
}

// end decides how the session ends.
func (sess *session) end(code int, details string) {
	sess.decided, sess.code, sess.details = true, code, details
}

// ownSession returns the account's session by its id. Sessions of other accounts do not exist for
// it. The caller holds mu.
func (sb *sessionBook) ownSession(account Account, id string) (*session, *refusal) {
	sess := sb.sessions[id]
	if sess == nil || sess.lost || sess.boxed || sess.account != account.ID {
		return nil, noSession(id)
	}
	sb.expire(sess)
	return sess, nil
}

// lose makes a session unknown to clients. An id that no session has is ignored.
func (c *core) lose(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if sess := c.sessions[id]; sess != nil {
		sess.lost = true
	}
}

// addSession registers a new session. The caller holds mu.
func (c *core) addSession(sess *session) {
	c.sessions[sess.id] = sess
	c.order = append(c.order, sess)
}

// expire ends a session whose time is over. An online session is closed, and a batch session is
// cancelled. The caller holds mu.
func (sb *sessionBook) expire(sess *session) {
	if !sess.closed.IsZero() || sb.now().Before(sess.expires) {
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
	sb.finishOnline(sess)
}

// finishOnline decides how a closed online session ends, as soon as its last invoice was read. The
// caller holds mu.
func (sb *sessionBook) finishOnline(sess *session) {
	switch {
	case sess.decided || sess.pending > 0:
	case sess.refusedCode != 0:
		sess.end(sess.refusedCode, "")
	case sess.spoiledCode != 0:
		sess.end(sess.spoiledCode, "")
	case len(sess.invoices) == 0:
		sess.end(440, "Nie przesłano faktur")
	case sess.count(true) == 0:
		sess.end(445, "")
	default:
		sess.end(200, "")
	}
}

// count returns the number of accepted invoices or, if accepted is false, the number of all others.
func (sess *session) count(accepted bool) int {
	n := 0
	for _, o := range sess.invoices {
		if (o.code == 200) == accepted {
			n++
		}
	}
	return n
}

// status returns the code that a client sees now. The caller holds mu.
func (c *core) status(sess *session) int {
	now := c.now()
	if sess.lane == laneOnline && sess.key == nil && !sess.boxed && !now.Before(sess.opened.Add(c.opts.InvoiceDelay)) {
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
	ready := sess.decided && passed >= c.opts.Delay && (sess.lane == laneBatch || c.allVisible(sess))
	switch {
	case ready:
		return sess.code
	case sess.lane == laneOnline:
		return 170
	case passed < c.opts.Delay/3:
		return 100
	}
	return 150
}

// allVisible reports whether clients see the outcome of every invoice of an online session.
func (c *core) allVisible(sess *session) bool {
	if len(sess.invoices) == 0 {
		return true
	}
	last := sess.invoices[len(sess.invoices)-1]
	return !c.now().Before(last.sent.Add(c.opts.InvoiceDelay))
}

// describe returns KSeF's text for the code of a session.
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

// event describes the session to the faults or, with a number, one of its invoices.
func (sess *session) event(number string) event {
	return event{account: sess.account, nip: sess.context, lane: sess.lane, number: number}
}
