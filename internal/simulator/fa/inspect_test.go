package fa_test

import (
	"strings"
	"testing"
	"time"

	"ksefworker/internal/simulator/fa"
	"ksefworker/internal/simulator/fa/fatest"
)

// atNoon returns the circumstances of a batch session at noon.
func atNoon() fa.Circumstances { return fa.Circumstances{Accepted: fatest.Noon()} }

func online(c fa.Circumstances) fa.Circumstances {
	c.Online = true
	return c
}

func TestInspect_EachDocument_HasKSeFsCode(t *testing.T) {
	v3 := fa.Forms()["v3"]
	good := fatest.Invoice(fatest.SellerA, "FV/1", fatest.Today)
	edit := func(old, new string) string { return fatest.Swap(t, good, old, new) }
	pad := func(document string, size int) string {
		return document + strings.Repeat(" ", size-len(document))
	}
	attached := fatest.WithAttachment(t, good)
	for name, c := range map[string]struct {
		document string
		code     int
		details  string
	}{
		"a good invoice":                       {good, 200, ""},
		"no prolog":                            {edit(`<?xml version="1.0" encoding="UTF-8"?>`+"\n", ""), 200, ""},
		"a comment":                            {edit("<Fa>", "<!-- hello --><Fa>"), 200, ""},
		"a prefix for the namespace":           {prefixed(good), 200, ""},
		"an attachment in a package":           {attached, 200, ""},
		"1,000,000 bytes":                      {pad(good, 1_000_000), 200, ""},
		"1,000,001 bytes":                      {pad(good, 1_000_001), 430, "1000001 bytes"},
		"3,000,000 bytes with an attachment":   {pad(attached, 3_000_000), 200, ""},
		"3,000,001 bytes with an attachment":   {pad(attached, 3_000_001), 430, "3000001 bytes"},
		"an empty document":                    {"", 430, "well-formed"},
		"not XML":                              {"FV/1;100;23", 430, "well-formed"},
		"a truncated document":                 {good[:len(good)-20], 430, "well-formed"},
		"two root elements":                    {good + "<x/>", 430, "well-formed"},
		"text after the root":                  {good + "x", 430, "well-formed"},
		"an end tag of another element":        {edit("<JST>2</JST>", "<JST>2</GV>"), 430, "well-formed"},
		"an attribute twice":                   {edit(`wersjaSchemy="1-0E"`, `wersjaSchemy="1-0E" wersjaSchemy="1-0E"`), 430, "twice"},
		"a prefix that is not declared":        {edit("<JST>2</JST>", "<x:JST>2</x:JST>"), 430, "not declared"},
		"an undeclared prefix of an attribute": {edit("<Fa>", `<Fa xsi:nil="1">`), 430, "not declared"},
		"a P_1 with white space":               {edit("<P_1>"+fatest.Today, "<P_1> "+fatest.Today+"\n"), 200, ""},
		"an entity that is not declared":       {edit("Usługa", "&nbsp;"), 430, "well-formed"},
		"a control character":                  {edit("Usługa", "\x01"), 430, "well-formed"},
		"XML 1.1":                              {edit(`version="1.0"`, `version="1.1"`), 430, "well-formed"},
		"a byte order mark":                    {"\xEF\xBB\xBF" + good, 430, "byte order mark"},
		"ISO-8859-2 in the prolog":             {edit("UTF-8", "ISO-8859-2"), 430, "well-formed"},
		"bytes that are not UTF-8":             {edit("Usługa", "Us\xb3uga"), 430, "UTF-8"},
		"a DTD":                                {edit("\n<Faktura", "\n<!DOCTYPE Faktura><Faktura"), 430, "DTD"},
		"a processing instruction":             {edit("<Fa>", "<?pi x?><Fa>"), 430, "processing instruction"},
		"a style sheet": {
			edit("\n<Faktura", "\n<?xml-stylesheet href='a'?><Faktura"), 430, "processing instruction",
		},
		"a second XML declaration":      {edit("<Fa>", `<?xml version="1.0"?><Fa>`), 430, "not at the start"},
		"U+007F":                        {edit("Usługa", "\u007f"), 430, "U+007F"},
		"U+0084":                        {edit("Usługa", "\u0084"), 430, "U+0084"},
		"U+0085, which is allowed":      {edit("Usługa", "a\u0085"), 200, ""},
		"U+0086":                        {edit("Usługa", "\u0086"), 430, "U+0086"},
		"U+009F as a reference":         {edit("Usługa", "&#x9f;"), 430, "U+009F"},
		"U+0080 as a decimal reference": {edit("Usługa", "&#128;"), 430, "U+0080"},
		"U+FDD0":                        {edit("Usługa", "\uFDD0"), 430, "U+FDD0"},
		"U+1FFFE":                       {edit("Usługa", "\U0001FFFE"), 430, "U+1FFFE"},
		"U+10FFFF":                      {edit("Usługa", "\U0010FFFF"), 430, "U+10FFFF"},
		"an emoji":                      {edit("Usługa", "\U0001F600"), 200, ""},
		"another namespace":             {edit("2025/06/25/13775", "2023/06/29/12648"), 450, "Faktura"},
		"no namespace":                  {edit(` xmlns="http://crd.gov.pl/wzor/2025/06/25/13775/"`, ""), 450, "Faktura"},
		"form FA(2) in the header":      {edit("FA (3)", "FA (2)"), 450, "KodFormularza"},
		"another version of the schema": {edit("1-0E", "1-1E"), 450, "KodFormularza"},
		"another WariantFormularza":     {edit("<WariantFormularza>3", "<WariantFormularza>2"), 450, "WariantFormularza"},
		"no DataWytworzeniaFa": {
			edit("<DataWytworzeniaFa>2026-11-23T08:00:00Z</DataWytworzeniaFa>", ""), 450, "DataWytworzeniaFa",
		},
		"no P_1":                   {edit("<P_1>"+fatest.Today+"</P_1>", ""), 450, "P_1"},
		"a P_1 that is not a date": {edit("<P_1>"+fatest.Today, "<P_1>2026-02-30"), 450, "P_1"},
		"a P_1 of tomorrow":        {edit("<P_1>"+fatest.Today, "<P_1>2026-11-24"), 450, "P_1: 2026-11-24 is later"},
		"a P_1 before 2006":        {edit("<P_1>"+fatest.Today, "<P_1>2005-12-31"), 450, "P_1"},
		"no P_2":                   {edit("<P_2>FV/1</P_2>", ""), 450, "P_2: missing"},
		"an empty P_2":             {edit("<P_2>FV/1</P_2>", "<P_2>  </P_2>"), 450, "P_2"},
		"a P_2 of 257 characters":  {edit("<P_2>FV/1", "<P_2>"+strings.Repeat("ż", 257)), 450, "P_2"},
		"a P_2 of 256 characters":  {edit("<P_2>FV/1", "<P_2>"+strings.Repeat("ż", 256)), 200, ""},
		"no RodzajFaktury":         {edit("<RodzajFaktury>VAT</RodzajFaktury>", ""), 450, "RodzajFaktury"},
		"a RodzajFaktury that is not in the schema": {edit("<RodzajFaktury>VAT", "<RodzajFaktury>PROFORMA"), 450, "RodzajFaktury"},
		"no P_15":                    {edit("<P_15>123.00</P_15>", ""), 450, "P_15"},
		"a P_15 with a comma":        {edit("<P_15>123.00", "<P_15>123,00"), 450, "P_15"},
		"a P_15 with three decimals": {edit("<P_15>123.00", "<P_15>123.000"), 450, "P_15"},
		"no KodWaluty":               {edit("<KodWaluty>PLN</KodWaluty>", ""), 450, "KodWaluty"},
		"no Adnotacje/P_16":          {edit("<P_16>2</P_16>", ""), 450, "Adnotacje/P_16"},
		"no Nazwa of the seller": {
			edit("<Nazwa>Zażółć &amp; Syn</Nazwa>", ""), 450, "Podmiot1/DaneIdentyfikacyjne/Nazwa",
		},
		"no NIP of the seller":                            {edit("<NIP>5265877635</NIP>", ""), 450, "Podmiot1/DaneIdentyfikacyjne/NIP"},
		"a wrong check digit of the seller":               {edit("5265877635", "5265877636"), 450, "5265877636"},
		"a wrong check digit of the buyer":                {edit("7352765225", "7352765226"), 450, "Podmiot2"},
		"a wrong check digit of a third party":            {edit("<Fa>", third("1111111112")+"<Fa>"), 450, "Podmiot3"},
		"a valid third party":                             {edit("<Fa>", third("1111111111")+"<Fa>"), 200, ""},
		"a wrong check digit of one of two third parties": {edit("<Fa>", third("1111111111")+third("1111111112")+"<Fa>"), 450, "Podmiot3"},
		"a buyer without NIP":                             {edit("<NIP>7352765225</NIP>", "<BrakID>1</BrakID>"), 200, ""},
		"no Podmiot2":                                     {between(good, "<Podmiot2>", "</Podmiot2>"), 450, "Podmiot2"},
		"no JST":                                          {edit("<JST>2</JST>", ""), 450, "Podmiot2/JST"},
		"a JST of 3":                                      {edit("<JST>2", "<JST>3"), 450, "Podmiot2/JST"},
		"an element that is not in the schema":            {edit("<P_1>", "<P_0>1</P_0><P_1>"), 450, "Fa/P_0"},
		"P_2 before P_1": {
			edit("<P_1>"+fatest.Today+"</P_1><P_2>FV/1</P_2>", "<P_2>FV/1</P_2><P_1>"+fatest.Today+"</P_1>"), 450, "Fa/P_1",
		},
		"a child of Fa in another namespace": {edit("<KodWaluty>", `<KodWaluty xmlns="urn:x">`), 450, "KodWaluty"},
	} {
		t.Run(name, func(t *testing.T) {
			r := fa.Inspect([]byte(c.document), v3, fa.Circumstances{Accepted: fatest.Noon().Add(time.Hour)})
			if r.Code != c.code || !strings.Contains(r.Details, c.details) {
				t.Errorf("the document has code %d (%s), want %d and a text that says %q", r.Code, r.Details, c.code, c.details)
			}
		})
	}
	if r := fa.Inspect([]byte(attached), v3, online(atNoon())); r.Code != 415 {
		t.Errorf("an attachment in an online session has code %d (%s), want 415", r.Code, r.Details)
	}
	if r := fa.Inspect([]byte(good), fa.Forms()["v2"], online(atNoon())); r.Code != 450 {
		t.Errorf("an FA(3) in a session of FA(2) has code %d (%s), want 450", r.Code, r.Details)
	}
}

// between removes the part of a text that begins with from and ends with to.
func between(text, from, to string) string {
	head, rest, _ := strings.Cut(text, from)
	_, tail, _ := strings.Cut(rest, to)
	return head + tail
}

// third returns the element of a third party with this NIP.
func third(nip string) string {
	return "<Podmiot3><DaneIdentyfikacyjne><NIP>" + nip + "</NIP><Nazwa>T</Nazwa></DaneIdentyfikacyjne><Rola>1</Rola></Podmiot3>"
}

// prefixed writes the same document with a namespace prefix at each element.
func prefixed(text string) string {
	text = strings.NewReplacer("</", "</f:", "<?", "<?", "<", "<f:").Replace(text)
	return strings.Replace(text, "xmlns=", "xmlns:f=", 1)
}

func TestInspect_FA2_IsAcceptedInASessionOfFA2(t *testing.T) {
	document := fatest.Invoice(fatest.SellerA, "FV/1", fatest.Today)
	for _, c := range [][2]string{
		{"2025/06/25/13775", "2023/06/29/12648"}, {"FA (3)", "FA (2)"},
		{"<WariantFormularza>3", "<WariantFormularza>2"}, {"<JST>2</JST><GV>2</GV>", ""},
	} {
		document = fatest.Swap(t, document, c[0], c[1])
	}
	if r := fa.Inspect([]byte(document), fa.Forms()["v2"], atNoon()); r.Code != 200 {
		t.Errorf("the FA(2) has code %d (%s), want 200", r.Code, r.Details)
	}
}

func TestInspect_Header_HasWhatTheBooksNeed(t *testing.T) {
	document := fatest.Swap(t, fatest.Invoice(fatest.SellerA, " FV/1  x ", fatest.Today),
		"<P_13_1>100.00</P_13_1><P_14_1>23.00</P_14_1><P_15>123.00",
		"<P_13_1>100.5</P_13_1><P_14_1>-23.00</P_14_1><P_14_1W>7.00</P_14_1W>"+
			"<P_13_2>1</P_13_2><P_14_2>2</P_14_2><P_15>-0.07")
	h := fa.Inspect([]byte(document), fa.Forms()["v3"], atNoon()).Header
	want := fa.Header{
		Identity:  fa.Identity{NIP: fatest.SellerA, Kind: "VAT", Number: "FV/1 x"},
		Namespace: h.Namespace, Issued: fatest.Today, Seller: "Zażółć & Syn", BuyerNIP: fatest.Buyer, Buyer: "Nabywca",
		Currency: "PLN", Net: 10150, VAT: -2100, Gross: -7,
	}
	if *h != want {
		t.Errorf("the header is %+v, want %+v", *h, want)
	}
}

func FuzzInspect_AnyBytes_NeverPanics(f *testing.F) {
	f.Add([]byte(fatest.Invoice(fatest.SellerA, "FV/1", fatest.Today)))
	f.Add([]byte("<a>&#x;&#99999999999;</a>"))
	form := fa.Forms()["v3"]
	f.Fuzz(func(t *testing.T, document []byte) {
		r := fa.Inspect(document, form, atNoon())
		if r.Code == 200 && (r.Header == nil || !fa.ValidNIP(r.Header.NIP) || r.Header.Number == "") {
			t.Errorf("a document was accepted without a header, a valid NIP or a number: %+v", r)
		}
	})
}
