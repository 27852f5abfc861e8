package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// beforePiece calls act before the nth call of a script, counted from 1, and makes that call fail
// if act returns an error.
type beforePiece struct {
	script *redis.Script
	n      int
	act    func() error
}

func (h *beforePiece) DialHook(next redis.DialHook) redis.DialHook { return next }
func (h *beforePiece) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
func (h *beforePiece) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if args := cmd.Args(); len(args) > 1 && args[1] == h.script.Hash() {
			if h.n--; h.n == 0 {
				if err := h.act(); err != nil {
					cmd.SetErr(err)
					return err
				}
			}
		}
		return next(ctx, cmd)
	}
}

// manyWaiting makes n waiting invoices, each due a minute after the one before.
func manyWaiting(w *world, n int, number func(int) string) []Invoice {
	w.t.Helper()
	docs := make([]NewInvoice, n)
	for i := range docs {
		kind := []string{"VAT", "KOR"}[i%2]
		docs[i] = document(sellerA, kind, number(i), "x")
		docs[i].Deadline, docs[i].Size = At(noon.Add(time.Duration(i)*time.Minute)), 10
	}
	invs := w.take(docs...)
	w.waitAll(invs)
	w.must(w.LoadScripts(ctx()))
	return invs
}

func distinct(i int) string { return fmt.Sprint("m", i) }

func TestCut_MoreThanAPiece_IsOnePackageInTheOrderOfDeadlines(t *testing.T) {
	w := oneWorld(t)
	const n = 2*cutPiece + 50
	invs := manyWaiting(w, n+10, distinct)
	ids, err := w.Cut(ctx(), "pkg-x", groupA, CutLimits{Invoices: n, Bytes: much})
	w.must(err)
	if len(ids) != n || !slices.Equal(ids[:3], []string{invs[0].ID, invs[1].ID, invs[2].ID}) || ids[n-1] != invs[n-1].ID {
		t.Errorf("took %d invoices, first %v: want as many as the limit allows, in the order of their deadlines", len(ids), ids[:3])
	}
	p := w.readPackage("pkg-x")
	if p.Count != n || p.Size != 10*n || p.State != PackageCut || p.Deadline != At(noon) {
		t.Errorf("the package is %+v, want it cut, with the count, size and deadline of its invoices", p)
	}
	if members := w.rdb.ZRange(ctx(), w.key(keyMembers, "pkg-x"), 0, -1).Val(); !slices.Equal(members, ids) {
		t.Error("the ordinals are not in the order in which the invoices were taken")
	}
	if w.rdb.Exists(ctx(), w.key(keyCutNumbers, "pkg-x")).Val() != 0 {
		t.Error("the key of the package's numbers is left behind")
	}
	w.audit()
}

// Every number occurs twice. The second invoice with a number comes in a later piece than the
// first.
func TestCut_SameNumberInAnotherPiece_WaitsForTheNextPackage(t *testing.T) {
	w := oneWorld(t)
	const n = cutPiece + 51 // odd, so that the two invoices with one number are of different kinds
	manyWaiting(w, 2*n, func(i int) string { return fmt.Sprint("m", i%n) })
	ids, err := w.Cut(ctx(), "pkg-x", groupA, CutLimits{Invoices: 2 * n, Bytes: much})
	w.must(err)
	if got := w.numbers(ids); len(got) != n || len(slices.Compact(slices.Sorted(slices.Values(got)))) != n {
		t.Errorf("the package has %d invoices, want %d, each with another number", len(got), n)
	}
	again, err := w.Cut(ctx(), "pkg-y", groupA, CutLimits{Invoices: 2 * n, Bytes: much})
	w.must(err)
	if len(again) != n {
		t.Errorf("the next package took %d, want the other %d", len(again), n)
	}
	w.audit()
}

func TestCut_BytesAreFullInALaterPiece_ThePackageEndsThere(t *testing.T) {
	w := oneWorld(t)
	manyWaiting(w, 3*cutPiece, distinct)
	const fits = cutPiece + 7
	ids, err := w.Cut(ctx(), "pkg-x", groupA, CutLimits{Invoices: 3 * cutPiece, Bytes: 10 * fits})
	w.must(err)
	if p := w.readPackage("pkg-x"); len(ids) != fits || p.Count != fits || p.Size != 10*fits {
		t.Errorf("took %d invoices into %+v, want the %d that the limit of bytes allows", len(ids), p, fits)
	}
	w.audit()
}

func TestCut_ProcessDiesBetweenPieces_ASmallerPackageIsWholeAndTheRestWaits(t *testing.T) {
	w := oneWorld(t)
	manyWaiting(w, 3*cutPiece, distinct)
	killed := errors.New("killed")
	w.rdb.AddHook(&beforePiece{cutScript, 3, func() error { return killed }})
	ids, err := w.Cut(ctx(), "pkg-x", groupA, CutLimits{Invoices: 3 * cutPiece, Bytes: much})
	if !errors.Is(err, killed) || len(ids) != 2*cutPiece {
		t.Fatalf("took %d invoices (error %v), want two pieces and then the kill", len(ids), err)
	}
	p := w.readPackage("pkg-x")
	held, err := w.Held(ctx(), "pkg-x")
	w.must(err)
	if p.Count != 2*cutPiece || len(held) != p.Count {
		t.Errorf("the package is %+v and holds %d invoices, want two pieces", p, len(held))
	}
	w.audit()
	rest, err := w.Cut(ctx(), "pkg-y", groupA, CutLimits{Invoices: 3 * cutPiece, Bytes: much})
	w.must(err)
	if len(rest) != cutPiece {
		t.Errorf("the next package took %d invoices, want the one piece that waited", len(rest))
	}
	w.step(&p, PackageOpened) // the process that finds the package goes on with it
	w.audit()
}

// A worker opens the package while another process is still cutting it. That can happen when the
// process that cuts is suspended, because the sweep then lets a worker go on with the package. Once
// the package is opened, it must get no more invoices.
func TestCut_ThePackageMovesBetweenPieces_NothingIsAddedToIt(t *testing.T) {
	w := oneWorld(t)
	manyWaiting(w, 3*cutPiece, distinct)
	w.rdb.AddHook(&beforePiece{cutScript, 2, func() error {
		p := w.readPackage("pkg-x")
		w.step(&p, PackageOpened)
		return nil
	}})
	ids, err := w.Cut(ctx(), "pkg-x", groupA, CutLimits{Invoices: 3 * cutPiece, Bytes: much})
	w.must(err)
	p := w.readPackage("pkg-x")
	if len(ids) != cutPiece || p.Count != cutPiece || p.State != PackageOpened {
		t.Errorf("took %d invoices into %+v: want one piece, and the package opened", len(ids), p)
	}
	waits, err := w.Waits(ctx())
	w.must(err)
	if len(waits) != 1 || waits[0].Count != 2*cutPiece {
		t.Errorf("the waiting sets are %+v, want one with the two pieces that were not taken", waits)
	}
	w.audit()
}

func TestCut_AMoreUrgentInvoiceComesBetweenPieces_ThePackageHasItsDeadline(t *testing.T) {
	w := oneWorld(t)
	manyWaiting(w, 2*cutPiece, distinct)
	w.rdb.AddHook(&beforePiece{cutScript, 2, func() error { w.wait("urgent", "VAT", -5, 10); return nil }})
	ids, err := w.Cut(ctx(), "pkg-x", groupA, CutLimits{Invoices: 2 * cutPiece, Bytes: much})
	w.must(err)
	if p := w.readPackage("pkg-x"); len(ids) != 2*cutPiece || p.Deadline != At(noon.Add(-5*time.Hour)) {
		t.Errorf("took %d invoices, due %v: want two pieces, and the deadline of the most urgent invoice", len(ids), p.Deadline.Time())
	}
	w.audit()
}

// Several sellers may use the same number. If thousands of self-billed invoices have one number,
// each of them needs a package of its own. All other invoices must still go together in one
// package.
func TestCut_ManyOfOneNumber_TheOthersAreOnePackage(t *testing.T) {
	w := oneWorld(t)
	const same, others = 2300, 300
	docs := make([]NewInvoice, same+others)
	for i := range docs {
		seller, number := fmt.Sprintf("%010d", i), "1"
		if i >= same {
			number = distinct(i)
		}
		docs[i] = document(seller, "VAT", number, "x")
		docs[i].Tenant, docs[i].Deadline, docs[i].Size = groupA.Tenant, At(noon.Add(time.Duration(i)*time.Minute)), 10
	}
	w.waitAll(w.take(docs...))
	ids, err := w.Cut(ctx(), "pkg-x", groupA, CutLimits{Invoices: 5000, Bytes: much})
	if err != nil || len(ids) != others+1 {
		t.Errorf("the first package has %d invoices (error %v), want one with the shared number and all the others", len(ids), err)
	}
	w.audit()
}

// A tenant may have a limit far above KSeF's usual ten thousand invoices in a session.
func TestCut_LimitAboveTwentyThousand_IsFilled(t *testing.T) {
	w := oneWorld(t)
	const n = 20_000 + cutPiece
	manyWaiting(w, n, distinct)
	ids, err := w.Cut(ctx(), "pkg-x", groupA, CutLimits{Invoices: 2 * n, Bytes: much})
	w.must(err)
	if len(ids) != n {
		t.Errorf("the package has %d invoices, want all %d", len(ids), n)
	}
}
