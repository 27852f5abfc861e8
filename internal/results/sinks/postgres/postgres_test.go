package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"ksefworker/internal/results"
	"ksefworker/internal/results/resulttest"
	"ksefworker/internal/results/sinks"
)

// server is a PostgreSQL server in a folder of its own, on a port of its own.
type server struct {
	t    *testing.T
	bin  string
	data string
	port int
	as   *syscall.SysProcAttr
	cmd  *exec.Cmd
}

// programs returns the folder with initdb and postgres; Debian has them outside of PATH.
func programs() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	return ""
}

// one is the server of all tests, each of which has a schema of its own.
var one *server

func TestMain(m *testing.M) {
	code := m.Run()
	if one != nil {
		one.down()
		_ = os.RemoveAll(filepath.Dir(one.data))
	}
	os.Exit(code)
}

// start returns the server of all tests. The first call makes the server and starts it. The test is
// skipped where PostgreSQL is not installed. The script .ci/run installs PostgreSQL.
func start(t *testing.T) *server {
	t.Helper()
	if one != nil {
		one.t = t
		return one
	}
	s := &server{t: t, bin: programs()}
	if s.bin == "" {
		t.Skip("no PostgreSQL on this machine: install Debian's package postgresql")
	}
	root, err := os.MkdirTemp("", "ksef-postgres-") // t.TempDir is closed to other users
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 { // PostgreSQL does not run as root
		nobody, err := user.Lookup("nobody")
		if err != nil {
			t.Skip("PostgreSQL does not run as root, and there is no user nobody")
		}
		uid, _ := strconv.Atoi(nobody.Uid)
		gid, _ := strconv.Atoi(nobody.Gid)
		s.as = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		if err := os.Chown(root, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	s.data = filepath.Join(root, "data")
	password := filepath.Join(root, "password")
	if err := os.WriteFile(password, []byte("geheim\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	init := s.command("initdb", "-D", s.data, "-U", "ksef", "-A", "scram-sha-256", "--pwfile", password, "-E", "UTF8", "--no-sync",
		"--locale", "C")
	if text, err := init.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, text)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	one = s
	s.up()
	return s
}

func (s *server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.SysProcAttr, cmd.Dir = s.as, "/"
	return cmd
}

// up starts the server and waits until it answers.
func (s *server) up() {
	s.t.Helper()
	var log bytes.Buffer
	s.cmd = s.command("postgres", "-D", s.data, "-p", strconv.Itoa(s.port), "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=", "-c", "fsync=off")
	s.cmd.Stderr = &log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for until := time.Now().Add(30 * time.Second); ; {
		conn, err := s.connect()
		if err == nil {
			_ = conn.Close(context.Background())
			return
		}
		if time.Now().After(until) {
			s.t.Fatalf("PostgreSQL does not answer: %v\n%s", err, log.String())
		}
		<-time.After(50 * time.Millisecond)
	}
}

// down kills the server.
func (s *server) down() {
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(syscall.SIGQUIT) // at once, as in a crash
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

func (s *server) url() string { return fmt.Sprintf("postgres://ksef@127.0.0.1:%d/postgres", s.port) }

func (s *server) connect() (*pgx.Conn, error) {
	cfg, err := pgx.ParseConfig(s.url())
	if err != nil {
		return nil, err
	}
	cfg.Password = "geheim"
	return pgx.ConnectConfig(context.Background(), cfg)
}

// rows returns one text for each row of a query.
func (s *server) rows(query string) []string {
	s.t.Helper()
	conn, err := s.connect()
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close(context.Background())
	found, err := conn.Query(context.Background(), query)
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := pgx.CollectRows(found, func(r pgx.CollectableRow) (string, error) {
		values, err := r.Values()
		return fmt.Sprint(values...), err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// sink makes a receiver. At the end of the test, each result that the receiver has stored must be
// as the published schema describes.
func (s *server) sink(schema string) *Sink {
	s.t.Helper()
	t := s.t
	t.Cleanup(func() {
		described := resulttest.Read(t, "../../../../docs/result.schema.json")
		for _, stored := range s.rows("select result::text from " + schema + ".invoices") {
			described.Check(t, "stored in "+schema, []byte(stored))
		}
	})
	sink, err := New(Options{URL: s.url(), Schema: schema, Password: func() (string, error) { return "geheim", nil }})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = sink.Close(context.Background()) })
	return sink
}

func message(id string, revision int64, state, reason string) sinks.Message {
	r := results.Result{ID: id, Revision: revision, State: state, Reason: reason, Tenant: "One", NIP: "5265877635", Number: "FV/1",
		Kind:      "VAT",
		IssueDate: "2026-11-23", Gross: "1230.50", Currency: "PLN", Deadline: "2026-11-24T23:59:59+01:00",
		UpdatedAt: "2026-11-23T10:02:42Z"}
	raw, _ := json.Marshal(r)
	return sinks.Message{Result: r, JSON: raw, At: time.Unix(1764000000+revision, 0)}
}

func deliver(t *testing.T, s *Sink, messages ...sinks.Message) {
	t.Helper()
	if err := errors.Join(s.Deliver(t.Context(), messages)...); err != nil {
		t.Fatal(err)
	}
}

func TestPostgres_Results_OneRowForEachInvoiceAndOneForEachEvent(t *testing.T) {
	srv := start(t)
	s := srv.sink("s0")
	deliver(t, s, message("inv-a", 5, "accepted", ""), message("inv-b", 2, "rejected", "NUL \x00 and it's quoted"))
	deliver(t, s, message("inv-a", 6, "receipted", ""))
	deliver(t, s, message("inv-a", 5, "accepted", ""), message("inv-a", 6, "receipted", "")) // told again
	refused := message("ref-c", 1764000000000, "refused", "must be XML")
	refused.IssueDate, refused.Gross, refused.Deadline = "yesterday", "a lot", "" // the columns cannot hold these values
	deliver(t, s, refused)
	got := srv.rows("select id, revision, state, issue_date::text, gross::text, ref is null, result->>'state' from s0.invoices order by id")
	want := []string{"inv-a 6 receipted 2026-11-23 1230.50 true receipted", "inv-b 2 rejected 2026-11-23 1230.50 true rejected",
		"ref-c 1764000000000 refused <nil> <nil> true refused"}
	for i := range got {
		got[i] = fmt.Sprint(got[i])
	}
	if d := cmp.Diff(norm(want), norm(got)); d != "" {
		t.Errorf("the rows of the invoices differ (-want +got):\n%s", d)
	}
	if got := srv.rows("select id, revision, state from s0.events order by id, revision"); len(got) != 4 {
		t.Errorf("the events stored are %q, want four", got)
	}
	if got := srv.rows("select reason from s0.invoices where id = 'inv-b'"); got[0] != "NUL  and it's quoted" {
		t.Errorf("the reason is stored as %q, want it without the NUL", got)
	}
}

// norm removes blanks, which fmt.Sprint sets between some values only.
func norm(all []string) []string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = string(bytes.ReplaceAll([]byte(s), []byte(" "), nil))
	}
	return out
}

func TestPostgres_ServerGoesAwayAndReturns_IsAnOutageMeanwhile(t *testing.T) {
	srv := start(t)
	s := srv.sink("s1")
	deliver(t, s, message("inv-a", 1, "accepted", ""))
	srv.down()
	for range 2 { // the first time the old connection fails, the second time no connection can be made
		err := s.Deliver(t.Context(), []sinks.Message{message("inv-b", 1, "accepted", "")})[0]
		if _, out := errors.AsType[*sinks.OutageError](err); !out {
			t.Fatalf("Deliver = %v, want an outage", err)
		}
	}
	srv.up()
	deliver(t, s, message("inv-b", 1, "accepted", ""))
	if got := srv.rows("select id from s1.invoices order by id"); len(got) != 2 {
		t.Errorf("the invoices stored are %q, want two", got)
	}
}

func TestPostgres_SeveralProcessesMakeTheTables_TheyAreMadeOnce(t *testing.T) {
	srv := start(t)
	done := make(chan []error, 4)
	for i := range 4 {
		s := srv.sink("results_of_2026")
		go func() {
			done <- s.Deliver(t.Context(), []sinks.Message{message(fmt.Sprint("inv-", i), 1, "accepted", "")})
		}()
	}
	for range 4 {
		if err := errors.Join(<-done...); err != nil {
			t.Error(err)
		}
	}
	if got := srv.rows("select version from results_of_2026.schema_version"); len(got) != 1 || got[0] != "1" {
		t.Errorf("the versions recorded are %q, want 1 once", got)
	}
}

func TestPostgres_ValueIsRefused_OthersAreWritten(t *testing.T) {
	srv := start(t)
	s := srv.sink("s3")
	deliver(t, s, message("inv-a", 1, "accepted", ""))
	conn, err := srv.connect()
	if err == nil {
		_, err = conn.Exec(t.Context(), "alter table s3.invoices add check (reason <> 'bad')")
		err = errors.Join(err, conn.Close(t.Context()))
	}
	if err != nil {
		t.Fatal(err)
	}
	huge := message("inv-c", 1, "rejected", "")
	huge.Code = 3_000_000_000
	for _, bad := range []sinks.Message{message("inv-c", 1, "rejected", "bad"), huge} {
		errs := s.Deliver(t.Context(), []sinks.Message{message("inv-b", 1, "rejected", ""), bad, message("inv-d", 1, "rejected", "")})
		if _, out := errors.AsType[*sinks.OutageError](errs[1]); errs[0] != nil || errs[1] == nil || errs[2] != nil || out {
			t.Errorf("the errors are %v, want one for the second result alone, and no outage", errs)
		}
	}
}

func TestPostgres_WrongPassword_IsAnOutageThatTellsNoPassword(t *testing.T) {
	srv := start(t)
	s, err := New(Options{URL: srv.url(), Schema: "s4", Password: func() (string, error) { return "wrong-password", nil }})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Deliver(t.Context(), []sinks.Message{message("inv-a", 1, "accepted", "")})[0]
	if _, out := errors.AsType[*sinks.OutageError](err); !out || bytes.Contains([]byte(err.Error()), []byte("wrong-password")) {
		t.Errorf("Deliver = %v, want an outage without the password in its text", err)
	}
}

func TestDocument_EscapedNULs_AreRemovedAndEscapedBackslashesStay(t *testing.T) {
	for given, want := range map[string]string{
		`{"a":"x\u0000\u0000y"}`: `{"a":"xy"}`, `{"a":"\\u0000"}`: `{"a":"\\u0000"}`, `{"a":"\\\u0000"}`: `{"a":"\\"}`,
	} {
		if got := document([]byte(given)); got != want {
			t.Errorf("%s became %s, want %s", given, got, want)
		}
	}
}
