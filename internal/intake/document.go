package intake

import (
	"strings"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
)

// Document is one file as it was handed in.
type Document struct {
	File string // where it came from, for messages: a path, or archive.zip/name.xml
	// Unnamed says that File is only a place in a list, such as a line of a manifest. Another
	// document may have the same place in the next list.
	Unnamed bool
	Data    []byte
	// Ref is the key that the sender's program has for the invoice; "" when it gave none. It must
	// be unique within the tenant. [CheckRef] says which texts can be a ref.
	Ref string
	// Terms are the terms of this document; nil means the terms of the call.
	Terms *Terms
	// Made says that Data was made from what the sender wrote in another form (see [FromFaktura]).
	// The sender has no lines and columns of Data.
	Made bool
}

// terms returns what is asked for one document of a call.
func (d *Document) terms(ofCall Terms) Terms {
	if d.Terms != nil {
		return *d.Terms
	}
	return ofCall
}

// placed removes the lines and columns from the faults of a document that the sender did not write.
func (d *Document) placed(err error) error {
	if d.Made {
		for _, f := range invoice.FieldErrors(err) {
			f.Line, f.Column = 0, 0
		}
	}
	return err
}

// Terms are what the sender asks for.
type Terms struct {
	Lane     ledger.Lane // "" is auto for a new invoice; an invoice that is here already keeps its lane
	Offline  bool        // offline24; the gateway's online sessions have no field for that
	Corrects Corrects    // the rejected invoice that the document corrects technically; "" for none
	Deadline time.Time   // set by law; zero means the end of the next business day after P_1
	Tenant   string      // name of the tenant that sends; "" means the only one that may send it
}

// Admission is what became of one document. Err says why the document was refused. It is a
// *[invoice.FieldError], several of them joined, a *[RefusedError], or a *[Problem] when there was
// no document to check. An [*UnsureError] in Err says that the document should be handed in again.
// The call has written nothing of a refused document into the ledger, and Invoice holds only what
// could be read. The archive may keep a refused document that is too large for Redis.
type Admission struct {
	File    string
	Unnamed bool         // as in [Document]
	Ref     string       // as it was given with the document
	Asked   string       // name of the tenant that was asked to send it; "" when none was
	Taken   ledger.Taken // created or present; refused when Err is set
	Invoice ledger.Invoice
	// Differs is set when the document is a repeated export, which means that the same invoice is
	// present in other bytes. The text says what differs, such as "only the time of creation
	// differs".
	Differs string
	// Archived says that the invoice was accepted so long ago that the ledger has forgotten it.
	// Invoice then holds what the invoice's result in the archive says.
	Archived bool
	// Terms says what became of the terms and the ref that were given, when the invoice is present
	// with other terms or another ref.
	Terms TermsAnswer
	// Warning is set when the document was taken although something about it is odd. It is nil for
	// nearly all documents.
	Warning error
	Err     error
	// Held is the entry of a document that is refused now and was taken before. For example, the
	// document no longer passes the checks, or it was handed in for another tenant or with the ref
	// of another invoice. The refusal does not affect this entry. For a repeated export only ID and
	// State are set. ID is "" when no such entry was found.
	Held ledger.Invoice
	// Refusal is the id (ref-…) under which [Refusals] has put the refused document on record. It
	// is "" when the document is not on record.
	Refusal string
	// RefusedAt is when the refused document was put on record; 0 when it is not on record.
	RefusedAt ledger.Millis
	// Other is the id of the invoice that has the number or the ref of a refused document. It is ""
	// when the document is refused for another reason.
	Other string
}

// RefusedError refuses a sound document because of something outside it, for example another
// document of the same identity, or a tenant that is not configured.
type RefusedError struct {
	Rule   string
	Hint   string
	Remedy ledger.Remedy // what ends the refusal

	// Unread says that an entry in the ledger cannot be read, and that neither the document nor the
	// caller can change that.
	Unread bool

	ofRef bool // the ref that came with the document is at fault, and not the document
}

func (e *RefusedError) Error() string { return e.Rule + "; " + e.Hint }

// OneLine returns the text of an error of this package in one line, "" for nil. The error of a
// document with several faults has one line for each.
func OneLine(err error) string {
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), "\n", " | ")
}
