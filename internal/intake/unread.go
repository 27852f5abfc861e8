package intake

import (
	"fmt"

	"ksefworker/internal/ledger"
)

// unreadEntry refuses a document because the entry of its invoice, or of the invoice that has its
// number, cannot be read. The reason may also be that a key that may name such an entry cannot be
// read. Nothing is wrong with the document, so it can be handed in again once the entry or the key
// can be read.
func unreadEntry(inv *ledger.Invoice, there *ledger.TakeResult) *RefusedError {
	if there.SickKey != "" {
		return &RefusedError{
			Rule: fmt.Sprintf("the key %s in Redis, which may name an invoice with this number or ref, holds a value of the wrong type", there.SickKey),
			Hint: "do not send it in another way: whoever operates the program has to look, see ksef_unreadable_entries; " +
				"hand it in again after that",
			Remedy: ledger.RemedyWait, Unread: true,
		}
	}
	if there.Newer {
		return &RefusedError{
			Rule: fmt.Sprintf("the ledger has number %s (%s of seller %s) as %s, in an entry that a newer version wrote",
				inv.Number, inv.Kind, inv.NIP, there.ID),
			Hint:   "hand it in again when the whole program has that version",
			Remedy: ledger.RemedyWait, Unread: true,
		}
	}
	return &RefusedError{
		Rule: fmt.Sprintf("the ledger has number %s (%s of seller %s) as %s, and that entry in Redis is damaged",
			inv.Number, inv.Kind, inv.NIP, there.ID),
		Hint: "do not send it in another way: whoever operates the program has to look, see ksef_unreadable_entries; " +
			"hand it in again after that",
		Remedy: ledger.RemedyWait, Unread: true,
	}
}

// unread reports whether an error says only that entries cannot be read by this build.
func unread(err error) bool {
	entries, rest := ledger.Skip(err)
	return rest == nil && len(entries) > 0
}

// correctsUnread returns the error of a document whose corrects names an invoice with an entry that
// cannot be read.
func correctsUnread(err error) *UnsureError {
	if ledger.Damaged(err) {
		return &UnsureError{What: "the entry of the invoice named in corrects is damaged: whoever operates the program has to look, " +
			"see ksef_unreadable_entries", Err: err, Unread: true}
	}
	return &UnsureError{What: "the entry of the invoice that corrects names was written by a newer version", Err: err, Unread: true}
}
