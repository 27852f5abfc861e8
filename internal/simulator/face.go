package simulator

import (
	"context"
	"crypto/rsa"
	"io"
	"net/http"
	"time"

	"ksefworker/internal/simulator/limits"
)

// Face gives package ministry the inside of a Simulator. That package serves the Ministry's own
// API, the other face besides the gateway's. Both faces share the sessions, invoices, limits,
// faults and keys. The methods of Face are safe for concurrent use.
type Face struct{ s *Simulator }

// Face returns the inside of the simulator.
func (s *Simulator) Face() Face { return Face{s} }

// Refusal is why an operation was not carried out, or what a fault or a limit ordered. Status is
// the HTTP status. Code is the Ministry's code of five digits. Where the Ministry has no code, Code
// repeats the HTTP status.
type Refusal struct {
	Status, Code         int
	Description, Details string
	// RetryAfter is in seconds; 0 is none.
	RetryAfter int
}

func exported(f *refusal) *Refusal {
	if f == nil {
		return nil
	}
	return &Refusal{f.status, f.code, f.description, f.details, f.retryAfter}
}

// Reply is a complete answer.
type Reply struct {
	Status      int
	ContentType string // "" sends none
	Header      http.Header
	Body        []byte
}

// Write sends the answer.
func (p Reply) Write(w http.ResponseWriter) { p.internal().write(w) }

func (p Reply) internal() reply { return reply{p.Status, p.ContentType, p.Header, p.Body} }

// Request is one request for Perform.
type Request struct {
	HTTP      *http.Request
	Operation string
	Account   string // whose limits count, and whom faults name
	NIP       string // of the context; "" when there is none yet
	Session   string // id of the session that the path names; "" when it names none
	// Opened is called after Act and returns the id of the session that the request has opened.
	// Opened is nil when the request opens no session. The fault lost-session needs it.
	Opened func() string
	Group  string // of the request limits; "" is not counted
	// Prepare reads the body; nil when there is none. Act carries the request out. Refuse writes
	// what a fault or a limit ordered.
	Prepare func() *Refusal
	Act     func() Reply
	Refuse  func(Refusal) Reply
	// Expire ends the request's bearer token for the fault token-expired; nil when it has none.
	Expire func()
}

// Perform counts a request against the limits, applies the faults, carries the request out and
// answers. It returns the HTTP status that was sent, 0 for none.
func (f Face) Perform(w http.ResponseWriter, r Request) int {
	s := f.s
	refuse := func(x *refusal) reply { return r.Refuse(*exported(x)).internal() }
	if r.Group != "" {
		if wait, refused := s.limits.Arrive(r.Account, r.Group, s.Now); refused {
			answer := refuse(tooMany(wait))
			answer.write(w)
			return answer.status
		}
	}
	return s.perform(w, job{
		ctx: r.HTTP.Context(), body: r.HTTP.Body, event: f.event(r), group: r.Group,
		prepare: func() *refusal {
			if r.Prepare == nil {
				return nil
			}
			if p := r.Prepare(); p != nil {
				return &refusal{p.Status, p.Code, p.Description, p.Details, p.RetryAfter}
			}
			return nil
		},
		act: func() reply { return r.Act().internal() },
		lose: func() {
			if r.Opened != nil {
				s.lose(r.Opened())
			}
			s.lose(r.Session)
		},
		refuse: refuse, expire: r.Expire,
	})
}

// event describes a request to the faults.
func (f Face) event(r Request) event {
	e := event{on: r.Operation, account: r.Account, nip: r.NIP, session: r.Session}
	switch r.Operation {
	case opOpenOnline, opSend:
		e.lane = laneOnline
	case opOpenBatch:
		e.lane = laneBatch
	default:
		f.s.mu.Lock()
		defer f.s.mu.Unlock()
		if sess := f.s.sessions[r.Session]; sess != nil {
			e.lane = sess.lane
		}
	}
	return e
}

// Now returns the simulated time. It takes no lock, so it may be called while one is held.
func (f Face) Now() time.Time { return f.s.now() }

// Reference makes a reference number of a kind of two letters.
func (f Face) Reference(kind string) string {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	return f.s.reference(kind)
}

// Chance reports whether something of this probability happens. It draws from the simulator's seed.
func (f Face) Chance(probability float64) bool {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	return f.s.random.Float64() < probability
}

// TakeLogin asks the faults what becomes of a login that begins now in a context. It reports false
// when no fault concerns the login.
func (f Face) TakeLogin(account, nip string) (Fault, bool) {
	return f.s.faults.take(event{account: account, nip: nip}, LoginStuck, LoginRefused)
}

// Allow gives an account an allowance of its own in one group of the request limits. The group may
// be limits.Others.
func (f Face) Allow(account, group string, a limits.Allowance) { f.s.limits.Set(account, group, a) }

// ResetAllowances gives an account the usual request limits again.
func (f Face) ResetAllowances(account string) { f.s.limits.Reset(account) }

// Allowances returns the request limits of an account, by group.
func (f Face) Allowances(account string) map[string]limits.Allowance {
	return f.s.limits.Allowances(account)
}

// Sizes returns what one taxpayer may send. plain and withAttachment are the maximum sizes, in
// bytes, of an invoice without and with an attachment. invoices is the maximum number of invoices
// in a session.
func (f Face) Sizes(nip string) (plain, withAttachment, invoices int) {
	sizes := f.s.opts.sizesOf(nip)
	return sizes.Plain, sizes.WithAttachment, f.s.opts.maxInvoicesOf(nip)
}

// Gateway returns the handler of the gateway. The handler also serves /sim/ and the uploads under
// /storage/, which both faces share.
func (f Face) Gateway() http.Handler { return f.s }

// NewKey makes one more RSA key, in the same way as the keys of the gateway.
func (f Face) NewKey() (*rsa.PrivateKey, error) { return f.s.opts.NewKey(f.s.opts.KeyBits) }

// PublicKeys returns the public keys that encrypt the keys of sessions, as DER
// SubjectPublicKeyInfo. After a planned rotation the former key keeps working. Otherwise former is
// nil.
func (f Face) PublicKeys() (current, former []byte) {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	return f.s.keys.public, f.s.keys.formerPublic
}

// Drain reads the rest of a body that was refused, so that a client which is still sending sees the
// answer and not a broken pipe.
func (f Face) Drain(ctx context.Context, body io.Reader) {
	if ctx.Err() == nil {
		_, _ = io.CopyN(io.Discard, body, maxEncrypted)
	}
}

// Log writes one line about a request, without secrets.
func (f Face) Log(operation, method string, status int, took time.Duration) {
	f.s.log.Debug().Str("operation", operation).Str("method", method).Int("status", status).Stringer("took", took).Msg("answered")
}
