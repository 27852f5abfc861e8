//go:build unix

package chaos

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/simulator"
	"ksefworker/internal/testbed"
)

func partialRun(t *testing.T, o Options) (Options, *export, []episode, []simulator.Fault) {
	t.Helper()
	o.Worker, o.Enqueue, o.Dir, o.Invoices, o.Feed = "w", "e", "d", 400, 100*time.Second
	o, err := o.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	e := newExport(o, newDice(o.Seed), "2026-11-23")
	episodes, alterations := drawEpisodes(o, e, newDice(o.Seed+1))
	return o, e, episodes, alterations
}

// A fault that is ordered alone strikes with every seed. In the full list, some faults belong to
// some seeds only.
func TestPartial_EachNameAlone_DrawsAnEpisodeOrAnAlteredAnswer(t *testing.T) {
	for _, name := range PartialFaults() {
		for seed := range uint64(4) {
			o, _, episodes, alterations := partialRun(t, Options{Seed: seed, Partial: []string{name}})
			if len(episodes)+len(alterations) == 0 {
				t.Errorf("%s, seed %d: nothing is drawn", name, seed)
			}
			for _, e := range episodes {
				if e.kind != name || e.at+e.lasts > o.Feed {
					t.Errorf("%s, seed %d: the episode is %s, want it of this kind and over within %v", name, seed, e, o.Feed)
				}
				if e.fault != nil {
					alterations = append(alterations, *e.fault)
				}
			}
			for _, f := range alterations {
				if err := f.Validate(); err != nil || f.Label != label+name {
					t.Errorf("%s, seed %d: the fault %+v is not valid or has another label: %v", name, seed, f, err)
				}
			}
		}
	}
	for seed, want := range map[uint64][2]bool{1: {true, false}, 2: {false, false}, 3: {true, true}, 6: {false, true}} {
		o := Options{Seed: seed, Partial: PartialFaults()}
		if got := [2]bool{o.has(ArchiveHangs), o.has(Failover)}; got != want {
			t.Errorf("seed %d: the run has archive-hangs and failover: %v, want %v", seed, got, want)
		}
	}
}

// Partial faults are added to a run and do not change the rest of the run. Each partial fault is
// the same whether or not others are ordered too.
func TestPartial_SameSeed_SameRunWithAndWithout(t *testing.T) {
	draw := func(partial ...string) (base, one string) {
		o := Options{Worker: "w", Enqueue: "e", Dir: "d", Seed: 5, Invoices: 50, Partial: partial, Disruptions: Disruptions{Kills: 3}}
		o, err := o.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		dice := newDice(5)
		e := newExport(o, dice, "2026-11-23")
		for _, it := range e.items {
			base += fmt.Sprint(it.nip, it.kind, it.lane, it.bad)
		}
		base += fmt.Sprint(drawFaults(o, dice), drawDisruptions(o, dice))
		episodes, alterations := drawEpisodes(o, e, newDice(9))
		for _, e := range episodes {
			if e.kind == Tenant5xx {
				one += fmt.Sprintf("%v %v %+v", e.at, e.lasts, *e.fault)
			}
		}
		return base, one + fmt.Sprint(len(alterations) > 0)
	}
	none, _ := draw()
	all, amongAll := draw(PartialFaults()...)
	if none != all {
		t.Error("partial faults change the run itself")
	}
	if _, again := draw(PartialFaults()...); again != amongAll {
		t.Error("a seed gave two different partial faults")
	}
	if _, two := draw(Tenant5xx, Missing); two != amongAll {
		t.Errorf("tenant-5xx is %s beside one other fault, and %s beside all, want the same", two, amongAll)
	}
}

func TestParsePartial_ListOrUnknownName_IsReadOrRefused(t *testing.T) {
	for list, want := range map[string]int{"": 0, "none": 0, "all": len(PartialFaults()), "failover,tenant-5xx": 2} {
		if got, err := ParsePartial(list); err != nil || len(got) != want {
			t.Errorf("the list %q gives %v (error %v), want %d faults", list, got, err, want)
		}
	}
	if _, err := ParsePartial("failover,tenant"); err == nil || !strings.Contains(err.Error(), Tenant5xx) {
		t.Errorf("an unknown name gives %v, want an error that lists the names", err)
	}
}

// Some faults need numbers that KSeF can return in another form, so the export contains such
// numbers. Even so, no two of its invoices are the same invoice to KSeF.
func TestPartial_OddNumbers_StayDistinct(t *testing.T) {
	_, e, _, _ := partialRun(t, Options{Seed: 1, Partial: []string{Rewritten, Undecodable}})
	seen, blanks, digits := map[testbed.Invoice]bool{}, 0, 0
	for _, it := range e.items {
		k := it.invoice()
		if seen[k] {
			t.Errorf("%s occurs twice", it.number)
		}
		seen[k] = true
		if k.Number != it.number {
			blanks++
		}
		if strings.Trim(it.number, "0123456789") == "" {
			digits++
		}
	}
	if blanks == 0 || digits == 0 {
		t.Errorf("%d numbers have unusual white space and %d have digits alone, want some of each", blanks, digits)
	}
}
