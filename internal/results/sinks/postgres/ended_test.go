package postgres

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rs/zerolog"

	"ksefworker/internal/ledger"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/results/sinks"
)

// kill is a statement that ends the connection on which it runs.
const kill = "perform pg_terminate_backend(pg_backend_pid()); perform pg_sleep(10)"

// A trigger may end the connection instead of raising an error. The other results of the batch are
// written on new connections.
func TestPostgres_AResultEndsItsConnection_OthersAreWritten(t *testing.T) {
	srv := start(t)
	s := srv.sink("s20")
	deliver(t, s, message("inv-a", 1, "accepted", ""))
	srv.refuse("s20", "new.reason = 'bad'", kill)
	for _, bad := range [][]int{{31}, {0, 40, 63}} {
		srv.do(srv.url(), "truncate s20.invoices, s20.events")
		errs := s.Deliver(t.Context(), batch(64, bad...))
		check(t, errs, bad)
		for _, i := range bad {
			if out, ok := errors.AsType[*sinks.OutageError](errs[i]); !ok || out.Unreached ||
				!strings.HasPrefix(errs[i].Error(), "the connection ends when this result is written: ") {
				t.Errorf("result %d has the error %v, want it to say that the connection ends when this result is written", i, errs[i])
			}
		}
		if got := srv.rows("select count(*) from s20.events"); got[0] != fmt.Sprint(64-len(bad)) {
			t.Errorf("%s results are stored, want all but those at %d", got, bad)
		}
	}
	// A bad result that is alone in its batch is written on a second connection, because the first
	// may have ended for another reason. The second connection ends, too.
	err := s.Deliver(t.Context(), batch(1, 0))[0]
	if out, ok := errors.AsType[*sinks.OutageError](err); !ok || out.Unreached {
		t.Errorf("a bad result alone in its batch has the error %v, want an outage of a receiver that was reached", err)
	}
}

// A connection that ended while nobody used it says nothing about the next result.
func TestPostgres_IdleConnectionIsEnded_NextResultsAreWritten(t *testing.T) {
	srv := start(t)
	s := srv.sink("s21")
	deliver(t, s, message("inv-a", 1, "accepted", ""))
	srv.do(srv.url(), "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'ksef-worker'")
	deliver(t, s, message("inv-b", 1, "accepted", ""))
}

// The receiver is never out: the one result that ends its connection is held, and the results that
// come later are told.
func TestPostgres_AResultEndsItsConnection_ReceiverIsNeverOut(t *testing.T) {
	srv := start(t)
	s := srv.sink("s22")
	deliver(t, s, message("inv-a", 1, "accepted", ""))
	srv.refuse("s22", "new.number = 'FV/3'", kill)
	var mu sync.Mutex
	now := time.Now()
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	rdb, _ := redistest.New(t)
	b := &books{ledger.New(rdb, ledger.Options{Outbox: 1000, Now: clock}), t}
	r := &sinks.Runner{Name: "bi", Sink: s, Editor: &sinks.Editor{Ledger: b.Ledger, Environment: "test"}, Now: clock, Log: zerolog.Nop()}
	for i := range 6 {
		b.take(fmt.Sprintf("FV/%d", 2*i+1), uint64(2*i+1), ledger.Rejected)
		b.take(fmt.Sprintf("FV/%d", 2*i+2), uint64(2*i+2), ledger.Rejected)
		for range 3 {
			b.must(r.Run(t.Context(), nil))
			state, err := b.Sink(t.Context(), "bi")
			b.must(err)
			held, _, err := b.SinkCounts(t.Context(), "bi")
			b.must(err)
			if state.Outage != 0 || held != min(int64(i), 1) {
				t.Fatalf("after %d results the state is %+v, and %d are held, want no outage and only FV/3 held", 2*i+2, state, held)
			}
			mu.Lock()
			now = now.Add(20 * time.Minute) // what is held is tried again
			mu.Unlock()
		}
	}
	if got := srv.rows("select count(*) from s22.invoices where number like 'FV/%'"); got[0] != "12" { // the twelfth is inv-a
		t.Errorf("%s invoices are stored, want 12", got)
	}
}

// A database that ends every connection is not asked for ever. If it accepts no new connections, it
// counts as out. If it accepts new connections, each result may be bad, so it does not count as
// out.
func TestFind_EveryConnectionEnds_SearchEndsSoon(t *testing.T) {
	ends := &pgconn.PgError{Code: "57P01", SeverityUnlocalized: "FATAL"}
	for name, c := range map[string]struct {
		well error
		out  bool
	}{
		"no new connection is accepted": {&unready{ends}, true},
		"a new connection is accepted":  {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			db := database{write: func([]sinks.Message) error { calls++; return ends }, well: func() error { return c.well }}
			for i, err := range find(t.Context(), batch(64), ends, db) {
				if keepsAllOut(err) != c.out {
					t.Fatalf("result %d has the error %v, which concerns all results: %v, want %v", i, err, !c.out, c.out)
				}
			}
			if calls > maxEnds+maxAlike {
				t.Errorf("the database was called %d times, want at most %d", calls, maxEnds+maxAlike)
			}
		})
	}
}
