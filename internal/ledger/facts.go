package ledger

import (
	"encoding/json"
	"fmt"
)

// Facts are what is known about an invoice from the start. They never change, except Offline (see
// ChangeTerms). Hardly any script reads them. In a packed entry they are in the record
// (new_entry.go). In any other entry they are one field, as JSON. When each fact had a field of its
// own, Redis needed twice the time to take in an invoice, and twice the memory to keep it.
//
// The buyer and the amounts are left out, because they are not needed here and Redis is not the
// place for personal data. Entries of older builds have these fields, which are ignored. When there
// is a storage key, File and Ref are sealed, because they often contain the buyer's name.
type Facts struct {
	V         int    `json:"v"`        // the layout of the entry
	Revision  int    `json:"revision"` // 1 for the first document of this identity, 1 more for each replacement
	ID        string `json:"id"`
	CreatedAt Millis `json:"created_at"`
	Tenant    string `json:"tenant"`            // name of the tenant whose credentials send it
	NIP       string `json:"nip"`               // seller, Podmiot1
	Context   string `json:"context,omitempty"` // NIP of the taxpayer that sends it, if that is not the seller
	Subject   string `json:"subject,omitempty"` // the role of that taxpayer, in KSeF's words; "" is the seller
	Kind      string `json:"kind"`              // RodzajFaktury
	IssueDate string `json:"issue_date"`
	File      string `json:"file,omitempty"`
	Ref       string `json:"ref,omitempty"` // what the sender's program calls the invoice (refs.go); "" when it gave none
	Offline   bool   `json:"offline,omitempty"`
	Corrects  string `json:"corrects,omitempty"` // of a technical correction: hash of the rejected invoice
	Form      string `json:"form"`               // "v3" for FA(3)
	// Attachment says that the document has a Zalacznik, so only a batch session takes it.
	Attachment bool `json:"attachment,omitempty"`
	// Overflow says that the tenant handed in very many invoices at once. The tasks of this invoice
	// are in overflow queues, which take turns with the ordinary ones.
	Overflow     bool   `json:"overflow,omitempty"`
	SoftDeadline Millis `json:"soft_deadline"` // the midnight that ends P_1, in Warsaw
}

// storedFacts are the facts as Redis has them.
type storedFacts struct {
	Facts
	Ident string `json:"ident"` // digest of the identity, for the scripts
	Hash  string `json:"hash"`  // of the bytes that were handed in
}

// packFacts returns the facts of an invoice as Redis has them: File and Ref are sealed when there
// is a storage key.
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

// unpackFacts reads facts into i. It does not unseal File and Ref.
func (i *Invoice) unpackFacts(packed string) error {
	var f storedFacts
	if f.read(packed) {
		// as this build writes them
	} else if err := json.Unmarshal([]byte(packed), &f); err != nil {
		var newer struct {
			V          int
			ID, Tenant string
		}
		_ = json.Unmarshal([]byte(packed), &newer) // reads what it can, as a newer build may have changed types
		i.V, i.ID, i.Tenant = newer.V, newer.ID, newer.Tenant
		return fmt.Errorf("%w: its facts cannot be decoded", errDamaged)
	}
	i.Facts = f.Facts
	if i.Hash == "" { // otherwise Hash is the hash of KSeF's bytes
		i.Hash = f.Hash
	}
	return nil
}
