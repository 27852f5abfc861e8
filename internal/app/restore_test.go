package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/intake"
	"ksefworker/internal/redisd"
	"ksefworker/internal/sample"
)

// backup names the folders with what docs/operations.md says to keep: a snapshot of Redis, and a
// copy of the archive.
type backup struct{ redis, archive string }

// saved makes a backup of the running pool.
func (p *pool) saved() backup {
	p.t.Helper()
	b := backup{p.t.TempDir(), p.t.TempDir()}
	if err := p.base.Redis.Save(p.t.Context()).Err(); err != nil { // redis-cli --rdb does the same over the network
		p.t.Fatal(err)
	}
	snapshot, err := os.ReadFile(filepath.Join(p.redis.Dir(), "dump.rdb"))
	if err != nil {
		p.t.Fatal(err)
	}
	writeFile(p.t, filepath.Join(b.redis, "dump.rdb"), string(snapshot))
	if err := os.CopyFS(b.archive, os.DirFS(p.archiveDir())); err != nil {
		p.t.Fatal(err)
	}
	return b
}

func (p *pool) archiveDir() string { return strings.TrimPrefix(p.cfg.Archive.URL, "file://") }

// restore puts a backup in place of Redis's data and of the archive, step by step as
// docs/operations.md describes. No worker may run.
func (p *pool) restore(b backup) {
	p.t.Helper()
	ctx := p.t.Context()
	if err := p.redis.Kill(); err != nil {
		p.t.Fatal(err)
	}
	// A server with appendonly yes would not read the snapshot. So a server with appendonly no
	// reads the snapshot first, and is told afterwards to write an append-only file.
	first, err := redisd.Start(ctx, redisd.Options{Dir: b.redis})
	if err != nil {
		p.t.Fatal(err)
	}
	rdb := redis.NewClient(&redis.Options{Addr: first.Addr()})
	defer rdb.Close()
	if n, err := rdb.DBSize(ctx).Result(); err != nil || n == 0 {
		p.t.Fatalf("the snapshot has %d keys, %v, want at least one", n, err)
	}
	if err := rdb.ConfigSet(ctx, "appendonly", "yes").Err(); err != nil {
		p.t.Fatal(err)
	}
	until(p.t, 30*time.Second, "the append-only file is written", func() bool {
		info := rdb.Info(ctx, "persistence").Val()
		return strings.Contains(info, "aof_enabled:1") && strings.Contains(info, "aof_rewrite_in_progress:0") &&
			strings.Contains(info, "aof_rewrite_scheduled:0")
	})
	if err := first.Stop(); err != nil {
		p.t.Fatal(err)
	}
	for to, from := range map[string]string{p.redis.Dir(): b.redis, p.archiveDir(): b.archive} {
		entries, err := os.ReadDir(to)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, e := range entries {
			if err := os.RemoveAll(filepath.Join(to, e.Name())); err != nil {
				p.t.Fatal(err)
			}
		}
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			p.t.Fatal(err)
		}
	}
	if err := p.redis.Restart(ctx); err != nil {
		p.t.Fatal(err)
	}
}

func TestRestore_OldBackupAndTheSameExportAgain_BooksBalanceAndReceiptsAreBack(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, hasty)
	docs := good(sample.NIP(0), 24)
	done, taken, later := docs[:8], docs[8:16], docs[16:]

	stop := p.work()
	before := p.wait(60*time.Second, p.admit(intake.Terms{}, done...), receipted)
	stop()
	waiting := p.admit(intake.Terms{}, taken...)
	old := p.saved()
	// The backup does not have what happens from here on: the waiting invoices are sent, and more
	// invoices come.
	stop = p.work()
	before = append(before, p.wait(60*time.Second, waiting, receipted)...)
	before = append(before, p.wait(60*time.Second, p.admit(intake.Terms{}, later...), receipted)...)
	stop()
	p.balanced(24)

	p.restore(old)
	p.work()
	after := p.wait(90*time.Second, p.admit(intake.Terms{}, docs...), receipted)
	p.balanced(24)
	for i, inv := range after {
		if inv.KsefNumber != before[i].KsefNumber {
			t.Errorf("%s has the KSeF number %s, want %s as before the restore", inv.Number, inv.KsefNumber, before[i].KsefNumber)
		}
		if recovered := i >= len(done); inv.Recovered != recovered {
			t.Errorf("%s: recovered is %v, want %v: true for an invoice that the backup does not have as receipted",
				inv.Number, inv.Recovered, recovered)
		}
		receipt := strings.TrimPrefix(inv.UPO, "file://")
		if raw, err := os.ReadFile(receipt); err != nil || !strings.Contains(string(raw), inv.KsefNumber) {
			t.Errorf("%s: its receipt %q is not in the archive, or is another one: %v", inv.Number, inv.UPO, err)
		}
	}
}
