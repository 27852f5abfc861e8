package explain

import "strconv"

// Facts are what is known about one invoice or refused document. A field with the zero value is not
// known.
type Facts struct {
	State      string   // a state of the ledger, or "refused"
	Code       int      // KSeF's
	Reason     string   // as it is kept with the invoice
	WaitingFor string   // name of the reason for which it waits
	Waiting    string   // the reason in words
	Rules      []string // of a refused document: the rule of each fault
}

// About returns the entries that explain how an invoice or a refused document stands. The entry
// that says the most comes first. There is at least one entry when the state is known.
func About(f Facts) []Entry {
	var found []Entry
	add := func(e Entry, ok bool) {
		for _, have := range found {
			if have.Name() == e.Name() {
				return
			}
		}
		if ok {
			found = append(found, e)
		}
	}
	code := func() {
		switch {
		case f.Code >= 1000:
			add(Of(API, strconv.Itoa(f.Code)))
		case f.Code > 0:
			add(Of(Invoice, strconv.Itoa(f.Code)))
		}
	}
	switch f.State {
	case "refused":
		for _, rule := range f.Rules {
			e, ok := ByText(Refused, rule)
			add(e, ok)
		}
	case "rejected":
		code()
	case "parked":
		add(ByText(Parked, f.Reason))
		code()
	case "accepted", "receipted":
		if f.Reason != "" {
			add(ByText(Receipt, f.Reason))
		}
	}
	if f.WaitingFor != "" {
		for _, e := range Named(f.Waiting) {
			add(e, true)
		}
		add(Of(Wait, f.WaitingFor))
		code()
	}
	add(Of(State, f.State))
	return found
}
