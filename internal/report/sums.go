package report

import (
	"cmp"
	"slices"
)

// Sums adds up the lines for which key returns the same tenant, day, state and currency. If key
// sets one of these fields to "", lines that differ only in that field are added up. The sums are
// in the order of their first lines.
func Sums(lines []Line, key func(Line) Line) []Line {
	at := map[lineKey]int{}
	var out []Line
	for _, l := range lines {
		k := key(l)
		id := lineKey{k.Tenant, k.Day, k.State, k.Currency}
		i, known := at[id]
		if !known {
			i = len(out)
			at[id] = i
			out = append(out, Line{Tenant: k.Tenant, Day: k.Day, State: k.State, Currency: k.Currency, Sum: &Amount{}})
		}
		out[i].Invoices += l.Invoices
		out[i].Unknown += l.Unknown
		out[i].Sum.Add(l.Sum)
	}
	return out
}

// ByTenant adds up each tenant's states and currencies over all days.
func (r Report) ByTenant() []Line {
	sums := Sums(r.Lines, func(l Line) Line { l.Day = ""; return l })
	slices.SortStableFunc(sums, func(a, b Line) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(stateOrder(a.State), stateOrder(b.State)),
			cmp.Compare(a.Currency, b.Currency))
	})
	return sums
}

// ByDay adds up each day's states and currencies over all tenants.
func (r Report) ByDay() []Line {
	sums := Sums(r.Lines, func(l Line) Line { l.Tenant = ""; return l })
	slices.SortStableFunc(sums, func(a, b Line) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(stateOrder(a.State), stateOrder(b.State)),
			cmp.Compare(a.Currency, b.Currency))
	})
	return sums
}

// Invoices returns how many invoices all lines have together.
func (r Report) Invoices() int {
	n := 0
	for _, l := range r.Lines {
		n += l.Invoices
	}
	return n
}
