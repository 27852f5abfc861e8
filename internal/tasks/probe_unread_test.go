package tasks_test

import (
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// follow runs the tasks of the packages that have the invoices ids, again and again, until want
// returns true. After each task of a package it waits as long as that task asked for. It fails the
// test if want is still false after the time within.
func (a *actor) follow(within time.Duration, want func() bool, ids ...string) {
	a.s.t.Helper()
	next := map[string]time.Time{} // when the next task of a package is due, by package
	var last error
	for began := a.s.now(); !want(); {
		if a.s.now().Sub(began) > within {
			a.s.t.Fatalf("after %v the state that the test waits for has not come: invoices %v; last error %v",
				within, a.s.states(ids), last)
		}
		seen := map[string]bool{}
		for _, id := range ids {
			pkg := a.s.read(id).Package
			if seen[pkg] || a.s.now().Before(next[pkg]) {
				continue
			}
			seen[pkg] = true
			kind := queue.KindConfirm
			if p, err := a.s.ledger.Package(a.s.t.Context(), pkg); err != nil || p.State == ledger.PackageCut {
				kind = queue.KindPackage
			}
			last = a.run(kind, pkg)
			next[pkg] = a.s.now().Add(max(retry.Judge(last).Delay, time.Second))
		}
		a.s.advance(10 * time.Second)
	}
}

// A refused package has ended, and its entry cannot be read. Its child, the package that has the
// invoices now, does not need that entry.
func TestRefusal_ParentCannotBeRead_TheChildGoesOn(t *testing.T) {
	for _, d := range packageDamages() {
		t.Run(d.what, func(t *testing.T) {
			s := newStage(t, simulator.Options{Faults: []simulator.Fault{{
				Kind: simulator.SessionRefused, Lane: "batch", Code: 500, Times: 2,
			}}})
			w := s.worker("w", s.client(), func(o *tasks.Options) { o.Refusals = 1 })
			a, b := s.admit(ledger.Bulk, s.good("A/1")), s.admit(ledger.Bulk, s.good("A/2"))
			parent := s.sent(w, a, b)
			w.until(queue.KindConfirm, parent, func() bool { s.advance(time.Second); return s.read(a.ID).Package != parent })
			if child := s.pkg(s.read(a.ID).Package); child.Parent != parent || s.pkg(parent).State != ledger.PackageFailed {
				t.Fatalf("the invoices are in %s, a child of %q, and the refused package %s is %s; want its child, and the state failed",
					child.ID, child.Parent, parent, s.pkg(parent).State)
			}
			d.apply(s, "ksef:pkg:"+parent)
			ids := []string{a.ID, b.ID}
			w.follow(6*time.Hour, func() bool { return s.states(ids)[ledger.Accepted] == 2 }, ids...)
		})
	}
}

// splitProbe sends four invoices in one package, and the stage's fault refuses its sessions. In the
// end the package is cut into two others: a probe, which goes ahead, and the rest, which waits for
// the probe. splitProbe returns these two packages, and the invoices of each.
func splitProbe(s *stage, w *actor) (probe, rest string, probes, rests []string) {
	s.t.Helper()
	ids, invs := s.admitMany(4)
	w.together(invs...)
	w.follow(6*time.Hour, func() bool {
		for _, id := range ids {
			if p := s.pkg(s.read(id).Package); p.Probe != "" {
				probe, rest = p.Probe, p.ID
			}
		}
		return rest != ""
	}, ids...)
	for _, id := range ids {
		if s.read(id).Package == probe {
			probes = append(probes, id)
		} else {
			rests = append(rests, id)
		}
	}
	return probe, rest, probes, rests
}

// A refused package was cut into a probe and a rest, and the rest waits for the probe. If the
// probe's entry cannot be read, the rest goes without the probe after an hour. If the entry is
// gone, the rest goes sooner.
func TestRefusal_ProbeCannotBeRead_TheRestWaitsAnHourThenGoes(t *testing.T) {
	for _, d := range packageDamages() {
		t.Run(d.what, func(t *testing.T) {
			s := newStage(t, simulator.Options{Faults: []simulator.Fault{{
				Kind: simulator.SessionRefused, Lane: "batch", Code: 500, Times: 2,
			}}})
			w := s.worker("w", s.client(), func(o *tasks.Options) { o.Refusals = 1 })
			probe, rest, _, rests := splitProbe(s, w)
			began := s.now()
			d.apply(s, "ksef:pkg:"+probe)
			gone := s.rdb.Exists(t.Context(), "ksef:pkg:"+probe).Val() == 0
			if err := w.run(queue.KindPackage, rest); !gone &&
				(err == nil || retry.Judge(err).Action != retry.Later ||
					!strings.Contains(err.Error(), probe+", whose entry cannot be read")) {
				t.Errorf("the error does not say that the rest waits for a probe that cannot be read: %v", err)
			}
			w.follow(2*time.Hour, func() bool { return s.pkg(rest).State != ledger.PackageCut }, rests...)
			switch took := s.now().Sub(began); {
			case gone && took >= 50*time.Minute:
				t.Errorf("the rest went after %v, want less than 50m, because the probe's entry is gone", took)
			case !gone && took < 50*time.Minute:
				t.Errorf("the rest went after %v, want an hour, because the probe's entry cannot be read", took)
			}
			w.follow(6*time.Hour, func() bool { return s.states(rests)[ledger.Accepted] == len(rests) }, rests...)
		})
	}
}

// The probe's entry cannot be read, but its state says that the probe has ended. So the rest need
// not wait.
func TestRefusal_ProbeIsOverAndCannotBeRead_TheRestGoesAtOnce(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.SessionRefused, Lane: "batch", Code: 500, Times: 2}}})
	w := s.worker("w", s.client(), func(o *tasks.Options) { o.Refusals = 1 })
	probe, rest, _, rests := splitProbe(s, w)
	s.rdb.HSet(t.Context(), "ksef:pkg:"+probe, "v", 2, "state", string(ledger.PackageFailed))
	w.must(queue.KindPackage, rest)
	w.follow(time.Hour, func() bool { return s.states(rests)[ledger.Accepted] == len(rests) }, rests...)
}

// The rest cannot be read, and the probe is refused. The invoices of the probe go on without the
// rest.
func TestRefusal_RestCannotBeRead_ARefusedProbeGoesOnAlone(t *testing.T) {
	for _, d := range packageDamages() {
		t.Run(d.what, func(t *testing.T) {
			s := newStage(t, simulator.Options{Faults: []simulator.Fault{{
				Kind: simulator.SessionRefused, Lane: "batch", Code: 500, Times: 3,
			}}})
			w := s.worker("w", s.client(), func(o *tasks.Options) { o.Refusals = 1 })
			probe, rest, probes, _ := splitProbe(s, w)
			d.apply(s, "ksef:pkg:"+rest)
			w.follow(6*time.Hour, func() bool { return s.states(probes)[ledger.Accepted] == len(probes) }, probes...)
			for _, id := range probes {
				if got := s.read(id).Package; got == probe || got == rest {
					t.Errorf("an invoice of the probe went through in %s, so this test proves nothing; want neither the probe %s nor the rest %s",
						got, probe, rest)
				}
			}
		})
	}
}
