package ledger

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// fill leaves Redis no free memory: it sets maxmemory below the memory in use.
func (w *world) fill() {
	w.t.Helper()
	w.must(w.rdb.ConfigSet(ctx(), "maxmemory", "1").Err())
	if err := w.rdb.Set(ctx(), "probe", "x", 0).Err(); !redis.HasErrorPrefix(err, "OOM") {
		w.t.Fatalf("redis is not full: a write gives the error %v", err)
	}
}

// Invoices that were taken in go their whole path while Redis is full, in both lanes, and give
// their memory back at the end. Only taking in is refused.
func TestFull_EveryVerbExceptTakeWorks(t *testing.T) {
	w := oneWorld(t)
	keyed := ring(t, 7)
	w.must(w.Declare(ctx(), keyed))
	bulk, express, bad, gone := w.takeSealed(keyed, 6), w.take(w.fresh())[0], w.take(w.fresh())[0], w.take(w.fresh())[0]
	w.fill()

	if _, err := w.Take(ctx(), []NewInvoice{w.fresh()}); !IsFull(err) {
		t.Errorf("Take gives the error %v, want that Redis is full", err)
	}
	w.must(w.LoadScripts(ctx()))
	w.must(w.Declare(ctx(), ring(t, 8, 7)))
	w.must(w.Beat(ctx(), "w", time.Minute))
	if alive, err := w.Alive(ctx(), "w"); !alive || err != nil {
		t.Errorf("after its heartbeat, a worker does not count as alive (error %v)", err)
	}
	for i := range bulk {
		w.must(w.Wait(ctx(), &bulk[i]))
	}
	p := w.cut(groupA, CutLimits{Invoices: 6, Bytes: 1 << 40})
	w.must(w.MovePackage(ctx(), &p, PackageMove{To: PackageOpened, Edit: PackageEdit{}.Opened("s", "", 0)}))
	w.must(w.MovePackage(ctx(), &p, PackageMove{To: PackageUploaded}))
	w.must(w.MovePackage(ctx(), &p, PackageMove{To: PackageClosing, InvoicesFrom: []State{Packed}, InvoicesTo: Sending}))
	ids := func(invs []Invoice) (out []string) {
		for _, i := range invs {
			out = append(out, i.ID)
		}
		return out
	}(bulk)
	w.must(w.Repack(ctx(), &p, PackageFailed, "refused", []Part{{ID: "pkg-a", IDs: ids[:3]}, {ID: "pkg-b", IDs: ids[3:]}}))
	for _, id := range []string{"pkg-a", "pkg-b"} {
		p := w.readPackage(id)
		w.must(w.MovePackage(ctx(), &p, PackageMove{To: PackageOpened}))
		w.must(w.MovePackage(ctx(), &p, PackageMove{To: PackageClosing, InvoicesFrom: []State{Packed}, InvoicesTo: Sending}))
		w.must(w.MovePackage(ctx(), &p, PackageMove{To: PackageProcessing, InvoicesFrom: []State{Sending}, InvoicesTo: Sent}))
	}
	for _, inv := range w.read(ids...) {
		w.move(inv, Accepted, change{"ksef_number", "n"})
	}
	errs, err := w.Receipt(ctx(), ids, "upo")
	w.must(errors.Join(append(errs, err)...))
	for _, id := range []string{"pkg-a", "pkg-b"} {
		p := w.readPackage(id)
		w.must(w.MovePackage(ctx(), &p, PackageMove{To: PackageSettled}))
		w.must(w.MovePackage(ctx(), &p, PackageMove{To: PackageReceipted, Edit: PackageEdit{}.UPO("upo")}))
	}

	online, err := w.OpenOnline(ctx(), Package{ID: "pkg-o", Tenant: sellerA, Form: "v3", Session: "o", Owner: "w"})
	w.must(err)
	_, _, err = w.BeginSend(ctx(), online.ID, "w", &express)
	w.must(err)
	bad = w.move(bad, Rejected, change{"reason", "r"})
	w.must(w.Retry(ctx(), &bad))
	w.move(gone, Rejected)
	if _, _, err := w.WithoutTask(ctx(), time.UnixMilli(w.millis.Load()), 100); err != nil {
		t.Error(err)
	}
	if n, err := w.Prune(ctx(), -time.Hour, 100); n < 7 || err != nil {
		t.Errorf("pruned %d entries (error %v), want at least 7", n, err)
	}
	if n := w.rdb.Exists(ctx(), w.key("body:", ids[0]), w.key("inv:", ids[0])).Val(); n != 0 {
		t.Errorf("%d keys of a pruned invoice are still there, want neither its entry nor its document", n)
	}
}

func TestMayTake_MemoryAboveTheShare_IsRefusedAndSaysWhatToDo(t *testing.T) {
	w := oneWorld(t)
	b := ring(t)
	w.must(mayTake(w, b, 0.85)) // no maxmemory: no bound
	m, err := w.Memory(ctx())
	w.must(err)
	if m.Used < 500_000 || m.Max != 0 || m.Share() != 0 {
		t.Fatalf("memory without a bound is %+v, want some use, no maximum and no share", m)
	}
	w.must(w.rdb.ConfigSet(ctx(), "maxmemory", "1000mb").Err())
	w.must(mayTake(w, b, 0.85))
	if m, err = w.Memory(ctx()); m.Max != 1000<<20 || err != nil {
		t.Errorf("memory with a bound is %+v (error %v), want the bound as Max", m, err)
	}
	err = mayTake(w, b, float64(m.Used)/float64(m.Max)/2)
	var full *FullError
	if !errors.As(err, &full) || !IsFull(err) || full.Memory.Max != m.Max {
		t.Fatalf("above the share, MayTake gives the error %v, want a FullError with the bound", err)
	}
	for _, want := range []string{"of 1049 MB used", "redis.intake_below", "maxmemory", "hand them in again"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	w.must(mayTake(w, b, 0))
}

// mayTake asks whether documents that b seals may be taken in now.
func mayTake(w *world, b *Bodies, below float64) error {
	w.t.Helper()
	in, err := w.Intake(ctx())
	w.must(err)
	return w.MayTake(ctx(), in, b, below)
}
