package app_test

import (
	"errors"
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

// keyFiles writes a key file for each letter.
func keyFiles(t *testing.T, letters string) config.Files {
	t.Helper()
	var out config.Files
	for _, l := range letters {
		file := filepath.Join(t.TempDir(), "storage_"+string(l))
		writeFile(t, file, strings.Repeat(string(l), 32))
		out = append(out, file)
	}
	return out
}

func TestStorage_ProcessWithoutThePoolsKeys_IsRefusedAtStart(t *testing.T) {
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
			t.Errorf("key %s: NewWorker = %v, want a refusal", why, err)
		}
		if err := base.DeclareStorage(t.Context()); !errors.As(err, &field) {
			t.Errorf("key %s: DeclareStorage = %v, want a refusal", why, err)
		}
		if err := base.Close(); err != nil {
			t.Error(err)
		}
		out, err := checkOutput(t, p.cfg)
		if !errors.Is(err, app.ErrCheck) || !strings.Contains(out, "FAULT  storage: this pool encrypts") {
			t.Errorf("key %s: --check says %v\n%s", why, err, out)
		}
	}
	p.cfg = right
	p.cfg.Storage.KeyFile = keyFiles(t, "ba") // the new key first
	p.work()
	p.wait(60*time.Second, taken, ledger.Receipted)
	p.balanced(2)
	if out, err := checkOutput(t, p.cfg); err != nil || !strings.Contains(out, "storage key "+id) ||
		!strings.Contains(out, "no stored document needs it") {
		t.Errorf("after the rotation --check says %v\n%s", err, out)
	}
}

// A worker started before the pool had a key. It shows that it is not ready and leaves the
// documents that it cannot open to the others, which send them all.
func TestStorage_KeyIntroducedWhileAWorkerWithoutItRuns_ThatWorkerIsNotReadyAndNothingIsParked(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, hasty)
	sick, _ := p.workAt()
	plain := p.admit(tasks.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 1)...)
	p.wait(60*time.Second, plain, ledger.Receipted)
	p.cfg.Storage.KeyFile = keyFiles(t, "a")
	p.base = p.open()
	t.Cleanup(func() { p.base.Close() })
	healthy, _ := p.workAt()
	docs := good(sample.NIP(0), 30)[1:]
	taken := p.admit(tasks.Terms{Lane: ledger.Express}, docs[:6]...)
	taken = append(taken, p.admit(tasks.Terms{Lane: ledger.Bulk}, docs[6:]...)...)
	if got := page(t, sick, "/readyz"); !strings.Contains(got, `"ready": false`) ||
		!strings.Contains(got, p.base.Bodies.KeyIDs()[0]) {
		t.Errorf("readiness of the worker without the key shows %s", got)
	}
	p.wait(90*time.Second, append(plain, taken...), ledger.Receipted)
	if got := page(t, healthy, "/readyz"); !strings.Contains(got, `"ready": true`) {
		t.Errorf("readiness of the worker with the key shows %s", got)
	}
	p.balanced(30)
}
