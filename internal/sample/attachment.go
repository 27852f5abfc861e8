package sample

// attachment writes Zalacznik, here with a table of meter readings. The Ministry introduced
// attachments for this case.
func (w *writer) attachment(o Options) {
	w.open("Zalacznik")
	w.open("BlokDanych")
	w.text("ZNaglowek", "Odczyty liczników do faktury "+o.Number)
	w.open("MetaDane")
	w.text("ZKlucz", "Punkt poboru")
	w.text("ZWartosc", "PPE 590 243 830 000 001 234")
	w.close("MetaDane")
	w.nested("Tekst", "Akapit", "Zużycie energii elektrycznej w okresie rozliczeniowym, wartości w kWh.")
	w.open("Tabela")
	w.open("TNaglowek")
	for _, column := range [...]struct{ kind, title string }{{"date", "Dzień odczytu"}, {"int", "Wskazanie"}, {"txt", "Uwagi"}} {
		w.open(`Kol Typ="` + column.kind + `"`)
		w.text("NKom", column.title)
		w.close("Kol")
	}
	w.close("TNaglowek")
	d := dice(o.Seed)
	for reading, i := 10_000+d.below(5_000), 0; i < 3; i++ {
		reading += d.below(400)
		w.open("Wiersz")
		w.text("WKom", o.IssueDate)
		w.number("WKom", reading)
		w.text("WKom", "odczyt zdalny")
		w.close("Wiersz")
	}
	w.close("Tabela")
	w.close("BlokDanych")
	w.close("Zalacznik")
}
