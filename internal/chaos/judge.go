//go:build unix

package chaos

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/simulator"
)

// judge compares what was handed in with the simulator's books and the archive. It asks neither the ledger nor any of the workers' code.
func (r *run) judge(took time.Duration) (Figures, error) {
	books := r.sim.Books()
	partial := r.partial(books.Faults)
	f := Figures{Seed: r.o.Seed, Partial: partial, Invoices: len(r.export.items), Twice: r.export.twice, Faults: books.Faults, Blows: r.blown,
		Sessions: map[string]int{}, Throttled: books.Faults[simulator.TooMany], Took: took}
	for _, n := range books.Requests {
		f.Requests += n
	}
	for _, s := range books.Sessions {
		f.Sessions[s.Lane]++
	}
	var errs []error
	if r.bucket != nil {
		errs = append(errs, r.bucket.lay(r.archive))
	}
	shelf, err := readArchive(r.archive)
	errs = append(errs, err)
	errs = append(errs, r.judgeProcesses(&f)...)
	errs = append(errs, r.judgeLimits(&f, books.Violations)...)
	errs = append(errs, judgeStrangers(r.export, books)...)
	errs = append(errs, r.judgePartial(&f, books)...)
	accepted, rejected := map[key][]simulator.Accepted{}, map[key][]simulator.Rejected{}
	for _, a := range books.Accepted {
		k := keyOf(a.NIP, a.Kind, a.Number)
		accepted[k] = append(accepted[k], a)
	}
	for _, x := range books.Rejected {
		k := keyOf(x.NIP, x.Kind, x.Number)
		rejected[k] = append(rejected[k], x)
	}
	for _, it := range r.export.items {
		k := keyOf(it.nip, it.kind, it.number)
		var err error
		if it.bad {
			f.Bad++
			err = judgeBad(&f, it, accepted[k], rejected[k], shelf)
		} else {
			err = judgeGood(&f, it, accepted[k], rejected[k], shelf)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s %s: %w", it.nip, it.number, err))
		}
	}
	return f, some(errs)
}

// tellAtMost bounds what is printed of a run that failed: the first few show what is wrong, two thousand do not.
const tellAtMost = 20

func some(errs []error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if n := len(errs) - tellAtMost; n > 0 {
		errs = append(errs[:tellAtMost:tellAtMost], fmt.Errorf("and %d more", n))
	}
	return errors.Join(errs...)
}

// key is an invoice as KSeF tells it apart. The number's white space is in order: KSeF keeps it so.
type key struct{ nip, kind, number string }

func keyOf(nip, kind, number string) key { return key{nip, kind, plain(number)} }

func judgeStrangers(e *export, b simulator.Books) []error {
	ours := map[key]bool{}
	for _, it := range e.items {
		ours[keyOf(it.nip, it.kind, it.number)] = true
	}
	var errs []error
	for _, a := range b.Accepted {
		if !ours[keyOf(a.NIP, a.Kind, a.Number)] {
			errs = append(errs, fmt.Errorf("KSeF accepted %s of %s, which nobody handed in", a.Number, a.NIP))
		}
	}
	return errs
}

// duplicate is KSeF's code for an invoice that it has already. To meet it is to have sent a second time.
const duplicate = 440

func judgeGood(f *Figures, it *item, accepted []simulator.Accepted, rejected []simulator.Rejected, s *shelf) error {
	for _, x := range rejected {
		if x.Code == duplicate {
			return fmt.Errorf("sent again in session %s after KSeF had accepted it", x.Session)
		}
	}
	got, err := s.result(it)
	if err == nil && got.State == "parked" {
		f.Parked++
		if why := explained(got, rejected); why != "" && len(accepted) == 0 {
			f.Explained++
			return nil
		}
		return fmt.Errorf("parked: %d %s", got.Code, got.Reason)
	}
	if len(accepted) != 1 {
		return fmt.Errorf("KSeF accepted it %d times (%v), the archive says %q %s", len(accepted), err, got.State, got.Reason)
	}
	a := accepted[0]
	switch {
	case err != nil:
		return err
	case a.Hash != hex.EncodeToString(it.hash[:]):
		return fmt.Errorf("KSeF has other bytes than were handed in (%s)", a.Hash)
	case got.State != "receipted":
		return fmt.Errorf("KSeF accepted it as %s, the archive says %s", a.KsefNumber, got.State)
	case got.KsefNumber != a.KsefNumber:
		return fmt.Errorf("KSeF accepted it as %s, the archive says %s", a.KsefNumber, got.KsefNumber)
	}
	f.Accepted++
	if err := s.document(it, got); err != nil {
		return err
	}
	return s.attested(it, got, a.Session)
}

// explained says which order of the run leaves no way but to park. Only one does: KSeF asked for this very invoice to be sent anew more often than a worker does it by itself.
func explained(got result, rejected []simulator.Rejected) string {
	anew := 0
	for _, x := range rejected {
		switch x.Code {
		case 435, 500, 550:
			anew++
		}
	}
	if anew > mostResends {
		return got.Reason
	}
	return ""
}

// mostResends is the promise: so often a worker sends an invoice anew before it asks a person.
const mostResends = 3

func judgeBad(f *Figures, it *item, accepted []simulator.Accepted, rejected []simulator.Rejected, s *shelf) error {
	got, err := s.result(it)
	switch {
	case len(accepted) > 0:
		return fmt.Errorf("is bad, and KSeF accepted it as %s", accepted[0].KsefNumber)
	case err != nil:
		return err
	case got.State != "rejected":
		return fmt.Errorf("is bad, and the archive says %s (%d %s)", got.State, got.Code, got.Reason)
	case !slices.ContainsFunc(rejected, func(x simulator.Rejected) bool { return x.Code == got.Code && x.Code == refusedBySchema }):
		return fmt.Errorf("rejected with %d, KSeF's books say %v", got.Code, rejected)
	case got.Reason == "":
		return errors.New("rejected without a reason")
	}
	f.Rejected++
	return nil
}

// refusedBySchema is KSeF's code for both flaws of the export.
const refusedBySchema = 450

// judgeLimits takes out what no client can help: requests that were on their way when an ordered block began, or whose warning died with the worker that
// had got it or could not be written down because Redis was away.
func (r *run) judgeLimits(f *Figures, violations []simulator.Violation) []error {
	const onTheWay, around = time.Second, 5 * time.Second
	var errs []error
	for _, v := range violations {
		excused := v.Window == "block" && slices.ContainsFunc(r.sky.ordered(), func(t time.Time) bool {
			since := v.At.Sub(t)
			if since < -onTheWay || since > around {
				return false
			}
			return since <= onTheWay || slices.ContainsFunc(r.moments, func(b time.Time) bool { return b.After(t.Add(-around)) && b.Before(v.At) })
		})
		switch {
		case excused:
		case r.forgotten(v, f.Overbooked):
			f.Overbooked++
		default:
			f.Overrun++
			errs = append(errs, fmt.Errorf("limit overrun: %+v", v))
		}
	}
	return errs
}

// judgeProcesses looks for ends that nobody ordered, and for what must never be in a log. A worker that is started while Redis is away gives up; that is its duty.
func (r *run) judgeProcesses(f *Figures) []error {
	var errs []error
	for _, s := range r.everySeat() {
		starts, _ := s.falls()
		f.Starts += starts
		data, err := os.ReadFile(s.log)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, word := range []string{"panic:", "DATA RACE", "fatal error:", "test_key"} {
			if i := strings.Index(string(data), word); i >= 0 {
				errs = append(errs, fmt.Errorf("%s wrote: %s", s.name, data[i:min(len(data), i+2000)]))
			}
		}
	}
	return errs
}
