//go:build unix

package chaos

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/connect"
	"ksefworker/internal/ledger"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/simulator"
)

func partialRun(t *testing.T, o Options) (Options, *export, []spell, []simulator.Fault) {
	t.Helper()
	o.Worker, o.Dir, o.Invoices, o.Feed = "w", "d", 400, 100*time.Second
	o, err := o.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	e := newExport(o, newDice(o.Seed), "2026-11-23")
	spells, bent := omens(o, e, newDice(o.Seed+1))
	return o, e, spells, bent
}

// Every fault can be had alone and then strikes, whatever the seed; together they share the seeds out.
func TestPartial_EachNameAlone_MakesASpellOrABentAnswer(t *testing.T) {
	for _, name := range PartialFaults() {
		for seed := range uint64(4) {
			o, _, spells, bent := partialRun(t, Options{Seed: seed, Partial: []string{name}})
			if len(spells)+len(bent) == 0 {
				t.Errorf("%s, seed %d: nothing falls", name, seed)
			}
			for _, s := range spells {
				if s.kind != name || s.at+s.lasts > o.Feed {
					t.Errorf("%s, seed %d: %s", name, seed, s)
				}
				if s.fault != nil {
					bent = append(bent, *s.fault)
				}
			}
			for _, f := range bent {
				if err := f.Validate(); err != nil || f.Label != label+name {
					t.Errorf("%s, seed %d: %+v: %v", name, seed, f, err)
				}
			}
		}
	}
	for seed, want := range map[uint64][2]bool{1: {true, false}, 2: {false, false}, 3: {true, true}, 6: {false, true}} {
		o := Options{Seed: seed, Partial: PartialFaults()}
		if got := [2]bool{o.has(ArchiveHangs), o.has(Failover)}; got != want {
			t.Errorf("seed %d: archive-hangs and failover %v, want %v", seed, got, want)
		}
	}
}

// Partial faults come on top: what is handed in and which blows fall is the seed's own, and so is each fault in company.
func TestPartial_SameSeed_SameRunWithAndWithout(t *testing.T) {
	draw := func(partial ...string) (base, alone string) {
		o, err := Options{Worker: "w", Dir: "d", Seed: 5, Invoices: 50, Partial: partial, Blows: Blows{Kills: 3}}.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		dice := newDice(5)
		e := newExport(o, dice, "2026-11-23")
		for _, it := range e.items {
			base += fmt.Sprint(it.nip, it.kind, it.lane, it.bad)
		}
		base += fmt.Sprint(forecast(o, dice), plan(o, dice))
		spells, bent := omens(o, e, newDice(9))
		for _, s := range spells {
			if s.kind == Tenant5xx {
				alone += fmt.Sprintf("%v %v %+v", s.at, s.lasts, *s.fault)
			}
		}
		return base, alone + fmt.Sprint(len(bent) > 0)
	}
	none, _ := draw()
	all, company := draw(PartialFaults()...)
	if none != all {
		t.Error("partial faults change the run itself")
	}
	if _, again := draw(PartialFaults()...); again != company {
		t.Error("a seed gave two different partial faults")
	}
	if _, two := draw(Tenant5xx, Missing); two != company {
		t.Errorf("in other company tenant-5xx is %s, with all %s", two, company)
	}
}

func TestParsePartial(t *testing.T) {
	for list, want := range map[string]int{"": 0, "none": 0, "all": len(PartialFaults()), "failover,tenant-5xx": 2} {
		if got, err := ParsePartial(list); err != nil || len(got) != want {
			t.Errorf("%q: %v %v", list, got, err)
		}
	}
	if _, err := ParsePartial("failover,tenant"); err == nil || !strings.Contains(err.Error(), Tenant5xx) {
		t.Errorf("an unknown name: %v", err)
	}
}

// Numbers that can come back otherwise are in the export where the faults need them, and no two are one invoice to KSeF.
func TestPartial_OddNumbers_StayDistinct(t *testing.T) {
	_, e, _, _ := partialRun(t, Options{Seed: 1, Partial: []string{Rewritten, Undecodable}})
	seen, blanks, digits := map[key]bool{}, 0, 0
	for _, it := range e.items {
		k := keyOf(it.nip, it.kind, it.number)
		if seen[k] {
			t.Errorf("%s stands twice", it.number)
		}
		seen[k] = true
		if k.number != it.number {
			blanks++
		}
		if strings.Trim(it.number, "0123456789") == "" {
			digits++
		}
	}
	if blanks == 0 || digits == 0 {
		t.Errorf("%d with white space out of order, %d of digits alone", blanks, digits)
	}
}

func TestBucket_Hang_HoldsRequestsUpAndCutsThem(t *testing.T) {
	b, err := openBucket()
	if err != nil {
		t.Fatal(err)
	}
	defer b.end()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	put := func() (int, error) {
		req, err := http.NewRequestWithContext(t.Context(), "PUT", b.url+"/receipts/a/b.json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Credential=AKIDTEST/20261123/eu-central-1/s3/x")
		res, err := client.Do(req)
		if err != nil {
			return 0, err
		}
		return res.StatusCode, res.Body.Close()
	}
	over := make(chan struct{})
	go func() { defer close(over); b.hang(t.Context(), 200*time.Millisecond) }()
	for b.struck() == 0 { // the first ones may come before the hang began
		if status, err := put(); err == nil && status != http.StatusOK {
			t.Fatal(status)
		}
	}
	<-over
	if status, err := put(); err != nil || status != http.StatusOK {
		t.Errorf("afterwards: %d %v", status, err)
	}
	dir := t.TempDir()
	if err := b.lay(dir); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "a", "b.json")); err != nil || string(data) != "{}" {
		t.Errorf("laid out: %s %v", data, err)
	}
}

func TestPlanted_ChangedOrPassedOverInSilence_IsTold(t *testing.T) {
	rdb, _ := redistest.New(t)
	p, err := plant(t.Context(), rdb, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	l := ledger.New(rdb, ledger.Options{})
	if counts, err := l.Counts(t.Context()); err != nil || counts[string(newerState)] != p.count(newerState) {
		t.Errorf("counts %v %v", counts, err)
	}
	for _, err := range []error{second(l.Invoice(t.Context(), p.invoice)), second(l.Package(t.Context(), p.pack))} {
		if err == nil || !strings.Contains(err.Error(), ledger.ErrNewer.Error()) {
			t.Errorf("this build reads it: %v", err)
		}
	}
	log := filepath.Join(t.TempDir(), "log")
	told := func(text string) string {
		if err := os.WriteFile(log, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(p.judge(t.Context(), rdb, []string{log}))
	}
	if got := told("skipped inv-newer and pkg-newer"); strings.Contains(got, "newer entry") {
		t.Errorf("all is well, and it says %s", got)
	}
	if got := told("skipped inv-newer"); !strings.Contains(got, "pkg-newer") || strings.Contains(got, "inv-newer") {
		t.Errorf("the package was passed over: %s", got)
	}
	rdb.HSet(t.Context(), prefix+"inv:"+p.invoice, "state", "packed")
	if got := told("skipped inv-newer and pkg-newer"); !strings.Contains(got, "inv-newer: was") {
		t.Errorf("the invoice was changed: %s", got)
	}
}

func second[T any](_ T, err error) error { return err }

// What the replica had stays, what the master was told during the lag is gone, and the next failover goes the other way.
func TestPair_Failover_LosesTheLagAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	first := redistest.StartWith(t, durable(filepath.Join(dir, "redis")))
	p, err := startPair(ctx, dir, first)
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	client := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: masterName, SentinelAddrs: []string{p.sentinel}})
	defer client.Close()
	for round := range 2 {
		kept, gone := fmt.Sprint("kept", round), fmt.Sprint("gone", round)
		if err := client.Set(ctx, kept, "1", 0).Err(); err != nil {
			t.Fatal(err)
		}
		if n, err := client.Wait(ctx, 1, 5*time.Second).Result(); err != nil || n != 1 {
			t.Fatalf("the replica has it: %d %v", n, err)
		}
		old := redis.NewClient(&redis.Options{Addr: p.master.Addr(), MaxRetries: -1})
		done := make(chan error, 1)
		go func() { done <- p.failover(ctx, 300*time.Millisecond) }()
		lost := false
		for { // the last write before the master died went to nobody else
			info, err := old.Info(ctx, "replication").Result()
			if err != nil {
				break
			}
			if strings.Contains(info, "connected_slaves:0") {
				lost = old.Set(ctx, gone, "1", 0).Err() == nil || lost
			}
		}
		_ = old.Close()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if !lost {
			t.Error("nothing could be written during the lag")
		}
		if n, err := client.Exists(ctx, kept).Result(); err != nil || n != 1 {
			t.Errorf("round %d: what the replica had: %d %v", round, n, err)
		}
		if n, err := client.Exists(ctx, gone).Result(); err != nil || n != 0 {
			t.Errorf("round %d: what only the master had: %d %v", round, n, err)
		}
	}
	if p.master != first {
		t.Error("after two failovers the first is not master again")
	}
}

func TestJudgeLimits_AfterAFailover_AWindowsLengthIsExcused(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		window string
		after  time.Duration
		told   bool
	}{
		{"minute", 500 * time.Millisecond, false},
		{"hour", 50 * time.Second, false},
		{"minute", 10 * time.Second, true},
		{"hour", 70 * time.Second, true},
		{"hour", -time.Second, true},
	} {
		r := &run{sky: &sky{}, failovers: []time.Time{now}}
		var f Figures
		errs := r.judgeLimits(&f, []simulator.Violation{{Window: c.window, At: now.Add(c.after)}})
		if (len(errs) == 1) != c.told || f.Overbooked+f.Overrun != 1 {
			t.Errorf("%s window, %v after: %v", c.window, c.after, errs)
		}
	}
	r := &run{sky: &sky{}, failovers: []time.Time{now}}
	var f Figures
	many := slices.Repeat([]simulator.Violation{{Window: "hour", At: now.Add(time.Second)}}, 20)
	if errs := r.judgeLimits(&f, many); len(errs) == 0 {
		t.Error("half a second's bookings explain twenty overruns")
	}
}

// A lone fault that holds up what it does not concern is an imbalance; in company nobody can tell who held it up.
func TestJudgePartial_AnInvoiceThatWaitedForAStrangersFault_IsTold(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		why  string
		nip  string
		wait time.Duration
		o    Options
		told bool
	}{
		{"a healthy tenant's waited", "b", worstWait + time.Second, Options{Partial: []string{Tenant5xx}}, true},
		{"a healthy tenant's went through", "b", time.Second, Options{Partial: []string{Tenant5xx}}, false},
		{"the sick tenant's waited", "a", time.Minute, Options{Partial: []string{Tenant5xx}}, false},
		{"other faults fell, too", "b", time.Minute, Options{Partial: []string{Tenant5xx, Missing}}, false},
	} {
		r := &run{o: c.o, export: &export{items: []*item{{nip: c.nip, kind: "VAT", number: "1", taken: now}}}}
		sick := spell{kind: Tenant5xx, nip: "a", fault: &simulator.Fault{}}
		r.sick = []sickness{{spell: sick, from: now.Add(-time.Second), to: now.Add(time.Minute)}}
		var f Figures
		errs := r.judgePartial(&f, simulator.Books{Accepted: []simulator.Accepted{{NIP: c.nip, Kind: "VAT", Number: "1", At: now.Add(c.wait)}}})
		if (len(errs) != 0) != c.told {
			t.Errorf("%s: %v", c.why, errs)
		}
	}
}

// A sick session may keep its own package waiting, and no other.
func TestJudgeOneSession_AnotherPackageWaited_IsTold(t *testing.T) {
	for told, waiting := range map[bool][]string{false: {"sick"}, true: {"sick", "well"}} {
		sick := spell{kind: OneSession, fault: &simulator.Fault{Kind: simulator.Status, On: "sessionStatus"}}
		r := &run{sick: []sickness{{spell: sick, waiting: waiting}}}
		if errs := r.judgeOneSession(); (len(errs) != 0) != told {
			t.Errorf("%v waited: %v", waiting, errs)
		}
	}
	rdb, _ := redistest.New(t)
	now := time.Now()
	for id, since := range map[string]time.Time{"long": now.Add(-worstWait - time.Second), "shortly": now.Add(-time.Second)} {
		at := redis.Z{Score: float64(since.UnixMilli()), Member: id}
		if err := rdb.ZAdd(t.Context(), prefix+"pst:"+string(ledger.PackageProcessing), at).Err(); err != nil {
			t.Fatal(err)
		}
	}
	r := &run{base: &connect.Pool{Ledger: ledger.New(rdb, ledger.Options{})}}
	if ids, err := r.overdue(t.Context(), now); err != nil || !slices.Equal(ids, []string{"long"}) {
		t.Errorf("overdue are %v (%v), want the one that has not moved for long", ids, err)
	}
}

func TestJudgePartial_AWorkerWithoutItsKey_MustSayWhichFile(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	r := &run{export: &export{}, strangers: []stranger{{&seat{name: "keyless-1", log: log}, "/absent-key"}}}
	for text, told := range map[string]bool{"nothing": true, "read API key: open /absent-key: no such file": false} {
		if err := os.WriteFile(log, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var f Figures
		if errs := r.judgePartial(&f, simulator.Books{}); (len(errs) != 0) != told {
			t.Errorf("%s: %v", text, errs)
		}
	}
}
