package page

// polishDays are the texts about days and their reports.
var polishDays = map[string]string{
	"Report of chosen days": "Zestawienie za wybrane dni",
	"Counts of invoices and sums of P_15 by tenant, day and state, the reasons, the slowest invoices, and the invoices at risk. A day is the issue date " +
		"(P_1).": "Liczby faktur i sumy P_15 według podatników, dni i stanów, przyczyny odrzuceń, faktury najdłużej czekające oraz " +
		"zagrożone terminem. Dzień to data wystawienia (P_1).",
	"As":              "Postać",
	"page":            "strona",
	"Make the report": "Sporządź zestawienie",
	"By the day of the decision, as counted while the program runs.": "Według dnia, w którym zapadło rozstrzygnięcie, zliczane podczas " +
		"pracy programu.",
	"Day": "Dzień",
	"A report is about 1 to %d days: choose the first and the last of them.": "Zestawienie może obejmować od 1 do %d dni. Wybierz " +
		"pierwszy i ostatni dzień.",
	"Another report is being made. Try again in a moment.": "Trwa sporządzanie innego zestawienia. Spróbuj za chwilę.",
	"This report needs more invoices than the page may read, or days that the ledger no longer has. Choose fewer days or one tenant, or run: enqueue report " +
		"--from %s --to %s --format html --out FILE": "To za dużo na tę stronę albo okres wykracza poza rejestr bieżący. Wybierz mniej " +
		"dni albo poproś opiekuna programu o wykonanie: enqueue report --from %s --to %s --format html --out PLIK",
}
