//go:build unix

package chaos

import (
	"context"
	"fmt"
	"time"

	"ksefworker/internal/intake"
)

// handIn plays the exporter. When a call fails, it hands in the same delivery again.
func (r *run) handIn(ctx context.Context) error {
	a := r.controller.Admitter()
	a.Check.Schema = false // KSeF is to reject the bad invoices
	for _, d := range r.export.deliveries {
		if err := r.until(ctx, d.at); err != nil {
			return err
		}
		docs := make([]intake.Document, len(d.items))
		for i, it := range d.items {
			docs[i] = it.doc
		}
		for {
			out, err := a.Admit(ctx, docs, intake.Terms{Lane: d.lane})
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
			if err := pause(ctx, 200*time.Millisecond); err != nil {
				return err
			}
		}
	}
	return nil
}
