package app_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// One of two workers cannot read a tenant's key, because the file is missing, empty or a folder.
// This worker leaves the tenant's tasks to the other worker, which does them about as fast as if it
// were alone. The tenant is not paused for the pool.
func TestLocalFault_OneOfTwoWorkersHasNoKey_TheOtherWorkerDoesTheWork(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, path string){
		"missing": func(*testing.T, string) {},
		"empty":   func(t *testing.T, path string) { writeFile(t, path, "") },
		"a folder": func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, 2, quickSim, hasty)
			run := func(series string) time.Duration {
				began := time.Now()
				taken := p.admitBoth(sample.NIP(0), series, 5, 10)
				until(t, 90*time.Second, "fifteen invoices are receipted", p.all(taken, receipted))
				return time.Since(began)
			}
			p.work()
			alone := run("ALONE")
			key := filepath.Join(t.TempDir(), "nokey")
			spoil(t, key)
			readable := p.cfg.Tenants[0].KeyFile
			p.cfg.Tenants[0].KeyFile = key
			addr, _ := p.workAt()
			p.cfg.Tenants[0].KeyFile = readable
			beside := run("BESIDE")
			t.Logf("15 invoices: %v by one worker, %v beside a worker without the key",
				alone.Round(time.Second/10), beside.Round(time.Second/10))
			if beside > 3*alone+20*time.Second {
				t.Errorf("15 invoices took %v beside a worker without the key and %v without that worker, want at most %v beside it",
					beside, alone, 3*alone+20*time.Second)
			}
			paused, err := p.base.Redis.Keys(t.Context(), "ksef:rate:*:credentials").Result()
			if err != nil || len(paused) > 0 {
				t.Errorf("the keys of paused tenants are %v (error %v), want none", paused, err)
			}
			metrics, ready := page(t, addr, "/metrics"), page(t, addr, "/readyz")
			for _, want := range []string{`ksef_local_fault{tenant="` + sample.NIP(0) + `"} 1`,
				`ksef_local_fault{tenant="` + sample.NIP(1) + `"} 0`} {
				if !strings.Contains(metrics, want) {
					t.Errorf("metrics lack %s", want)
				}
			}
			if !strings.Contains(ready, `"ready": false`) ||
				!strings.Contains(ready, "key_file of tenant "+sample.NIP(0)) || strings.Contains(ready, "test_key") {
				t.Errorf("readiness is %s, want not ready, with the key file named and without the key", ready)
			}
			if n := strings.Count(p.log.String(), "a fault of this process alone"); n != 1 {
				t.Errorf("the log has %d lines about the fault, want one", n)
			}
			// A corrected file takes effect without a restart.
			if err := os.RemoveAll(key); err != nil {
				t.Fatal(err)
			}
			writeFile(t, key, "test_key\n")
			if ready := page(t, addr, "/readyz"); !strings.Contains(ready, `"ready": true`) {
				t.Errorf("with the key in place the worker is not ready: %s", ready)
			}
			p.balanced(30)
		})
	}
}

// A worker that cannot use a tenant's key logs the fault when it starts, before any task of the
// tenant comes.
func TestLocalFault_NoTaskComes_IsLoggedAtStart(t *testing.T) {
	t.Parallel()
	p := newPool(t, 2, quickSim, hasty)
	p.cfg.Tenants[0].KeyFile = filepath.Join(t.TempDir(), "nokey")
	p.workAt()
	until(t, 20*time.Second, "the fault is logged", func() bool {
		return strings.Contains(p.log.String(), "key_file of tenant "+sample.NIP(0)+" cannot be used by this process")
	})
}

// dump returns every key of a Redis with its serialized value, the queue's keys included.
func dump(t *testing.T, rdb redis.UniversalClient) map[string]string {
	t.Helper()
	out := map[string]string{}
	keys, err := rdb.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if out[k], err = rdb.Dump(t.Context(), k).Result(); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// A check runs with a wrong key, without a key, with a gateway that is down, and with folders that
// do not exist or are files. It changes nothing in Redis and makes no folder. At the end a check
// with the right settings finds no fault.
func TestCheck_WhateverItFinds_ChangesNothing(t *testing.T) {
	t.Parallel()
	p := newPool(t, 2, openSim, nil)
	p.admit(intake.Terms{}, good(sample.NIP(0), 3)...) // so that ledger and queue have entries
	wrong := filepath.Join(t.TempDir(), "wrong")
	writeFile(t, wrong, "not_it\n")
	// Without this call the key would expire after a minute, and the dumps before and after a check
	// would differ.
	if err := p.base.Redis.Persist(t.Context(), "ksef:inflow:"+p.cfg.Tenants[0].Title()).Err(); err != nil {
		t.Fatal(err)
	}
	before := dump(t, p.base.Redis)
	if len(before) < 10 {
		t.Fatalf("Redis has %d keys, want at least 10: otherwise this test proves little", len(before))
	}
	for _, c := range []struct {
		why, want string
		spoil     func(c *config.Config)
	}{
		{"wrong key", "key_file with the gateway's account page", func(c *config.Config) { c.Tenants[0].KeyFile = wrong }},
		{"no key", "no file", func(c *config.Config) { c.Tenants[0].KeyFile = wrong + "er" }},
		{"gateway down", "check gateway.url", func(c *config.Config) { c.Gateway.URL = "http://127.0.0.1:1" }},
		{"spool folder is a file", "packages.spool_dir", func(c *config.Config) { c.Packages.SpoolDir = filepath.Join(wrong, "spool") }},
		{"archive's folder does not exist", "",
			func(c *config.Config) { c.Archive.URL = "file://" + filepath.Join(wrong+"-archive", "kept") }},
		{"archive's folder is a file", "not a directory",
			func(c *config.Config) { c.Archive.URL = "file://" + filepath.Join(wrong, "kept") }},
		{"no fault", "", func(*config.Config) {}},
	} {
		cfg := p.cfg
		cfg.Tenants = append([]config.Tenant(nil), p.cfg.Tenants...)
		c.spoil(&cfg)
		for range 4 { // enough failures to open a circuit
			var out bytes.Buffer
			err := app.CheckAll(t.Context(), cfg, &out)
			if (err == nil) != (c.want == "") || !strings.Contains(out.String(), c.want) {
				t.Errorf("%s: --check ends with %v, want a fault that says %q, or no fault if that is empty:\n%s",
					c.why, err, c.want, out.String())
			}
			if strings.Contains(out.String(), "not_it") {
				t.Errorf("%s: the key is shown", c.why)
			}
		}
		after := dump(t, p.base.Redis)
		for k := range after {
			if _, was := before[k]; !was {
				t.Errorf("%s: the check has written %s", c.why, k)
			}
		}
		for k, v := range before {
			if after[k] != v {
				t.Errorf("%s: the check has changed %s", c.why, k)
			}
		}
		if _, err := os.Stat(filepath.Join(wrong+"-archive", "kept")); err == nil {
			t.Errorf("%s: the check has made the archive's folder", c.why)
		}
		if _, err := os.Stat(p.cfg.Packages.SpoolDir); err == nil {
			t.Errorf("%s: the check has made the spool folder", c.why)
		}
	}
}

// The archive was used before, and its folder is missing, because a share is not mounted. The check
// reports a fault. It does not say that the first worker makes the folder, as for a new archive.
func TestCheck_ArchiveWasUsedAndItsFolderIsMissing_IsAFault(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, openSim, nil)
	dir := filepath.Join(t.TempDir(), "share")
	cfg := p.cfg
	cfg.Archive.URL = "file://" + dir
	if err := p.base.Ledger.NoteArchive(t.Context(), cfg.Archive.URL); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err := app.CheckAll(t.Context(), cfg, &out)
	said := out.String()
	if err == nil || !strings.Contains(said, "FAULT  archive "+cfg.Archive.URL) || !strings.Contains(said, "its folder does not exist") {
		t.Errorf("--check ends with %v, want a fault of the archive, whose folder does not exist\n%s", err, out.String())
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the check has made the archive's folder")
	}
}

// The folders do not exist, and their file system takes no files. To root, only a write could show
// this, and the check makes no folder. So when root runs the check, it reports that the folders are
// not proven. When another user runs it, it reports a fault. In both cases it goes on with the
// other parts.
func TestCheck_FileSystemTakesNoFiles_FoldersAreNotCalledProvenAndTheRestIsChecked(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self"); err != nil {
		t.Skip("there is no /proc")
	}
	cfg := newPool(t, 1, openSim, nil).cfg
	cfg.Packages.SpoolDir, cfg.Archive.URL = "/proc/spool", "file:///proc/archive"
	var out bytes.Buffer
	_ = app.CheckAll(t.Context(), cfg, &out)
	for _, what := range []string{"spool folder /proc/spool", "archive file:///proc/archive"} {
		if said := out.String(); !strings.Contains(said, "FAULT  "+what) && !strings.Contains(said, "note   "+what+": not proven") {
			t.Errorf("--check says neither a fault nor a note about the %s\n%s", what, said)
		}
	}
	if !strings.Contains(out.String(), "ok     tenant ") {
		t.Errorf("--check has not gone on to the tenant\n%s", out.String())
	}
}

// A check sends no request of a group whose limit is used up. A worker would wait for a place in
// the window. The check does not wait, so its request would be one too many.
func TestCheck_LimitUsedUp_SendsNoRequest(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, nil)
	p.cfg.Limits.Groups.Other = config.Rates{PerSecond: 10, PerMinute: 1, PerHour: 120}
	p.base.Config = p.cfg
	p.work()
	p.admit(intake.Terms{Lane: ledger.Express}, good(sample.NIP(0), 1)...)
	until(t, 30*time.Second, "the minute's only request for the public key is made", func() bool {
		return p.sim.Books().Requests["other:publicKey"]+p.sim.Books().Requests["publicKey"] > 0
	})
	before := p.sim.Books().Requests
	var out bytes.Buffer
	if err := app.CheckAll(t.Context(), p.cfg, &out); err == nil || !strings.Contains(out.String(), "the key was not tried") {
		t.Errorf("--check ends with %v, want that the key was not tried\n%s", err, out.String())
	}
	after := p.sim.Books().Requests
	for _, name := range []string{"other:publicKey", "publicKey"} {
		if after[name] != before[name] {
			t.Errorf("--check sent a request of %s", name)
		}
	}
}

func TestReady_SpoolCannotBeWritten_IsNotReady(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, openSim, nil)
	addr, _ := p.workAt()
	if ready := page(t, addr, "/readyz"); !strings.Contains(ready, `"ready": true`) {
		t.Fatalf("a worker with a good spool is not ready: %s", ready)
	}
	if err := os.RemoveAll(p.cfg.Packages.SpoolDir); err != nil {
		t.Fatal(err)
	}
	writeFile(t, p.cfg.Packages.SpoolDir, "")
	if ready := page(t, addr, "/readyz"); !strings.Contains(ready, `"ready": false`) ||
		!strings.Contains(ready, "packages.spool_dir") {
		t.Errorf("a worker with a bad spool is ready, or readiness does not name packages.spool_dir: %s", ready)
	}
}
