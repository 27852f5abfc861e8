package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rs/zerolog"

	"ksefworker/internal/ledger"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/results/sinks"
)

// refuse makes a trigger that runs a statement of PL/pgSQL for some rows.
func (s *server) refuse(schema, when, do string) {
	s.t.Helper()
	s.do(s.url(), "create or replace function "+schema+".refuse() returns trigger language plpgsql as $$ begin if "+when+" then "+do+
		"; end if; return new; end $$",
		"create or replace trigger refuse before insert or update on "+schema+".invoices for each row execute function "+schema+".refuse()")
}

// batch makes n results. The results at the places bad have the reason "bad".
func batch(n int, bad ...int) []sinks.Message {
	var out []sinks.Message
	for i := range n {
		reason := ""
		if slices.Contains(bad, i) {
			reason = "bad"
		}
		out = append(out, message(fmt.Sprintf("inv-%03d", i), 1, "rejected", reason))
	}
	return out
}

// The database may refuse one result with any code, because the customer's own triggers and
// policies choose the code.
func TestPostgres_OneResultIsRefusedForAnyReason_OthersAreWritten(t *testing.T) {
	srv := start(t)
	srv.do(srv.url(), "create role tenant_writer login password 'geheim'", "create schema s16 authorization tenant_writer")
	url := strings.Replace(srv.url(), "ksef@", "tenant_writer@", 1)
	deliver(t, srv.at(url, "s16"), message("inv-a", 1, "accepted", ""))
	for name, do := range map[string]string{
		"raised":         "raise exception 'not this one'",
		"feature":        "raise exception 'not this one' using errcode = '0A000'",
		"division":       "perform 1 / 0",
		"unknown column": "new.invoice_of_our_own = 1",
		"no such table":  "insert into nowhere values (1)",
		"no right":       "raise exception 'not this one' using errcode = '42501'",
		"limit":          "raise exception 'not this one' using errcode = '54000'",
		"deadlock":       "raise exception 'not this one' using errcode = '40P01'",
		"locked":         "raise exception 'not this one' using errcode = '55P03'",
		"took too long":  "raise exception 'not this one' using errcode = '57014'",
		"language":       "raise exception 'not this one' using errcode = '38000'",
		"internal":       "raise exception 'not this one' using errcode = 'XX000'",
		"limit of mine":  "raise exception 'not this one' using errcode = '53400'",
		"disk":           "raise exception 'not this one' using errcode = '53100'",
		"shutdown":       "raise exception 'not this one' using errcode = '57P01'",
		"other server":   "raise exception 'not this one' using errcode = '08001'",
		"transaction":    "raise exception 'not this one' using errcode = '25000'",
		"statement":      "raise exception 'not this one' using errcode = '26000'",
		"log-in":         "raise exception 'not this one' using errcode = '28000'",
		"system":         "raise exception 'not this one' using errcode = '58030'",
	} {
		t.Run(name, func(t *testing.T) {
			srv.t = t
			srv.do(srv.url(), "truncate s16.invoices, s16.events")
			srv.refuse("s16", "new.reason = 'bad'", do)
			bad := []int{0, 1, 40, 63}
			check(t, srv.at(url, "s16").Deliver(t.Context(), batch(64, bad...)), bad)
			if got := srv.rows("select count(*) from s16.events"); got[0] != fmt.Sprint(64-len(bad)) {
				t.Errorf("%s results are stored, want all but those at %d", got, bad)
			}
		})
	}
	t.Run("policy of rows", func(t *testing.T) {
		srv.t = t
		srv.do(srv.url(), "drop trigger refuse on s16.invoices", "truncate s16.invoices, s16.events",
			"alter table s16.invoices enable row level security", "alter table s16.invoices force row level security",
			"create policy those on s16.invoices using (reason <> 'bad')")
		check(t, srv.at(url, "s16").Deliver(t.Context(), batch(64, 7)), []int{7})
	})
}

// check fails unless exactly the results at the places bad were refused.
func check(t *testing.T, errs []error, bad []int) {
	t.Helper()
	for i, err := range errs {
		if (err != nil) != slices.Contains(bad, i) {
			t.Errorf("result %d has the error %v, want an error exactly at the places %d", i, err, bad)
		}
	}
}

// The database refuses the first half of a batch.
func TestPostgres_HalfOfABatchIsRefused_TheOtherHalfIsWritten(t *testing.T) {
	srv := start(t)
	s := srv.sink("s17")
	deliver(t, s, message("inv-a", 1, "accepted", ""))
	srv.refuse("s17", "new.reason = 'bad'", "raise exception 'not this one'")
	var bad []int
	for i := range 32 {
		bad = append(bad, i)
	}
	check(t, s.Deliver(t.Context(), batch(64, bad...)), bad)
}

// The database refuses every result. Only some results are tried one by one, and fewer of them when
// the code says that the database itself is in trouble.
func TestPostgres_EveryResultIsRefused_IsAnOutageAndOnlySomeAreTriedAlone(t *testing.T) {
	srv := start(t)
	for code, most := range map[string]int{"P0001": 60, "53100": 40} {
		t.Run(code, func(t *testing.T) {
			srv.t = t
			srv.do(srv.url(), "drop schema if exists s18 cascade")
			s := srv.sink("s18")
			deliver(t, s, message("inv-a", 1, "accepted", ""))
			srv.do(srv.url(), "create sequence s18.tries") // it counts all tries, even in transactions that fail
			srv.refuse("s18", "nextval('s18.tries') > 0", "raise exception 'closed for the night' using errcode = '"+code+"'")
			for i, err := range s.Deliver(t.Context(), batch(192)) {
				if _, out := errors.AsType[*sinks.OutageError](err); !out || !strings.Contains(err.Error(), code+": closed for the night") {
					t.Fatalf("result %d has the error %v, want an outage with the database's answer", i, err)
				}
			}
			if got := srv.rows(fmt.Sprintf("select last_value < %d from s18.tries", most)); got[0] != "true" {
				t.Errorf("the database was asked %s times, want fewer than %d", srv.rows("select last_value from s18.tries"), most)
			}
			srv.do(srv.url(), "drop trigger refuse on s18.invoices")
			deliver(t, s, batch(192)...)
		})
	}
}

// The database goes on refusing one result, with one of several codes. The receiver stays in use,
// and only that result is held.
func TestPostgres_ATriggerRefusesOneResult_ReceiverIsNotOut(t *testing.T) {
	srv := start(t)
	for _, code := range []string{"P0001", "53400", "57P03"} {
		t.Run(code, func(t *testing.T) { refusesOne(t, srv, code) })
	}
}

func refusesOne(t *testing.T, srv *server, code string) {
	srv.t = t
	srv.do(srv.url(), "drop schema if exists s19 cascade")
	s := srv.sink("s19")
	deliver(t, s, message("inv-a", 1, "accepted", ""))
	srv.refuse("s19", "new.number = 'FV/3'", "raise exception 'not this one' using errcode = '"+code+"'")
	rdb, _ := redistest.New(t)
	b := &books{ledger.New(rdb, ledger.Options{Outbox: 1000}), t}
	for i := range 8 {
		b.take(fmt.Sprintf("FV/%d", i+1), uint64(i+1), ledger.Rejected)
	}
	r := &sinks.Runner{Name: "bi", Sink: s, Editor: &sinks.Editor{Ledger: b.Ledger, Environment: "test"}, Log: zerolog.Nop()}
	b.must(r.Run(t.Context(), nil))
	state, err := b.Sink(t.Context(), "bi")
	b.must(err)
	held, _, err := b.SinkCounts(t.Context(), "bi")
	b.must(err)
	if state.Outage != 0 || held != 1 {
		t.Errorf("the state is %+v, and %d results are held, want no outage and one held", state, held)
	}
	if got := srv.rows("select number from s19.invoices where number <> 'FV/1' and number like 'FV/%' order by 1"); len(got) != 6 {
		t.Errorf("the stored numbers are %q, want FV/2 and FV/4 to FV/8", got)
	}
}

// searched is a database to which connections can be made.
func searched(write func([]sinks.Message) error) database {
	return database{write: write, well: func() error { return nil }}
}

// The time ends while parts of a batch are tried. The part that was written before counts as taken.
// The other results keep the answer that the database gave to the whole batch.
func TestFind_TimeIsOver_WhatIsLeftKeepsTheAnswerOfTheDatabase(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	raised := &pgconn.PgError{Code: "P0001", Message: "not this one"}
	calls := 0
	errs := find(ctx, batch(8), raised, searched(func(part []sinks.Message) error {
		if calls++; calls == 1 && len(part) == 4 {
			return nil
		}
		cancel()
		return context.Canceled
	}))
	left := 0
	for _, err := range errs {
		if err != nil {
			left++
		}
		if err != nil && !errors.Is(err, raised) {
			t.Errorf("a result that was left has the error %v, want the error of the whole batch", err)
		}
	}
	if left != 4 || calls != 2 {
		t.Errorf("%d results are left after %d calls, want 4 after 2", left, calls)
	}
}

// When the server ends the connection and accepts no new one, the search ends.
func TestFind_ServerGoesAway_NothingMoreIsTried(t *testing.T) {
	raised, away := &pgconn.PgError{Code: "P0001"}, &pgconn.PgError{Code: "57P03", SeverityUnlocalized: "FATAL"}
	calls := 0
	errs := find(t.Context(), batch(8), raised, searched(func([]sinks.Message) error { calls++; return &unready{away} }))
	for _, err := range errs {
		if !errors.Is(err, away) || !keepsAllOut(err) {
			t.Errorf("a result has the error %v, want one that concerns all results: the server accepts no connection", err)
		}
	}
	if calls != 1 || !worn(errs) {
		t.Errorf("after %d calls, worn is %t, want true after one call", calls, worn(errs))
	}
}

// When the disk becomes full while the search for the results at fault goes on, the search ends
// soon.
func TestFind_DiskBecomesFullMeanwhile_FewMoreAreTried(t *testing.T) {
	raised, full := &pgconn.PgError{Code: "P0001"}, &pgconn.PgError{Code: "53100", Message: "disk is full"}
	calls := 0
	errs := find(t.Context(), batch(192), raised, searched(func([]sinks.Message) error {
		if calls++; calls == 1 {
			return nil
		}
		return full
	}))
	left := 0
	for _, err := range errs {
		if err != nil {
			left++
		}
	}
	if calls > 40 || left != 96 {
		t.Errorf("%d results are left after %d calls, want 96 after at most 40", left, calls)
	}
}
