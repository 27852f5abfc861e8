package invoice_test

import (
	"runtime"
	"strings"
	"sync"
	"testing"

	"ksefworker/internal/invoice"
	"ksefworker/internal/sample"
)

// breaches returns what Parse and Check say about a document, a line for each fault.
func breaches(doc string) []string {
	h, err := invoice.Parse([]byte(doc))
	if err == nil {
		err = invoice.Check(h, noon, invoice.CheckOptions{Schema: true})
	}
	var lines []string
	for _, f := range invoice.FieldErrors(err) {
		lines = append(lines, f.Error())
	}
	return lines
}

const line = "<FaWiersz><NrWierszaFa>1</NrWierszaFa><P_7>Towar</P_7><P_8B>1</P_8B><P_11>10.00</P_11><P_12>23</P_12></FaWiersz>"

func TestCheck_BreachOfTheSchema_NamesPathRuleValueAndLine(t *testing.T) {
	lines := func(n int) string { return strings.Repeat(line, n) }
	contact := "<DaneKontaktowe><Email>a@b.pl</Email></DaneKontaktowe>"
	for _, c := range []struct{ why, old, by, want string }{
		{"a required element is missing", "<P_15>123.45</P_15>", "",
			"field Fa/P_15: must be given at line 13, column 3; expected before <Adnotacje>"},
		{"both elements of a choice are missing", "<P_19N>1</P_19N>", "",
			"field Fa/Adnotacje/Zwolnienie: must contain P_19 or P_19N at line 13, column 103; expected before </Zwolnienie>"},
		{"a party without identity", "<NIP>5210000003</NIP>", "",
			"field Podmiot2/DaneIdentyfikacyjne: must contain NIP, KodUE, KodKraju, NrID or BrakID at line 8, column 33; expected before " +
				"<Nazwa>"},
		{"two elements in the wrong order", "<P_16>2</P_16><P_17>2</P_17>", "<P_17>2</P_17><P_16>2</P_16>",
			"field Fa/Adnotacje/P_16: must be given earlier at line 13, column 47; expected before <P_17>"},
		{"an element after its place", "<RodzajFaktury>VAT</RodzajFaktury>", "<RodzajFaktury>VAT</RodzajFaktury><P_13_1>1</P_13_1>",
			"field Fa/P_13_1: must not be given here at line 14, column 37; after RodzajFaktury may follow: PrzyczynaKorekty, " +
				"TypKorekty, " +
				"DaneFaKorygowanej, ZaliczkaCzesciowa, FP, TP, DodatkowyOpis, FakturaZaliczkowa and 6 others"},
		{"an element twice", "<P_15>123.45</P_15>", "<P_15>123.45</P_15><P_15>1</P_15>",
			`field P_15: must be given once: got "<P_15>1</P_15><Adnotacje" at line 13, column 22`},
		{"an unknown element", "<P_15>", "<P_99>1</P_99><P_15>",
			"field Fa/P_99: must not be given here at line 13, column 3; the schema has no such element there; allowed are WZ, P_6, " +
				"OkresFa, P_13_1, " +
				"P_13_2, P_13_3, P_13_4, P_13_5 and 9 others"},
		{"an element of another namespace", "<P_15>", `<P_15 xmlns="urn:x">1</P_15><P_15>`,
			"field Fa/P_15: must not be given here at line 13, column 3; it has another namespace than Faktura"},
		{"an element more often than the schema allows",
			"</DaneIdentyfikacyjne><JST>", "</DaneIdentyfikacyjne>" + contact + contact + contact + contact + "<JST>",
			"field Podmiot2/DaneKontaktowe: must be given at most 3 times at line 8, column 256"},
		{"text between elements", "<Fa>", "<Fa>uwaga", `field Fa: must contain elements, not text: got "uwaga\n  " at line 9, column 6`},
		{"an element inside text", "<P_15>123.45", "<P_15><b>123.45</b>",
			`field P_15: must contain text, not elements: got "<b>123.45</b></P_15><Adn" at line 13, column 9`},
		{"a comma in a number", "123.45", "123,45",
			`field Fa/P_15: must be a number: got "123,45" at line 13, column 3; write a decimal point, not a comma`},
		{"spaces in a number", "123.45", "1 234.50",
			`field Fa/P_15: must be a number: got "1 234.50" at line 13, column 3; write the digits without spaces`},
		{"a no-break space in a number", "123.45", "11\u00a0607.80",
			`field Fa/P_15: must be a number: got "11\u00a0607.80" at line 13, column 3; write the digits without spaces`},
		{"a narrow no-break space in a number", "123.45", "11\u202f607.80",
			`field Fa/P_15: must be a number: got "11\u202f607.80" at line 13, column 3; write the digits without spaces`},
		{"spaces and a comma in a number", "123.45", "1 040,00",
			`field Fa/P_15: must be a number: got "1 040,00" at line 13, column 3; ` +
				"write a decimal point, not a comma, and the digits without spaces"},
		{"commas between thousands", "123.45", "1,040.00",
			`field Fa/P_15: must be a number: got "1,040.00" at line 13, column 3; write digits and a decimal point alone, like 1040.00`},
		{"a currency in a number", "123.45", "1040.00 zł",
			`field Fa/P_15: must be a number: got "1040.00 zł" at line 13, column 3; write digits and a decimal point alone, like 1040.00`},
		{"a comma in a whole number", "</RodzajFaktury>", "</RodzajFaktury>" + strings.Replace(line, ">1</NrW", ">1,0</NrW", 1),
			`field Fa/FaWiersz[1]/NrWierszaFa: must be a whole number: got "1,0" at line 14, column 47; write digits alone`},
		{"an empty number", "123.45", "",
			"field Fa/P_15: must be a number at line 13, column 3; leave the element out when there is no value"},
		{"too many decimals", "123.45", "123.456",
			`field Fa/P_15: must have at most 2 digits after the decimal point: got "123.456" at line 13, column 3`},
		{"too many digits", "123.45", "12345678901234567.00",
			`field Fa/P_15: must match the pattern -?([1-9]\d{0,15}|0)(\.\d{1,2})?: got "12345678901234567.00" at line 13, column 3; ` +
				"without leading zeros or a plus sign, and no longer than the pattern allows"},
		{"a leading zero", "123.45", "0123.45",
			`field Fa/P_15: must match the pattern -?([1-9]\d{0,15}|0)(\.\d{1,2})?: got "0123.45" at line 13, column 3; ` +
				"without leading zeros or a plus sign, and no longer than the pattern allows"},
		{"a value that is not on the list", ">VAT<", ">PROFORMA<",
			`field RodzajFaktury: must be KOR, KOR_ROZ, KOR_ZAL, ROZ, UPR, VAT or ZAL: got "PROFORMA" at line 14, column 3`},
		{"a value that is not on a long list", ">PLN<", ">ZŁ<",
			`field Fa/KodWaluty: must be one of the 182 values of the schema's type TKodWaluty: got "ZŁ" at line 10, column 3; two of them: PLN and EUR`},
		{"a value in small letters", ">PLN<", ">pln<",
			`field Fa/KodWaluty: must be one of the 182 values of the schema's type TKodWaluty: got "pln" at line 10, column 3; ` +
				"write PLN: capital and small letters are not the same here"},
		{"a value with a slip", ">PLN<", ">PNL<",
			`field Fa/KodWaluty: must be one of the 182 values of the schema's type TKodWaluty: got "PNL" at line 10, column 3; ` +
				"the nearest in spelling: PLN, HNL"},
		{"a rate of VAT that does not exist", "</RodzajFaktury>", "</RodzajFaktury>" + strings.Replace(line, ">23<", ">24<", 1),
			"field Fa/FaWiersz[1]/P_12: must be 0 EX, 0 KR, 0 WDT, 22, 23, 3, 4, 5, 7, 8, np I, np II, oo or zw: " +
				`got "24" at line 14, column 123`},
		{"a rate of VAT in another spelling", "</RodzajFaktury>", "</RodzajFaktury>" + strings.Replace(line, ">23<", ">23%<", 1),
			"field Fa/FaWiersz[1]/P_12: must be 0 EX, 0 KR, 0 WDT, 22, 23, 3, 4, 5, 7, 8, np I, np II, oo or zw: " +
				`got "23%" at line 14, column 123; write it like 23`},
		{"a word in place of 1 or 2", "<P_16>2<", "<P_16>nie<",
			`field Fa/Adnotacje/P_16: must be 1 or 2: got "nie" at line 13, column 33`},
		{"a number that is not on the list",
			"<P_16>2<", "<P_16>3<", `field Fa/Adnotacje/P_16: must be 1 or 2: got "3" at line 13, column 33`},
		{"a text that is too long", ">Prosta 1<", ">" + strings.Repeat("ż", 513) + "<",
			`field Podmiot1/Adres/AdresL1: must have at most 512 characters: got "` + strings.Repeat("ż", 79) + `…" at line 7, column 125`},
		{"a text that is empty", ">Prosta 1<", "><", "field Podmiot1/Adres/AdresL1: must not be empty at line 7, column 125"},
		{"a date that is too early for the form", "2026-11-22T08:00:00Z", "2025-08-31T08:00:00Z",
			`field Naglowek/DataWytworzeniaFa: must be at least 2025-09-01T00:00:00Z: got "2025-08-31T08:00:00Z" at line 5, column 43`},
		{"a date that does not exist", "2026-11-22T08:00:00Z", "2026-02-29T08:00:00Z",
			`field Naglowek/DataWytworzeniaFa: must be a valid date and time, YYYY-MM-DDThh:mm:ssZ: got "2026-02-29T08:00:00Z" at line 5, column 43; ` +
				"write it like 2026-11-23T08:15:00Z"},
		{"an unknown attribute", "<P_15>", `<P_15 waluta="PLN">`,
			"field Fa/P_15/@waluta: must not be given at line 13, column 3; the schema has no such attribute there"},
		{"the attribute xsi:nil", "<P_15>", `<P_15 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true">`,
			"field Fa/P_15/@xsi:nil: must not be given at line 13, column 3; the schema lets no element be nil"},
		{"xsi:type with a colon in front",
			"<P_15>", `<P_15 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type=":TKwotowy">`,
			`field Fa/P_15/@xsi:type: must name a type of the schema: got ":TKwotowy" at line 13, column 3`},
		{"a fault in the third of four invoice lines",
			"</RodzajFaktury>", "</RodzajFaktury>" + lines(2) + strings.Replace(line, ">1</P_8B>", ">1,5</P_8B>", 1) + lines(1),
			`field Fa/FaWiersz[3]/P_8B: must be a number: got "1,5" at line 14, column 315; write a decimal point, not a comma`},
	} {
		t.Run(c.why, func(t *testing.T) {
			got := breaches(with(t, c.old, c.by))
			if len(got) == 0 || got[0] != c.want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), c.want)
			}
		})
	}
}

// XML and its schemas let the code, the version and the variant of a form be written in several
// ways. All these ways mean the same, so the header has the usual spelling.
func TestCheck_FormWrittenInAnotherWay_IsReadAsTheForm(t *testing.T) {
	for _, c := range [][2]string{
		{">3<", ">03<"}, {">3<", ">+3<"}, {">3<", ">+0003\n<"}, {">3<", "><![CDATA[03]]><"}, {">3<", ">&#48;3<"},
		{"FA (3)", "FA\t(3)"}, {"FA (3)", "FA\n(3)"}, {"FA (3)", "FA\r\n(3)"}, {"FA (3)", "FA\r(3)"}, {"FA (3)", "FA&#x20;(3)"},
		{"FA (3)", "&#70;A (3)"}, {"1-0E", "1&#45;0E"},
	} {
		doc := with(t, c[0], c[1])
		if got := breaches(doc); len(got) != 0 {
			t.Errorf("%q should have no fault: %q", c[1], got)
		}
		if h := parsed(t, doc); h.Form != invoice.FA3() || h.Form.Version() != "v3" {
			t.Errorf("%q: the form was read as %+v, want FA (3)", c[1], h.Form)
		}
	}
}

// In XML Schema an empty CDATA section is no content, so the element has its fixed value. xmllint
// differs here: it sees text.
func TestCheck_EmptyCDATAInPlaceOfAFixedValue_HasTheFixedValue(t *testing.T) {
	doc := with(t, "<Podmiot1>", "<Podmiot1><PrefiksPodatnika><![CDATA[]]></PrefiksPodatnika>")
	if got := breaches(doc); len(got) != 0 {
		t.Errorf("the document should have no fault: %q", got)
	}
}

func TestCheck_SeveralBreaches_AreAllReportedAndNoneIsInvented(t *testing.T) {
	doc := strings.NewReplacer(
		"<P_18A>2</P_18A>", "", "<P_23>2</P_23>", "<P_23>5</P_23>", "<JST>2</JST>", "", ">123.45<", ">x<",
		"<RodzajFaktury>VAT</RodzajFaktury>", "<RodzajFaktury>VAT</RodzajFaktury>"+line+strings.Replace(line, ">23<", ">24<", 1),
	).Replace(small)
	want := []string{"Podmiot2/JST", "Fa/P_15", "Fa/Adnotacje/P_18A", "Fa/Adnotacje/P_23", "Fa/FaWiersz[2]/P_12"}
	got := breaches(doc)
	if len(got) != len(want) {
		t.Fatalf("%d faults, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.HasPrefix(got[i], "field "+want[i]+":") {
			t.Errorf("the fault is %s, want field %s", got[i], want[i])
		}
	}
}

func TestCheck_ThousandsOfBreaches_AreCutAtTwenty(t *testing.T) {
	doc := strings.Replace(small, "</RodzajFaktury>", "</RodzajFaktury>"+strings.Repeat("<FaWiersz><a/></FaWiersz>", 9000), 1)
	if got := breaches(doc); len(got) != 20 {
		t.Errorf("%d faults, want 20", len(got))
	}
}

func TestCheck_WithoutSchema_AcceptsBreachesOfTheSchema(t *testing.T) {
	h := parsed(t, with(t, "123.45", "123,45"))
	if err := invoice.Check(h, noon, invoice.CheckOptions{}); err != nil {
		t.Errorf("without the schema, Check = %v, want no error", err)
	}
}

// A document of a form that is not accepted has one fault. Breaches of its schema are not listed.
func TestCheck_FormNotAccepted_ReportsOnlyTheForm(t *testing.T) {
	doc := strings.Replace(fa2(t), "<P_15>", "<P_99/><P_15>", 1)
	if got := breaches(doc); len(got) != 1 || !strings.Contains(got[0], "must be FA (3)") {
		t.Errorf("the document should have one fault, of its form: %q", got)
	}
}

func TestParse_SampleOfAnySize_AllocatesTwice(t *testing.T) {
	for _, o := range []sample.Options{{Lines: 1}, {Lines: 500}, {Attachment: true, PadTo: 1_000_000}} {
		doc := sample.Invoice(o)
		if got := testing.AllocsPerRun(20, func() {
			if _, err := invoice.Parse(doc); err != nil {
				t.Fatal(err)
			}
		}); got > 2 {
			t.Errorf("a document of %d bytes took %v allocations, want two at most", len(doc), got)
		}
	}
}

func TestParse_ManyAtOnce_DoNotAffectEachOther(t *testing.T) {
	good, bad := string(sample.Invoice(sample.Options{Lines: 20})), string(sample.Bad(sample.UnknownKind, sample.Options{}))
	var wait sync.WaitGroup
	for range 2 * runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for range 50 {
				if got := breaches(good); len(got) != 0 {
					t.Errorf("the good document has the faults %q, want none", got)
				}
				if got := breaches(bad); len(got) != 1 {
					t.Errorf("the bad document should have one fault: %q", got)
				}
			}
		})
	}
	wait.Wait()
}
