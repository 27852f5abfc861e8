package app_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/tasks"
)

// keyFiles writes one key file for each letter.
func keyFiles(t *testing.T, letters string) config.Files {
	t.Helper()
	var out config.Files
	for _, l := range letters {
		file := filepath.Join(t.TempDir(), "storage_"+string(l))
		if err := os.WriteFile(file, bytes.Repeat([]byte(string(l)), 32), 0o600); err != nil {
			t.Fatal(err)
		}
		out = append(out, file)
	}
	return out
}

func TestStorage_ProcessWhoseKeysAreNotThePools_IsRefusedAtStart(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, func(c *config.Config) { c.Storage.KeyFile = keyFiles(t, "a") })
	taken := p.admit(tasks.Terms{}, good(sample.NIP(0), 2)...)
	id := p.base.Bodies.KeyIDs()[0]
	right := p.cfg
	for why, letters := range map[string]string{"none": "", "another": "b"} {
		p.cfg = right
		p.cfg.Storage.KeyFile = keyFiles(t, letters)
		base := p.open()
		_, err := app.NewWorker(t.Context(), base, zerolog.Nop())
		var field *config.FieldError
		if !errors.As(err, &field) || field.Field != "storage.key_file" || !strings.Contains(err.Error(), id) {
			t.Errorf("%s: the worker starts, or says %v", why, err)
		}
		if err := base.DeclareStorage(t.Context()); !errors.As(err, &field) {
			t.Errorf("%s: enqueue starts, or says %v", why, err)
		}
		if err := base.Close(); err != nil {
			t.Error(err)
		}
		var out strings.Builder
		if err := app.CheckAll(t.Context(), p.cfg, &out); !errors.Is(err, app.ErrCheck) || !strings.Contains(out.String(), "FAULT  storage: this pool encrypts") {
			t.Errorf("%s: --check says %v\n%s", why, err, out.String())
		}
	}
	p.cfg = right
	p.cfg.Storage.KeyFile = keyFiles(t, "ba") // a new key first
	p.work()
	p.wait(60*time.Second, taken, ledger.Receipted)
	p.balanced(2)
	var out strings.Builder
	if err := app.CheckAll(t.Context(), p.cfg, &out); err != nil || !strings.Contains(out.String(), "storage key "+id) || !strings.Contains(out.String(), "no stored document needs it") {
		t.Errorf("after the rotation --check says %v\n%s", err, out.String())
	}
}

// A worker started before the pool had a key: it says that it is not ready, leaves what it cannot open, and the others do it all.
func TestStorage_KeyIntroducedWhileAWorkerWithoutItRuns_NothingIsParkedAndItIsNotReady(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, hasty)
	sick, _ := p.workAt()
	plain := p.admit(tasks.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 1)...)
	p.wait(60*time.Second, plain, ledger.Receipted)
	p.cfg.Storage.KeyFile = keyFiles(t, "a")
	p.base = p.open()
	t.Cleanup(func() { p.base.Close() })
	well, _ := p.workAt()
	docs := good(sample.NIP(0), 30)[1:]
	taken := p.admit(tasks.Terms{Lane: ledger.Express}, docs[:6]...)
	taken = append(taken, p.admit(tasks.Terms{Lane: ledger.Bulk}, docs[6:]...)...)
	if got := get(t, "http://"+sick+"/readyz"); !strings.Contains(got, `"ready": false`) || !strings.Contains(got, p.base.Bodies.KeyIDs()[0]) {
		t.Errorf("the worker without the key says %s", got)
	}
	p.wait(90*time.Second, append(plain, taken...), ledger.Receipted)
	if got := get(t, "http://"+well+"/readyz"); !strings.Contains(got, `"ready": true`) {
		t.Errorf("the worker with the key says %s", got)
	}
	p.balanced(30)
}
