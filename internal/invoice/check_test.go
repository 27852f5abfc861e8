package invoice_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/sample"
)

// noon is 12:00 in Warsaw on the issue date of the document small.
var noon = time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC)

func parsed(t testing.TB, doc string) invoice.Header {
	t.Helper()
	h, err := invoice.Parse([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestCheck_IssueDate_IsComparedWithTheDayInWarsaw(t *testing.T) {
	h := parsed(t, small)
	for _, c := range []struct {
		why    string
		now    time.Time
		future bool
	}{
		{"the day itself", noon, false},
		{"the day after", noon.AddDate(0, 0, 1), false},
		{"the day before", noon.AddDate(0, 0, -1), true},
		{"a second before midnight in Warsaw, winter time", time.Date(2026, 11, 22, 22, 59, 59, 0, time.UTC), true},
		{"midnight in Warsaw, still yesterday in UTC", time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC), false},
		{"morning in Tokyo, still yesterday in Warsaw", time.Date(2026, 11, 23, 6, 0, 0, 0, time.FixedZone("JST", 9*3600)), true},
	} {
		err := invoice.Check(h, c.now, invoice.CheckOptions{})
		if (err != nil) != c.future {
			t.Errorf("%s: Check = %v, want an error: %v", c.why, err, c.future)
		}
	}
}

func TestCheck_FutureDate_ErrorTextIsComplete(t *testing.T) {
	err := invoice.Check(parsed(t, with(t, "2026-11-23", "2027-01-01")), noon, invoice.CheckOptions{})
	want := `field P_1: must not be later than today (2026-11-23 Europe/Warsaw): got "2027-01-01" at line 11, column 3; ` +
		`KSeF refuses an invoice with a future date: send it on that date`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestCheck_Size_HasSeparateLimitsWithAndWithoutAttachment(t *testing.T) {
	for _, c := range []struct {
		why     string
		size    int64
		attach  bool
		opt     invoice.CheckOptions
		refused bool
	}{
		{"a million bytes", 1_000_000, false, invoice.CheckOptions{}, false},
		{"one byte more", 1_000_001, false, invoice.CheckOptions{}, true},
		{"one byte more, with attachment", 1_000_001, true, invoice.CheckOptions{}, false},
		{"three million with attachment", 3_000_000, true, invoice.CheckOptions{}, false},
		{"one byte more than three million", 3_000_001, true, invoice.CheckOptions{}, true},
		{"more than a MaxBytes of 500", 501, false, invoice.CheckOptions{MaxBytes: 500}, true},
		{"MaxBytes does not apply with attachment", 501, true, invoice.CheckOptions{MaxBytes: 500}, false},
		{"more than a MaxBytesWithAttachment of 500", 501, true, invoice.CheckOptions{MaxBytesWithAttachment: 500}, true},
	} {
		h := parsed(t, small)
		h.Size, h.Attachment = c.size, c.attach
		if err := invoice.Check(h, noon, c.opt); (err != nil) != c.refused {
			t.Errorf("%s: Check = %v, want an error: %v", c.why, err, c.refused)
		}
	}
}

func TestCheck_FA2_PassesOnlyIfAllowed(t *testing.T) {
	h := parsed(t, fa2(t))
	err := invoice.Check(h, noon, invoice.CheckOptions{})
	var f *invoice.FieldError
	if !errors.As(err, &f) || f.Field != "KodFormularza" || f.Value != "FA (2)" || f.Line != 4 {
		t.Errorf("Check = %v, want a fault of KodFormularza in line 4", err)
	}
	if err := invoice.Check(h, noon, invoice.CheckOptions{AllowFA2: true}); err != nil {
		t.Error(err)
	}
	h.Form.SchemaVersion = "9"
	if err := invoice.Check(h, noon, invoice.CheckOptions{AllowFA2: true}); err == nil {
		t.Error("an unknown form was accepted")
	}
}

// In KSeF's test environment people use invented NIPs, and KSeF does not check the check digit of a
// NIP there.
func TestCheck_SellersCheckDigit_IsCheckedOnlyIfAsked(t *testing.T) {
	h := parsed(t, with(t, "5265877635", "5265877636"))
	if err := invoice.Check(h, noon, invoice.CheckOptions{}); err != nil {
		t.Errorf("without CheckNIPs, Check = %v, want no error", err)
	}
	err := invoice.Check(h, noon, invoice.CheckOptions{CheckNIPs: true})
	var f *invoice.FieldError
	if !errors.As(err, &f) || f.Field != "Podmiot1/NIP" || f.Value != "5265877636" || f.Line != 7 || f.Column != 33 {
		t.Errorf("Check = %v, want a fault of Podmiot1/NIP at line 7, column 33", err)
	}
}

func TestCheck_OtherPartiesNIPs_AreCheckedOnlyIfAsked(t *testing.T) {
	doc := strings.Replace(small, "5210000003", "5210000004", 1)
	doc = strings.Replace(doc, " <Fa>", ` <Podmiot3><DaneIdentyfikacyjne><NIP>1234567890</NIP></DaneIdentyfikacyjne></Podmiot3>
 <Podmiot3><DaneIdentyfikacyjne><NIP>5265877635</NIP></DaneIdentyfikacyjne></Podmiot3>
 <Podmiot3><DaneIdentyfikacyjne><NIP>PL5265877635</NIP></DaneIdentyfikacyjne></Podmiot3>
 <Podmiot3><DaneIdentyfikacyjne><IDWew>5265877635-12345</IDWew></DaneIdentyfikacyjne></Podmiot3>
 <Podmiot3><DaneIdentyfikacyjne><IDWew>5265877636-12345</IDWew></DaneIdentyfikacyjne></Podmiot3>
 <Podmiot3><DaneIdentyfikacyjne><IDWew>77-1</IDWew></DaneIdentyfikacyjne></Podmiot3>
 <PodmiotUpowazniony><DaneIdentyfikacyjne><NIP>9999999998</NIP></DaneIdentyfikacyjne></PodmiotUpowazniony>
 <Fa>`, 1)
	h := parsed(t, doc)
	if err := invoice.Check(h, noon, invoice.CheckOptions{}); err != nil {
		t.Errorf("without CheckNIPs, Check = %v, want no error", err)
	}
	var got []string
	for _, f := range invoice.FieldErrors(invoice.Check(h, noon, invoice.CheckOptions{CheckNIPs: true})) {
		got = append(got, f.Field+" "+f.Value)
		if f.Line < 8 || f.Line > 15 {
			t.Errorf("the fault is at line %d, want a line from 8 to 15: %v", f.Line, f)
		}
	}
	want := "Podmiot2/NIP 5210000004, Podmiot3/NIP 1234567890, Podmiot3/NIP PL5265877635, " +
		"Podmiot3/IDWew 5265877636-12345, Podmiot3/IDWew 77-1, PodmiotUpowazniony/NIP 9999999998"
	if strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
}

func TestCheck_SeveralFaults_AreJoined(t *testing.T) {
	h := parsed(t, strings.NewReplacer("5265877635", "5265877636", "2026-11-23", "2027-01-01").Replace(small))
	if got := len(invoice.FieldErrors(invoice.Check(h, noon, invoice.CheckOptions{CheckNIPs: true}))); got != 2 {
		t.Errorf("%d faults, want 2", got)
	}
}

func TestCheck_EveryLocalFlawOfSamples_IsRefusedByParseOrCheck(t *testing.T) {
	for _, flaw := range sample.Flaws() {
		h, err := invoice.Parse(sample.Bad(flaw, sample.Options{Seed: 3}))
		if err == nil {
			err = invoice.Check(h, noon, invoice.CheckOptions{CheckNIPs: true})
		}
		if (err != nil) != flaw.Local() {
			t.Errorf("flaw %v: the error is %v, want an error: %v", flaw, err, flaw.Local())
		}
		if err != nil && len(invoice.FieldErrors(err)) != 1 {
			t.Errorf("%v is reported as more than one fault: %v", flaw, err)
		}
	}
}

// A hint must fit the value. A NIP with PL or hyphens is a Polish NIP, so its party must not be
// identified in another way.
func TestCheck_NIPOfTheWrongShape_HintFitsTheValue(t *testing.T) {
	const shape, zeros = "must be a NIP of ten digits", "must be a NIP: its first digit is not 0, and the next two are not both 0"
	const alone = "write the ten digits alone, without PL, spaces or hyphens"
	const slip, foreign = "look for a mistyped digit", "identify a party without a Polish NIP by NrVatUE, NrID or BrakID"
	for _, c := range []struct{ nip, rule, ofSeller, ofOthers string }{
		{"521-002-00-23", shape, alone, alone}, {"PL5210020023", shape, alone, alone}, {"pl 521 002 00 23", shape, alone, alone},
		{"521\u00a0002\u00a000\u00a023", shape, alone, alone}, {"521\u2011002\u201100\u201123", shape, alone, alone},
		{"521.002.00.23", shape, alone, alone}, {"PL-521-002-00-23", shape, alone, alone}, {" 5210020023", shape, alone, alone},
		{"0000000000", zeros, slip, foreign}, {"1000000005", zeros, slip, foreign},
		{"DE123456789", shape, slip, foreign}, {"521002002", shape, slip, foreign}, {"52100200233", shape, slip, foreign},
		{"brak", shape, slip, foreign}, {"PL", shape, slip, foreign}, {"DE5210020023", shape, slip, foreign},
	} {
		one := func(doc string, opt invoice.CheckOptions, field, hint string) {
			t.Helper()
			h, err := invoice.Parse([]byte(doc))
			if err == nil {
				err = invoice.Check(h, noon, opt)
			}
			all := invoice.FieldErrors(err)
			if len(all) != 1 || all[0].Field != field || all[0].Rule != c.rule || all[0].Hint != hint {
				t.Errorf("%q with %+v: the faults are %v; want one of %s that says: %s; %s", c.nip, opt, all, field, c.rule, hint)
			}
		}
		one(with(t, "5265877635", c.nip), invoice.CheckOptions{Schema: true}, "Podmiot1/NIP", c.ofSeller)
		buyer := with(t, "5210000003", c.nip)
		one(buyer, invoice.CheckOptions{CheckNIPs: true, Schema: true}, "Podmiot2/NIP", c.ofOthers)
		one(buyer, invoice.CheckOptions{CheckNIPs: true}, "Podmiot2/NIP", c.ofOthers)
		one(buyer, invoice.CheckOptions{Schema: true}, "Podmiot2/DaneIdentyfikacyjne/NIP", c.ofOthers)
	}
}

func TestParse_WebPage_IsNamedInTheHint(t *testing.T) {
	for _, doc := range []string{
		"<!DOCTYPE html><html></html>", "<!doctype HTML>\n<html></html>", "<html><body/></html>", "<!-- x -->\n<!DOCTYPE html >",
		`<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x">`, `<html xmlns="http://www.w3.org/1999/xhtml"/>`,
	} {
		_, err := invoice.Parse([]byte(doc))
		if f := invoice.FieldErrors(err); len(f) != 1 || !strings.HasPrefix(f[0].Hint, "this looks like a web page") {
			t.Errorf("%s: Parse = %v, want a hint that it looks like a web page", doc, err)
		}
	}
	for _, doc := range []string{"<!DOCTYPE Faktura>", "<!DOCTYPE htmlx>", "<!DOCTYPE html"} {
		if _, err := invoice.Parse([]byte(doc)); err == nil || strings.Contains(err.Error(), "web page") {
			t.Errorf("%s: Parse = %v, want an error that does not call it a web page", doc, err)
		}
	}
}
