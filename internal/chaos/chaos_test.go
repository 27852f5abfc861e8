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
	"ksefworker/internal/testbed/morning"
)

var (
	seed     = flag.Uint64("chaos.seed", 0, "run only this seed (env SEED); without it the short run has seed 1, and long runs have seeds 1, 2, …")
	seeds    = flag.Int("chaos.seeds", 0, "number of long runs (env CHAOS_SEEDS); if chaos.seed is set, one long run with that seed; 0 is one short run")
	invoices = flag.Int("chaos.invoices", 2000, "invoices in a long run")
	factor   = flag.Int("chaos.factor", 1, "multiplies disruptions and faults, to search for rare failures")
	patience = flag.Duration("chaos.patience", 0, "how long a run may take after the last invoice; 0 is 5 minutes (long run: 10); with CHAOS_FAULTS=each always 2 minutes")
	calm     = flag.Bool("chaos.calm", false, "no faults and no disruptions, and partial faults only if they are named: shows that the harness itself balances")
	race     = flag.Bool("chaos.race", false, "build the workers with the race detector")
	partial  = flag.String("chaos.partial", "", "partial faults: names with commas, all or none (env CHAOS_FAULTS, also each); default all, with chaos.calm none")
	keep     = flag.String("chaos.keep", "", "folder in which the data of the runs is kept")
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(morning.Of(m)) }

// A whole pool keeps its promises, whatever the run breaks. Nothing is lost or accepted twice, and
// every limit is kept where a client can keep it. A bad invoice harms no other invoice, and the
// exporter is told what became of each invoice. `make test` makes one short run, and `make chaos`
// ten long runs.
func TestChaos_WhateverFails_EveryInvoiceEndsOnceAndIsArchived(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	o := chaos.Options{
		Seed: *seed, ExpireLeases: true, Invoices: 360, Feed: 25 * time.Second, Patience: 5 * time.Minute,
		Disruptions: chaos.Disruptions{Kills: 4, Stops: 1, Pauses: 1, RedisKills: 1, RedisStops: 1, ExpiredLeases: 1},
	}
	runs := *seeds
	if n, err := strconv.Atoi(os.Getenv("CHAOS_SEEDS")); runs == 0 && err == nil {
		runs = n
	}
	if n, err := strconv.ParseUint(os.Getenv("SEED"), 10, 64); o.Seed == 0 && err == nil {
		o.Seed = n
	}
	if runs > 0 {
		o.ExpireLeases, o.Invoices, o.Feed, o.Patience = false, *invoices, 90*time.Second, 10*time.Minute
		o.Disruptions = chaos.Disruptions{
			Kills: 10, Stops: 3, Pauses: 2, LongPauses: 1, RedisKills: 2, RedisStops: 1, ExpiredLeases: 3,
		}
	}
	o.Faults = o.Invoices / 10 * *factor
	o.Disruptions = o.Disruptions.Times(*factor)
	o.Worker, o.Enqueue = buildPrograms(t)
	if *patience > 0 {
		o.Patience = *patience
	}
	if os.Getenv("CHAOS_FAULTS") == "each" {
		runEachPartial(t, o)
		return
	}
	list := cmp.Or(*partial, os.Getenv("CHAOS_FAULTS"), "all")
	if *calm {
		o.Faults, o.Disruptions = -1, chaos.Disruptions{}
		list = cmp.Or(*partial, os.Getenv("CHAOS_FAULTS"), "none")
	}
	var err error
	if o.Partial, err = chaos.ParsePartial(list); err != nil {
		t.Fatal(err)
	}
	if o.Seed != 0 || runs == 0 {
		if o.Seed == 0 {
			o.Seed = 1 // the short run is the same each time, as far as processes allow; make chaos varies it
		}
		runOnce(t, o)
		return
	}
	for i := range runs {
		o.Seed = uint64(i + 1)
		t.Run(fmt.Sprintf("seed %d", o.Seed), func(t *testing.T) { runOnce(t, o) })
	}
}

// runEachPartial makes a calm run with each partial fault alone, so that nothing else can delay an
// invoice.
func runEachPartial(t *testing.T, o chaos.Options) {
	o.Faults, o.Disruptions, o.Patience = -1, chaos.Disruptions{}, 2*time.Minute
	for _, name := range chaos.PartialFaults() {
		o.Seed, o.Partial = max(o.Seed, 1), []string{name}
		t.Run(name, func(t *testing.T) { runOnce(t, o) })
	}
}

func runOnce(t *testing.T, o chaos.Options) {
	t.Helper()
	t.Logf("seed %d: repeat this run with SEED=%d make chaos", o.Seed, o.Seed)
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

// buildPrograms builds the worker and enqueue. The tests run them as processes, which can be
// killed.
func buildPrograms(t *testing.T) (worker, enqueue string) {
	t.Helper()
	dir := t.TempDir()
	args := []string{"build", "-o", dir + "/"}
	if *race {
		args = append(args, "-race")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	args = append(args, "ksefworker/cmd/worker", "ksefworker/cmd/enqueue")
	out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("build the programs: %v\n%s", err, out)
	}
	return filepath.Join(dir, "worker"), filepath.Join(dir, "enqueue")
}
