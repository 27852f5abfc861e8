package gateway

import (
	"io"
	"strings"
	"testing"

	"ksefworker/internal/ksef/httponce"
	"ksefworker/internal/ksef/numbers"
)

// An entry with a raw control character is read, and so are the entries beside it.
func TestSessionInvoices_RawControlCharacter_AllEntriesAreRead(t *testing.T) {
	list := `{"invoices":[{"status":{"code":200},"invoiceNumber":"A/1` + "\t" + `"},{"status":{"code":450},"invoiceNumber":"A/2"}]}`
	got, err := decodeInvoices(strings.NewReader(list))
	if err != nil || len(got) != 2 || got[0].InvoiceNumber != "A/1\t" || got[1].Status.Code != 450 {
		t.Errorf("the list is %+v, error %v, want both entries", got, err)
	}
}

// Millions of empty entries fit into an answer of 64 MB, but not into memory. So a list that is too
// long is not decoded to its end.
func TestSessionInvoices_MoreThanAnySessionHas_AreUnreadable(t *testing.T) {
	list := io.MultiReader(strings.NewReader(`{"invoices":[`), strings.NewReader(strings.Repeat("{},", numbers.MaxListed+1)))
	got, err := decodeInvoices(list)
	if _, odd := err.(*httponce.MisreadError); !odd || got != nil {
		t.Errorf("a list beyond the maximum gave %d entries, error %v, want no entries and a *MisreadError", len(got), err)
	}
}

// A list with broken syntax is still the gateway's answer. An answer without a list, or with a list
// that breaks off, counts as an outage.
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
		if _, odd := err.(*httponce.MisreadError); err == nil || odd != unreadable {
			t.Errorf("the list %s gave the error %v (%T), want an error that is a *MisreadError: %v", in, err, err, unreadable)
		}
	}
}
