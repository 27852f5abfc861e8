package ledger

import (
	"crypto/sha256"
)

// Refusal is a document that was refused when it was handed in. A Refusal says which document it
// was, as far as that could be read, and why it was refused. Of the rest of the document it holds
// only the values at fault, shortened. With a storage key it is encrypted in Redis.
type Refusal struct {
	ID        string         `json:"-"`
	Tenant    string         `json:"-"`            // the tenant in whose list it is; "" if it belongs to no tenant
	ByInvoice bool           `json:"-"`            // [RefusalOfInvoice] made the ID; only [Ledger.Refuse] reads this field
	By        string         `json:"by,omitempty"` // the client that handed it in over HTTP; "" for every other way in
	NIP       string         `json:"nip,omitempty"`
	Kind      string         `json:"kind,omitempty"`
	Number    string         `json:"number,omitempty"`
	IssueDate string         `json:"issue_date,omitempty"`
	File      string         `json:"file"`
	Ref       string         `json:"ref,omitempty"` // as it was given with the document
	Faults    []RefusalFault `json:"faults"`
	More      int            `json:"more,omitempty"` // faults beyond those listed
	Remedy    Remedy         `json:"remedy,omitempty"`
	At        Millis         `json:"at"` // when it was last refused; [Ledger.Refuse] sets it
	// Ended says how it ended, [RefusalSuperseded] or [RefusalDismissed]; "" while a person has to
	// act.
	Ended string `json:"ended,omitempty"`
	Note  string `json:"note,omitempty"` // what ended it, or who and why
	// EndedAt is when it ended. It is 0 while the refusal is open, and for refusals that ended in
	// an earlier build.
	EndedAt Millis `json:"ended_at,omitempty"`
	// Untold says that no receiver is told of the refusal, because too many documents of the tenant
	// were refused. Only [Ledger.Refuse] sets it.
	Untold bool `json:"-"`
	// Recorded says that the refusal is on record. Only [Ledger.Refuse] sets it.
	Recorded bool `json:"-"`
	// sealed is the stored text if this process cannot open it.
	sealed string
}

// Revision returns a number that grows whenever the refusal changes. So of two copies the one with
// the smaller revision is older.
func (r *Refusal) Revision() int64 { return int64(max(r.At, r.EndedAt)) }

// RefusalFault is one fault of a refused document. Field is "" if the fault is not in the document.
type RefusalFault struct {
	Field  string `json:"field,omitempty"`
	Rule   string `json:"rule"`
	Value  string `json:"value,omitempty"`
	Hint   string `json:"hint,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
}

// How a refusal ends.
const (
	RefusalSuperseded = "superseded" // the corrected document was taken
	RefusalDismissed  = "dismissed"  // a person decided that it will not be sent
)

// RefusalEnd ends the refusal with this id, if it is open.
type RefusalEnd struct {
	ID        string
	Tenant    string // refusals without a tenant are searched as well
	ByInvoice bool   // [RefusalOfInvoice] made the ID: the lists of all tenants are searched
	Ended     string
	Note      string
}

const refusalPrefix = "ref-"

// RefusalOfInvoice returns the id of the refusal of a document whose identity could be read. When
// the same invoice is refused again, from whatever file, its refusal has the same id.
func RefusalOfInvoice(i Identity) string { return refusalID("identity", i.digest()) }

// RefusalIn is like RefusalOfInvoice, but the id it returns is valid for one list only. It is for a
// sender that may not change the lists of others. If two such senders hand in the same invoice,
// each keeps its own refusal.
func RefusalIn(list string, i Identity) string {
	return refusalID("identity in", list+"\x00"+i.digest())
}

// RefusalOfFile returns the id of the refusal of a document that only the name of its file
// identifies.
func RefusalOfFile(path string) string { return refusalID("file", path) }

func refusalID(kind, what string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + what))
	return refusalPrefix + idEncoding.EncodeToString(sum[:15])
}
