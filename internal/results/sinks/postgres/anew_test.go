package postgres

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"ksefworker/internal/results/sinks"
)

// do runs statements in the database of a URL.
func (s *server) do(url string, statements ...string) {
	s.t.Helper()
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		s.t.Fatal(err)
	}
	cfg.Password = "geheim"
	conn, err := pgx.ConnectConfig(context.Background(), cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for _, statement := range statements {
		if _, err := conn.Exec(context.Background(), statement); err != nil {
			s.t.Fatalf("run %s: %v", statement, err)
		}
	}
}

// A person drops tables while the worker runs. The worker makes them again, and results go on.
func TestPostgres_TablesAreDropped_AreMadeAgain(t *testing.T) {
	srv := start(t)
	for name, drop := range map[string]string{
		"schema": "drop schema s9 cascade", "tables": "drop table s9.invoices, s9.events",
		"every table": "drop table s9.invoices, s9.events, s9.schema_version",
	} {
		t.Run(name, func(t *testing.T) {
			srv.t = t
			t.Cleanup(func() { srv.do(srv.url(), "drop schema if exists s9 cascade") })
			s := srv.sink("s9")
			deliver(t, s, message("inv-a", 1, "accepted", ""))
			srv.do(srv.url(), drop)
			if err := s.Check(t.Context()); err != nil {
				t.Errorf("Check without tables = %v, want no error", err)
			}
			deliver(t, s, message("inv-b", 1, "accepted", ""), message("inv-c", 1, "rejected", ""))
			deliver(t, s, message("inv-b", 2, "receipted", ""))
			if got := srv.rows("select id, state from s9.invoices order by id"); len(got) != 2 {
				t.Errorf("the invoices stored are %q, want two", got)
			}
			if got := srv.rows("select version from s9.schema_version"); len(got) != 1 || got[0] != "1" {
				t.Errorf("the versions on record are %q, want 1 once", got)
			}
		})
	}
}

func TestPostgres_DatabaseIsMadeAgain_TablesAreMadeAgain(t *testing.T) {
	srv := start(t)
	srv.do(srv.url(), "create database moved")
	url := strings.TrimSuffix(srv.url(), "postgres") + "moved"
	s, err := New(Options{URL: url, Schema: "ksef", Password: func() (string, error) { return "geheim", nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	deliver(t, s, message("inv-a", 1, "accepted", ""))
	srv.do(srv.url(), "drop database moved with (force)")
	for range 2 { // the connection ends, then the database is not there
		if s.Deliver(t.Context(), []sinks.Message{message("inv-b", 1, "accepted", "")})[0] == nil {
			t.Error("a database that is not there took a result")
		}
	}
	srv.do(srv.url(), "create database moved")
	deliver(t, s, message("inv-b", 1, "accepted", ""))
}

// A person has dropped one of the two tables. The other table may hold what somebody needs, so the
// worker does not drop it. The worker says what a person can do.
func TestPostgres_OneTableIsDropped_SaysWhatToDo(t *testing.T) {
	srv := start(t)
	s, err := New(Options{URL: srv.url(), Schema: "s10", Password: func() (string, error) { return "geheim", nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	deliver(t, s, message("inv-a", 1, "accepted", ""))
	srv.do(srv.url(), "drop table s10.invoices")
	err = s.Deliver(t.Context(), []sinks.Message{message("inv-b", 1, "accepted", "")})[0]
	if err == nil || !strings.Contains(err.Error(), "rename or drop the other one too") {
		t.Errorf("Deliver = %v, want an error that says what to do with the other table", err)
	}
	if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "rename or drop the other one too") {
		t.Errorf("Check = %v, want an error that says what to do with the other table", err)
	}
	srv.do(srv.url(), "alter table s10.events rename to events_of_before")
	deliver(t, s, message("inv-b", 1, "accepted", ""))
}

// In a schema that several programs share, the table schema_version may belong to another program.
// That program's rows must not change.
func TestPostgres_VersionTableIsAnotherPrograms_ItsRowsStay(t *testing.T) {
	srv := start(t)
	srv.do(srv.url(), "create schema s12", "create table s12.schema_version (version integer primary key)",
		"insert into s12.schema_version values (1), (2), (12)")
	s, err := New(Options{URL: srv.url(), Schema: "s12", Password: func() (string, error) { return "geheim", nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	err = s.Deliver(t.Context(), []sinks.Message{message("inv-a", 1, "accepted", "")})[0]
	if err == nil || !strings.Contains(err.Error(), "a schema of its own") {
		t.Errorf("Deliver = %v, want an error that asks for a schema of its own", err)
	}
	srv.do(srv.url(), "delete from s12.schema_version where version = 12 or version = 2")
	deliver(t, s, message("inv-a", 1, "accepted", ""))
	if got := srv.rows("select version from s12.schema_version"); len(got) != 1 || got[0] != "1" {
		t.Errorf("the versions in the other program's table are %q, want 1 alone", got)
	}
}

// A user who may write to the schema but may not create a schema is told what to run.
func TestPostgres_SchemaIsDroppedAndUserMayNotMakeOne_SaysWhatToRun(t *testing.T) {
	srv := start(t)
	srv.do(srv.url(), "create role owner login password 'geheim'", "create schema s11 authorization owner")
	s, err := New(Options{URL: strings.Replace(srv.url(), "ksef@", "owner@", 1), Schema: "s11",
		Password: func() (string, error) { return "geheim", nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	deliver(t, s, message("inv-a", 1, "accepted", ""))
	srv.do(srv.url(), "drop schema s11 cascade")
	err = s.Deliver(t.Context(), []sinks.Message{message("inv-b", 1, "accepted", "")})[0]
	if err == nil || !strings.Contains(err.Error(), `create schema "s11" authorization "owner"`) {
		t.Errorf("Deliver = %v, want an error with the statement to run", err)
	}
	srv.do(srv.url(), "create schema s11 authorization owner")
	deliver(t, s, message("inv-b", 1, "accepted", ""))
}
