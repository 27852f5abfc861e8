package watch

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"ksefworker/internal/archive"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/redisd"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/results"
	"ksefworker/internal/sample"
)

var monday = time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC)

// site is a folder, a ledger on a real Redis, and everything else that a watch needs.
type site struct {
	t      testing.TB
	dir    string
	rdb    *redis.Client
	ledger *ledger.Ledger
	o      Options
	clock  time.Time
	w      *Watcher
	admit  admits // Admit of the site's own admitter, for a test that replaces it
}

func newSite(t testing.TB) *site {
	t.Helper()
	rdb, srv := redistest.New(t)
	s := &site{t: t, dir: t.TempDir(), rdb: rdb, clock: monday}
	s.o = options(t.Context(), s.dir, t.TempDir(), srv, rdb, t)
	s.o.Now = func() time.Time { return s.clock }
	s.admit = s.o.Admitter.Admit
	s.ledger = ledger.New(rdb, ledger.Options{})
	t.Cleanup(s.end)
	return s
}

// options returns the options of a watch on a real Redis. A child process has no server and no
// testing.T, so it passes nil and a t of its own.
func options(ctx context.Context, dir, archived string, _ *redisd.Server, rdb *redis.Client, t interface{ Fatal(...any) }) Options {
	bodies, err := ledger.NewBodies()
	if err != nil {
		t.Fatal(err)
	}
	store, err := archive.Open(ctx, "file://"+archived, archive.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := ledger.New(rdb, ledger.Options{})
	tenants := []intake.Account{{Name: "one", NIP: sample.NIP(0)}, {Name: "two", NIP: sample.NIP(1)}}
	return Options{
		Dir: dir, Entries: l, Record: l, Owner: func(string) string { return "" },
		Admitter: &intake.Admitter{Ledger: l, Queue: queue.New(rdb), Bodies: bodies, Store: store, Now: func() time.Time { return monday },
			Accounts: tenants},
		Receipt: func(_ context.Context, r results.Result) ([]byte, error) {
			return []byte("<UPO>" + r.ID + "</UPO>"), nil
		},
		Generate:    generate,
		Environment: "test", Tenants: tenants, MaxDocument: 1 << 20, Log: zerolog.Nop(),
	}
}

// generate stands for the gateway. It makes an invoice with the number in P_2.
func generate(_ context.Context, _ string, faktura []byte) ([]byte, error) {
	var f struct{ Fa struct{ P_2 string } }
	if err := json.Unmarshal(faktura, &f); err != nil || f.Fa.P_2 == "" {
		return nil, intake.NotGenerated("Fa.P_2 is missing")
	}
	if f.Fa.P_2 == "away" {
		return nil, intake.GenerationFailed(errors.New("no connection"))
	}
	return xmlOf(0, f.Fa.P_2), nil
}

func xmlOf(tenant int, number string) []byte {
	return sample.Invoice(sample.Options{SellerNIP: sample.NIP(tenant), Number: number, IssueDate: "2026-11-23"})
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// put writes a file into the folder. It stands for a program that hands invoices in.
func (s *site) put(name string, data []byte) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	s.must(os.MkdirAll(filepath.Dir(path), 0o700))
	s.must(os.WriteFile(path, data, 0o600))
}

func (s *site) start() *Watcher {
	s.t.Helper()
	if s.w == nil {
		var err error
		s.w, err = New(s.o)
		s.must(err)
	}
	return s.w
}

func (s *site) end() {
	if s.w != nil {
		_ = s.w.Close()
		s.w = nil
	}
}

// passes runs n passes, three seconds apart.
func (s *site) passes(n int) {
	s.t.Helper()
	w := s.start()
	for range n {
		if _, err := w.pass(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
		s.clock = s.clock.Add(3 * time.Second)
	}
}

// settle moves the one invoice that has the number to a state, as a worker would.
func (s *site) settle(number string, to ledger.State) {
	s.t.Helper()
	ctx := s.t.Context()
	ids, err := s.ledger.ByNumber(ctx, number)
	s.must(err)
	if len(ids) != 1 {
		s.t.Fatalf("%s is %d times in the ledger, want once", number, len(ids))
	}
	id := ids[0]
	if to != ledger.Accepted && to != ledger.Receipted {
		s.must(s.ledger.Move(ctx, ledger.Move{ID: id, To: to, Edit: ledger.Because(450, "not good")}))
		return
	}
	inv, err := s.ledger.Invoice(ctx, id)
	s.must(err)
	if inv.State == ledger.Queued {
		s.must(s.ledger.Move(ctx, ledger.Move{ID: id, To: ledger.Packed}))
		s.must(s.ledger.Move(ctx, ledger.Move{ID: id, To: ledger.Accepted,
			Edit: ledger.Edit{}.Number(inv.NIP + "-20261123-0100A0DB5B00-39")}))
	}
	if to == ledger.Receipted {
		errs, err := s.ledger.Receipt(ctx, []string{id}, "file:///5265877635/2026-11/upo/s.xml")
		s.must(errors.Join(append(errs, err)...))
	}
}

// tree lists the files of the folder, with slashes in their names. It leaves out hidden files and
// settings.
func (s *site) tree() []string {
	s.t.Helper()
	var all []string
	s.must(filepath.WalkDir(s.dir, func(path string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(s.dir, path)
		if err == nil && !e.IsDir() && !strings.HasPrefix(rel, ".") && filepath.Base(rel) != settingsName {
			all = append(all, filepath.ToSlash(rel))
		}
		return err
	}))
	slices.Sort(all)
	return all
}

func (s *site) wantTree(want ...string) {
	s.t.Helper()
	slices.Sort(want)
	if got := s.tree(); !slices.Equal(got, want) {
		waiting, _ := os.ReadFile(filepath.Join(s.dir, waitingName))
		s.t.Errorf("the folder has\n%s\nwant\n%s\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"), waiting)
	}
}

func (s *site) result(name string) (o outcome) {
	s.t.Helper()
	s.must(json.Unmarshal([]byte(s.read(name)), &o))
	return o
}

func (s *site) read(name string) string {
	s.t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.dir, name))
	s.must(err)
	return string(raw)
}

// entries counts the invoices in the ledger.
func (s *site) entries() int {
	s.t.Helper()
	n := 0
	for _, state := range ledger.States() {
		ids, err := s.ledger.InState(s.t.Context(), state, time.Time{}, time.Time{}, 1000)
		s.must(err)
		n += len(ids)
	}
	return n
}

func (s *site) waiting(want ...string) {
	s.t.Helper()
	text := s.read(waitingName)
	for _, w := range want {
		if !strings.Contains(text, w) {
			s.t.Errorf("%q does not say %q", text, w)
		}
	}
}
