package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/plural"
	"ksefworker/internal/results/sinks"
)

// deliveriesCmd shows what receivers of results were told, and sends results again
// (docs/results.md).
type deliveriesCmd struct {
	List   listDeliveriesCmd   `cmd:"" default:"withargs" help:"${deliveries_list}"`
	Resend resendCmd           `cmd:"" help:"${deliveries_resend}"`
	Resume resumeDeliveriesCmd `cmd:"" help:"${deliveries_resume}"`

	sub string // name of the subcommand, such as "resend"
}

type listDeliveriesCmd struct {
	JSON     bool   `name:"json" help:"Print one JSON object for each receiver, or for each result that was not taken."`
	Receiver string `arg:"" optional:"" name:"RECEIVER" help:"Show the results that this receiver did not take: those that are tried again, and those that were given up."`
}

func (c *deliveriesCmd) check() error {
	if c.sub != "resend" {
		return nil
	}
	ways := 0
	for _, chosen := range []bool{c.Resend.Since != "", c.Resend.All, len(c.Resend.IDs) > 0} {
		if chosen {
			ways++
		}
	}
	switch {
	case ways == 0:
		return &usageError{what: "nothing is named", hint: "name ids, or use --all or --since"}
	case ways > 1:
		return &usageError{what: "ids, --all and --since exclude each other"}
	}
	return nil
}

func (c *deliveriesCmd) run(ctx context.Context, p *program) error {
	switch c.sub {
	case "resend":
		return c.Resend.run(ctx, p)
	case "resume":
		return c.Resume.run(ctx, p)
	}
	return c.List.run(ctx, p)
}

// receiver returns name if the configuration has a receiver of that name, and otherwise a usage
// error.
func (p *program) receiver(name string) (string, error) {
	known := p.cfg.Results.Sinks()
	if !slices.Contains(known, name) {
		hint := "none is configured: see results in the configuration"
		if len(known) > 0 {
			hint = "use one of " + strings.Join(known, ", ")
		}
		return "", &usageError{what: fmt.Sprintf("%q is not a receiver in the configuration", name), hint: hint}
	}
	return name, nil
}

// receiverState is the state of one receiver. While a Redis key of the receiver holds a value of
// the wrong type, State is "out" and Error names the key.
type receiverState struct {
	Receiver string `json:"receiver"`
	State    string `json:"state"`           // ok, out or stopped
	Since    string `json:"since,omitempty"` // RFC 3339, UTC
	// receiverCounts is nil while a Redis key of the receiver holds a value of the wrong type,
	// because then nothing is known of the receiver.
	*receiverCounts
	// Next is the time of the next call: the end of a pause of the receiver, or else the first
	// retry of a held result. RFC 3339, UTC; empty when the receiver may be called now.
	Next  string `json:"next,omitempty"`
	Error string `json:"error,omitempty"` // of the last attempt, or why a result is held
	// Tenants are those whose results the receiver does not take. There may be others whose results
	// it takes.
	Tenants []tenantState `json:"tenants,omitempty"`
}

// receiverCounts says how much a receiver was told.
type receiverCounts struct {
	Waiting int64 `json:"waiting"` // outcomes that the receiver was not told yet
	Held    int64 `json:"held"`    // invoices with an outcome whose delivery is retried
	Failed  int64 `json:"failed"`  // outcomes that were given up and are kept
	Lost    int64 `json:"lost"`    // outcomes that cannot be told any more
	Taken   int64 `json:"taken"`
}

// cells returns the counts as the table shows them.
func (c *receiverCounts) cells() [4]string {
	if c == nil {
		return [4]string{"?", "?", "?", "?"}
	}
	var out [4]string
	for i, n := range []int64{c.Waiting, c.Held, c.Failed, c.Lost} {
		out[i] = strconv.FormatInt(n, 10)
	}
	return out
}

// tenantState is the state of one receiver for one tenant.
type tenantState struct {
	Tenant  string `json:"tenant"`
	State   string `json:"state"`           // as [ledger.Standing.State] names it
	Since   string `json:"since,omitempty"` // RFC 3339, UTC
	Waiting int64  `json:"waiting"`         // outcomes that wait in the outbox
	Held    int64  `json:"held"`
	Next    string `json:"next,omitempty"`  // no result of the tenant is sent before this time; RFC 3339, UTC
	Error   string `json:"error,omitempty"` // why the receiver is told nothing of the tenant, or why a result of the tenant is held
}

func (p *program) receiverState(ctx context.Context, name string, span ledger.OutboxSpan) (receiverState, error) {
	l := p.base.Ledger
	err := l.CheckSink(ctx, name)
	if sick := ledger.SickSink(err); sick != nil {
		return receiverState{Receiver: name, State: "out", Error: ledger.WhySick(sick)}, nil
	}
	if err != nil {
		return receiverState{}, err
	}
	s, err := l.Sink(ctx, name)
	if err != nil {
		return receiverState{}, err
	}
	held, failed, err := l.SinkCounts(ctx, name)
	if err != nil {
		return receiverState{}, err
	}
	standings, err := l.Standings(ctx, name)
	if err != nil {
		return receiverState{}, err
	}
	now, err := l.Clock(ctx)
	if err != nil {
		return receiverState{}, err
	}
	out := receiverState{Receiver: name, State: "ok", Error: s.Err, receiverCounts: &receiverCounts{
		Waiting: s.Behind(span) + ledger.LeftBehind(standings), Held: held, Failed: failed, Lost: s.Lost + s.Dropped, Taken: s.Taken}}
	since := s.Out()
	switch {
	case s.Stopped != 0:
		out.State, since = "stopped", s.Stopped
	case since != 0:
		out.State = "out"
	}
	out.Since = moment(since)
	if out.State != "stopped" { // else a person decides when it is called
		next, err := nextCall(ctx, l, name, &s, standings)
		if err != nil {
			return receiverState{}, err
		}
		out.Next = ahead(next, now)
		for _, tenant := range ledger.NotTold(standings) {
			st := standings[tenant]
			out.Tenants = append(out.Tenants, tenantState{Tenant: tenant, State: st.State(), Since: moment(st.Out()),
				Waiting: st.Left, Held: st.Held, Next: ahead(s.NextOf(st), now), Error: st.Err})
		}
	}
	return out, sayWhy(ctx, p, &out)
}

// nextCall returns when a receiver is called next with a result that waits. It returns 0 when no
// result has to wait until a certain time.
func nextCall(ctx context.Context, l *ledger.Ledger, name string, s *ledger.SinkState,
	standings map[string]*ledger.Standing) (ledger.Millis, error) {
	if s.Outage != 0 {
		if next := s.NextCall(standings); next != 0 {
			return next, nil
		}
	}
	next, err := l.NextTry(ctx, name)
	return ledger.At(next), err
}

// ahead returns the time of a next call, or "" when the call may be made now.
func ahead(next ledger.Millis, now time.Time) string {
	if !sinks.Pauses(next, now) {
		return ""
	}
	return moment(next)
}

// dayOf converts a time from its form in JSON to its form in the table.
func dayOf(s string) string {
	at, _ := time.Parse(time.RFC3339, s)
	return day(at)
}

// moment returns a time in its form in JSON; "" when there is none.
func moment(m ledger.Millis) string {
	if at := m.Time(); !at.IsZero() {
		return at.UTC().Format(time.RFC3339)
	}
	return ""
}

func (c *listDeliveriesCmd) run(ctx context.Context, p *program) error {
	if c.Receiver != "" {
		return c.notTaken(ctx, p)
	}
	span, err := p.base.Ledger.Outbox(ctx)
	if err != nil {
		return err
	}
	names, sick := p.cfg.Results.Sinks(), false
	if len(names) == 0 {
		p.say("no receiver is configured: see results in the configuration")
	}
	rows := &columns{s: p.out}
	if len(names) > 0 && !c.JSON {
		rows.row("RECEIVER", "STATE", "SINCE", "WAITING", "HELD", "FAILED", "LOST", "NEXT TRY", "LAST ERROR")
	}
	for _, name := range names {
		s, err := p.receiverState(ctx, name, span)
		if err != nil {
			return err
		}
		sick = sick || s.State != "ok" || s.Failed > 0 || len(s.Tenants) > 0
		if c.JSON {
			if err := printJSON(p.out, s); err != nil {
				return err
			}
			continue
		}
		count, all := func(n int64) string { return strconv.FormatInt(n, 10) }, s.cells()
		rows.row(name, s.State, dayOf(s.Since), all[0], all[1], all[2], all[3], dayOf(s.Next), s.Error)
		for _, t := range s.Tenants {
			rows.row(name+"/"+t.Tenant, t.State, dayOf(t.Since), count(t.Waiting), count(t.Held), "", "", dayOf(t.Next), t.Error)
		}
	}
	lost, err := p.base.Ledger.NotKept(ctx)
	unknown, err := ledger.Skip(err)
	if err != nil {
		return err
	}
	if lost.N > 0 {
		p.say("%v", lost)
	}
	if len(unknown) > 0 {
		p.say("%s", ledger.WhySick(unknown))
	}
	if sick || lost.N > 0 || len(unknown) > 0 {
		return errSome
	}
	return nil
}

// notTaken lists the results that a receiver did not take.
func (c *listDeliveriesCmd) notTaken(ctx context.Context, p *program) error {
	name, err := p.receiver(c.Receiver)
	if err == nil {
		err = p.base.Ledger.CheckSink(ctx, name)
	}
	if err != nil {
		return err
	}
	list, gaveUp, err := readNotTaken(ctx, p, name)
	if err != nil {
		return err
	}
	s, err := p.base.Ledger.Sink(ctx, name)
	if err != nil {
		return err
	}
	stopped := s.Stopped != 0
	rows := &columns{s: p.out, widths: []int{30, 8, 10, 16, 8, 8, 16}}
	if len(list) > 0 && !c.JSON {
		rows.row("ID", "REVISION", "STATE", "FINAL SINCE", "DELIVERY", "ATTEMPTS", "NEXT TRY", "LAST ERROR")
	}
	for i := range list {
		r := &list[i]
		if stopped {
			r.Next = "" // a person decides when it is tried again
		}
		if c.JSON {
			r.Reason = "" // the reason may be encrypted; other commands print it with the invoice
			if err := printJSON(p.out, r); err != nil {
				return err
			}
			continue
		}
		rows.row(r.ID, strconv.FormatInt(r.Rev, 10), string(r.State), day(r.Time()), r.Delivery, strconv.Itoa(r.Attempts),
			dayOf(r.Next), r.Err)
	}
	if !c.JSON {
		untold, err := p.untold(ctx, name)
		if err != nil {
			return err
		}
		untold.say(p)
	}
	if _, err := p.base.Ledger.Outbox(ctx); err != nil { // what became final since this key is sick is not in the list
		if stopped && !c.JSON {
			sayStopped(p, name)
		}
		return err
	}
	if !c.JSON {
		sayNotTaken(p, name, len(list)-gaveUp, gaveUp, stopped)
	}
	if gaveUp > 0 || stopped {
		return errSome
	}
	return nil
}

// sayNotTaken says what becomes of the results that a receiver did not take, and what a person can
// do. held and gaveUp count these results.
func sayNotTaken(p *program, receiver string, held, gaveUp int, stopped bool) {
	switch {
	case stopped:
		sayStopped(p, receiver)
	case held > 0:
		p.say("%s tried again; at once with: %s", plural.Of(held, "result is", "results are"),
			p.command("deliveries", "resume", receiver))
	}
	if gaveUp > 0 {
		p.say("%s given up; send again with: %s", plural.Of(gaveUp, "result was", "results were"),
			p.command("deliveries", "resend", receiver, "--all"))
	}
}
