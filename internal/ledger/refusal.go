package ledger

import (
	"crypto/sha256"
	"strings"
)

// Refusal is a document that was refused at the door: what could be read of it, and why. It holds no
// content but the values at fault, cut to a length. With a storage key it is encrypted in Redis.
type Refusal struct {
	ID        string         `json:"-"`
	Tenant    string         `json:"-"` // whose list it is in: the seller's NIP where a tenant has it, else ""
	NIP       string         `json:"nip,omitempty"`
	Kind      string         `json:"kind,omitempty"`
	Number    string         `json:"number,omitempty"`
	IssueDate string         `json:"issue_date,omitempty"`
	File      string         `json:"file"`
	Faults    []RefusalFault `json:"faults"`
	More      int            `json:"more,omitempty"` // faults beyond those listed
	At        Millis         `json:"at"`             // when it was refused last
	// Ended says what became of it, "" while a person has to act: see [RefusalEnd].
	Ended string `json:"ended,omitempty"`
	Note  string `json:"note,omitempty"` // by what, or by whom and why
	// sealed is the whole of one that cannot be opened here.
	sealed string
}

// RefusalFault is one fault of a refused document. Field is "" where the fault is not in the document.
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
	RefusalDismissed  = "dismissed"  // a person said that nothing will come of it
)

// RefusalEnd ends the refusal of this id, if it is open.
type RefusalEnd struct {
	ID     string
	Tenant string // refusals without a tenant are looked through as well
	Ended  string
	Note   string
}

const refusalPrefix = "ref-"

// IsRefusalID reports an id as [RefusalOfInvoice] and [RefusalOfFile] make them.
func IsRefusalID(id string) bool { return strings.HasPrefix(id, refusalPrefix) }

// RefusalOfInvoice names the refusal of a document whose identity could be read: handed in again with
// the same fault, from wherever, it is the same refusal.
func RefusalOfInvoice(i Identity) string { return refusalID("identity", i.digest()) }

// RefusalOfFile names the refusal of a document that only its file's name tells apart.
func RefusalOfFile(path string) string { return refusalID("file", path) }

func refusalID(kind, what string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + what))
	return refusalPrefix + idEncoding.EncodeToString(sum[:15])
}
