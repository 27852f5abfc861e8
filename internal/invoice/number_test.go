package invoice_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ksefworker/internal/invoice"
)

func TestValidNIP_ShapeAndCheckDigit_MustBothBeCorrect(t *testing.T) {
	for _, c := range []struct {
		nip, why string
		ok       bool
	}{
		{"5265877635", "the Ministry's example", true},
		{"5265877636", "a wrong check digit", false},
		{"5256877635", "two digits swapped", false},
		{"0000000000", "zeros: the check digit is correct, the shape is not", false},
		{"1000000005", "two zeros after the first digit", false},
		{"526587763", "nine digits", false},
		{"52658776350", "eleven digits", false},
		{"526-587-76-35", "hyphens", false},
		{"PL5265877635", "a country code", false},
		{"５２６５８７７６３５", "digits that are not ASCII", false},
		{"", "nothing", false},
	} {
		if invoice.ValidNIP(c.nip) != c.ok {
			t.Errorf("ValidNIP(%q) = %v, want the opposite: %s", c.nip, !c.ok, c.why)
		}
	}
}

func TestValidNIP_RemainderTen_IsNeverValid(t *testing.T) {
	// 6·1 + 5·2 + 7·3 + 2·4 + 3·5 + 4·6 + 5·7 + 6·8 + 7·9 = 230 = 20·11 + 10
	for d := range 10 {
		if nip := "123456789" + string(rune('0'+d)); invoice.ValidNIP(nip) {
			t.Errorf("ValidNIP accepts %q, whose remainder is 10", nip)
		}
	}
}

func TestParseKsefNumber_RealNumbers_AreAccepted(t *testing.T) {
	for _, s := range []string{
		"5265877635-20250826-0100001AF629-AF", "5265877635-20250916-010040741B3E-46", "5555555555-20250828-010080615740-E4",
	} {
		n, err := invoice.ParseKsefNumber(s)
		if err != nil {
			t.Fatal(err)
		}
		if n.String() != s || n.SellerNIP != s[:10] || strings.ReplaceAll(n.Date, "-", "") != s[11:19] {
			t.Errorf("number %s was read as %+v, want its text, NIP and date", s, n)
		}
		old := s[:26] + "-" + s[26:]
		o, err := invoice.ParseKsefNumber(old)
		if err != nil {
			t.Fatalf("in the form of 36 characters, the number is refused: %v", err)
		}
		if o.String() != old || o.Canonical() != s || o.SellerNIP != n.SellerNIP || o.Date != n.Date {
			t.Errorf("number %s was read as %+v, want the parts of %s", old, o, s)
		}
	}
}

func TestParseKsefNumber_WrongNumber_ErrorSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ number, says string }{
		{"", "35 characters"},
		{"5265877635-20250826-0100001AF629", "35 characters"},
		{"5265877635-20250826-0100001AF629-AF0", "35 characters"},
		{"5265877635-20250826-010000-1AF629-A", "hyphens"},
		{"5265877635-20250826-0100001AF629-AE", "checksum must be AF"},
		{"5265877635-20250826-0100001AF628-AF", "checksum"},
		{"5265877635-20250827-0100001AF629-AF", "checksum"},
		{"5265877635-20251326-0100001AF629-AF", "date of acceptance"},
		{"5265877635-20250230-0100001AF629-AF", "date of acceptance"},
		{"526587763X-20250826-0100001AF629-AF", "seller's NIP"},
		{"5265877635-20250826-0100001af629-AF", "upper-case hex"},
		{"5265877635-20250826-0100001AF629-af", "upper-case hex"},
		{"5265877635-20250826-0100001AG629-AF", "upper-case hex"},
		{"5265877635 20250826-0100001AF629-AF", "hyphens"},
		{"5265877635-20250826-0100001AF6Ż-AF", "upper-case hex"},
		{strings.Repeat("9", 1000), "35 characters"},
	} {
		_, err := invoice.ParseKsefNumber(c.number)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("ParseKsefNumber(%.50q) = %v, want it to say %q", c.number, err, c.says)
		}
		if err != nil && len(err.Error()) > 400 {
			t.Errorf("the text of an error has %d bytes, want 400 at most", len(err.Error()))
		}
	}
}

func TestKsefChecksum_AnyWrongCharacter_ChangesIt(t *testing.T) {
	if got := invoice.KsefChecksum("123456789"); got != 0xF4 {
		t.Errorf("KsefChecksum of the standard test string = %02X, want F4 (CRC-8/SMBUS)", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		s := []byte(rapid.StringMatching(`[1-9][1-9]\d{8}-202[5-9]\d{4}-[0-9A-F]{12}`).Draw(t, "first32"))
		want := invoice.KsefChecksum(string(s))
		i := rapid.IntRange(0, len(s)-1).Draw(t, "i")
		s[i] ^= byte(rapid.IntRange(1, 255).Draw(t, "flip"))
		if invoice.KsefChecksum(string(s)) == want {
			t.Fatalf("a change of byte %d is not detected", i)
		}
	})
}

func FuzzParseKsefNumber(f *testing.F) {
	f.Add("5265877635-20250826-0100001AF629-AF")
	f.Add("5265877635-20250826-010000-1AF629-AF")
	f.Fuzz(func(t *testing.T, s string) {
		n, err := invoice.ParseKsefNumber(s)
		if err == nil && (n.String() != s || len(n.Canonical()) != 35 || len(n.SellerNIP) != 10 || len(n.Date) != 10) {
			t.Errorf("number %q was read as %+v, want all parts in their full length", s, n)
		}
	})
}

func TestVerificationURL_EachEnvironment_HasItsHost(t *testing.T) {
	var hash [32]byte
	for i := range hash {
		hash[i] = byte(255 - i)
	}
	const tail = "/invoice/5265877635/01-02-2026/__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA"
	for environment, host := range map[string]string{
		"production": "https://qr.ksef.mf.gov.pl", "test": "https://qr-test.ksef.mf.gov.pl", "custom": "https://qr-test.ksef.mf.gov.pl",
	} {
		got, err := invoice.VerificationURL(environment, "5265877635", "2026-02-01", hash)
		if err != nil || got != host+tail {
			t.Errorf("%s: the link is %q, error %v, want %q", environment, got, err, host+tail)
		}
	}
	for _, c := range [][3]string{
		{"prod", "5265877635", "2026-02-01"}, {"", "5265877635", "2026-02-01"},
		{"test", "../../evil", "2026-02-01"}, {"test", "5265877635", "01-02-2026"},
	} {
		if got, err := invoice.VerificationURL(c[0], c[1], c[2], hash); err == nil {
			t.Errorf("VerificationURL(%q) = %q, want an error", c, got)
		}
	}
}
