package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/waiting"
)

// waitReport says during submit --wait what the open invoices wait for.
type waitReport struct {
	p        *program
	last     string    // the reasons of the last report
	checked  time.Time // when the reasons were last read
	reported time.Time // when they were last reported
}

const (
	// checkEvery is how often the reasons are read.
	checkEvery = 2 * time.Second
	// repeatEvery is how often unchanged reasons are reported again.
	repeatEvery = 10 * time.Minute
)

// update writes a line to standard error when the reasons have changed since the last report, and
// every repeatEvery while they stay the same.
func (r *waitReport) update(ctx context.Context, bar *progress, open []ledger.Invoice) {
	if len(open) == 0 || time.Since(r.checked) < checkEvery {
		return
	}
	r.checked = time.Now()
	waits, err := r.p.Explain(ctx, open)
	if err != nil {
		return // the wait itself reports that Redis does not answer
	}
	first := map[string]waiting.Wait{}
	counts := map[string]int{}
	var order []string
	for _, inv := range open {
		w, ok := waits[inv.ID]
		if !ok {
			continue
		}
		key := string(w.For)
		if counts[key]++; counts[key] == 1 {
			first[key] = w
			order = append(order, key)
		}
	}
	text := strings.Join(order, " ")
	if text == "" || text == r.last && r.checked.Sub(r.reported) < repeatEvery {
		return
	}
	r.last, r.reported = text, r.checked
	var parts []string
	for _, key := range order {
		what := first[key].What
		if until := first[key].Until; !until.IsZero() {
			what += ", until " + clock(until)
		}
		parts = append(parts, fmt.Sprintf("%d (%s)", counts[key], what))
	}
	bar.clear() // the next poll draws it again
	r.p.say("waiting: %s", strings.Join(parts, ", "))
}
