package page_test

import (
	"strings"
	"testing"

	"ksefworker/internal/ledger"
)

// A search that could not look everywhere does not say that there is nothing. An export that would
// lack invoices is refused.
func TestInvoices_KeyIsSick_IsNamedAndAbsenceIsNotClaimed(t *testing.T) {
	for key, paths := range map[string][]string{
		"sellers":     {"/invoices?q=NONE/1"},
		"st:rejected": {"/invoices", "/invoices?q=NONE", "/invoices?state=rejected", "/invoices?buyer=5265877635"},
		"refusers":    {"/invoices?q=NONE/1"},
	} {
		w := newWorld(t, nil)
		w.take("A", sellerA, "FV/1", ledger.Rejected, "")
		w.check(w.rdb.Del(t.Context(), "ksef:"+key).Err())
		w.check(w.rdb.RPush(t.Context(), "ksef:"+key, "foreign").Err())
		for _, path := range paths {
			for _, who := range []string{"anna", "olga"} {
				status, body, _ := w.as(who).get(path)
				if status != 200 || !strings.Contains(body, "This is not all") || !strings.Contains(body, key) ||
					strings.Contains(body, "Nothing was found") || strings.Contains(body, "/invoices/"+key) {
					t.Errorf("%s, the sick key %s: %s has status %d, want 200, the key's name and no claim that nothing was found: %s",
						who, key, path, status, body)
				}
			}
		}
		if status, body, _ := w.as("anna").get("/invoices.csv"); key == "st:rejected" && (status != 503 || !strings.Contains(body, key)) {
			t.Errorf("with the sick key %s the export has status %d, want 503 and the key's name: %s", key, status, body)
		}
	}
}
