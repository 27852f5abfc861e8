package app_test

import (
	"encoding/base64"
	"testing"
	"time"

	"ksefworker/internal/app"
	"ksefworker/internal/intake"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// A person opens the dashboard while packages are on their way. The dashboard shows queues and a
// task. No page or answer holds a key of the gateway, or content of an invoice such as its number,
// its buyer or its amount.
func TestBrowser_DuringARun_ShowsQueuesAndATaskButNoContent(t *testing.T) {
	t.Parallel()
	o := quickSim
	// The package stays in KSeF for two hours of simulated time, while the browser reads the
	// dashboard.
	o.Faults = []simulator.Fault{{Kind: simulator.Stuck, For: 2 * time.Hour, Code: 150}}
	p := newPool(t, 1, o, nil)
	addr, stop := p.workAt()
	defer stop()
	nip := sample.NIP(0)
	docs := good(nip, 6)
	taken := p.admit(intake.Terms{Lane: ledger.Bulk}, docs...)
	until(t, 30*time.Second, "the package is in KSeF", p.all(taken[:1], ledger.Sent))
	pkg := p.state(taken[0]).Package
	inv := taken[0].Invoice
	header, err := invoice.Parse(docs[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	token := base64.StdEncoding.EncodeToString([]byte("test_" + nip + ":test_key"))
	content := string(docs[0].Data[len(docs[0].Data)/2:][:40])
	report := app.Browse(t, app.BrowserJob{
		Base: "http://" + addr, Queues: []string{queue.QueueConfirm, queue.QueuePackages, queue.QueueInvoices},
		Task:      map[string]string{"queue": queue.QueueConfirm, "state": "retry", "id": queue.TaskID(queue.KindConfirm, pkg, 0)},
		Forbidden: []string{"test_key", token, inv.Number, header.BuyerName, header.Gross, "<Faktura", content},
		Views:     []string{"servers", "redis"},
	})
	if !report.OK {
		t.Errorf("the browser found faults: %q", report.Faults)
	}
	t.Logf("%d pages, %d answers read", len(report.Pages), report.Answers)
	p.sim.Advance(3 * time.Hour)
	p.wait(60*time.Second, taken, ledger.Receipted)
	p.balanced(6)
}
