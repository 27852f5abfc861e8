package ksef

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestControls_InsideStringsAreEscaped_AllElseIsAsItWas(t *testing.T) {
	for in, want := range map[string]string{
		"{\"a\": \"b\tc\"}":                    "{\"a\": \"b\\u0009c\"}",
		"{\n\t\"a\":\r\n1}":                    "{\n\t\"a\":\r\n1}",
		"{\"a\": \"\\\"\x01\\\\\", \"b\":\t2}": "{\"a\": \"\\\"\\u0001\\\\\", \"b\":\t2}",
		"{\"a\": \"\\\n\"}":                    "{\"a\": \"\\\\\\u000a\"}",
		"{\"a\": \"ż\x1f\"}":                   "{\"a\": \"ż\\u001f\"}",
		"<html>\t":                             "<html>\t",
		"":                                     "",
	} {
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(in), "byte by byte": iotest.OneByteReader(strings.NewReader(in))} {
			got, err := io.ReadAll(&controls{r: r})
			if err != nil || string(got) != want {
				t.Errorf("%s: %q becomes %q, %v, want %q", name, in, got, err, want)
			}
		}
		if strings.HasPrefix(in, "{") && !json.Valid([]byte(want)) {
			t.Errorf("%q is no JSON", want)
		}
	}
}

func TestControls_ABrokenConnection_StaysOne(t *testing.T) {
	broken := io.MultiReader(strings.NewReader(`{"a": "b`), iotest.ErrReader(io.ErrClosedPipe))
	if got, err := io.ReadAll(&controls{r: broken}); err != io.ErrClosedPipe || string(got) != `{"a": "b` {
		t.Errorf("%q, %v", got, err)
	}
}

// One entry of a list has a raw control character in it: the others are read, and so is this one.
func TestSessionInvoices_ARawControlCharacter_SpoilsNothing(t *testing.T) {
	list := "{\"invoices\":[{\"status\":{\"code\":200},\"invoiceNumber\":\"A/1\t\"},{\"status\":{\"code\":450},\"invoiceNumber\":\"A/2\"}]}"
	got, err := decodeInvoices(strings.NewReader(list))
	if err != nil || len(got) != 2 || got[0].InvoiceNumber != "A/1\t" || got[1].Status.Code != 450 {
		t.Errorf("%+v, %v", got, err)
	}
}

// A list with broken syntax is the gateway's all the same; what is no list, and one that breaks off,
// is not.
func TestSessionInvoices_BrokenSyntax_IsUnreadableAndNoOutage(t *testing.T) {
	for in, unreadable := range map[string]bool{
		`{"invoices":[{"status":{"code":200},"invoiceNumber":"A"1"}]}`: true,
		`{"invoices":[{"status":{"code":200}},,]}`:                     true,
		`{"invoices":[{"status":{"code":200}`:                          false,
		`{"invo`:                                                       false,
		`<html>`:                                                       false,
		``:                                                             false,
	} {
		_, err := decodeInvoices(strings.NewReader(in))
		if _, odd := err.(*misreadError); err == nil || odd != unreadable {
			t.Errorf("%s: %v (%T), unreadable %v", in, err, err, unreadable)
		}
	}
}
