package main

import (
	"ksefworker/internal/plural"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
)

// maxAttested bounds how many invoices of one receipt are named. A package may have ten thousand.
const maxAttested = 20

// attested names invoices for a person. The archive has a receipt that lists them, but lacks their
// results and mostly their documents.
type attested struct {
	*program
	tenant   string                       // only invoices that may be of this tenant; "" for all
	write    func(records.Attested) error // called with each invoice whose document is in the archive; may be nil
	err      error                        // the first one of write
	receipts []string                     // in the order in which they were met
	of       map[string]int               // how many invoices were named or counted, by receipt
	n        int
}

func newAttested(p *program, tenant string, write func(records.Attested) error) *attested {
	return &attested{program: p, tenant: tenant, write: write, of: map[string]int{}}
}

// tell names an invoice, unless it is of another tenant. A receipt has the NIP of the seller and
// not the name of the tenant. So an invoice of a NIP that the configuration does not know is named,
// too, because it may be of the tenant.
func (a *attested) tell(one records.Attested) {
	if !a.mayBeWanted(one.SellerNIP) {
		return
	}
	if a.of[one.Receipt] == 0 {
		a.receipts = append(a.receipts, one.Receipt)
	}
	a.n++
	a.of[one.Receipt]++
	if a.of[one.Receipt] <= maxAttested {
		a.say("%s: %v", one.KsefNumber, one)
	}
	if a.write != nil && one.Document != "" && a.err == nil {
		a.err = a.write(one)
	}
}

// tellAttested names the invoices that a search found in receipts alone. The list all has the
// invoices of the receipts, and found has those whose results were found. It reports whether it
// named any invoice. The error is that of write.
func tellAttested(p *program, tenant string, all []records.Attested, found []results.Result, write func(records.Attested) error) (
	bool, error,
) {
	have, lacking := records.Numbers{}, newAttested(p, tenant, write)
	for i := range found {
		have.Add(found[i].KsefNumber)
	}
	for _, a := range all {
		if !have.Has(a.KsefNumber) {
			lacking.tell(a)
		}
	}
	return lacking.end() > 0, lacking.err
}

func (a *attested) mayBeWanted(nip string) bool {
	if a.tenant == "" || a.tenant == nip {
		return true
	}
	known := a.cfg.TenantsNamed(nip)
	for _, t := range known {
		if t.Title() == a.tenant {
			return true
		}
	}
	for _, t := range a.cfg.TenantsNamed(a.tenant) {
		if t.NIP == nip {
			return true
		}
	}
	return len(known) == 0
}

// end prints for each receipt how many invoices were counted but not named. It returns how many
// invoices were named or counted in all.
func (a *attested) end() int {
	for _, receipt := range a.receipts {
		if more := a.of[receipt] - maxAttested; more > 0 {
			a.say("receipt %s lists %s whose results are not here", receipt, plural.Of(more, "more invoice", "more invoices"))
		}
	}
	return a.n
}
