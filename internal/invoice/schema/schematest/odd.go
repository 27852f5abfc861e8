package schematest

import (
	"fmt"
	"strings"

	"ksefworker/internal/invoice/schema"
)

// oddTexts returns texts as they are written in a document. Some of them are valid for the type r
// and some are not. text is a valid text of that type.
func oddTexts(t *schema.Table, r schema.Ref, text string) []string {
	v := t.ValueOf(r)
	half := len(text) / 2
	for half > 0 && (text[half]&0xC0 == 0x80 || strings.Contains(text, "&")) {
		half--
	}
	out := []string{
		"", " ", "\n", "x", "ŻÓŁĆ", text + " ", " " + text, "\n\t" + text + "\r\n", text + text, text + "  " + text,
		text + "&#10;" + text, "&#13;" + text, text + "\u00a0", "\u3000" + text, text + "X", strings.ToLower(text), "-" + text,
		"+" + text,
		"0" + text, "00" + text, text + ".0", text + ".00", text + ".", "." + text, "1,5", "1.5", "1 000", "1e2", "INF", "NaN",
		"0x1", "-0", "0", "00",
		"-1", "1", "2", "3", "11", "12", "99", "100", "100.000001", "101", "0.000001", "0.0000001", "-0.5", "+.5", ".", "-", "+", "--1",
		"１２３", "٣", text[:half] + "<!--x-->" + text[half:], text[:half] + "<![CDATA[" + "]]>" + text[half:],
		text[:half] + "&#x41;" + text[half:], "<![CDATA[ ]]>" + text, "&amp;&lt;", "a\u0301", "😀", "\u0085" + text, "\ufeff" + text,
		"PL", "pl", "EUR", "VAT", "a@b", "@", "a@", "a@b@c", "a b@c", "a@\u2028", "https://a.pl?IPKSeF=123abcdefghij",
		"http://a.b.pl:80/x?y&amp;IPKSeF=123abcdefghij&amp;z#t",
		"5210000003", "0210000003", "5000000003", "5210000003-12345", "123456785", "12345678512347", "0000123456",
		"5210000003-20261123-0A1B2C3D4E5F-AB", "5210000003-20261323-0A1B2C3D4E5F-AB", "5210000003-20261123-0A1B2C-3D4E5F-AB",
	}
	out = append(out, lengths(v)...)
	out = append(out, digitTexts()...)
	out = append(out, moments()...)
	return append(out, bounds(v)...)
}

// lengths returns texts at the limits of length, counted in characters of one, two and four bytes.
func lengths(v *schema.Value) (out []string) {
	if v.Kind != schema.Text {
		return nil
	}
	for _, limit := range []int16{v.MinLength, v.MaxLength} {
		for n := int(limit) - 1; n <= int(limit)+1; n++ {
			if n > 0 && limit != 0 {
				out = append(out, strings.Repeat("a", n), strings.Repeat("1", n), strings.Repeat("ż", n), strings.Repeat("😀", n),
					strings.Repeat("A", n-1)+" ",
					strings.Repeat("a", n-1)+"\r\n", strings.Repeat("a", n-1)+"\r", strings.Repeat("a", n-1)+"&#13;\n",
					"<![CDATA["+strings.Repeat("a", n-1)+"\r\n]]>")
			}
		}
	}
	return out
}

func digitTexts() (out []string) {
	for _, n := range []int{1, 9, 10, 13, 14, 15, 16, 17, 18, 19, 20, 22, 23, 24, 25, 26, 30} {
		whole := strings.Repeat("9", n)
		out = append(out, whole, "-"+whole, "0."+whole, "1"+strings.Repeat("0", n), "0."+strings.Repeat("0", n),
			"1."+strings.Repeat("0", n), "12."+strings.Repeat("0", n)+"1")
	}
	for _, n := range []int{2, 3, 6, 7, 8, 9} {
		out = append(out, "1."+strings.Repeat("5", n), "12345678901234."+strings.Repeat("5", n),
			"1234567890123456."+strings.Repeat("5", n))
	}
	return append(out, "127", "128", "-128", "-129", "2147483647", "2147483648", "00000000000000000000000000000001",
		"1.50000000000000000000000000000")
}

func moments() (out []string) {
	for _, d := range []string{
		"2026-11-23", "2026-02-29", "2024-02-29", "2100-02-29", "2000-02-29", "1900-02-29", "2026-02-30", "2026-04-31",
		"2026-13-01", "2026-00-01", "2026-01-00",
		"2026-1-1", "26-01-01", "02026-01-01", "12026-01-01", "0000-01-01", "-0001-01-01", "-2026-01-01", "2006-01-01", "2005-12-31",
		"2050-01-01", "2050-01-02", "2016-07-01", "2016-06-30", "1990-01-01", "1989-12-31", "2026/01/01", "20260101", "01.02.2026",
		"2021-10-01", "2021-09-30", "2025-09-01", "2025-08-31", "٢٠٢٦-٠١-٠١",
	} {
		out = append(out, d, d+"Z", d+"+01:00", d+"T08:15:00Z", d+"T08:15:00")
	}
	for _, time := range []string{
		"T08:15", "T08:15:00.0Z", "T08:15:00.123456789012Z", "T08:15:00.Z", "T24:00:00Z", "T24:00:01Z", "T24:00:00.0Z",
		"T23:59:60Z", "T23:60:00Z", "T25:00:00Z",
		"T8:15:00Z", "t08:15:00Z", " 08:15:00Z", "T08:15:00z", "T08:15:00+14:00", "T08:15:00-14:00", "T08:15:00+14:01", "T08:15:00+13:60",
		"T08:15:00+1:00", "T08:15:00+0100", "T08:15:00 Z", "T08:15:00-00:00", "T08:15:00+02:00:00",
	} {
		out = append(out, "2026-11-23"+time)
	}
	return append(out, "2025-08-31T23:59:59Z", "2025-09-01T00:00:00Z", "2025-09-01T01:59:59+02:00",
		"2025-09-01T02:00:00+02:00", "2025-08-31T24:00:00Z",
		"2050-01-01T23:59:59Z", "2050-01-01T23:59:59.1Z", "2050-01-02T00:00:00Z", "2050-01-02T01:59:59+02:00",
		"2021-09-30T23:59:59.999Z", "2021-10-01T00:00:00Z")
}

// bounds returns the bounds of a type and its first three allowed values, each as it is and
// slightly changed.
func bounds(v *schema.Value) (out []string) {
	for _, b := range []*schema.Bound{v.Low, v.High} {
		if b != nil {
			out = append(out, b.Text, b.Text+".0", "0"+b.Text, b.Text+"1")
		}
	}
	for i, e := range v.Enum {
		if i < 3 {
			out = append(out, e, e+" ", " "+e, strings.ToLower(e), fmt.Sprint("0", e), "+"+e, e+".0")
		}
	}
	for i := range out {
		out[i] = escaper.Replace(out[i])
	}
	return out
}
