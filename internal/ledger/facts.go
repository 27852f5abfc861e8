package ledger

import (
	"encoding/json"
	"fmt"
)

// facts are known of an invoice from the start and never change, except Offline (ChangeTerms).
// Hardly any script reads them. They are one field of the entry, as JSON. When each had a field of
// its own, taking in an invoice took Redis twice the time, and the entry took twice the memory.
//
// Buyer and amounts are not among them: nothing here needs them, and Redis is no place for personal
// data. Entries of older builds have them; they are ignored. With a storage key the file name is
// sealed, because it often contains the buyer's name.
type facts struct {
	V            int    `json:"v"`
	Ident        string `json:"ident"` // digest of the identity, for the scripts
	Revision     int    `json:"revision"`
	ID           string `json:"id"`
	CreatedAt    Millis `json:"created_at"`
	Tenant       string `json:"tenant"`
	NIP          string `json:"nip"`
	Context      string `json:"context,omitempty"`
	Subject      string `json:"subject,omitempty"`
	Kind         string `json:"kind"`
	IssueDate    string `json:"issue_date"`
	Hash         string `json:"hash"`
	File         string `json:"file,omitempty"`
	Offline      bool   `json:"offline,omitempty"`
	Form         string `json:"form"`
	Attachment   bool   `json:"attachment,omitempty"`
	Overflow     bool   `json:"overflow,omitempty"`
	SoftDeadline Millis `json:"soft_deadline"`
}

// packFacts returns the facts of an invoice as Redis has them: with a storage key the file name is
// sealed.
func (l *Ledger) packFacts(i *Invoice, now Millis, ident string, revision int) ([]byte, error) {
	file, err := l.sealText(fileText(i.ID), i.File)
	if err != nil {
		return nil, err
	}
	return json.Marshal(facts{
		V: Version, Ident: ident, Revision: revision, ID: i.ID, CreatedAt: now,
		Tenant: i.Tenant, NIP: i.NIP, Context: i.Context, Subject: i.Subject, Kind: i.Kind,
		IssueDate: i.IssueDate, Hash: i.Hash, File: file, Offline: i.Offline, Form: i.Form,
		Attachment: i.Attachment, Overflow: i.Overflow, SoftDeadline: i.SoftDeadline,
	})
}

// unpackFacts reads facts into i. The file name stays as it is stored.
func (i *Invoice) unpackFacts(packed string) error {
	var f facts
	if err := json.Unmarshal([]byte(packed), &f); err != nil {
		var newer struct{ V int }
		if json.Unmarshal([]byte(packed), &newer) == nil {
			i.V = newer.V // a newer build may have changed types
		}
		return fmt.Errorf("%w: its facts cannot be decoded", errDamaged)
	}
	i.V, i.Revision, i.ID, i.CreatedAt = f.V, f.Revision, f.ID, f.CreatedAt
	i.Tenant, i.NIP, i.Kind, i.IssueDate, i.File, i.Offline, i.Form = f.Tenant, f.NIP, f.Kind, f.IssueDate, f.File, f.Offline, f.Form
	i.Context, i.Subject = f.Context, f.Subject
	if i.Hash == "" { // otherwise KSeF has the invoice in other bytes, and the hash of those counts
		i.Hash = f.Hash
	}
	i.Attachment, i.Overflow, i.SoftDeadline = f.Attachment, f.Overflow, f.SoftDeadline
	return nil
}
