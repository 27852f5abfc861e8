package app_test

import (
	"encoding/base64"
	"testing"
	"time"

	"ksefworker/internal/app"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// A person opens the dashboard while packages are on their way: queues and a task are there, and no page or answer holds a key, a number or a name of an invoice.
func TestBrowser_DuringARun_QueuesAndATaskAreSeen_NoContentIs(t *testing.T) {
	t.Parallel()
	o := quickSim
	o.Faults = []simulator.Fault{{Kind: simulator.Stuck, For: 2 * time.Hour, Code: 150}} // of simulated time: the run stays where it can be looked at
	p := newPool(t, 1, o, nil)
	addr, stop := p.workAt()
	defer stop()
	nip := sample.NIP(0)
	docs := good(nip, 6)
	taken := p.admit(tasks.Terms{Lane: ledger.Bulk}, docs...)
	var pkg string
	for range 300 {
		inv, err := p.base.Ledger.Invoice(t.Context(), taken[0].Invoice.ID)
		if err != nil {
			t.Fatal(err)
		}
		if pkg = inv.Package; inv.State == ledger.Sent {
			break
		}
		<-time.After(100 * time.Millisecond)
	}
	inv := taken[0].Invoice
	header, err := invoice.Parse(docs[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	token := base64.StdEncoding.EncodeToString([]byte("test_" + nip + ":test_key"))
	report := app.Browse(t, app.BrowserJob{
		Base: "http://" + addr, Queues: []string{tasks.QueueConfirm, tasks.QueuePackages, tasks.QueueInvoices},
		Task:      map[string]string{"queue": tasks.QueueConfirm, "state": "retry", "id": tasks.TaskID(tasks.KindConfirm, pkg, 0)},
		Forbidden: []string{"test_key", token, inv.Number, header.BuyerName, header.Gross, "<Faktura", string(docs[0].Data[len(docs[0].Data)/2:][:40])},
		Views:     []string{"servers", "redis"},
	})
	if !report.OK {
		t.Errorf("faults: %q", report.Faults)
	}
	t.Logf("%d pages, %d answers read", len(report.Pages), report.Answers)
	p.sim.Advance(3 * time.Hour)
	p.wait(60*time.Second, taken, ledger.Receipted)
	p.balanced(6)
}
