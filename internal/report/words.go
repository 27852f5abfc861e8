package report

import (
	"cmp"

	"ksefworker/internal/explain"
)

// words are the headings in one language.
type words struct {
	Lang                                                        string
	Title, Period, To, Tenant, AllTenants, Made, ArchiveOnly    string
	Total, ByTenant, ByDay, Reasons, Slowest, AtRisk, Untimed   string
	Day, State, Currency, Invoices, Sum, Unknown                string
	Code, Why, Do, Example, Number, Taken, Numbered, Took, Due  string
	None, ChartInvoices, ChartSums, InKSeF, Waiting, Stopped    string
	NotKnown, More, Overdue, SheetLines, SheetReasons, SheetDay string
}

var inPolish = words{
	Lang: "pl", Title: "Zestawienie faktur", Period: "Data wystawienia (P_1)", To: "do", Tenant: "Podatnik",
	AllTenants:  "wszyscy podatnicy",
	Made:        "Sporządzono",
	ArchiveOnly: "Zestawienie sporządzono z samego archiwum. Nie obejmuje faktur, które są jeszcze w drodze.",
	Total:       "Razem", ByTenant: "Według podatników", ByDay: "Według dni",
	Reasons: "Nieprzyjęte, odrzucone i zatrzymane według przyczyn",
	Slowest: "Najdłużej czekające na numer KSeF", AtRisk: "Zagrożone terminem",
	Untimed: "Przyjęte, o których nie wiadomo, jak długo czekały",
	Day:     "Dzień", State: "Stan", Currency: "Waluta", Invoices: "Liczba faktur", Sum: "Suma P_15", Unknown: "Bez znanej kwoty",
	Code: "Kod", Why: "Przyczyna", Do: "Co zrobić", Example: "Przykład", Number: "Numer (P_2)", Taken: "Przekazano",
	Numbered: "Przyjęto w KSeF",
	Took:     "Czas", Due: "Termin",
	None: "Brak.", ChartInvoices: "Liczba faktur w kolejnych dniach", ChartSums: "Suma P_15 faktur przyjętych w kolejnych dniach",
	InKSeF: "w KSeF", Waiting: "w drodze", Stopped: "nieprzyjęte, odrzucone, zatrzymane lub zakończone",
	NotKnown: "nieznana", More: "i dalsze", Overdue: "po terminie", SheetLines: "Zestawienie", SheetReasons: "Przyczyny", SheetDay: "Dni",
}

var inEnglish = words{
	Lang: "en", Title: "Report of invoices", Period: "Issue date (P_1)", To: "to", Tenant: "Tenant", AllTenants: "all tenants",
	Made:        "Made",
	ArchiveOnly: "Made from the archive alone. Invoices that are still on their way are not in it.",
	Total:       "Total", ByTenant: "By tenant", ByDay: "By day", Reasons: "Refused, rejected and parked, by reason",
	Slowest: "Invoices that waited longest for their KSeF number", AtRisk: "At risk of missing their deadline",
	Untimed: "Accepted invoices of which it is not known how long they took",
	Day:     "Day", State: "State", Currency: "Currency", Invoices: "Invoices", Sum: "Sum of P_15", Unknown: "Amount not known",
	Code: "Code", Why: "Reason", Do: "What to do", Example: "Example", Number: "Number (P_2)", Taken: "Handed in",
	Numbered: "Accepted by KSeF",
	Took:     "Took", Due: "Deadline",
	None: "None.", ChartInvoices: "Invoices by day", ChartSums: "Sum of P_15 of accepted invoices by day",
	InKSeF: "in KSeF", Waiting: "on the way", Stopped: "refused, rejected, parked or ended",
	NotKnown: "not known", More: "and more", Overdue: "overdue", SheetLines: "Report", SheetReasons: "Reasons", SheetDay: "Days",
}

func wordsIn(l explain.Language) words {
	if l == explain.Polish {
		return inPolish
	}
	return inEnglish
}

// stateName is a state in words.
func stateName(state string, l explain.Language) string {
	e, _ := explain.Of(explain.State, state)
	return cmp.Or(e.In(l).Name, state)
}
