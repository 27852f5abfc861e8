package tasks_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/tasks"
)

const benchTenant = "5265877635"

// benchTransport is a KSeF that has one session and always gives the same answers about it.
type benchTransport struct {
	tasks.Transport // no other method is called
	session         ksef.SessionInfo
	list            []ksef.InvoiceInfo
}

func (t *benchTransport) Invalidate() {}
func (t *benchTransport) SessionStatus(context.Context, string) (ksef.SessionInfo, error) {
	return t.session, nil
}
func (t *benchTransport) SessionInvoices(context.Context, string) ([]ksef.InvoiceInfo, error) {
	return t.list, nil
}
func (t *benchTransport) SessionUPO(context.Context, string) ([]byte, error) {
	return nil, refusedError("fetch session UPO")
}

// benchInvoices makes n new invoices.
func benchInvoices(n int) []ledger.NewInvoice {
	docs := make([]ledger.NewInvoice, n)
	for i := range docs {
		number := fmt.Sprint("FV/", i)
		sum := sha256.Sum256([]byte(number))
		docs[i] = ledger.NewInvoice{Body: []byte("sealed"), Invoice: ledger.Invoice{
			Facts: ledger.Facts{
				ID:     ledger.InvoiceID(ledger.Identity{NIP: benchTenant, Kind: "VAT", Number: number}, sum),
				Tenant: benchTenant, NIP: benchTenant, Kind: "VAT", IssueDate: "2026-11-23", File: "a.xml",
				Form: "v3", SoftDeadline: ledger.At(time.Now().Add(12 * time.Hour)),
			},
			Number: number, Hash: fmt.Sprintf("%043d=", i), Lane: ledger.Bulk, Size: 1000,
			Deadline: ledger.At(time.Now().Add(36 * time.Hour)),
		}}
	}
	return docs
}

// benchPackage puts n new invoices into a package whose session is closed.
func benchPackage(b *testing.B, l *ledger.Ledger, n int) ledger.Package {
	b.Helper()
	ctx := context.Background()
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	ids := benchQueued(b, l, n)
	invs, err := l.Invoices(ctx, ids)
	must(err)
	group := ledger.Group{Tenant: benchTenant, Form: "v3"}
	moves := make([]ledger.Move, n)
	for i := range invs {
		moves[i] = ledger.Move{
			ID: invs[i].ID, Rev: invs[i].Rev, From: []ledger.State{ledger.Queued}, To: ledger.Queued, Group: group.Name(),
		}
	}
	_, err = l.Apply(ctx, moves)
	must(err)
	_, err = l.Cut(ctx, "pkg-1", group, ledger.CutLimits{Invoices: n, Bytes: 1 << 40})
	must(err)
	p, err := l.Package(ctx, "pkg-1")
	must(err)
	must(l.MovePackage(ctx, &p, ledger.PackageMove{To: ledger.PackageOpened,
		Edit: ledger.PackageEdit{}.Opened("S", "", ledger.At(time.Now()))}))
	must(l.MovePackage(ctx, &p, ledger.PackageMove{To: ledger.PackageUploaded}))
	must(l.MovePackage(ctx, &p, ledger.PackageMove{To: ledger.PackageClosing, InvoicesFrom: []ledger.State{ledger.Packed},
		InvoicesTo: ledger.Sending,
		Edit:       ledger.PackageEdit{}.ClosingAt(ledger.At(time.Now()))}))
	must(l.MovePackage(ctx, &p, ledger.PackageMove{To: ledger.PackageProcessing, InvoicesFrom: []ledger.State{ledger.Sending},
		InvoicesTo: ledger.Sent}))
	return p
}

// BenchmarkConfirm10000 measures one run of the confirm task on a package of ten thousand invoices,
// with a Redis on the same machine. KSeF takes no larger package.
func BenchmarkConfirm10000(b *testing.B) {
	const n = 10_000
	accepted := make([]ksef.InvoiceInfo, n)
	for i := range accepted {
		first := fmt.Sprintf("%s-20261126-%012X", benchTenant, i)
		c := invoice.KsefChecksum(first)
		accepted[i] = ksef.InvoiceInfo{Status: ksef.StatusInfo{Code: 200}, Ordinal: i + 1, InvoiceNumber: fmt.Sprint("FV/", i),
			KSeFNumber: fmt.Sprintf("%s-%02X", first, c)}
	}
	for _, c := range []struct {
		name string
		t    benchTransport
		want ledger.PackageState
	}{
		{"accepted", benchTransport{list: accepted, session: ksef.SessionInfo{Status: ksef.StatusInfo{Code: 200}, Counted: true,
			InvoiceCount: n, SuccessfulInvoiceCount: n}}, ledger.PackageSettled},
		{"refused", benchTransport{list: []ksef.InvoiceInfo{},
			session: ksef.SessionInfo{Status: ksef.StatusInfo{Code: 405}, Counted: true}}, ledger.PackageFailed},
	} {
		b.Run(c.name, func(b *testing.B) {
			rdb, _ := redistest.New(b)
			l, q := ledger.New(rdb, ledger.Options{}), queue.New(rdb)
			w := tasks.NewWorker(tasks.Parts{Ledger: l, Queue: q, Budget: noLimits{},
				Transport: func(string) (tasks.Transport, bool) { return &c.t, true }},
				tasks.Options{Worker: "w", Refusals: 3, ConfirmFirst: time.Second, ConfirmMax: time.Minute, Log: zerolog.Nop()})
			mux := w.Mux()
			reads := &countReads{}
			rdb.AddHook(reads)
			b.ReportAllocs()
			var total int
			for b.Loop() {
				b.StopTimer()
				if err := rdb.FlushAll(b.Context()).Err(); err != nil {
					b.Fatal(err)
				}
				p := benchPackage(b, l, n)
				reads.n = 0
				b.StartTimer()
				task := asynq.NewTask(string(queue.KindConfirm), []byte(fmt.Sprintf(`{"v":1,"id":%q}`, p.ID)))
				if err := mux.ProcessTask(b.Context(), task); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				total += reads.n
				if p, err := l.Package(b.Context(), p.ID); err != nil || p.State != c.want {
					b.Fatalf("after the run the package is %s, want %s; %v", p.State, c.want, err)
				}
				b.StartTimer()
			}
			b.ReportMetric(float64(total)/float64(b.N)/n, "reads/invoice")
		})
	}
}

// countReads counts the entries of invoices that are read whole.
type countReads struct {
	passHook
	n int
}

func (h *countReads) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			if cmd.Name() == "hgetall" {
				h.n++
			}
		}
		return next(ctx, cmds)
	}
}
