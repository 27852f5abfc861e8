package ledger

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"strings"
	"time"
)

// Version is the layout of entries that this build writes. An entry with a newer layout is left
// alone. There may be such entries during a rolling update.
const Version = 1

// Lane is how an invoice or a package travels.
type Lane string

// The lanes. With Auto the worker chooses; the other two are orders to it.
const (
	Auto    Lane = "auto"
	Express Lane = "express" // online session, one by one, at once
	Bulk    Lane = "bulk"    // batch session
)

// Millis is a point in time in milliseconds since 1970, as the ledger stores times in Redis. Zero
// means never.
type Millis int64

// At converts a time to Millis; the zero time gives zero.
func At(t time.Time) Millis {
	if t.IsZero() {
		return 0
	}
	return Millis(t.UnixMilli())
}

// Time converts m to a time; zero gives the zero time.
func (m Millis) Time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(m))
}

// Invoice is the entry of one invoice. It holds header fields and outcomes, never the document.
// Fields with a redis tag are fields of the hash.
type Invoice struct {
	Facts

	Rev    int64  `redis:"rev"` // grows with every change, from FirstRev
	State  State  `redis:"state"`
	Number string `redis:"number"` // P_2
	// Hash is the SHA-256 of the exact bytes, in Base64. The hash is usually kept beside the facts.
	// It is a field of the entry only when KSeF has other bytes of the invoice than those that were
	// handed in.
	Hash   string `redis:"hash"`
	Lane   Lane   `redis:"lane"`   // as asked for, or as the worker chose
	Chosen bool   `redis:"chosen"` // the worker chose the lane and may choose again
	Size   int64  `redis:"size"`   // bytes of XML

	Group     string `redis:"group"`     // the waiting group it is in, "" when not waiting
	Package   string `redis:"package"`   // the package that holds it, or held it last
	Session   string `redis:"session"`   // that package's session
	Reference string `redis:"reference"` // the id of a single send, given by KSeF or the gateway
	Attempts  int    `redis:"attempts"`  // how often it was about to be sent
	Resends   int    `redis:"resends"`   // how often it was sent again; internal/settlement counts
	// LeftSession is the session that the invoice was in when a person queued it again. The invoice
	// is never sent in that session again, because the session's list still has the answer to the
	// first try.
	LeftSession    string `redis:"left_session"`
	FailedSessions int    `redis:"failed_sessions"` // online sessions with it that failed and gave no verdict about it

	Denied Millis `redis:"denied"` // when KSeF first answered 410 about it while KSeF accepted nothing of the tenant

	KsefNumber      string `redis:"ksef_number"`
	Mode            string `redis:"mode"`        // online or offline, as KSeF marked it
	AcceptedAt      Millis `redis:"accepted_at"` // acquisition date
	Recovered       bool   `redis:"recovered"`   // accepted earlier, found again
	OriginalNumber  string `redis:"orig_number"` // KSeF number of the invoice that KSeF has instead
	OriginalSession string `redis:"orig_session"`
	OriginalBy      string `redis:"orig_by"` // how the original is known; "" if nothing says that this invoice is a duplicate
	Code            int    `redis:"code"`
	Reason          string `redis:"reason"`
	Said            string `redis:"said"`       // what KSeF said when a task about it failed last; "" when unknown
	TakenBack       string `redis:"taken_back"` // of the last dismissal taken back: who dismissed, who took it back, and when
	UPO             string `redis:"upo"`        // URL of the archived receipt
	// SupersededBy is the id of the invoice that took the place of this one when this one was last
	// superseded.
	SupersededBy string `redis:"superseded_by"`

	BodyArchived bool   `redis:"body_archived"` // the document is in the archive store, not in Redis
	BodySeal     string `redis:"body_seal"`     // how it is sealed there, as [SealOf] names it
	Deadline     Millis `redis:"deadline"`      // legal
	UpdatedAt    Millis `redis:"updated_at"`
}

// Package is the entry of one package, which is a set of invoices that travel in one online or
// batch session.
type Package struct {
	V         int          `redis:"v"`
	ID        string       `redis:"id"`
	Rev       int64        `redis:"rev"`
	State     PackageState `redis:"state"`
	Lane      Lane         `redis:"lane"`
	Tenant    string       `redis:"tenant"`
	Form      string       `redis:"form"`
	Offline   bool         `redis:"offline"`
	Count     int          `redis:"count"`
	Size      int64        `redis:"size"`       // bytes of XML
	Session   string       `redis:"session"`    // "" until opened
	Owner     string       `redis:"owner"`      // the worker that has the session's key and closes it; "" if any worker may
	Refusals  int          `redis:"refusals"`   // refused sessions that count against it
	Parent    string       `redis:"parent"`     // the package whose invoices this one took over
	Probe     string       `redis:"probe"`      // the package that goes ahead, with others of the parent's invoices, to find out whether KSeF accepts any
	Rest      string       `redis:"rest"`       // the package that waits for this one, its probe; it has the rest of the parent's invoices
	NotBefore Millis       `redis:"not_before"` // it is not submitted before this time
	Doubt     Millis       `redis:"doubt"`      // since when its session does not account for every invoice
	Listed    bool         `redis:"listed"`     // its result list need not be read again
	Code      int          `redis:"code"`       // last status code of the session
	Reason    string       `redis:"reason"`
	Said      string       `redis:"said"`  // what KSeF said when a task about it failed last; "" when unknown
	Filed     bool         `redis:"filed"` // documents and results are archived; something else is awaited
	UPO       string       `redis:"upo"`
	Lost      Millis       `redis:"lost"` // since when KSeF or the gateway says that it does not know the session

	// The search for originals of its invoices in KSeF's register.
	SearchFrom  Millis `redis:"search_from"`  // it goes on at invoices of this time
	SearchFirst Millis `redis:"search_first"` // it has begun at invoices of this time
	SearchAs    string `redis:"search_as"`    // in this role; "" is the seller
	SearchPage  int    `redis:"search_page"`  // at this page
	Searched    int    `redis:"searched"`     // pages read so far
	Passes      int    `redis:"passes"`       // how often it came to the end
	NextPass    Millis `redis:"next_pass"`    // it does not start again before this time

	Life       string `redis:"life"`       // the life of Redis ([Ledger.Life]) in which a batch session was opened; "" for an online one
	Unfinished bool   `redis:"unfinished"` // closed by a process that could not know whether all parts had arrived
	Deadline   Millis `redis:"deadline"`
	OpenedAt   Millis `redis:"opened_at"`
	ClosingAt  Millis `redis:"closing_at"`
	ClosedOver Millis `redis:"closed_over"` // when close was about to be called once more, because KSeF said that the session was open
	SettledAt  Millis `redis:"settled_at"`
	CreatedAt  Millis `redis:"created_at"`
	UpdatedAt  Millis `redis:"updated_at"`

	// Within is a life of Redis ([Ledger.Life]). A change that is based on this copy of the package
	// fails with a [*ConflictError] when Redis is in another life. Within is for a caller that
	// changes invoices and then records in their package that all is done. Between these two steps
	// a failover may undo the changes of the invoices but leave the revision of the package, so the
	// revision alone would not show it. Such a caller reads the life before it reads the invoices.
	// "" allows any life. Within is not part of the entry.
	Within string `redis:"-"`
}

// ContextNIP returns the NIP of the taxpayer in whose context the invoice is sent. That is the
// seller, except with self-billing and the like.
func (i *Invoice) ContextNIP() string {
	if i.Context != "" {
		return i.Context
	}
	return i.NIP
}

// Identity is what makes two invoices duplicates for KSeF: seller, RodzajFaktury and P_2 are equal.
type Identity struct{ NIP, Kind, Number string }

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// digest returns a text of fixed length whatever P_2 contains, so that it can be part of a key.
func (i Identity) digest() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{i.NIP, i.Kind, i.Number}, "\x00")))
	return idEncoding.EncodeToString(sum[:20])
}

// InvoiceID makes the id of an invoice from its identity and the hash of its document. So the same
// export gives the same ids when it is taken in again, even on two machines at once or after a
// total loss of Redis.
func InvoiceID(i Identity, hash [32]byte) string {
	return idMadeOf(i.digest(), hash[:])
}

func idMadeOf(digest string, hash []byte) string {
	sum := sha256.Sum256(append([]byte(digest), hash...))
	return "inv-" + idEncoding.EncodeToString(sum[:15])
}

// HashText returns a content hash in the form that is used everywhere: Base64, as KSeF writes it.
func HashText(sum [32]byte) string { return base64.StdEncoding.EncodeToString(sum[:]) }

// IDWith returns the id that a document of the invoice's identity gets with this content hash. It
// returns "" when hash is invalid.
func (i *Invoice) IDWith(hash string) string {
	sum, err := base64.StdEncoding.DecodeString(hash)
	if err != nil || len(sum) != sha256.Size {
		return ""
	}
	return InvoiceID(Identity{NIP: i.NIP, Kind: i.Kind, Number: i.Number}, [sha256.Size]byte(sum))
}
