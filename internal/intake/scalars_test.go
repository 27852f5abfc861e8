package intake_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ksefworker/internal/intake"
	"ksefworker/internal/invoice"
)

// makes is a gateway that makes XML of everything.
type makes struct{}

func (makes) Generate(context.Context, string, []byte) ([]byte, error) {
	return []byte("<Faktura/>"), nil
}

// The gateway makes valid XML of a value such as true, but not the XML that the sender meant. So
// these values are refused.
func TestFromFaktura_ValuesThatAreNoText_AreRefusedByField(t *testing.T) {
	accounts := []intake.Account{{Name: "one", NIP: "5265877635"}}
	for text, want := range map[string][]string{
		`{"Fa":{"P_2":true}}`:         {"Fa/P_2 true"},
		`{"Fa":{"P_2":{"#text":12}}}`: {"Fa/P_2 12"},
		`{"Fa":{"P_2":2026110001,"P_15":123.40,"Adnotacje":{"P_16":false}}}`:                                        {"Fa/P_2 2026110001", "Fa/Adnotacje/P_16 false"},
		`{"Fa":{"FaWiersz":[{"P_7":"a"},{"P_7":7,"P_8B":1.5,"P_12":23}]}}`:                                          {"Fa/FaWiersz[2]/P_7 7"},
		`{"Podmiot1":{"DaneIdentyfikacyjne":{"NIP":5265877635}},"Fa":{"P_2":null,"P_15":1,"Adnotacje":{"P_16":2}}}`: nil,
		`{"Fa":{"Platnosc":{"RachunekBankowy":[{"NrRB":7.311111111111112e+25}]}}}`:                                  {"Fa/Platnosc/RachunekBankowy[1]/NrRB 7.311111111111112e+25"},
		`{"Podmiot2":{"DaneIdentyfikacyjne":{"KodUE":"BE","NrVatUE":123456789}}}`:                                   {"Podmiot2/DaneIdentyfikacyjne/NrVatUE 123456789"},
		`{"Podmiot2":{"DaneIdentyfikacyjne":{"KodKraju":"US","NrID":12345}}}`:                                       {"Podmiot2/DaneIdentyfikacyjne/NrID 12345"},
		`{"Naglowek":{"KodFormularza":{"@kodSystemowy":true,"#text":"FA"}},"Fa":{"P_2":"1"}}`:                       {"Naglowek/KodFormularza/@kodSystemowy true"},
	} {
		_, err := intake.FromFaktura(t.Context(), makes{}, accounts, "", []byte(text), 1<<20)
		var got []string
		for _, f := range invoice.FieldErrors(err) {
			got = append(got, f.Field+" "+f.Value)
			if !strings.Contains(f.Hint, "quotation marks") {
				t.Errorf("%s: the hint does not speak of quotation marks: %v", text, f)
			}
		}
		if d := cmp.Diff(want, got); d != "" || (err == nil) != (want == nil) {
			t.Errorf("%s: the error is %v, its faults (-want +got):\n%s", text, err, d)
		}
	}
	const many = 1000
	_, err := intake.FromFaktura(t.Context(), makes{}, accounts, "", []byte(`{"Fa":{"WZ":[`+strings.Repeat("1,", many)+`1]}}`), 1<<20)
	if n := len(invoice.FieldErrors(err)); n == 0 || n > 20 {
		t.Errorf("%d faults are reported, want 1 to 20", n)
	}
}
