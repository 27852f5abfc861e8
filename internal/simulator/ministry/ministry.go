package ministry

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/certificates"
	"ksefworker/internal/simulator/limits"
	"ksefworker/internal/simulator/login"
)

// Options configure a Ministry. With the zero value only certificates can log in, and a login is
// decided at once.
type Options struct {
	// Tokens are KSeF tokens that exist from the start.
	Tokens []Token
	// Grants let a subject act in the context of another. A NIP needs no grant in its own context.
	Grants []login.Grant
	// Lives are the lifetimes of challenges and bearer tokens; zero is the Ministry's value.
	Lives login.Lives
	// LoginDelay is how long a login stays at status 100 (in progress), how long a new token stays
	// Pending, and how long a request for a certificate stays in processing.
	LoginDelay time.Duration
	// ReceiptLife is how long a pre-signed address of a UPO works; 0 is three days.
	ReceiptLife time.Duration
	// OnlyIssued refuses certificates that KSeF has not issued, as demo and production do.
	OnlyIssued bool
	// Allowances are request limits of one taxpayer that differ from the usual ones.
	Allowances []Allowance
	// Novelty is the probability that an answer has a field that is in no contract. With a tenth of
	// this probability, a value from a list of values is replaced by one that the contract does not
	// list. 0 means never.
	Novelty float64
	// BaseURL is the base of pre-signed addresses, without a slash at the end. "" means the Host of
	// the request.
	BaseURL string
}

// Token is a KSeF token of a taxpayer. Permissions that are nil mean InvoiceRead and InvoiceWrite.
type Token struct {
	NIP, Secret string
	Permissions []string
}

// Allowance is what one taxpayer may request in one group. Group is a name such as
// limits.InvoiceSend, or limits.Others.
type Allowance struct {
	NIP, Group string
	Limits     limits.Allowance
}

// Ministry answers requests as the Ministry's API does. It is an http.Handler and safe for
// concurrent use.
type Ministry struct {
	face       simulator.Face
	opts       Options
	desk       *login.Desk
	office     *certificates.Office
	operations []*operation
	keys       keys
	secret     []byte // signs page tokens and addresses
}

// New makes a Ministry, which gives a simulator a second HTTP interface.
func New(sim *simulator.Simulator, o Options) (*Ministry, error) {
	if o.Novelty < 0 || o.Novelty > 1 {
		return nil, &simulator.FieldError{Field: "Novelty", Value: fmt.Sprint(o.Novelty), Err: errors.New("outside 0 to 1")}
	}
	if o.LoginDelay < 0 || o.ReceiptLife < 0 {
		value := min(o.LoginDelay, o.ReceiptLife).String()
		return nil, &simulator.FieldError{Field: "LoginDelay/ReceiptLife", Value: value, Err: errors.New("negative")}
	}
	if o.ReceiptLife == 0 {
		o.ReceiptLife = 72 * time.Hour
	}
	m := &Ministry{face: sim.Face(), opts: o, secret: make([]byte, 32)}
	if _, err := rand.Read(m.secret); err != nil {
		return nil, fmt.Errorf("draw signing key: %w", err)
	}
	var err error
	if m.office, err = certificates.New(m.face.Now, m.face.Reference, o.LoginDelay); err != nil {
		return nil, fmt.Errorf("open certificate office: %w", err)
	}
	if m.desk, err = login.New(m.loginOptions()); err != nil {
		return nil, fmt.Errorf("open login desk: %w", err)
	}
	for _, a := range o.Allowances {
		if _, known := limits.Usual()[a.Group]; !known {
			return nil, &simulator.FieldError{Field: "Allowance.Group", Value: a.Group, Err: errors.New("not a group of request limits")}
		}
		m.face.Allow(accountOf(a.NIP).ID, a.Group, a.Limits)
	}
	m.operations = m.table()
	if _, err := m.currentKeys(); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Ministry) loginOptions() login.Options {
	o := login.Options{
		Now: m.face.Now, Reference: m.face.Reference, Decrypt: m.decryptToken, Issuer: issuer{m.office}, Fate: m.fate,
		Lives: m.opts.Lives, Delay: m.opts.LoginDelay, OnlyIssued: m.opts.OnlyIssued, Grants: m.opts.Grants,
	}
	for _, t := range m.opts.Tokens {
		permissions := t.Permissions
		if permissions == nil {
			permissions = []string{login.InvoiceRead, login.InvoiceWrite}
		}
		o.Tokens = append(o.Tokens, login.Token{
			Context: login.Context{Type: "Nip", Value: t.NIP}, Secret: t.Secret, Permissions: permissions, Description: "Token symulatora",
		})
	}
	return o
}

// Logins counts the logins that have begun in the context of each NIP, refused ones included. It
// shows whether a client logs in more often than it must.
func (m *Ministry) Logins() map[string]int {
	n := map[string]int{}
	for context, begun := range m.desk.Begun() {
		n[context.Value] += begun
	}
	return n
}

// accountOf returns the account of a taxpayer in the books. All logins of the taxpayer share
// sessions and limits.
func accountOf(nip string) simulator.Account {
	return simulator.Account{ID: AccountPrefix + nip, NIP: nip}
}

// AccountPrefix comes before the NIP in the names of the accounts of this face, in books and
// faults.
const AccountPrefix = "direct_"

// fate asks the faults what becomes of a login.
func (m *Ministry) fate(c login.Context) login.Fate {
	f, hit := m.face.TakeLogin(accountOf(c.Value).ID, c.Value)
	switch {
	case !hit:
		return login.Fate{}
	case f.Kind == simulator.LoginStuck && f.For == 0:
		return login.Fate{Stuck: -1}
	case f.Kind == simulator.LoginStuck:
		return login.Fate{Stuck: f.For}
	case f.Code == 0:
		return login.Fate{Code: 450, Details: "Token unieważniony"}
	}
	return login.Fate{Code: f.Code, Details: "Na żądanie skryptu"}
}

// base returns the beginning of pre-signed addresses.
func (m *Ministry) base(r *http.Request) string {
	if m.opts.BaseURL != "" {
		return strings.TrimSuffix(m.opts.BaseURL, "/")
	}
	return "http://" + r.Host
}
