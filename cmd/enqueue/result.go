package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
	"ksefworker/internal/tasks"
)

// refusedResult is the result of what was not taken: what could be read of it, and why.
func refusedResult(a tasks.Admission) results.Result {
	inv := a.Invoice
	return results.Result{File: a.File, NIP: inv.NIP, Number: inv.Number, Kind: inv.Kind, IssueDate: inv.IssueDate, Hash: inv.Hash, State: results.Refused, Reason: reasonOf(a.Err)}
}

// reasonOf is an error in one line: a document with several faults has them joined by newlines.
func reasonOf(err error) string {
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), "\n", " | ")
}

func (p *program) resultOf(inv ledger.Invoice) results.Result {
	return results.Of(inv, string(p.cfg.Environment))
}

// printJSON prints one object on one line. What the JSON package leaves as it is but a terminal obeys (C1 controls, DEL, marks of direction) is escaped, which a
// reader of JSON does not notice.
func printJSON(s *screen, v any) error {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // links have & in them
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	line := strings.TrimSuffix(b.String(), "\n")
	if strings.ContainsFunc(line, obeyed) {
		var safe strings.Builder
		for _, r := range line {
			if obeyed(r) && r < utf8.MaxRune {
				fmt.Fprintf(&safe, `\u%04x`, r)
			} else {
				safe.WriteRune(r)
			}
		}
		line = safe.String()
	}
	s.raw(line)
	return nil
}

// outcome says in a few words what came of an invoice: its KSeF number, or code and reason. One that has a number and a reason lacks something still: its receipt, or a person's look.
func outcome(r results.Result) string {
	if r.KsefNumber != "" && r.Reason != "" {
		return r.KsefNumber + ": " + r.Reason
	}
	if r.KsefNumber != "" {
		return r.KsefNumber
	}
	if r.Code != 0 {
		return fmt.Sprintf("%d %s", r.Code, r.Reason)
	}
	return r.Reason
}

// hoursLeft tells how far a deadline is.
func hoursLeft(deadline, now time.Time) string {
	if deadline.IsZero() {
		return ""
	}
	left, word := deadline.Sub(now), "left"
	if left < 0 {
		left, word = -left, "overdue"
	}
	if left >= 100*time.Hour {
		return fmt.Sprintf("%dd %s", int(left.Hours())/24, word)
	}
	return fmt.Sprintf("%dh%02dm %s", int(left.Hours()), int(left.Minutes())%60, word)
}

// deadlineText prints a deadline as the last minute that is in time: midnight at the end of a day is
// that day's, and as 00:00 of the next one it would be read as a day more.
func deadlineText(t time.Time) string { return day(results.LastMoment(t)) }

// day prints a point in time as people in Poland read it.
func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(invoice.Warsaw()).Format("2006-01-02 15:04")
}
