package login

import (
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"sync"
	"time"
)

// Desk handles logins. It is safe for concurrent use.
type Desk struct {
	opts   Options
	secret []byte // signs the JWTs

	mu         sync.Mutex
	challenges map[string]*challenge
	operations map[string]*operation
	order      []*operation // by time of start
	tokens     *tokenBook
	blocked    map[Context]bool     // by Block
	dead       map[string]time.Time // access tokens that a fault has ended, by their jti, with the time of their natural end
}

// Lives are the lifetimes of a challenge and of each kind of token; zero is the Ministry's value.
type Lives struct {
	Challenge      time.Duration // 10 min
	Authentication time.Duration // 45 min
	Access         time.Duration // 15 min
	Refresh        time.Duration // 7 days
}

// Fate is what a fault has ordered for a login; the zero value is nothing.
type Fate struct {
	Code    int // the login ends with this status; 0 means no order
	Details string
	Stuck   time.Duration // how long the login stays at 100; negative is forever
}

// Issuer knows the certificates that KSeF itself has issued.
type Issuer interface {
	// Issued reports whether KSeF has issued the certificate. If so, owner is the identity that the
	// certificate was issued to. refusal says why owner may not log in, or is "".
	Issued(certificate *x509.Certificate) (owner Identity, refusal string, ours bool)
}

// Options configure a Desk. Reference, Decrypt and Now are required.
type Options struct {
	// Now is the clock.
	Now func() time.Time
	// Reference makes a reference number of a kind: CR, AU, EC.
	Reference func(kind string) string
	// Decrypt reverses the encryption of a token. It fails with ErrKeyUnknown when keyID is set but
	// names no key in force.
	Decrypt func(keyID, encrypted []byte) ([]byte, error)
	// Issuer is nil when KSeF issues no certificates.
	Issuer Issuer
	// Fate asks the faults what becomes of a login. If it is nil, no fault concerns a login.
	Fate func(Context) Fate
	// Lives are the lifetimes; a zero is the Ministry's value.
	Lives Lives
	// Delay is how long a login stays at status 100.
	Delay time.Duration
	// OnlyIssued refuses certificates that KSeF has not issued, with status 460. The demo and
	// production environments refuse self-signed certificates in this way.
	OnlyIssued bool
	// Grants are permissions of one subject in the context of another. A NIP needs none in its own
	// context.
	Grants []Grant
	// Tokens are tokens that exist from the start.
	Tokens []Token
}

// New makes a Desk. It fails when a grant or a token is not valid.
func New(o Options) (*Desk, error) {
	for life, usual := range map[*time.Duration]time.Duration{
		&o.Lives.Challenge: 10 * time.Minute, &o.Lives.Authentication: 45 * time.Minute,
		&o.Lives.Access: 15 * time.Minute, &o.Lives.Refresh: 7 * 24 * time.Hour,
	} {
		if *life < 0 {
			return nil, fmt.Errorf("check lifetimes: %v is negative", *life)
		}
		if *life == 0 {
			*life = usual
		}
	}
	d := &Desk{
		opts: o, secret: make([]byte, 32), challenges: map[string]*challenge{}, operations: map[string]*operation{},
		tokens: newTokenBook(), dead: map[string]time.Time{}, blocked: map[Context]bool{},
	}
	if _, err := rand.Read(d.secret); err != nil {
		return nil, fmt.Errorf("draw key of the JWTs: %w", err)
	}
	for _, g := range o.Grants {
		if err := g.validate(); err != nil {
			return nil, err
		}
	}
	for _, t := range o.Tokens {
		if err := t.validate(); err != nil {
			return nil, err
		}
		d.tokens.add(t, o.Reference("EC"), Identity{Type: "Nip", Value: t.Context.Value}, o.Now())
	}
	return d, nil
}

// Refusal is an answer with HTTP status 400. It is never wrapped.
type Refusal struct {
	Code        int
	Description string
	Details     []string
}

// Error returns code, text and details.
func (r *Refusal) Error() string { return fmt.Sprintf("%d %s %v", r.Code, r.Description, r.Details) }

// Unauthorized is an answer with HTTP status 401, because the bearer token is missing, of the wrong
// kind, forged, expired, or ended by a fault. Reason is for the log, and the answer does not tell
// it.
type Unauthorized struct{ Reason string }

func (e *Unauthorized) Error() string { return "not authorized: " + e.Reason }

// Forbidden is an answer with HTTP status 403, because the login does not allow the client's
// address.
type Forbidden struct{ ClientIP string }

func (e *Forbidden) Error() string { return "address " + e.ClientIP + " is not allowed" }

// Gone is an answer with HTTP status 410, because the operation is not kept any more.
type Gone struct{}

func (Gone) Error() string { return "the operation is not kept any more" }
