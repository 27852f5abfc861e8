//go:build unix

package chaos_test

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ksefworker/internal/chaos"
)

var (
	seed     = flag.Uint64("chaos.seed", 0, "repeat this seed (env SEED); 0 is 1 for the short run")
	seeds    = flag.Int("chaos.seeds", 0, "so many long runs, seeds 1 and up, or one of chaos.seed (env CHAOS_SEEDS); 0 is one short run")
	invoices = flag.Int("chaos.invoices", 2000, "invoices in a long run")
	fury     = flag.Int("chaos.fury", 1, "multiplies blows and faults, for hunting")
	patience = flag.Duration("chaos.patience", 0, "how long after the last invoice a run may take; 0 is 5 minutes for a short run, 10 for a long one")
	calm     = flag.Bool("chaos.calm", false, "no faults and no blows: shows that the harness itself balances")
	race     = flag.Bool("chaos.race", false, "build the workers with the race detector")
	partial  = flag.String("chaos.partial", "", "partial faults, with commas: names, all or none (env CHAOS_FAULTS); all by default, none with chaos.calm")
	keep     = flag.String("chaos.keep", "", "folder that keeps what the runs made")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Promises 1 to 4, of a whole pool under everything that a night can bring. `make test` has one short run; `make chaos` ten long ones.
func TestChaos_WhateverFalls_EveryInvoiceEndsOnceAndOnFile(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	o := chaos.Options{Seed: *seed, Lapse: true, Invoices: 360, Feed: 25 * time.Second, Patience: 5 * time.Minute,
		Blows: chaos.Blows{Kills: 4, Stops: 1, Pauses: 1, RedisKills: 1, RedisStops: 1, Lapses: 1}}
	runs := *seeds
	if n, err := strconv.Atoi(os.Getenv("CHAOS_SEEDS")); runs == 0 && err == nil {
		runs = n
	}
	if n, err := strconv.ParseUint(os.Getenv("SEED"), 10, 64); o.Seed == 0 && err == nil {
		o.Seed = n
	}
	if runs > 0 {
		o.Lapse, o.Invoices, o.Feed, o.Patience = false, *invoices, 90*time.Second, 10*time.Minute
		o.Blows = chaos.Blows{Kills: 10, Stops: 3, Pauses: 2, LongPauses: 1, RedisKills: 2, RedisStops: 1, Lapses: 3}
	}
	o.Faults = o.Invoices / 10 * *fury
	o.Blows = o.Blows.Times(*fury)
	o.Worker = buildWorker(t)
	if *patience > 0 {
		o.Patience = *patience
	}
	if os.Getenv("CHAOS_FAULTS") == "each" {
		each(t, o)
		return
	}
	list := cmp.Or(*partial, os.Getenv("CHAOS_FAULTS"), "all")
	if *calm {
		o.Faults, o.Blows = -1, chaos.Blows{}
		list = cmp.Or(*partial, os.Getenv("CHAOS_FAULTS"), "none")
	}
	var err error
	if o.Partial, err = chaos.ParsePartial(list); err != nil {
		t.Fatal(err)
	}
	if o.Seed != 0 || runs == 0 {
		if o.Seed == 0 {
			o.Seed = 1 // the short run is the same each time, as far as processes can be; make chaos has the breadth
		}
		once(t, o)
		return
	}
	for i := range runs {
		o.Seed = uint64(i + 1)
		t.Run(fmt.Sprintf("seed %d", o.Seed), func(t *testing.T) { once(t, o) })
	}
}

// each has every partial fault alone in a calm run, where nothing but it can hold an invoice up.
func each(t *testing.T, o chaos.Options) {
	o.Faults, o.Blows, o.Patience = -1, chaos.Blows{}, 2*time.Minute
	for _, name := range chaos.PartialFaults() {
		o.Seed, o.Partial = max(o.Seed, 1), []string{name}
		t.Run(name, func(t *testing.T) { once(t, o) })
	}
}

func once(t *testing.T, o chaos.Options) {
	t.Helper()
	t.Logf("seed %d: repeat it with SEED=%d make chaos", o.Seed, o.Seed)
	o.Dir = t.TempDir()
	if *keep != "" {
		o.Dir = filepath.Join(*keep, fmt.Sprint("seed-", o.Seed))
		if len(o.Partial) == 1 {
			o.Dir = filepath.Join(o.Dir, o.Partial[0])
		}
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	o.Out = t.Output()
	figures, err := chaos.Run(t.Context(), o)
	fmt.Println("chaos:", figures)
	if err != nil {
		t.Error(err)
	}
}

// buildWorker makes the program that is killed. What is tested is what is shipped: another process, not a goroutine.
func buildWorker(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "worker")
	args := []string{"build", "-o", path}
	if *race {
		args = append(args, "-race")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "go", append(args, "ksefworker/cmd/worker")...).CombinedOutput()
	if err != nil {
		t.Fatalf("build the worker: %v\n%s", err, out)
	}
	return path
}
