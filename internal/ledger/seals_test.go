package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// takeSealed takes in n invoices whose documents b has sealed.
func (se *seals) takeSealed(b *Bodies, n int) []Invoice {
	se.t.Helper()
	docs := make([]NewInvoice, n)
	for i := range docs {
		docs[i] = se.fresh()
		sealed, err := b.Seal(docs[i].ID, []byte("<Faktura/>"))
		se.must(err)
		docs[i].Body = sealed
	}
	return se.take(docs...)
}

func refusal(t *testing.T, err error) *SealError {
	t.Helper()
	refused, ok := errors.AsType[*SealError](err)
	if !ok {
		t.Fatalf("the error is %v, want a SealError", err)
	}
	return refused
}

func TestDeclare_FirstKeyInAPlainPool_IsRecordedAndThenEveryProcessNeedsIt(t *testing.T) {
	w := oneWorld(t)
	plain, keyed := ring(t), ring(t, 7)
	w.must(w.Declare(ctx(), plain))
	w.takeSealed(plain, 1)
	w.must(w.Declare(ctx(), keyed))
	w.must(w.Declare(ctx(), keyed)) // and again
	refused := refusal(t, w.Declare(ctx(), plain))
	for _, want := range []string{keyed.KeyIDs()[0], "storage.key_file is not set here"} {
		if !strings.Contains(refused.Error(), want) {
			t.Errorf("%q does not say %q", refused, want)
		}
	}
	seals, err := w.Seals(ctx())
	w.must(err)
	if diff := cmp.Diff(Seals{Layout: sealedEncryptedZstd, Keys: map[string]KeyState{keyed.KeyIDs()[0]: KeyActive}}, seals); diff != "" {
		t.Error(diff)
	}
}

func TestDeclare_AnotherKeyThanThePools_IsRefusedEvenWhileNothingIsStored(t *testing.T) {
	w := oneWorld(t)
	right, wrong := ring(t, 7), ring(t, 8)
	w.must(w.Declare(ctx(), right))
	w.unchanged(func() {
		refused := refusal(t, w.Declare(ctx(), wrong))
		for _, want := range []string{right.KeyIDs()[0], wrong.KeyIDs()[0], "add the pool's key"} {
			if !strings.Contains(refused.Error(), want) {
				t.Errorf("%q does not say %q", refused, want)
			}
		}
	})
}

// Processes with two different keys start at once in a pool that has no key yet, and one of the
// keys becomes the pool's.
func TestDeclare_TwoKeysAtTheSameMoment_OnlyOneIsThePools(t *testing.T) {
	w := oneWorld(t)
	var both sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		both.Go(func() { errs[i] = w.Declare(ctx(), ring(t, byte(7+i%2))) })
	}
	both.Wait()
	var refused [2]int
	for i, err := range errs {
		if err != nil {
			refusal(t, err)
			refused[i%2]++
		}
	}
	if slices.Sort(refused[:]); refused != [2]int{0, 10} {
		t.Errorf("the numbers of refused processes, by key, are %v, want all 10 of one key and none of the other", refused)
	}
}

func TestDeclare_Rotation_OldKeyIsNeededUntilNothingIsSealedWithIt(t *testing.T) {
	w := oneWorld(t)
	old, both, turned, fresh := ring(t, 7), ring(t, 7, 8), ring(t, 8, 7), ring(t, 8)
	w.must(w.Declare(ctx(), old))
	inv := w.takeSealed(old, 3)
	w.must(w.Declare(ctx(), both)) // 1. every process gets [old, new]; a process with the old key alone still goes on
	w.must(w.Declare(ctx(), old))
	w.must(w.Declare(ctx(), turned)) // 2. every process gets [new, old]
	w.takeSealed(turned, 2)
	if refused := refusal(t, w.Declare(ctx(), old)); refused.Missing[0] != fresh.KeyIDs()[0] {
		t.Errorf("the process lacks the keys %v, want the new one", refused.Missing)
	}
	if refused := refusal(t, w.Declare(ctx(), fresh)); refused.Waiting != 3 || !strings.Contains(refused.Error(), "about 3") {
		t.Errorf("declaring the new key alone gives %v, want a refusal because of about 3 documents", refused)
	}
	tally, err := w.SealTally(ctx())
	w.must(err)
	if diff := cmp.Diff(map[string]int64{old.KeyIDs()[0]: 3, fresh.KeyIDs()[0]: 2}, tally.Documents); diff != "" {
		t.Error(diff)
	}
	for _, i := range inv {
		w.receipted(i)
	}
	w.must(w.Declare(ctx(), fresh)) // 3. every process gets the new key alone
	seals, err := w.Seals(ctx())
	w.must(err)
	if seals.Keys[old.KeyIDs()[0]] != KeyRetired || len(seals.Missing(fresh)) != 0 {
		t.Errorf("the record is %+v, want the old key retired", seals)
	}
	refusal(t, w.Declare(ctx(), old))
	w.must(w.Declare(ctx(), ring(t, 7, 8))) // a process that seals with the old key again brings it back
	refusal(t, mayTake(w, ring(t), 0))
}

// receipted brings an invoice to its receipt. With the receipt, the document leaves Redis.
func (sc *scenes) receipted(inv Invoice) {
	sc.t.Helper()
	sc.must(sc.Wait(ctx(), &inv))
	p := sc.cut(inv.WaitingGroup(), CutLimits{Invoices: 1, Bytes: 1 << 40})
	inv = sc.again(inv)
	sc.move(inv, Accepted, change{"ksef_number", "n"})
	errs, err := sc.Ledger.Receipt(ctx(), []string{inv.ID}, "upo")
	sc.must(errors.Join(append(errs, err)...))
	_ = p
}

func TestDeclare_DocumentsOfAnOlderBuild_TellWhetherTheKeyFits(t *testing.T) {
	for why, c := range map[string]struct {
		with *Bodies
		ok   bool
	}{
		"the key alone": {ring(t, 7), true}, "the key among others": {ring(t, 8, 7), true},
		"another key": {ring(t, 8), false}, "no key": {ring(t), false},
	} {
		w := oneWorld(t)
		n := w.fresh()
		n.Body = sealedByAnOlderBuild(t, bytes.Repeat([]byte{7}, 32), n.ID, []byte("<Faktura/>"))
		w.take(n)
		if err := w.Declare(ctx(), c.with); (err == nil) != c.ok {
			t.Errorf("%s: Declare gives the error %v, want one only if no key fits", why, err)
		} else if err != nil {
			refusal(t, err)
		}
	}
}

func TestSealTally_ManyInEveryState_AllAreCounted(t *testing.T) {
	w := oneWorld(t)
	plain, keyed := ring(t), ring(t, 7)
	w.takeSealed(plain, 1200)
	w.takeSealed(keyed, 1300)
	for i, s := range []State{Packed, Accepted, Rejected, Parked} {
		w.invoiceIn(s)
		_ = i
	}
	large, older := w.fresh(), w.fresh()
	large.Body, large.BodyArchived, large.BodySeal = nil, true, keyed.KeyIDs()[0]
	older.Body, older.BodyArchived = nil, true
	w.take(large, older)
	w.rdb.HDel(ctx(), w.key("inv:", older.ID), "body_seal")
	tally, err := w.SealTally(ctx())
	w.must(err)
	// The documents that invoiceIn takes in are not sealed at all, so they count as SealOther.
	want := map[string]int64{SealPlain: 1200, keyed.KeyIDs()[0]: 1301, SealArchived: 1, SealOther: 4}
	if diff := cmp.Diff(want, tally.Documents); diff != "" {
		t.Error(diff)
	}
}

func TestElsewhere_UnknownKeyOrLayout_MeansDamaged(t *testing.T) {
	known, gone, held := "00000000000000aa", "00000000000000bb", ring(t, 7)
	s := Seals{Layout: 5, Keys: map[string]KeyState{known: KeyActive, gone: KeyRetired, held.KeyIDs()[0]: KeyActive}}
	all := Seals{Layout: 3, Keys: map[string]KeyState{held.KeyIDs()[0]: KeyActive}}
	for why, c := range map[string]struct {
		s    Seals
		with *Bodies
		err  error
		want bool
	}{
		"a key of the pool":      {s, held, &KeyError{Key: known}, true},
		"a key that was retired": {s, held, &KeyError{Key: gone}, true},
		"a key that nobody had":  {s, held, &KeyError{Key: "00000000000000cc"}, false},
		"the document names no key, and this process lacks one": {s, held, &KeyError{}, true},
		"the document names no key, and this process has all":   {all, held, &KeyError{}, false},
		"the document names no key, and this process has none":  {all, ring(t), &KeyError{}, true},
		"a layout that a newer build declared":                  {s, held, &layoutError{"inv-a", 5}, true},
		"a layout that nobody declared":                         {s, held, &layoutError{"inv-a", 6}, false},
		"an error that names neither key nor layout":            {s, held, errors.New("damaged"), false},
		"a wrapped error about a key of the pool":               {s, held, fmt.Errorf("x: %w", &KeyError{Key: known}), true},
		"nobody has declared anything in the pool":              {Seals{}, held, &KeyError{}, true},
	} {
		if got := c.s.Elsewhere(c.with, c.err); got != c.want {
			t.Errorf("%s: Elsewhere says that another process may open the document: %v, want the opposite", why, got)
		}
	}
}
