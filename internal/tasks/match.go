package tasks

import (
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// matching joins a session's answers to our invoices. InvoiceInfo has neither hash nor file name, so P_2 is all there is; it is unique in a package.
type matching struct {
	pairs    []pairing
	invoices []*ledger.Invoice  // without an answer
	answers  []ksef.InvoiceInfo // without an invoice of ours
}

type pairing struct {
	inv  *ledger.Invoice
	info ksef.InvoiceInfo
}

// match is pure. A number that two invoices bear (one seller's VAT and KOR in one online session) or two answers bear tells nothing.
func match(invs []ledger.Invoice, infos []ksef.InvoiceInfo) matching {
	answers := make(map[string]int, len(infos))
	for _, info := range infos {
		answers[info.InvoiceNumber]++
	}
	ours := make(map[string]int, len(invs))
	for i := range invs {
		ours[invs[i].Number]++
	}
	byNumber := make(map[string]ksef.InvoiceInfo, len(infos))
	var m matching
	for _, info := range infos {
		n := info.InvoiceNumber
		if n != "" && answers[n] == 1 && ours[n] == 1 {
			byNumber[n] = info
		} else if n == "" || ours[n] > 0 {
			m.answers = append(m.answers, info)
		}
	}
	for i := range invs {
		if info, ok := byNumber[invs[i].Number]; ok {
			m.pairs = append(m.pairs, pairing{&invs[i], info})
		} else {
			m.invoices = append(m.invoices, &invs[i])
		}
	}
	return m
}
