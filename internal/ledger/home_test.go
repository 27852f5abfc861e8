package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/redisd/redistest"
)

var (
	testHome = Home{Environment: "test", Address: "https://ksefapi.pl/api-test"}
	liveHome = Home{Environment: "production", Address: "https://ksefapi.pl/api"}
)

func TestClaim_LedgerBelongsElsewhere_IsRefusedWithBothNamesAndWhatToDo(t *testing.T) {
	rdb, _ := redistest.New(t)
	l := New(rdb, Options{})
	if err := errors.Join(l.Claim(t.Context(), testHome), l.Claim(t.Context(), testHome), l.CheckHome(t.Context(), testHome)); err != nil {
		t.Fatalf("claiming a ledger twice and checking it for the same environment gives the error %v, want none", err)
	}
	for _, err := range []error{l.Claim(t.Context(), liveHome), l.CheckHome(t.Context(), liveHome)} {
		if _, refused := errors.AsType[*HomeError](err); !refused {
			t.Fatalf("claiming or checking the ledger of another environment gives the error %v, want a HomeError", err)
		}
		for _, want := range []string{
			"test at https://ksefapi.pl/api-test", "production at https://ksefapi.pl/api", "ksef:", "another redis.prefix", "redis.url",
		} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q does not say %q", err, want)
			}
		}
	}
	if at, err := l.Home(t.Context()); err != nil || at.Environment != "test" {
		t.Errorf("the ledger belongs to %v (error %v) after a refusal, want test", at, err)
	}
	if err := New(rdb, Options{Prefix: "ksef-live:"}).Claim(t.Context(), liveHome); err != nil {
		t.Errorf("claiming under another prefix gives the error %v, want none", err)
	}
}

// A ledger that was made before homes were recorded belongs to the first process that claims it. A
// process that only checks does not claim it.
func TestCheckHome_NobodyHasClaimed_NothingIsWritten(t *testing.T) {
	w := oneWorld(t)
	w.take(w.fresh())
	w.must(w.rdb.Del(ctx(), w.key(keyHome)).Err())
	w.unchanged(func() { w.must(w.CheckHome(ctx(), liveHome)) })
	w.must(w.Claim(ctx(), testHome))
	if err := w.CheckHome(ctx(), liveHome); err == nil {
		t.Error("another environment may use the ledger after the first has claimed it")
	}
}

func TestClaim_ManyAtOnce_TheFirstDecidesForAll(t *testing.T) {
	rdb, _ := redistest.New(t)
	const n = 16
	homes, errs := make([]Home, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		homes[i] = Home{Environment: "custom", Address: fmt.Sprintf("http://gateway-%d", i)}
		all.Go(func() { errs[i] = New(rdb, Options{}).Claim(t.Context(), homes[i]) })
	}
	all.Wait()
	at, err := New(rdb, Options{}).Home(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if mine := at.Address == homes[i].Address; mine != (errs[i] == nil) {
			t.Errorf("the ledger belongs to %v; the claim of %v gave the error %v, want an error for every other home only", at, homes[i], errs[i])
		}
	}
}

func TestHome_Same_GoesByNameOrAddress(t *testing.T) {
	for _, c := range []struct {
		a, b Home
		same bool
	}{
		{testHome, liveHome, false},
		{testHome, Home{Environment: "test", Address: "https://moved.example/api-test"}, true},
		{Home{Environment: "custom", Address: "http://a:1"}, Home{Environment: "custom", Address: "http://b:1"}, false},
		{Home{Environment: "custom", Address: "http://a:1/"}, Home{Environment: "custom", Address: "HTTP://A:1"}, true},
		{testHome, Home{Environment: "custom", Address: testHome.Address}, true}, // the same gateway, named in another way
	} {
		if got := c.a.Same(c.b); got != c.same || c.b.Same(c.a) != got {
			t.Errorf("%v and %v: same %v, want %v", c.a, c.b, got, c.same)
		}
	}
}

// A ledger with a single key is not empty, whatever the key is for.
func TestEmpty_OneKeyOfAnyKind_IsNotEmpty(t *testing.T) {
	w := oneWorld(t)
	w.must(w.rdb.Del(ctx(), w.key(keyHome)).Err())
	other := New(w.rdb, Options{Prefix: "other-" + w.prefix, Now: w.now})
	check := func(l *Ledger, want bool) {
		t.Helper()
		if got, err := l.Empty(ctx()); got != want || err != nil {
			t.Errorf("Empty reports %v (error %v), want %v", got, err, want)
		}
	}
	check(w.Ledger, true)
	w.must(w.Hold(ctx(), "One", Hold{Kind: Paused, By: "anna"}))
	check(w.Ledger, false)
	check(other, true)
	w.must(other.Refuse(ctx(), []Refusal{{ID: RefusalOfFile("a"), File: "a"}}))
	check(other, false)
}

func TestPurge_EverythingUnderThePrefixGoes_OtherPoolsStay(t *testing.T) {
	rdb, _ := redistest.New(t)
	fill := func(prefix string) *Ledger {
		for i := range 5000 {
			rdb.Set(t.Context(), fmt.Sprintf("%sinv:%d", prefix, i), i, 0)
		}
		rdb.ZAdd(t.Context(), prefix+"asynq:{invoices}:pending", redis.Z{Score: 1, Member: "a"})
		rdb.Set(t.Context(), prefix+"rate:5265877635:invoiceSend", "x", 0)
		l := New(rdb, Options{Prefix: prefix})
		if err := l.Claim(t.Context(), testHome); err != nil {
			t.Fatal(err)
		}
		return l
	}
	gone, kept := fill("ksef:"), fill("ksef-live:")
	home, err := gone.Home(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	counts, err := gone.Purge(t.Context(), home, nil, nil)
	if err != nil || counts["inv"] != 5000 || counts["asynq"] != 1 || counts["rate"] != 1 {
		t.Errorf("Purge counted %v (error %v), want 5000 of inv (entries), 1 of asynq (queue) and 1 of rate (limiter)", counts, err)
	}
	if left := rdb.Keys(t.Context(), "ksef:*").Val(); len(left) > 0 {
		t.Errorf("%d keys are left, %q among them", len(left), left[0])
	}
	if left := rdb.Keys(t.Context(), "ksef-live:*").Val(); len(left) != 5003 {
		t.Errorf("the other pool has %d keys, want the 5003 that it had", len(left))
	}
	if err := kept.CheckHome(t.Context(), testHome); err != nil {
		t.Error(err)
	}
}

// A purge that is cut off leaves half a ledger. No process may work with this ledger. A second
// purge removes the rest.
func TestPurge_CutOff_NobodyWorksWithHalfALedgerUntilItIsRunAgain(t *testing.T) {
	rdb, _ := redistest.New(t)
	l := New(rdb, Options{})
	for i := range 3000 {
		rdb.Set(t.Context(), fmt.Sprintf("ksef:inv:%d", i), i, 0)
	}
	if err := l.Claim(t.Context(), testHome); err != nil {
		t.Fatal(err)
	}
	home, err := l.Home(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cut := context.WithCancel(t.Context())
	defer cut()
	if _, err := l.Purge(ctx, home, nil, func(int64) { cut() }); err == nil {
		t.Fatal("the purge was not cut off: this test proves nothing")
	}
	if err := l.Claim(t.Context(), testHome); err == nil || !strings.Contains(err.Error(), "run enqueue purge again") {
		t.Errorf("claiming half a ledger gives the error %v, want that the purge must be run again", err)
	}
	if home, err = l.Home(t.Context()); err != nil || !home.Purging {
		t.Fatalf("the home is %+v (error %v), want it marked as being purged", home, err)
	}
	if _, err := l.Purge(t.Context(), home, nil, nil); err != nil {
		t.Error(err)
	}
	if n := rdb.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("%d keys are left after the second purge, want none", n)
	}
	if err := l.Claim(t.Context(), liveHome); err != nil {
		t.Errorf("claiming after the purge gives the error %v, want none", err)
	}
}

// Another process claimed the ledger after the caller had read the home and before the purge.
func TestPurge_HomeHasChanged_NothingIsDeleted(t *testing.T) {
	rdb, _ := redistest.New(t)
	l := New(rdb, Options{})
	if err := l.Claim(t.Context(), liveHome); err != nil {
		t.Fatal(err)
	}
	rdb.Set(t.Context(), "ksef:inv:1", 1, 0)
	stale := testHome.first(true, 0)
	var refused *HomeError
	if _, err := l.Purge(t.Context(), stale, nil, nil); !errors.As(err, &refused) {
		t.Errorf("Purge = %v, want a HomeError", err)
	}
	if n := rdb.DBSize(t.Context()).Val(); n != 2 {
		t.Errorf("%d keys are left, want the two that were there", n)
	}
}
