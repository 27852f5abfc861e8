package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"ksefworker/internal/results/sinks"
)

// at makes a receiver at a URL.
func (s *server) at(url, schema string) *Sink {
	s.t.Helper()
	sink, err := New(Options{URL: url, Schema: schema, Password: func() (string, error) { return "geheim", nil }})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = sink.Close(context.Background()) })
	return sink
}

// isOut delivers a result and returns the error, which must be an outage.
func isOut(t *testing.T, s *Sink) error {
	t.Helper()
	err := s.Deliver(t.Context(), []sinks.Message{message("inv-b", 1, "accepted", "")})[0]
	if _, out := errors.AsType[*sinks.OutageError](err); !out {
		t.Fatalf("Deliver = %v, want an outage", err)
	}
	return err
}

// When only the session is at fault, the worker begins a new session. Nobody has to restart the
// worker.
func TestPostgres_SessionIsAtFault_NextAttemptHasANewOne(t *testing.T) {
	srv := start(t)
	srv.do(srv.url(), "create role without_rights nologin")
	for name, c := range map[string]struct{ spoil, want string }{
		"read-only":       {"set default_transaction_read_only = on", "read-only, such as a standby"},
		"another role":    {"set role without_rights", "permission denied"},
		"prepared before": {"deallocate all", "prepared statement"},
	} {
		t.Run(name, func(t *testing.T) {
			srv.t = t
			srv.do(srv.url(), "drop schema if exists s13 cascade")
			s := srv.at(srv.url(), "s13")
			deliver(t, s, message("inv-a", 1, "accepted", ""))
			if _, err := s.conn.PgConn().Exec(t.Context(), c.spoil).ReadAll(); err != nil {
				t.Fatal(err)
			}
			if err := isOut(t, s); !strings.Contains(err.Error(), c.want) {
				t.Errorf("the outage is %v, want %q in it", err, c.want)
			}
			deliver(t, s, message("inv-b", 1, "accepted", ""))
		})
	}
}

// A person may close a database for writes, and open it again later. In between, the error says
// that the server is read-only.
func TestPostgres_DatabaseIsReadOnlyForSomeTime_IsSaidAndEndsByItself(t *testing.T) {
	srv := start(t)
	srv.do(srv.url(), "create database closed", "alter database closed set default_transaction_read_only = on")
	s := srv.at(strings.TrimSuffix(srv.url(), "postgres")+"closed", "ksef")
	for _, err := range []error{isOut(t, s), isOut(t, s), s.Check(t.Context())} {
		if err == nil || err.Error() != errReadOnly.Error() {
			t.Errorf("the error is %v, want it to say that the server is read-only", err)
		}
	}
	srv.do(srv.url(), "alter database closed reset default_transaction_read_only")
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("once the database can be written to, Check = %v, want nil", err)
	}
	deliver(t, s, message("inv-b", 1, "accepted", ""))
}

// standby makes a server that follows this one, and returns its port.
func (s *server) standby() int {
	s.t.Helper()
	root, err := os.MkdirTemp(filepath.Dir(s.data), "standby-")
	if err != nil {
		s.t.Fatal(err)
	}
	if s.as != nil {
		if err := os.Chown(root, int(s.as.Credential.Uid), int(s.as.Credential.Gid)); err != nil {
			s.t.Fatal(err)
		}
	}
	data := filepath.Join(root, "data")
	backup := s.command("pg_basebackup", "-D", data, "-R", "-X", "stream", "--no-sync", "--checkpoint", "fast",
		"-d", fmt.Sprintf("host=127.0.0.1 port=%d user=ksef password=geheim", s.port))
	if text, err := backup.CombinedOutput(); err != nil {
		s.t.Fatalf("pg_basebackup: %v\n%s", err, text)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	other := &server{t: s.t, bin: s.bin, data: data, as: s.as, port: l.Addr().(*net.TCPAddr).Port}
	_ = l.Close()
	s.t.Cleanup(other.down)
	other.up()
	return other.port
}

// After a failover, an address may lead to a standby for some time. The error says so. When the URL
// names several servers, the server that takes writes is used.
func TestPostgres_AddressLeadsToAStandby_IsSaidAndTheOtherServerIsTaken(t *testing.T) {
	srv := start(t)
	deliver(t, srv.sink("s14"), message("inv-a", 1, "accepted", ""))
	standby := srv.standby()
	only := strings.Replace(srv.url(), strconv.Itoa(srv.port), strconv.Itoa(standby), 1)
	s := srv.at(only, "s14")
	for _, err := range []error{isOut(t, s), s.Check(t.Context())} {
		if err == nil || err.Error() != errReadOnly.Error() {
			t.Errorf("the error is %v, want it to say that the server is read-only", err)
		}
	}
	s.o.URL = srv.url() // as when the address leads to the primary again
	deliver(t, s, message("inv-b", 1, "accepted", ""))
	both := fmt.Sprintf("postgres://ksef@127.0.0.1:%d,127.0.0.1:%d/postgres", standby, srv.port)
	for _, url := range []string{both, both + "?target_session_attrs=any", both + "?target_session_attrs=prefer-standby"} {
		deliver(t, srv.at(url, "s14"), message("inv-c", 1, "accepted", ""))
	}
}

// When the database refuses the connection itself, its answer says nothing about a result, whatever
// the class of the answer's code is. So the answer counts as an outage.
func TestPostgres_AnswerToTheConnection_IsAnOutage(t *testing.T) {
	srv := start(t)
	s := srv.at(srv.url()+"?work_mem=none", "s15")
	if err := isOut(t, s); !strings.Contains(err.Error(), "22023") {
		t.Errorf("the outage is %v, want it to have the code 22023", err)
	}
}
