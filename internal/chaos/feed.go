//go:build unix

package chaos

import (
	"context"
	"fmt"
	"strings"
	"time"

	"ksefworker/internal/tasks"
)

// blow orders the faults. Those that still wait for their occasion must not pile up behind an outage, or the first requests after it meet them all, the circuit opens for twice as
// long each time, and the run measures nothing but that.
func (r *run) blow(ctx context.Context, gusts []gust) error {
	const pile, after = 12, 20 * time.Second
	ordered := 0
	for _, g := range gusts {
		if err := r.until(ctx, g.at); err != nil {
			return err
		}
		for ordered-r.strikes() > pile {
			if time.Since(r.began) > r.o.Feed+after {
				return nil
			}
			if err := r.until(ctx, time.Since(r.began)+100*time.Millisecond); err != nil {
				return err
			}
		}
		ordered += max(1, g.fault.Times)
		if err := r.sim.Inject(g.fault); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) strikes() int {
	n := 0
	for kind, k := range r.sim.Books().Faults {
		if !strings.HasPrefix(kind, label) {
			n += k
		}
	}
	return n
}

// handIn plays the exporter: what was not answered is handed in again until it is.
func (r *run) handIn(ctx context.Context) error {
	a, err := r.base.Admitter()
	if err != nil {
		return err
	}
	pending := r.export.deliveries
	sortByTime(pending)
	for _, d := range pending {
		if err := r.until(ctx, d.at); err != nil {
			return err
		}
		docs := make([]tasks.Document, len(d.items))
		for i, it := range d.items {
			docs[i] = it.doc
		}
		for {
			out, err := a.Admit(ctx, docs, tasks.Terms{Lane: d.lane})
			if err == nil {
				for i, o := range out {
					if o.Err != nil {
						return fmt.Errorf("hand in %s: %w", o.File, o.Err)
					}
					if d.items[i].taken.IsZero() {
						d.items[i].taken = time.Now()
					}
				}
				break
			}
			if err := r.until(ctx, time.Since(r.began)+200*time.Millisecond); err != nil {
				return err
			}
		}
	}
	return nil
}
