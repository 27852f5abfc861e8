package proof

import (
	"cmp"
	"encoding/base64"
	"html/template"
	"strings"
)

// party is one of the parties of an invoice.
type party struct {
	Role, Name, Identifier string
	Address                []string
}

// line is one line of an invoice (FaWiersz).
type line struct {
	Number, What, Quantity, Unit, Price, Net, Gross, Rate string
	Before                                                bool // the state before the correction (StanPrzed)
}

// total is the sum of one rate.
type total struct{ Name, Net, VAT string }

// pair is a labeled value.
type pair struct{ Name, Value string }

// view is an invoice as its form shows it.
type view struct {
	Title, Number, IssueDate, Place, Currency, Gross string
	KsefNumber, Hash                                 string
	Code                                             template.URL // the image of KOD I
	Link                                             string
	Label                                            string
	Facts                                            []pair
	Parties                                          []party
	Lines                                            []line
	Totals                                           []total
	Payment                                          []pair
	Notes                                            []pair
	Fields                                           []field
}

// Words of the form FA(3), 1-0E (schema and brochure of the Ministry).
var (
	titles = map[string]string{
		"VAT": "Faktura", "KOR": "Faktura korygująca", "ZAL": "Faktura zaliczkowa", "ROZ": "Faktura rozliczeniowa",
		"UPR": "Faktura uproszczona", "KOR_ZAL": "Faktura korygująca fakturę zaliczkową",
		"KOR_ROZ": "Faktura korygująca fakturę rozliczeniową",
	}
	rates = []struct{ name, net, vat string }{
		{"stawka podstawowa (23% lub 22%)", "P_13_1", "P_14_1"}, {"stawka obniżona (8% lub 7%)", "P_13_2", "P_14_2"},
		{"stawka obniżona (5%)", "P_13_3", "P_14_3"}, {"ryczałt dla taksówek", "P_13_4", "P_14_4"},
		{"procedura szczególna (OSS)", "P_13_5", "P_14_5"}, {"0% w kraju", "P_13_6_1", ""},
		{"0%, wewnątrzwspólnotowa dostawa towarów", "P_13_6_2", ""}, {"0%, eksport", "P_13_6_3", ""},
		{"zwolnione od podatku", "P_13_7", ""}, {"poza terytorium kraju", "P_13_8", ""},
		{"usługi z art. 100 ust. 1 pkt 4 ustawy", "P_13_9", ""}, {"odwrotne obciążenie", "P_13_10", ""},
		{"procedura marży", "P_13_11", ""},
	}
	payments = map[string]string{
		"1": "gotówka", "2": "karta", "3": "bon", "4": "czek", "5": "kredyt", "6": "przelew", "7": "płatność mobilna",
	}
)

// Form returns the document in a form that people can read, as a page of HTML that needs nothing
// else. It contains the QR code KOD I if the result has a verification URL.
func (e Evidence) Form() ([]byte, error) {
	code, _, err := e.code()
	if err != nil {
		return nil, err
	}
	return e.form(code)
}

// form writes the document in a form that people can read. code is the image of KOD I, or nil if
// the form has none.
func (e Evidence) form(code []byte) ([]byte, error) {
	root, err := parse(e.Document)
	if err != nil {
		return nil, err
	}
	fa := root.all("Fa")
	if len(fa) == 0 {
		fa = []*node{{}}
	}
	v := viewOf(root, fa[0])
	v.KsefNumber, v.Hash, v.Link = e.Result.KsefNumber, e.Result.Hash, e.Result.VerificationURL
	if code != nil {
		v.Code = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(code))
		v.Label = cmp.Or(e.Result.KsefNumber, "OFFLINE")
	}
	return render("faktura.html", v)
}

func viewOf(root, fa *node) view {
	v := view{
		Title: cmp.Or(titles[fa.get("RodzajFaktury")], "Faktura"), Number: fa.get("P_2"), IssueDate: fa.get("P_1"),
		Place: fa.get("P_1M"), Currency: fa.get("KodWaluty"), Gross: fa.get("P_15"), Fields: root.fields(),
	}
	add := func(to *[]pair, name, value string) {
		if value != "" {
			*to = append(*to, pair{name, value})
		}
	}
	add(&v.Facts, "Data dostawy lub wykonania usługi", fa.get("P_6"))
	add(&v.Facts, "Okres od", fa.get("OkresFa", "P_6_Od"))
	add(&v.Facts, "Okres do", fa.get("OkresFa", "P_6_Do"))
	add(&v.Facts, "Przyczyna korekty", fa.get("PrzyczynaKorekty"))
	for _, k := range fa.all("DaneFaKorygowanej") {
		add(&v.Facts, "Faktura korygowana", strings.Join(present(k.get("NrFaKorygowanej"), k.get("DataWystFaKorygowanej"),
			k.get("NrKSeFFaKorygowanej")), ", "))
	}
	if fa.get("Adnotacje", "P_17") == "1" {
		add(&v.Facts, "Adnotacja", "samofakturowanie")
	}
	if fa.get("Adnotacje", "P_18") == "1" {
		add(&v.Facts, "Adnotacja", "odwrotne obciążenie")
	}
	if fa.get("Adnotacje", "P_18A") == "1" {
		add(&v.Facts, "Adnotacja", "mechanizm podzielonej płatności")
	}
	if fa.get("Adnotacje", "P_16") == "1" {
		add(&v.Facts, "Adnotacja", "metoda kasowa")
	}
	for _, role := range []struct{ name, element string }{
		{"Sprzedawca", "Podmiot1"}, {"Nabywca", "Podmiot2"}, {"Podmiot trzeci", "Podmiot3"}, {"Podmiot upoważniony", "PodmiotUpowazniony"},
	} {
		for _, p := range root.all(role.element) {
			v.Parties = append(v.Parties, partyOf(p, role.name))
		}
	}
	for _, r := range fa.all("FaWiersz") {
		v.Lines = append(v.Lines, lineOf(r))
	}
	for _, r := range rates {
		t := total{Name: r.name, Net: fa.get(r.net)}
		if r.vat != "" {
			t.VAT = fa.get(r.vat)
		}
		if t.Net != "" || t.VAT != "" {
			v.Totals = append(v.Totals, t)
		}
	}
	for _, p := range fa.all("Platnosc") {
		for _, due := range p.all("TerminPlatnosci", "Termin") {
			add(&v.Payment, "Termin płatności", due.text)
		}
		add(&v.Payment, "Forma płatności", cmp.Or(payments[p.get("FormaPlatnosci")], p.get("OpisPlatnosci")))
		add(&v.Payment, "Data zapłaty", p.get("DataZaplaty"))
		for _, account := range p.all("RachunekBankowy") {
			add(&v.Payment, "Rachunek bankowy", strings.Join(present(account.get("NrRB"), account.get("NazwaBanku")), ", "))
		}
	}
	for _, n := range fa.all("DodatkowyOpis") {
		add(&v.Notes, cmp.Or(n.get("Klucz"), "Opis"), n.get("Wartosc"))
	}
	for _, n := range root.all("Stopka", "Informacje", "StopkaFaktury") {
		add(&v.Notes, "Stopka", n.text)
	}
	return v
}

func partyOf(p *node, role string) party {
	id := func(name string) string { return p.get("DaneIdentyfikacyjne", name) }
	out := party{Role: role, Name: id("Nazwa")}
	switch {
	case id("NIP") != "":
		out.Identifier = "NIP " + id("NIP")
	case id("NrVatUE") != "":
		out.Identifier = "VAT UE " + id("KodUE") + id("NrVatUE")
	case id("NrID") != "":
		out.Identifier = strings.TrimSpace("identyfikator " + id("KodKraju") + " " + id("NrID"))
	case id("IDWew") != "":
		out.Identifier = "identyfikator wewnętrzny " + id("IDWew")
	}
	out.Address = present(p.get("Adres", "AdresL1"), p.get("Adres", "AdresL2"), p.get("Adres", "KodKraju"))
	return out
}

func lineOf(r *node) line {
	rate := r.get("P_12")
	if rate != "" && strings.Trim(rate, "0123456789") == "" {
		rate += "%"
	}
	return line{
		Number: r.get("NrWierszaFa"), What: r.get("P_7"), Quantity: r.get("P_8B"), Unit: r.get("P_8A"),
		Price: cmp.Or(r.get("P_9A"), r.get("P_9B")), Net: r.get("P_11"), Gross: r.get("P_11A"), Rate: rate,
		Before: r.get("StanPrzed") == "1",
	}
}

// present returns the texts that are not empty.
func present(texts ...string) []string {
	var out []string
	for _, t := range texts {
		if t != "" {
			out = append(out, t)
		}
	}
	return out
}
