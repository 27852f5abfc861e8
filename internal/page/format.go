package page

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"ksefworker/internal/audit"
	"ksefworker/internal/explain"
	"ksefworker/internal/figures"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// number writes a number with narrow spaces between thousands.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for at := len(s) - 3; at > 0 && s[at-1] != '-'; at -= 3 {
		s = s[:at] + "\u202f" + s[at:]
	}
	return s
}

// N writes a number.
func (v *wording) N(n int64) string { return number(n) }

// When writes a point in time to the minute, in Warsaw; "" for the zero time.
func (v *wording) When(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(invoice.Warsaw()).Format("2006-01-02 15:04")
}

// Moment writes a point in time as When does, but to the second.
func (v *wording) Moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(invoice.Warsaw()).Format(time.DateTime)
}

// WhenMillis writes a time of the ledger as When does.
func (v *wording) WhenMillis(m ledger.Millis) string { return v.When(m.Time()) }

// Due writes a deadline to the minute. For a deadline at midnight it writes the minute before,
// which has the date of the day that ends then.
func (v *wording) Due(t time.Time) string { return v.When(results.LastMoment(t)) }

// Left writes how long it is until a deadline.
func (v *wording) Left(t time.Time) string {
	left := t.Sub(v.p.o.Now())
	if left < 0 {
		return v.T("overdue by %s", span(v.Lang, -left))
	}
	return v.T("in %s", span(v.Lang, left))
}

// Near reports whether a deadline is at risk.
func (v *wording) Near(t time.Time) bool { return !t.IsZero() && t.Sub(v.p.o.Now()) < v.p.o.Warn }

// Span writes a duration with two units at most.
func (v *wording) Span(d time.Duration) string { return span(v.Lang, d) }

func span(l Language, d time.Duration) string {
	day, hour := "d", "h"
	if l == explain.Polish {
		day, hour = "dn.", "godz."
	}
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d\u00a0%s", int(d.Hours())/24, day)
	case d >= 10*time.Hour:
		return fmt.Sprintf("%d\u00a0%s", int(d.Hours()), hour)
	case d >= time.Hour:
		return fmt.Sprintf("%d\u00a0%s %d\u00a0min", int(d.Hours()), hour, int(d.Minutes())%60)
	case d >= time.Minute:
		return fmt.Sprintf("%d\u00a0min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d\u00a0s", int(d.Seconds()))
}

// State is the name of a state in words.
func (v *wording) State(s any) string {
	name := fmt.Sprint(s)
	if e, ok := explain.Of(explain.State, name); ok {
		return e.In(v.Lang).Name
	}
	return name
}

// Tone says how a state is coloured: good, bad, warn, or plain.
func (v *wording) Tone(s any) string {
	switch state := ledger.State(fmt.Sprint(s)); {
	case state.InKSeF():
		return "good"
	case state == ledger.Rejected || state == results.Refused:
		return "bad"
	case state == ledger.Parked || state == ledger.Unknown:
		return "warn"
	}
	return "plain"
}

// Why returns the words about what an invoice waits for.
func (v *wording) Why(reason any) explain.Words {
	e, _ := explain.Of(explain.Wait, fmt.Sprint(reason))
	return e.In(v.Lang)
}

// Invoices counts invoices.
func (v *wording) Invoices(n int) string { return v.Count(int64(n), "invoice") }

// Per names a window of a limit.
func (v *wording) Per(d time.Duration) string {
	if d == time.Minute {
		return v.T("a minute")
	}
	if d == time.Hour {
		return v.T("an hour")
	}
	return v.Span(d)
}

// Stamp writes a time of a result as When does. s is the time in RFC 3339.
func (v *wording) Stamp(s string) string {
	t, _ := time.Parse(time.RFC3339, s) // for display
	return v.When(t)
}

// Day writes the day of a time.
func (v *wording) Day(t time.Time) string { return t.In(invoice.Warsaw()).Format(time.DateOnly) }

// Stage is where a package or an online session stands, in words.
func (v *wording) Stage(p *ledger.Package) string {
	if p.Lane == ledger.Express && p.State == ledger.PackageOpened {
		return v.T("open: invoices are sent in it one by one")
	}
	if key := stages[p.State]; key != "" {
		return v.T(key)
	}
	return string(p.State)
}

// stages are the English texts for the stages of a package. Stage translates them.
var stages = map[ledger.PackageState]string{
	ledger.PackageCut: "being built", ledger.PackageOpened: "being uploaded", ledger.PackageUploaded: "uploaded",
	ledger.PackageClosing: "being closed", ledger.PackageProcessing: "KSeF is processing it",
	ledger.PackageSettled: "every outcome is read", ledger.PackageReceipted: "done, UPO archived",
	ledger.PackageAbandoned: "given up before it was closed", ledger.PackageFailed: "refused as a whole",
}

// Handle returns the value that stands for an open item in an HTML form. It is the item's id. For a
// refused document it is the tenant, "|" and the id.
func (v *wording) Handle(it item) string {
	if it.State == results.Refused {
		return it.Tenant + "|" + it.ID
	}
	return it.ID
}

// IsInvoice reports whether an id is an invoice's.
func (v *wording) IsInvoice(id string) bool { return strings.HasPrefix(id, "inv-") }

// P writes the time within which a share q of the invoices got their KSeF number. The templates use
// it.
func (v *wording) P(f figures.Figures, q float64) string {
	took, ok := f.Quantile(q)
	if !ok {
		return "–"
	}
	return v.Span(took)
}

// Act says in words what an entry of the audit log is about.
func (v *wording) Act(e audit.Entry) string {
	text := v.T(actNames[e.What])
	if actNames[e.What] == "" {
		text = e.What
	}
	if e.NotDone != "" {
		text = v.T("%s: not done (%s)", text, strings.TrimSuffix(v.whyNot(e.NotDone), "."))
	}
	return text
}

// actNames are the English texts for what people do. Act translates them.
var actNames = map[string]string{
	audit.Login: "Logged in", audit.Logout: "Logged out", audit.Refused: "Login refused", audit.Retry: "Retried",
	audit.Dismiss: "Dismissed by a person", audit.Pause: "Tenant paused", audit.Drain: "Tenant drained",
	audit.Resume: "Sending resumed", audit.Export: "Open items exported", audit.ExportInvoices: "Invoices exported",
	audit.Resend: "Results sent again", audit.CallAgain: "Receiver called again",
	audit.Seen: "Marked as seen", audit.Unseen: "Marked as not seen",
}

// Via names where something was done.
func (v *wording) Via(via string) string {
	switch via {
	case "page":
		return v.T("this page")
	case "enqueue":
		return v.T("the command line")
	}
	return strings.ToUpper(via)
}

// words are what the table of package explain says about one code, in the visitor's language.
type words struct {
	Code, Kind, Fault, Retry string
	explain.Words
}

// wordsOf returns what the table of package explain says about a result.
func (v *wording) wordsOf(r *results.Result, rules ...string) []words {
	var all []words
	for _, e := range explain.About(explain.Facts{State: r.State, Code: r.Code, Reason: r.Reason,
		WaitingFor: r.WaitingFor, Waiting: r.WaitingWhat, Rules: rules}) {
		all = append(all, words{Code: e.Code, Kind: e.Space.Label(v.Lang), Fault: e.Fault.Label(v.Lang),
			Retry: e.Retry.Label(v.Lang), Words: e.In(v.Lang)})
	}
	return all
}
