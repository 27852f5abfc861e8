package settlement

import (
	"slices"
	"strings"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// byProof pairs the answers that prove which invoice they are about: by the hash of the content or,
// without a hash, by the file's name in the batch's archive, which is the id of the invoice. owned
// tells which invoices have an answer now; left are the answers without either proof. An answer
// whose hash or file is none of ours, or whose invoice has an answer already, stays without an
// owner: it must not get one by its number.
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

// foreign reports whether an answer is about content that is not ours. Then the session has
// something that nobody here sent, so its list proves nothing about what is missing in it.
func (a account) foreign() bool {
	for _, info := range a.answers {
		if info.Hash != "" && !a.hashes[info.Hash] {
			return true
		}
	}
	return false
}
