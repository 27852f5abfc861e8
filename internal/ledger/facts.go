package ledger

import (
	"encoding/json"
	"fmt"
)

// Facts are known of an invoice from the start and never change, except Offline (ChangeTerms).
// Hardly any script reads them. They are one field of the entry, as JSON. When each had a field of
// its own, taking in an invoice took Redis twice the time, and the entry took twice the memory.
//
// Buyer and amounts are not among them: nothing here needs them, and Redis is no place for personal
// data. Entries of older builds have them; they are ignored. With a storage key file name and ref
// are sealed, because they often contain the buyer's name.
type Facts struct {
	V         int    `json:"v"`        // the layout of the entry
	Revision  int    `json:"revision"` // 1 for the first document of this identity, one more for each that took its place
	ID        string `json:"id"`
	CreatedAt Millis `json:"created_at"`
	Tenant    string `json:"tenant"`            // name of the tenant whose credentials send it
	NIP       string `json:"nip"`               // seller, Podmiot1
	Context   string `json:"context,omitempty"` // NIP of the taxpayer that sends it, if that is not the seller
	Subject   string `json:"subject,omitempty"` // the role of that taxpayer, in KSeF's words; "" is the seller
	Kind      string `json:"kind"`              // RodzajFaktury
	IssueDate string `json:"issue_date"`
	File      string `json:"file,omitempty"`
	Ref       string `json:"ref,omitempty"` // the key that the sender's program has for it, see refs.go; "" when it gave none
	Offline   bool   `json:"offline,omitempty"`
	Corrects  string `json:"corrects,omitempty"` // hash of the rejected invoice that it is the technical correction of
	Form      string `json:"form"`               // "v3" for FA(3)
	// Attachment says that the document has a Zalacznik, so only a batch session takes it.
	Attachment bool `json:"attachment,omitempty"`
	// Overflow says that its tenant handed in very many invoices at a time: its tasks wait behind
	// the few tasks of other tenants.
	Overflow     bool   `json:"overflow,omitempty"`
	SoftDeadline Millis `json:"soft_deadline"` // midnight of P_1
}

// storedFacts are the facts as Redis has them.
type storedFacts struct {
	Facts
	Ident string `json:"ident"` // digest of the identity, for the scripts
	Hash  string `json:"hash"`  // of the bytes that were handed in
}

// packFacts returns the facts of an invoice as Redis has them: with a storage key file name and ref
// are sealed.
func (is *InvoiceStore) packFacts(i *Invoice, now Millis, ident string, revision int) ([]byte, error) {
	file, err := is.sealText(fileText(i.ID), i.File)
	if err != nil {
		return nil, err
	}
	ref, err := is.sealText(refText(i.ID), i.Ref)
	if err != nil {
		return nil, err
	}
	f := storedFacts{Facts: i.Facts, Ident: ident, Hash: i.Hash}
	f.V, f.Revision, f.CreatedAt, f.File, f.Ref = Version, revision, now, file, ref
	return json.Marshal(f)
}

// unpackFacts reads facts into i. File name and ref stay as they are stored.
func (i *Invoice) unpackFacts(packed string) error {
	var f storedFacts
	if f.read(packed) {
		// as this build writes them
	} else if err := json.Unmarshal([]byte(packed), &f); err != nil {
		var newer struct{ V int }
		if json.Unmarshal([]byte(packed), &newer) == nil {
			i.V = newer.V // a newer build may have changed types
		}
		return fmt.Errorf("%w: its facts cannot be decoded", errDamaged)
	}
	i.Facts = f.Facts
	if i.Hash == "" { // otherwise KSeF has the invoice in other bytes, and the hash of those counts
		i.Hash = f.Hash
	}
	return nil
}
