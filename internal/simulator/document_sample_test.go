package simulator

import (
	"fmt"
	"strings"
	"testing"
)

const (
	sellerA = "5265877635"
	sellerB = "1111111111"
	buyer   = "7352765225"
)

// faXML is a valid FA(3) invoice.
func faXML(seller, number, date string) string {
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

// swap replaces one occurrence and fails when there is not exactly one.
func swap(t testing.TB, text, old, new string) string {
	t.Helper()
	if strings.Count(text, old) != 1 {
		t.Fatalf("%q stands %d times in the sample", old, strings.Count(text, old))
	}
	return strings.Replace(text, old, new, 1)
}

// withAttachment adds the least attachment that the schema allows.
func withAttachment(t testing.TB, text string) string {
	return swap(t, text, "</Faktura>", `<Zalacznik><BlokDanych><MetaDane><ZKlucz>a</ZKlucz><ZWartosc>b</ZWartosc></MetaDane></BlokDanych></Zalacznik></Faktura>`)
}
