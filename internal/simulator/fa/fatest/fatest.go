// Package fatest has a sample FA(3) invoice for the tests of the simulator. It is apart from fa so
// that no program links the testing package.
package fatest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// NIPs with right check digits; Buyer is the buyer of every sample.
const (
	SellerA = "5265877635"
	SellerB = "1111111111"
	Buyer   = "7352765225"
)

// Today is the day of [Noon] in Warsaw.
const Today = "2026-11-23"

// Noon returns noon UTC of a Monday, which is 13:00 in Warsaw.
func Noon() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

// Invoice returns a valid FA(3) invoice; date is P_1.
func Invoice(seller, number, date string) string {
	return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<Faktura xmlns="http://crd.gov.pl/wzor/2025/06/25/13775/">
 <Naglowek>
  <KodFormularza kodSystemowy="FA (3)" wersjaSchemy="1-0E">FA</KodFormularza>
  <WariantFormularza>3</WariantFormularza>
  <DataWytworzeniaFa>%[3]sT08:00:00Z</DataWytworzeniaFa>
 </Naglowek>
 <Podmiot1>
  <DaneIdentyfikacyjne><NIP>%[1]s</NIP><Nazwa>Zażółć &amp; Syn</Nazwa></DaneIdentyfikacyjne>
  <Adres><KodKraju>PL</KodKraju><AdresL1>ul. Prosta 1</AdresL1></Adres>
 </Podmiot1>
 <Podmiot2>
  <DaneIdentyfikacyjne><NIP>7352765225</NIP><Nazwa>Nabywca</Nazwa></DaneIdentyfikacyjne>
  <JST>2</JST><GV>2</GV>
 </Podmiot2>
 <Fa>
  <KodWaluty>PLN</KodWaluty><P_1>%[3]s</P_1><P_2>%[2]s</P_2>
  <P_13_1>100.00</P_13_1><P_14_1>23.00</P_14_1><P_15>123.00</P_15>
  <Adnotacje><P_16>2</P_16><P_17>2</P_17><P_18>2</P_18><P_18A>2</P_18A>
   <Zwolnienie><P_19N>1</P_19N></Zwolnienie><NoweSrodkiTransportu><P_22N>1</P_22N></NoweSrodkiTransportu>
   <P_23>2</P_23><PMarzy><P_PMarzyN>1</P_PMarzyN></PMarzy></Adnotacje>
  <RodzajFaktury>VAT</RodzajFaktury>
  <FaWiersz><NrWierszaFa>1</NrWierszaFa><P_7>Usługa</P_7><P_8A>szt</P_8A><P_8B>1</P_8B><P_9A>100</P_9A><P_11>100</P_11><P_12>23</P_12></FaWiersz>
 </Fa>
</Faktura>`, seller, number, date)
}

// Swap replaces the only occurrence of old. It fails the test when there is not exactly one.
func Swap(t testing.TB, text, old, new string) string {
	t.Helper()
	if strings.Count(text, old) != 1 {
		t.Fatalf("%q is in the sample %d times", old, strings.Count(text, old))
	}
	return strings.Replace(text, old, new, 1)
}

// WithAttachment adds the smallest attachment that the schema allows.
func WithAttachment(t testing.TB, text string) string {
	t.Helper()
	return Swap(t, text, "</Faktura>", `<Zalacznik><BlokDanych><MetaDane><ZKlucz>a</ZKlucz><ZWartosc>b</ZWartosc></MetaDane>`+
		"</BlokDanych></Zalacznik></Faktura>")
}

// WithLines adds n invoice lines of about 170 bytes each.
func WithLines(t testing.TB, text string, n int) string {
	t.Helper()
	const line = "  <FaWiersz><NrWierszaFa>1</NrWierszaFa><P_7>Usługa bardzo potrzebna</P_7><P_8A>szt</P_8A><P_8B>1</P_8B>" +
		"<P_9A>100</P_9A><P_11>100</P_11><P_12>23</P_12></FaWiersz>\n"
	return Swap(t, text, " </Fa>", strings.Repeat(line, n)+" </Fa>")
}

// Validate checks a document against the file schema with xmllint. The argument variable is the
// name of the environment variable that says where the schemas are. If schema is "" or xmllint is
// missing, Validate only logs that the document was not checked.
func Validate(t *testing.T, variable, schema string, document []byte) {
	t.Helper()
	if schema == "" {
		t.Logf("not validated: %s is not set", variable)
		return
	}
	lint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Log("not validated: no xmllint")
		return
	}
	file := filepath.Join(t.TempDir(), "document.xml")
	if err := os.WriteFile(file, document, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), lint, "--noout", "--nonet", "--schema", schema, file).CombinedOutput()
	if err != nil {
		t.Errorf("not valid: %s", out)
	}
}
