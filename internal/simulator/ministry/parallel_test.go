package ministry

import (
	"fmt"
	"net/http"
	"testing"

	"ksefworker/internal/sample"
	"ksefworker/internal/simulator/fa/fatest"
)

// Many clients send at once, and some of them share a taxpayer. The books must have every invoice
// once. Under make race, the race detector must find nothing.
func TestParallel_ManyClients_BooksHaveEachInvoiceOnce(t *testing.T) {
	r := newRig(t, Options{})
	const clients, invoices = 6, 10
	t.Run("clients", func(t *testing.T) {
		for c := range clients {
			t.Run(fmt.Sprint(c), func(t *testing.T) {
				t.Parallel()
				own := *r
				own.t = t
				own.header = http.Header{}
				nip := sample.NIP(c % 3)
				user := own.loggedIn(nip)
				session, s := user.openOnline()
				for i := range invoices {
					reference := user.send(session, s, fatest.Invoice(nip, fmt.Sprintf("FV/%d/%d", c, i), today))
					user.ok(user.get("/sessions/"+session+"/invoices/"+reference+"/upo"), http.StatusOK, nil)
					user.page("/sessions/"+session+"/invoices", "")
					user.metadata(m{"subjectType": "Subject1", "dateRange": theDay("Invoicing")}, "")
				}
				user.ok(user.post("/sessions/online/"+session+"/close", nil), http.StatusNoContent, nil)
				sh := user.pack(zipOf(t, []file{{"a.xml", fatest.Invoice(nip, fmt.Sprintf("B/%d", c), today)}}), 1,
					"").open().uploadAll().close()
				user.await(sh.id)
				user.ok(user.get("/sessions?sessionType=Online"), http.StatusOK, nil)
				r.sim.Books()
			})
		}
	})
	numbers := map[string]bool{}
	for _, a := range r.sim.Books().Accepted {
		numbers[a.NIP+a.Number] = true
	}
	if len(numbers) != clients*(invoices+1) || len(r.sim.Books().Accepted) != len(numbers) {
		t.Errorf("the books have %d invoices, %d of them different, want %d, each once",
			len(r.sim.Books().Accepted), len(numbers), clients*(invoices+1))
	}
}
