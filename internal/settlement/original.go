package settlement

import (
	"fmt"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// OriginalBy in the ledger says how the original of an invoice is known. "" says that no original
// is looked for. The code of the invoice does not tell whether KSeF called it a duplicate, because
// 440 is the code of a cancelled session too.
const (
	ByAnswer   = "answer"   // KSeF called it a duplicate, which is not proven yet
	BySearch   = "search"   // the register is searched: KSeF named no original or a wrong one, or nothing proves what became of the invoice
	ByRegister = "register" // seller, kind and number agree in the register's metadata
)

// KSeF may have an invoice although the invoice's own session does not say so. For example, KSeF
// calls the invoice a duplicate (440), or does not know the session any more. The original is the
// document that KSeF has. It may be the same document, whose answer was lost, or another document
// with the same number. Only the content proves which of the two it is. Each function below decides
// by one source. The caller asks the cheapest source first.

// Finding is what one source says about the original of an invoice. Exactly one field is set.
type Finding struct {
	Move     *Move       // the invoice is decided, or to be looked for in the register
	Other    *OtherBytes // compare the contents; KSeF's bytes differ
	Document bool        // fetch KSeF's document by its number
}

// OtherBytes is an invoice for whose number KSeF has a document with another hash than ours. Either
// that is a conflict, or the same invoice was exported again. UPO and At are those of a receipt
// that attests KSeF's document, or zero.
type OtherBytes struct {
	Invoice *ledger.Invoice
	Hash    string
	UPO     string
	At      time.Time
}

// ByReceipt decides by the receipt of the original's session. The receipt has the hash of every
// invoice that it attests. upo is the receipt's address in the archive, or "" if the archive does
// not keep it. The zero Receipt means that the session has no receipt.
func ByReceipt(inv *ledger.Invoice, r ksef.Receipt, upo string) Finding {
	number, same := r.ByHash[inv.Hash]
	line, _ := r.Line(inv.OriginalNumber)
	switch {
	case same && wrongNumber(inv, number) == "":
		attested, _ := r.Line(number)
		return Finding{Move: recovered(inv, number, Acceptance{UPO: upo, At: attested.AssignedAt})}
	case same:
		return park(inv, "KSeF has this very document, with a number that cannot be right",
			fmt.Sprintf("KSeF has this very document (equal hash) as %q, but %s; "+
				"look it up in KSeF: if it is there, nothing is left to do", number, wrongNumber(inv, number)))
	case NormalName(line.Number) == NormalName(inv.Number) && line.SellerNIP == inv.NIP:
		return Finding{Other: &OtherBytes{Invoice: inv, Hash: line.Hash, UPO: upo, At: line.AssignedAt}}
	case wrongNumber(inv, inv.OriginalNumber) != "":
		return search(inv)
	}
	return Finding{Document: true}
}

// ByDocument decides by the hash of the document that KSeF has under the original's number.
// sameIdentity says that this document has our seller, kind and number.
func ByDocument(inv *ledger.Invoice, hash string, sameIdentity bool) Finding {
	switch {
	case hash == inv.Hash:
		return Finding{Move: recovered(inv, inv.OriginalNumber, Acceptance{})}
	case inv.OriginalBy == ByRegister || sameIdentity:
		return Finding{Other: &OtherBytes{Invoice: inv, Hash: hash}}
	}
	return search(inv)
}

// Withheld decides about an original whose document KSeF does not give.
func Withheld(inv *ledger.Invoice) Finding {
	if inv.OriginalBy != ByRegister {
		return search(inv)
	}
	return park(inv, "KSeF does not give the invoice of this number",
		fmt.Sprintf("KSeF has an invoice of this number as %s but does not give it: "+
			"compare it by hand, then retry or leave it", inv.OriginalNumber))
}

// ByContent decides about an invoice whose original is another document. When the two documents are
// the same invoice, the invoice is accepted. But if the original's number cannot be right, the
// register is searched. In every other case the invoice is parked as a conflict. difference is the
// first place where the documents differ, or "" when they are the same. If they could not be
// compared, the argument why gives the reason. Otherwise it is "".
func ByContent(o OtherBytes, difference, why string) Finding {
	switch inv := o.Invoice; {
	case why != "":
		return park(inv, conflict, conflictReason(o, why+", so the two could not be compared"))
	case difference != "":
		return park(inv, conflict, conflictReason(o, "first difference: "+difference))
	case wrongNumber(inv, inv.OriginalNumber) != "":
		return search(inv)
	default:
		return Finding{Move: recovered(inv, inv.OriginalNumber, Acceptance{UPO: o.UPO, At: o.At, Hash: o.Hash})}
	}
}

// recovered accepts an invoice that KSeF already has, as its content proves.
func recovered(inv *ledger.Invoice, number string, a Acceptance) *Move {
	a.Number, a.Recovered = number, true
	return &Move{Invoice: inv, Fate: Accept, Accepted: a}
}

func park(inv *ledger.Invoice, gist, reason string) Finding {
	m := parked(inv, inv.Code, gist, reason)
	return Finding{Move: &m}
}

// search returns the finding that the register must be searched, because what KSeF named as the
// original proves nothing.
func search(inv *ledger.Invoice) Finding {
	return Finding{Move: &Move{Invoice: inv, Fate: LookUp, Original: Original{By: BySearch}}}
}
