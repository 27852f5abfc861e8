package ledger

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"time"
)

// Version is the layout of entries that this build writes. A newer one met in Redis (a rolling update) is left alone.
const Version = 1

// Lane is the way an invoice or package travels.
type Lane string

// Auto lets the worker choose; the other two are kept.
const (
	Auto    Lane = "auto"
	Express Lane = "express" // online session, one by one, at once
	Bulk    Lane = "bulk"    // batch session
)

// Millis is a point in time as milliseconds since 1970, the unit of every score in Redis. Zero means never.
type Millis int64

// At converts; the zero time gives zero.
func At(t time.Time) Millis {
	if t.IsZero() {
		return 0
	}
	return Millis(t.UnixMilli())
}

// Time converts back; zero gives the zero time.
func (m Millis) Time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(m))
}

// Invoice is the entry of one invoice. It holds header fields and outcomes, never the document.
type Invoice struct {
	V          int    `redis:"-"`
	ID         string `redis:"-"`
	Rev        int64  `redis:"rev"` // grows with every change
	Revision   int    `redis:"-"`   // 1 for the first document of this identity, +1 for each after a rejection
	State      State  `redis:"state"`
	Tenant     string `redis:"-"`      // name of the tenant whose credentials send it
	NIP        string `redis:"-"`      // seller, Podmiot1
	Context    string `redis:"-"`      // NIP of the taxpayer that sends it, where that is not the seller
	Subject    string `redis:"-"`      // the part that one has in it, in KSeF's words; "" is the seller's
	Kind       string `redis:"-"`      // RodzajFaktury
	Number     string `redis:"number"` // P_2
	IssueDate  string `redis:"-"`
	Hash       string `redis:"hash"` // SHA-256 of the exact bytes, Base64; a field of its own where KSeF has the invoice in other bytes than were handed in
	File       string `redis:"-"`
	Lane       Lane   `redis:"lane"`   // as asked for, or as the worker chose
	Chosen     bool   `redis:"chosen"` // the worker chose the lane and may choose again
	Offline    bool   `redis:"-"`
	Form       string `redis:"-"` // "v3" for FA(3)
	Attachment bool   `redis:"-"`
	Overflow   bool   `redis:"-"`    // one of very many that its tenant handed in at a time: its tasks stand behind other tenants' few
	Size       int64  `redis:"size"` // bytes of XML

	Group          string `redis:"group"`           // the waiting group it is in, "" when not waiting
	Package        string `redis:"package"`         // the package that holds it or held it last
	Session        string `redis:"session"`         // that package's session
	Reference      string `redis:"reference"`       // the gateway's id of a single send
	Attempts       int    `redis:"attempts"`        // sessions it has travelled in
	Resends        int    `redis:"resends"`         // times KSeF asked to send this very invoice anew (435, 500, 550)
	FailedSessions int    `redis:"failed_sessions"` // online sessions that came to nothing with it, without a word about it

	Denied Millis `redis:"denied"` // when KSeF first answered 410 while it let nothing of the tenant in

	KsefNumber      string `redis:"ksef_number"`
	Mode            string `redis:"mode"`        // online or offline, as KSeF marked it
	AcceptedAt      Millis `redis:"accepted_at"` // acquisition date
	Recovered       bool   `redis:"recovered"`   // accepted earlier, found again
	OriginalNumber  string `redis:"orig_number"` // of the invoice that KSeF has, until it is judged
	OriginalSession string `redis:"orig_session"`
	OriginalBy      string `redis:"orig_by"` // how that number is known; "" when nobody called it a duplicate
	Code            int    `redis:"code"`
	Reason          string `redis:"reason"`
	UPO             string `redis:"upo"` // URL of the archived receipt

	BodyArchived bool   `redis:"body_archived"` // the document lies in the archive store, not in Redis
	BodySeal     string `redis:"body_seal"`     // how it is sealed there, as SealTally names it
	Deadline     Millis `redis:"deadline"`      // legal
	SoftDeadline Millis `redis:"-"`             // midnight of P_1
	CreatedAt    Millis `redis:"-"`
	UpdatedAt    Millis `redis:"updated_at"`
}

// Package is the entry of one package: a set of invoices that travel in one session, online or batch.
type Package struct {
	V          int          `redis:"v"`
	ID         string       `redis:"id"`
	Rev        int64        `redis:"rev"`
	State      PackageState `redis:"state"`
	Lane       Lane         `redis:"lane"`
	Tenant     string       `redis:"tenant"`
	Form       string       `redis:"form"`
	Offline    bool         `redis:"offline"`
	Count      int          `redis:"count"`
	Size       int64        `redis:"size"`       // bytes of XML
	Session    string       `redis:"session"`    // "" until opened
	Owner      string       `redis:"owner"`      // the worker that holds the session's key and closes it; "" when anybody may close it
	Refusals   int          `redis:"refusals"`   // sessions refused as a whole with these invoices
	Parent     string       `redis:"parent"`     // the package whose refusal made this one
	Probe      string       `redis:"probe"`      // the package that was split off this one to find out whether KSeF takes any
	Rest       string       `redis:"rest"`       // the package that this one was split off as a probe
	NotBefore  Millis       `redis:"not_before"` // it is not submitted before this
	Doubt      Millis       `redis:"doubt"`      // since when its session does not account for every invoice
	Listed     bool         `redis:"listed"`     // the result list of the final session was read
	Code       int          `redis:"code"`       // last status code of the session
	Reason     string       `redis:"reason"`
	Filed      bool         `redis:"filed"` // documents and results are archived; what is left is a receipt that is not to be had
	UPO        string       `redis:"upo"`
	Lost       Millis       `redis:"lost"`        // since when the gateway says that it does not know the session
	SearchFrom Millis       `redis:"search_from"` // KSeF's register was looked through for originals of its invoices from here,
	SearchAs   string       `redis:"search_as"`   // in this part, "" is the seller's,
	SearchPage int          `redis:"search_page"` // from this page on,
	Searched   int          `redis:"searched"`    // so many pages in all,
	Passes     int          `redis:"passes"`      // to the end so often,
	NextPass   Millis       `redis:"next_pass"`   // and not again before
	Life       string       `redis:"life"`        // of Redis's memory when the session was opened; see [Ledger.Life]
	Unfinished bool         `redis:"unfinished"`  // closed by somebody who could not know whether all parts had arrived
	Deadline   Millis       `redis:"deadline"`
	OpenedAt   Millis       `redis:"opened_at"`
	ClosingAt  Millis       `redis:"closing_at"`
	SettledAt  Millis       `redis:"settled_at"`
	CreatedAt  Millis       `redis:"created_at"`
	UpdatedAt  Millis       `redis:"updated_at"`
}

// ContextNIP is the taxpayer in whose context KSeF sees the invoice: the seller, except with
// self-billing and the like.
func (i *Invoice) ContextNIP() string {
	if i.Context != "" {
		return i.Context
	}
	return i.NIP
}

// Identity is what KSeF calls a duplicate: an invoice with these three equal.
type Identity struct{ NIP, Kind, Number string }

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// digest has a fixed length whatever P_2 contains, so that it can stand in a key.
func (i Identity) digest() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{i.NIP, i.Kind, i.Number}, "\x00")))
	return idEncoding.EncodeToString(sum[:20])
}

// InvoiceID names an invoice by what it is, so that taking in the same export twice, on two machines at once, or after
// a total loss of Redis, gives the same ids.
func InvoiceID(i Identity, hash [32]byte) string {
	h := sha256.New()
	h.Write([]byte(i.digest()))
	h.Write(hash[:])
	return "inv-" + idEncoding.EncodeToString(h.Sum(nil)[:15])
}
