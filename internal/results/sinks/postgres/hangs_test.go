package postgres

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"ksefworker/internal/results/sinks"
)

// noAnswer delivers a result to a database that does not answer. That must be an outage, within the
// time limit.
func noAnswer(t *testing.T, s *Sink) {
	t.Helper()
	begun := time.Now()
	err := s.Deliver(t.Context(), []sinks.Message{message("inv-b", 1, "accepted", "")})[0]
	if _, out := errors.AsType[*sinks.OutageError](err); !out || !errors.Is(err, sinks.ErrNoAnswer) {
		t.Errorf("Deliver = %v, want an outage without an answer", err)
	}
	if took := time.Since(begun); took > 20*time.Second {
		t.Errorf("Deliver took %v, want at most 20s", took)
	}
}

// The test stops the processes of the server by a signal. The system still accepts connections and
// data for these processes, but nobody answers.
func TestPostgres_ServerHangs_IsAnOutageAndItGoesOnAfterwards(t *testing.T) {
	srv := start(t)
	s := srv.sink("s6")
	deliver(t, s, message("inv-a", 1, "accepted", ""))
	var pid int
	if err := s.conn.QueryRow(t.Context(), "select pg_backend_pid()").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	signal := func(to syscall.Signal) {
		for _, p := range []int{srv.cmd.Process.Pid, pid} {
			_ = syscall.Kill(p, to) // the process of the connection may have ended
		}
	}
	defer signal(syscall.SIGCONT)
	signal(syscall.SIGSTOP)
	s.o.Timeout = 300 * time.Millisecond
	noAnswer(t, s) // on the old connection
	noAnswer(t, s) // no new connection can be made
	if err := s.Check(t.Context()); !errors.Is(err, sinks.ErrNoAnswer) {
		t.Errorf("Check = %v, want no answer in time", err)
	}
	signal(syscall.SIGCONT)
	s.o.Timeout = 0
	deliver(t, s, message("inv-b", 1, "accepted", ""))
	if got := srv.rows("select id from s6.invoices order by id"); len(got) != 2 {
		t.Errorf("the invoices stored are %q, want two", got)
	}
}

func TestPostgres_HangsWhenItIsClosed_TheConnectionIsCut(t *testing.T) {
	srv := start(t)
	s := srv.sink("s7")
	deliver(t, s, message("inv-a", 1, "accepted", ""))
	var pid int
	if err := s.conn.QueryRow(t.Context(), "select pg_backend_pid()").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	_ = syscall.Kill(pid, syscall.SIGSTOP)
	defer func() { _ = syscall.Kill(pid, syscall.SIGCONT) }()
	begun := time.Now()
	_ = s.Close(context.Background())
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("Close took %v, want at most 10s", took)
	}
}

func TestCheck_EachFault_IsReportedAndNothingIsMade(t *testing.T) {
	srv := start(t)
	admin, err := srv.connect()
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	for _, do := range []string{
		"create role reader login password 'geheim'", "create schema theirs", "grant usage on schema theirs to reader",
	} {
		if _, err := admin.Exec(t.Context(), do); err != nil {
			t.Fatal(err)
		}
	}
	deliver(t, srv.sink("s8"), message("inv-a", 1, "accepted", ""))
	_, err = admin.Exec(t.Context(), "grant usage on schema s8 to reader; grant select on all tables in schema s8 to reader")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	reader := strings.Replace(srv.url(), "ksef@", "reader@", 1)
	for _, c := range []struct{ url, schema, password, want string }{
		{srv.url(), "s8", "geheim", ""},
		{srv.url(), "not_there", "geheim", ""},
		{srv.url(), "theirs", "geheim", ""},
		{srv.url(), "s8", "wrong", "password authentication failed"},
		{strings.Replace(srv.url(), strconv.Itoa(srv.port), strconv.Itoa(closed), 1), "s8", "geheim", "connection refused"},
		{reader, "not_there", "geheim", "schema not_there does not exist, and user reader may not make one"},
		{reader, "theirs", "geheim", "user reader may not write in schema theirs"},
		{reader, "s8", "geheim", "user reader may not write in schema s8"},
	} {
		s, err := New(Options{URL: c.url, Schema: c.schema, Password: func() (string, error) { return c.password, nil }})
		if err != nil {
			t.Fatal(err)
		}
		switch err := s.Check(t.Context()); {
		case c.want == "" && err != nil:
			t.Errorf("Check of the schema %s at %s = %v, want no error", c.schema, c.url, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), c.password)):
			t.Errorf("Check of the schema %s at %s = %v, want an error that says %q and has no password", c.schema, c.url, err, c.want)
		}
	}
	if got := srv.rows("select nspname from pg_namespace where nspname = 'not_there'"); len(got) > 0 {
		t.Errorf("Check made the schema %q", got)
	}
}
