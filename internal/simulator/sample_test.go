package simulator

import (
	"testing"

	"ksefworker/internal/simulator/fa/fatest"
)

const (
	sellerA = fatest.SellerA
	sellerB = fatest.SellerB
	buyer   = fatest.Buyer
	today   = fatest.Today
)

// noon is 13:00 in Warsaw, on the Monday that the constant today names.
var noon = fatest.Noon()

// faXML returns a valid FA(3) invoice; date is P_1.
func faXML(seller, number, date string) string { return fatest.Invoice(seller, number, date) }

// swap replaces the only occurrence of old.
func swap(t testing.TB, text, old, new string) string {
	t.Helper()
	return fatest.Swap(t, text, old, new)
}

// withAttachment adds the smallest attachment that the schema allows.
func withAttachment(t testing.TB, text string) string {
	t.Helper()
	return fatest.WithAttachment(t, text)
}

// theDay returns the range of a query for everything that is accepted today.
func theDay() m { return m{"from": "2026-11-23T00:00:00Z", "to": "2026-11-24T00:00:00Z"} }
