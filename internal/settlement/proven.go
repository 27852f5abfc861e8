package settlement

import (
	"slices"
	"strings"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// byProof joins invoices to the answers that prove which invoice they are about. The proof is the
// hash of the content. Without a hash, it is the file's name in the batch's archive, which is the
// id of the invoice. owned tells which invoices have an answer now. left has the answers that have
// neither a hash nor a file name. An answer stays without an owner if its hash or file belongs to
// no invoice here, or if its invoice already has an answer. Such an answer is not joined by its
// number either.
func (m *matching) byProof(invs []ledger.Invoice, infos []ksef.InvoiceInfo) (owned []bool, left []ksef.InvoiceInfo) {
	owned = make([]bool, len(invs))
	m.pairs = slices.Grow(m.pairs, min(len(invs), len(infos)))
	byHash, byFile := make(map[string]int, len(invs)), make(map[string]int, len(invs))
	for i, inv := range invs {
		if inv.Hash != "" {
			byHash[inv.Hash] = i
		}
		byFile[inv.ID] = i
	}
	for _, info := range infos {
		i, known := 0, false
		switch {
		case info.Hash != "":
			i, known = byHash[info.Hash]
		case info.FileName != "":
			i, known = byFile[strings.TrimSuffix(info.FileName, ".xml")]
		default:
			left = append(left, info)
			continue
		}
		if !known || owned[i] {
			m.answers = append(m.answers, info)
			continue
		}
		owned[i] = true
		m.pairs = append(m.pairs, pairing{&invs[i], info})
	}
	return owned, left
}

// foreign reports whether an answer is about content of somebody else. If so, the session contains
// something that was not sent from here, and its list proves nothing about missing invoices.
func (a account) foreign() bool {
	for _, info := range a.answers {
		if info.Hash != "" && !a.hashes[info.Hash] {
			return true
		}
	}
	return false
}
