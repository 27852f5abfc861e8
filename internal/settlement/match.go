package settlement

import (
	"strings"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// matching joins a session's answers to the invoices that its package ever held. An answer may have
// the hash of the content or a file name, which prove whose answer it is (see proven.go). Otherwise
// P_2 (the invoice's number, here also called its name) is all there is. An invoice that is left
// without an answer needs other proof (see account.go).
type matching struct {
	pairs    []pairing
	invoices []*ledger.Invoice  // that no answer could be joined to
	answers  []ksef.InvoiceInfo // that no invoice could be joined to
}

type pairing struct {
	inv  *ledger.Invoice
	info ksef.InvoiceInfo
}

// NormalName returns P_2 as KSeF may write it. KSeF normalises white space, including no-break and
// other spaces (KSeF issues 797 and 315).
func NormalName(number string) string { return strings.Join(strings.Fields(number), " ") }

// match joins answers to invoices, first by proof (see byProof) and then by number. It is pure.
// Invoices and answers whose numbers differ at most in white space form a group. A group of one
// invoice and one answer is a pair. A larger group arises, for example, from one seller's VAT and
// KOR in one online session, or from two numbers that differ only in white space. In such a group,
// an invoice and an answer of equal spelling are a pair, provided that each invoice has a spelling
// of its own and an answer with that spelling. Otherwise KSeF has normalised the numbers, and
// nobody can tell which answer is whose.
func match(invs []ledger.Invoice, infos []ksef.InvoiceInfo) matching {
	type group struct {
		invs  []*ledger.Invoice
		infos []ksef.InvoiceInfo
	}
	var m matching
	owned, infos := m.byProof(invs, infos)
	groups := make(map[string]*group, len(invs))
	for i := range invs {
		if owned[i] {
			continue
		}
		name := NormalName(invs[i].Number)
		if groups[name] == nil {
			groups[name] = &group{}
		}
		groups[name].invs = append(groups[name].invs, &invs[i])
	}
	for _, info := range infos {
		g := groups[NormalName(info.InvoiceNumber)]
		if g == nil || info.InvoiceNumber == "" {
			m.answers = append(m.answers, info)
			continue
		}
		g.infos = append(g.infos, info)
	}
	for i := range invs { // in the order of the package
		if owned[i] {
			continue
		}
		name := NormalName(invs[i].Number)
		g := groups[name]
		if g == nil {
			continue // decided with an earlier invoice of its group
		}
		groups[name] = nil
		if len(g.invs) == 1 && len(g.infos) == 1 && name != "" {
			m.pairs = append(m.pairs, pairing{g.invs[0], g.infos[0]})
			continue
		}
		if pairs, ok := bySpelling(g.invs, g.infos); ok {
			m.pairs = append(m.pairs, pairs...)
			continue
		}
		m.invoices = append(m.invoices, g.invs...)
		m.answers = append(m.answers, g.infos...)
	}
	return m
}

// bySpelling pairs the invoices of a group with the answers of equal spelling. It returns false if
// there are more or fewer answers than invoices, if two invoices are spelled alike, or if an
// invoice has no answer with its spelling.
func bySpelling(invs []*ledger.Invoice, infos []ksef.InvoiceInfo) ([]pairing, bool) {
	if len(invs) != len(infos) {
		return nil, false
	}
	spelled := make(map[string]ksef.InvoiceInfo, len(infos))
	for _, info := range infos {
		spelled[info.InvoiceNumber] = info
	}
	pairs := make([]pairing, 0, len(invs))
	seen := make(map[string]bool, len(invs))
	for _, inv := range invs {
		info, ok := spelled[inv.Number]
		if !ok || seen[inv.Number] {
			return nil, false
		}
		seen[inv.Number] = true
		pairs = append(pairs, pairing{inv, info})
	}
	return pairs, true
}
