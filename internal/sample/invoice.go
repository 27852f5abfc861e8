package sample

import (
	"strconv"
	"strings"
)

const (
	declaration = `<?xml version="1.0" encoding="UTF-8"?>`
	namespace   = "http://crd.gov.pl/wzor/2025/06/25/13775/"
	// firstWritten is the earliest DataWytworzeniaFa that FA(3) allows.
	firstWritten = "2025-09-01"
)

// Invoice returns one FA(3) invoice as UTF-8 without BOM. With sensible Options it is valid against
// schemat_FA(3)_v1-0E.xsd. Values in the Options are not checked.
func Invoice(o Options) []byte {
	o = o.withDefaults()
	d := dice(o.Seed)
	lines, totals := cart(&d, o.Lines, strings.HasPrefix(o.Kind, "KOR"))

	w := &writer{buf: make([]byte, 0, max(o.PadTo, 4096+700*o.Lines))}
	w.buf = append(w.buf, declaration...)
	w.open(`Faktura xmlns="` + namespace + `" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`)
	w.header(o)
	w.parties(&d, o)
	w.open("Fa")
	w.text("KodWaluty", "PLN")
	w.text("P_1", o.IssueDate)
	w.text("P_1M", "Gdynia")
	w.text("P_2", o.Number)
	if o.Kind != "ZAL" {
		w.text("P_6", o.IssueDate)
	}
	w.sums(totals)
	w.annotations()
	w.text("RodzajFaktury", o.Kind)
	w.correction(o)
	padAt := len(w.buf)
	w.advance(o)
	w.goods(o.Kind, lines)
	w.payment(o)
	w.order(o.Kind, lines, totals)
	w.close("Fa")
	w.footer()
	if o.Attachment {
		w.attachment(o)
	}
	w.close("Faktura")
	w.buf = append(w.buf, '\n')
	return pad(w.buf, padAt, o.PadTo)
}

func (w *writer) header(o Options) {
	w.open("Naglowek")
	w.indent()
	w.buf = append(w.buf, `<KodFormularza kodSystemowy="FA (3)" wersjaSchemy="1-0E">FA</KodFormularza>`...)
	w.text("WariantFormularza", "3")
	written := o.IssueDate
	if len(written) != len(firstWritten) || written < firstWritten {
		written = firstWritten
	}
	w.text("DataWytworzeniaFa", written+"T08:15:00Z")
	w.text("SystemInfo", "ksefworker sample")
	w.close("Naglowek")
}

func (w *writer) parties(d *dice, o Options) {
	// The seller's name depends on its NIP only, so that all invoices of a seller have the same
	// name.
	seller := sellers[nipDice(o.SellerNIP).below(len(sellers))]
	w.open("Podmiot1")
	w.open("DaneIdentyfikacyjne")
	w.text("NIP", o.SellerNIP)
	w.text("Nazwa", seller.name)
	w.close("DaneIdentyfikacyjne")
	w.contact(seller)
	w.close("Podmiot1")

	i := d.below(len(buyers))
	w.open("Podmiot2")
	w.open("DaneIdentyfikacyjne")
	w.text("NIP", NIP(1000+i))
	w.text("Nazwa", buyers[i].name)
	w.close("DaneIdentyfikacyjne")
	w.contact(buyers[i])
	w.text("NrKlienta", "K-"+strconv.Itoa(10_000+i))
	w.text("JST", "2")
	w.text("GV", "2")
	w.close("Podmiot2")
}

func nipDice(nip string) *dice {
	var d dice
	for i := range len(nip) {
		d = d*31 + dice(nip[i])
	}
	return &d
}

func (w *writer) contact(c company) {
	w.open("Adres")
	w.text("KodKraju", "PL")
	w.text("AdresL1", c.street)
	w.text("AdresL2", c.town)
	w.close("Adres")
	w.open("DaneKontaktowe")
	w.text("Email", c.mail)
	w.text("Telefon", "+48 22 555 01 00")
	w.close("DaneKontaktowe")
}

// annotations writes, for each special case of a sale, that this sale is not such a case.
func (w *writer) annotations() {
	w.open("Adnotacje")
	for _, name := range [...]string{"P_16", "P_17", "P_18", "P_18A"} {
		w.text(name, "2")
	}
	w.nested("Zwolnienie", "P_19N", "1")
	w.nested("NoweSrodkiTransportu", "P_22N", "1")
	w.text("P_23", "2")
	w.nested("PMarzy", "P_PMarzyN", "1")
	w.close("Adnotacje")
}

func (w *writer) nested(outer, inner, value string) {
	w.open(outer)
	w.text(inner, value)
	w.close(outer)
}

func (w *writer) correction(o Options) {
	if !strings.HasPrefix(o.Kind, "KOR") {
		return
	}
	w.text("PrzyczynaKorekty", "Zwrot towaru przez nabywcę")
	w.text("TypKorekty", "1")
	w.open("DaneFaKorygowanej")
	w.text("DataWystFaKorygowanej", o.IssueDate)
	w.text("NrFaKorygowanej", "PIERWOTNA/"+strconv.FormatUint(o.Seed%100_000, 10))
	w.text("NrKSeFN", "1")
	w.close("DaneFaKorygowanej")
}

func (w *writer) advance(o Options) {
	if o.Kind != "ROZ" && o.Kind != "KOR_ROZ" {
		return
	}
	w.open("FakturaZaliczkowa")
	w.text("NrKSeFZN", "1")
	w.text("NrFaZaliczkowej", "ZAL/"+strconv.FormatUint(o.Seed%100_000, 10))
	w.close("FakturaZaliczkowa")
}

func (w *writer) payment(o Options) {
	w.open("Platnosc")
	w.nested("TerminPlatnosci", "Termin", o.IssueDate)
	w.text("FormaPlatnosci", "6")
	w.open("RachunekBankowy")
	w.text("NrRB", "73111111111111111111111111")
	w.text("NazwaBanku", "Bank Spółdzielczy w Żółwinie")
	w.close("RachunekBankowy")
	w.close("Platnosc")
}

func (w *writer) footer() {
	w.open("Stopka")
	w.nested("Informacje", "StopkaFaktury", "Kapitał zakładowy 50 000,00 zł, wpłacony w całości. Dziękujemy za współpracę!")
	w.open("Rejestry")
	w.text("KRS", "0000123456")
	w.text("REGON", "123456785")
	w.close("Rejestry")
	w.close("Stopka")
}
