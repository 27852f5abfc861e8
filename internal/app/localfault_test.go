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
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/tasks"
)

// One worker of two has no key for a tenant: missing, unreadable or empty. It leaves the tenant's
// tasks to the other one, which is about as fast as alone, and tells only itself.
func TestLocalFault_OneOfTwoWorkersHasNoKey_TheOtherDoesTheWork(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, path string){
		"missing": func(*testing.T, string) {},
		"empty": func(t *testing.T, path string) {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"a folder": func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, 2, quickSim, hasty)
			lane := tasks.Terms{Lane: ledger.Bulk}
			run := func(series string) time.Duration {
				began := time.Now()
				taken := p.admit(lane, numbered(sample.NIP(0), series+"/B", 10)...)
				taken = append(taken, p.admit(tasks.Terms{Lane: ledger.Express}, numbered(sample.NIP(0), series+"/E", 5)...)...)
				until(t, 90*time.Second, "fifteen invoices are receipted", p.all(taken, receipted))
				return time.Since(began)
			}
			p.work()
			alone := run("ALONE")
			key := filepath.Join(t.TempDir(), "nokey")
			spoil(t, key)
			sound := p.cfg.Tenants[0].KeyFile
			p.cfg.Tenants[0].KeyFile = key
			addr, _ := p.workAt()
			p.cfg.Tenants[0].KeyFile = sound
			beside := run("BESIDE")
			t.Logf("15 invoices: %v by one worker, %v with one beside it that has no key",
				alone.Round(time.Second/10), beside.Round(time.Second/10))
			if beside > 3*alone+20*time.Second {
				t.Errorf("%v, alone it took %v", beside, alone)
			}
			u, err := p.base.Redis.Keys(t.Context(), "ksef:rate:*:credentials").Result()
			if err != nil || len(u) > 0 {
				t.Errorf("the pool was told of it: %v, %v", u, err)
			}
			metrics, ready := get(t, "http://"+addr+"/metrics"), get(t, "http://"+addr+"/readyz")
			for _, want := range []string{`ksef_local_fault{tenant="` + sample.NIP(0) + `"} 1`,
				`ksef_local_fault{tenant="` + sample.NIP(1) + `"} 0`} {
				if !strings.Contains(metrics, want) {
					t.Errorf("metrics lack %s", want)
				}
			}
			if !strings.Contains(ready, `"ready": false`) ||
				!strings.Contains(ready, "key_file of tenant "+sample.NIP(0)) || strings.Contains(ready, "test_key") {
				t.Errorf("readiness says %s", ready)
			}
			if n := strings.Count(p.log.String(), "a fault of this process alone"); n != 1 {
				t.Errorf("%d lines of log about it, want one", n)
			}
			// Put right, it is found without a restart.
			if err := os.RemoveAll(key); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(key, []byte("test_key\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			if ready := get(t, "http://"+addr+"/readyz"); !strings.Contains(ready, `"ready": true`) {
				t.Errorf("readiness says %s with the key in place", ready)
			}
			p.balanced(30)
		})
	}
}

// A worker without a key says so when it starts, though no task of the tenant comes by.
func TestLocalFault_NothingToDo_ItIsSaidAtStart(t *testing.T) {
	t.Parallel()
	p := newPool(t, 2, quickSim, hasty)
	p.cfg.Tenants[0].KeyFile = filepath.Join(t.TempDir(), "nokey")
	p.workAt()
	until(t, 20*time.Second, "it is said", func() bool {
		return strings.Contains(p.log.String(), "key_file of tenant "+sample.NIP(0)+" cannot be used by this process")
	})
}

// dump is every key of a Redis with its value, the queue's own included.
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

// A check is made with a wrong key, without one, at a gateway that is away, with folders that are
// not there. Nothing in Redis changes, no folder is made, and a check with the right key that
// follows is content.
func TestCheck_WhateverItFinds_ChangesNothing(t *testing.T) {
	t.Parallel()
	p := newPool(t, 2, openSim, nil)
	p.admit(tasks.Terms{}, good(sample.NIP(0), 3)...) // something is in the ledger and in the queue
	wrong := filepath.Join(t.TempDir(), "wrong")
	if err := os.WriteFile(wrong, []byte("not_it\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := dump(t, p.base.Redis)
	if len(before) < 10 {
		t.Fatalf("only %d keys: this test proves little", len(before))
	}
	for _, c := range []struct {
		why, want string
		spoil     func(c *config.Config)
	}{
		{"wrong key", "key_file with the gateway's account page", func(c *config.Config) { c.Tenants[0].KeyFile = wrong }},
		{"no key", "no file", func(c *config.Config) { c.Tenants[0].KeyFile = wrong + "er" }},
		{"gateway away", "check gateway.url", func(c *config.Config) { c.Gateway.URL = "http://127.0.0.1:1" }},
		{"spool folder is a file", "packages.spool_dir", func(c *config.Config) { c.Packages.SpoolDir = filepath.Join(wrong, "spool") }},
		{"archive's folder is not there", "",
			func(c *config.Config) { c.Archive.URL = "file://" + filepath.Join(wrong+"-archive", "kept") }},
		{"archive's folder is a file", "not a directory",
			func(c *config.Config) { c.Archive.URL = "file://" + filepath.Join(wrong, "kept") }},
		{"all is well", "", func(*config.Config) {}},
	} {
		cfg := p.cfg
		cfg.Tenants = append([]config.Tenant(nil), p.cfg.Tenants...)
		c.spoil(&cfg)
		for range 4 { // as often as opens a circuit
			var out bytes.Buffer
			err := app.CheckAll(t.Context(), cfg, &out)
			if (err == nil) != (c.want == "") || !strings.Contains(out.String(), c.want) {
				t.Errorf("%s: %v\n%s", c.why, err, out.String())
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

// A full group is not asked for by a check: the request that it does not book would be one too
// many.
func TestCheck_NoPlaceLeft_DoesNotAsk(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, nil)
	p.cfg.Limits.Groups.Other = config.Rates{PerSecond: 10, PerMinute: 1, PerHour: 120}
	p.base.Config = p.cfg
	p.work()
	p.admit(tasks.Terms{Lane: ledger.Express}, good(sample.NIP(0), 1)...)
	until(t, 30*time.Second, "the minute's only request for the public key is made", func() bool {
		return p.sim.Books().Requests["other:publicKey"]+p.sim.Books().Requests["publicKey"] > 0
	})
	before := p.sim.Books().Requests
	var out bytes.Buffer
	if err := app.CheckAll(t.Context(), p.cfg, &out); err == nil || !strings.Contains(out.String(), "the key was not tried") {
		t.Errorf("%v\n%s", err, out.String())
	}
	after := p.sim.Books().Requests
	for _, name := range []string{"other:publicKey", "publicKey"} {
		if after[name] != before[name] {
			t.Errorf("it asked for %s all the same", name)
		}
	}
}

// A worker whose spool folder cannot be written says so; where the key of a tenant is at fault only
// that tenant's line says it.
func TestReady_SpoolCannotBeWritten_IsNotReady(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, openSim, nil)
	addr, _ := p.workAt()
	if ready := get(t, "http://"+addr+"/readyz"); !strings.Contains(ready, `"ready": true`) {
		t.Fatalf("readiness says %s", ready)
	}
	if err := os.RemoveAll(p.cfg.Packages.SpoolDir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.cfg.Packages.SpoolDir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if ready := get(t, "http://"+addr+"/readyz"); !strings.Contains(ready, `"ready": false`) ||
		!strings.Contains(ready, "packages.spool_dir") {
		t.Errorf("readiness says %s", ready)
	}
}
