package sample

import "strconv"

// line is one line of the invoice; quantity is in thousandths of a unit.
type line struct {
	good
	quantity int64
	net      grosz
}

// rates are the VAT rates in use, in the order in which the schema has their sums (P_13_1, P_13_2,
// P_13_3).
var rates = [...]int64{23, 8, 5}

// sum is the total of one VAT rate.
type sum struct {
	used     bool
	net, vat grosz
}

// sumsByRate has one sum for each of the rates, in their order.
type sumsByRate [len(rates)]sum

func (t sumsByRate) gross() grosz {
	var g grosz
	for _, s := range t {
		g += s.net + s.vat
	}
	return g
}

// cart draws n lines and returns them with the sums of each rate. VAT is computed on the sum of
// each rate and not line by line. The law allows both ways. With sums by rate, no grosz is left
// over between the lines and the totals.
func cart(d *dice, n int, correction bool) ([]line, sumsByRate) {
	lines := make([]line, n)
	var totals sumsByRate
	for i := range lines {
		g := goods[d.below(len(goods))]
		g.price += int64(d.below(int(g.price/10 + 1)))
		quantity := int64(1+d.below(40)) * 1000
		switch g.unit {
		case "kg", "m", "m2", "godz.":
			quantity += int64(d.below(8)) * 125
		}
		if correction {
			quantity = -quantity
		}
		lines[i] = line{good: g, quantity: quantity, net: grosz(g.price).times(quantity)}
		for j, rate := range rates {
			if g.rate == rate {
				totals[j].used = true
				totals[j].net += lines[i].net
			}
		}
	}
	for j := range totals {
		totals[j].vat = totals[j].net.percent(rates[j])
	}
	return lines, totals
}

func (w *writer) sums(totals sumsByRate) {
	for i, t := range totals {
		if t.used {
			group := strconv.Itoa(i + 1)
			w.money("P_13_"+group, t.net)
			w.money("P_14_"+group, t.vat)
		}
	}
	w.money("P_15", totals.gross())
}

// goods writes the lines of a sale. An advance invoice has no lines; it has an order.
func (w *writer) goods(kind string, lines []line) {
	if kind == "ZAL" || kind == "KOR_ZAL" {
		return
	}
	for i, l := range lines {
		w.open("FaWiersz")
		w.number("NrWierszaFa", i+1)
		w.text("P_7", l.name)
		w.text("PKWiU", l.pkwiu)
		w.text("P_8A", l.unit)
		w.quantity("P_8B", l.quantity)
		w.money("P_9A", grosz(l.price))
		w.money("P_11", l.net)
		w.number("P_12", int(l.rate))
		w.close("FaWiersz")
	}
}

// order writes the order for which an advance was paid.
func (w *writer) order(kind string, lines []line, totals sumsByRate) {
	if kind != "ZAL" && kind != "KOR_ZAL" {
		return
	}
	w.open("Zamowienie")
	w.money("WartoscZamowienia", totals.gross())
	for i, l := range lines {
		w.open("ZamowienieWiersz")
		w.number("NrWierszaZam", i+1)
		w.text("P_7Z", l.name)
		w.text("PKWiUZ", l.pkwiu)
		w.text("P_8AZ", l.unit)
		w.quantity("P_8BZ", l.quantity)
		w.money("P_9AZ", grosz(l.price))
		w.money("P_11NettoZ", l.net)
		w.money("P_11VatZ", l.net.percent(l.rate))
		w.number("P_12Z", int(l.rate))
		w.close("ZamowienieWiersz")
	}
	w.close("Zamowienie")
}

func (w *writer) quantity(name string, milli int64) {
	w.start(name)
	w.buf = appendQuantity(w.buf, milli)
	w.end(name)
}
