package invoice_test

import (
	"bytes"
	"strings"
	"testing"

	"ksefworker/internal/invoice"
)

// A name, a value or an address in a document may be as long as the document. A fault that quotes
// one of them must stay short.
func TestFieldError_WhateverTheDocumentHolds_TextsAreShort(t *testing.T) {
	long := strings.Repeat("Q", 100_000)
	good := small
	for what, doc := range map[string]string{
		"element":             strings.Replace(good, "<P_2>", "<P"+long+"/><P_2>", 1),
		"element not closed":  strings.Replace(good, "<P_2>", "<P"+long+"><P_2>", 1),
		"closed by another":   strings.Replace(good, "</P_2>", "</P"+long+">", 1),
		"elements nested":     strings.Replace(good, "<P_2>", strings.Repeat("<Q"+long[:1000]+">", 50)+"<P_2>", 1),
		"attribute":           strings.Replace(good, "<P_2>", "<P_2 a"+long+"='1'>", 1),
		"attribute twice":     strings.Replace(good, "<P_2>", "<P_2 a"+long+"='1' a"+long+"='2'>", 1),
		"value of attribute":  strings.Replace(good, "<P_2>", "<P_2 a='"+long+"'>", 1),
		"prefix":              strings.Replace(good, "<P_2>", "<x"+long+":P/><P_2>", 1),
		"namespace":           strings.Replace(good, "http://crd.gov.pl", "http://"+long, 1),
		"reference":           strings.Replace(good, "<P_2>", "<P_2>&"+long+";", 1),
		"processing":          strings.Replace(good, "<P_2>", "<?"+long+"?><P_2>", 1),
		"number":              strings.Replace(good, "<P_2>", "<P_2>"+long, 1),
		"date":                strings.Replace(good, "<P_1>", "<P_1>"+long, 1),
		"system code":         strings.Replace(good, `kodSystemowy="`, `kodSystemowy="`+long, 1),
		"variant":             strings.Replace(good, "<WariantFormularza>", "<WariantFormularza>"+long, 1),
		"type in an instance": strings.Replace(good, "<P_2>", `<P_2 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="`+long+`">`, 1),
		"kind":                strings.Replace(good, "<RodzajFaktury>", "<RodzajFaktury>"+long, 1),
		"NIP":                 strings.Replace(good, "<NIP>", "<NIP>"+long, 1),
		"root":                strings.ReplaceAll(good, "Faktura ", "F"+long+" "),
	} {
		if doc == good {
			t.Errorf("%s: the text to replace is not in the document", what)
		}
		h, err := invoice.Parse([]byte(doc))
		if err == nil {
			err = invoice.Check(h, noon, invoice.CheckOptions{Schema: true})
		}
		if err == nil {
			t.Errorf("%s: the document has no fault", what)
		}
		for _, f := range invoice.FieldErrors(err) {
			if text := f.Error(); len(text) > 2000 || bytes.Contains([]byte(text), []byte(long[:1000])) {
				t.Errorf("%s: the text of the fault has %d bytes, want 2,000 at most, and less than 1,000 bytes quoted: %.200s",
					what, len(text), text)
			}
		}
	}
}
