package simulator

import (
	"encoding/base64"
	"time"

	"ksefworker/internal/simulator/limits"
)

// Accepted is one invoice that has a KSeF number. Hash is the SHA-256 of its bytes, in hex.
type Accepted struct {
	NIP        string    `json:"nip"`
	Kind       string    `json:"kind"`
	Number     string    `json:"number"`
	KsefNumber string    `json:"ksef_number"`
	Hash       string    `json:"hash"`
	Session    string    `json:"session"`
	At         time.Time `json:"at"`
	Mode       string    `json:"mode"` // online, offline
	// Corrects is the hash, in Base64, of the rejected invoice that this one corrects technically.
	Corrects string `json:"corrects,omitempty"`
}

// Rejected is one refusal of one invoice. NIP, Kind and Number are empty when the document could
// not be read. When a session fails as a whole, its invoices stay undecided, so they are not in the
// books.
type Rejected struct {
	NIP         string    `json:"nip"`
	Kind        string    `json:"kind"`
	Number      string    `json:"number"`
	Code        int       `json:"code"`
	Description string    `json:"description"`
	Details     string    `json:"details"`
	Hash        string    `json:"hash"`
	Session     string    `json:"session"`
	At          time.Time `json:"at"`
}

// SessionEntry is the present state of one session. Closed is zero while it is open; Status is what
// a client would see.
type SessionEntry struct {
	ID       string    `json:"id"`
	Account  string    `json:"account"`
	NIP      string    `json:"nip"`
	Lane     string    `json:"lane"` // online, batch
	Boxed    bool      `json:"boxed"`
	Opened   time.Time `json:"opened"`
	Closed   time.Time `json:"closed,omitzero"`
	Status   int       `json:"status"`
	Parts    int       `json:"parts"` // declared
	TarGz    bool      `json:"tar_gz,omitempty"`
	Invoices int       `json:"invoices"`
	Accepted int       `json:"accepted"`
}

// Violation is one request that came although the limit was used up, or during a block.
type Violation = limits.Violation

// Books are what the simulator received and decided. An invoice is entered when it is decided,
// which can be before its status shows it.
type Books struct {
	Accepted   []Accepted                `json:"accepted"`
	Rejected   []Rejected                `json:"rejected"`
	Requests   map[string]int            `json:"requests"`   // by group, refused ones included
	Violations []Violation               `json:"violations"` // of request limits
	Sessions   []SessionEntry            `json:"sessions"`
	Accounts   map[string]map[string]int `json:"accounts"` // requests by account and group
	Faults     map[string]int            `json:"faults"`   // how often each fault hit, by label or kind
}

// Books returns a copy of the books. Its lists are never nil.
func (s *Simulator) Books() Books {
	requests := s.limits.Books()
	b := Books{
		Accepted: []Accepted{}, Sessions: []SessionEntry{}, Faults: s.faults.counts(),
		Requests: requests.Requests, Accounts: requests.Accounts, Violations: requests.Violations,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sess := range s.order {
		s.expire(sess)
		e := SessionEntry{
			ID: sess.id, Account: sess.account, NIP: sess.context, Lane: sess.lane, Boxed: sess.boxed,
			Opened: sess.opened.UTC(), Status: s.status(sess), Invoices: len(sess.invoices), Accepted: sess.count(true),
		}
		if !sess.closed.IsZero() {
			e.Closed = sess.closed.UTC()
		}
		if sess.batch != nil {
			e.Parts, e.TarGz = len(sess.batch.Parts), sess.tarGz
		}
		b.Sessions = append(b.Sessions, e)
	}
	for _, a := range s.accepted {
		b.Accepted = append(b.Accepted, Accepted{
			NIP: a.NIP, Kind: a.Kind, Number: a.Number, KsefNumber: a.ksefNumber,
			Hash: hexHash(a.hash), Session: a.session.id, At: a.at.UTC(), Mode: a.mode,
			Corrects: base64.StdEncoding.EncodeToString(a.corrects),
		})
	}
	b.Rejected = append([]Rejected{}, s.rejected...)
	return b
}
