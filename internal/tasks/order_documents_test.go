package tasks_test

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"ksefworker/internal/ledger"
)

// admitInOrder hands in n good documents A/0, A/1 and so on, whose ids rise. A package holds
// invoices of one deadline in the order of their ids, and an id depends on the day. Without ids
// that rise, a trace that names several invoices would differ from day to day.
func (po *paths) admitInOrder(lane ledger.Lane, n int) []ledger.Invoice {
	po.t.Helper()
	invs := make([]ledger.Invoice, n)
	for i := range invs {
		invs[i] = po.entries.admit(lane, po.samples.withPlace(fmt.Sprint("A/", i), i, n))
	}
	return invs
}

// withPlace makes a good document. If all ids are cut into n equal parts, the document's id lies in
// part i, counted from 0.
func (sa *samples) withPlace(number string, i, n int) []byte {
	const digits = "234567abcdefghijklmnopqrstuvwxyz" // the digits of ids, in Redis's order
	of := ledger.Identity{NIP: sa.nip(), Kind: "VAT", Number: number}
	for seed := uint64(1); ; seed++ {
		doc := sa.seeded(number, seed)
		id := strings.TrimPrefix(ledger.InvoiceID(of, sha256.Sum256(doc)), "inv-")
		if strings.IndexByte(digits, id[0])*n/len(digits) == i {
			return doc
		}
	}
}
