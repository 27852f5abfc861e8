package app_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/intake"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
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
	p := newPool(t, 1, quickSim, func(c *config.Config) {
		hasty(c)
		c.Storage.KeyFile = keyFiles(t, "a")
	})
	taken := p.admit(intake.Terms{}, good(sample.NIP(0), 2)...)
	id := p.base.Bodies.KeyIDs()[0]
	right := p.cfg
	for why, letters := range map[string]string{"none": "", "another": "b"} {
		p.cfg = right
		p.cfg.Storage.KeyFile = keyFiles(t, letters)
		base := p.open()
		_, err := app.NewWorker(t.Context(), base, zerolog.Nop())
		var field *config.FieldError
		if !errors.As(err, &field) || field.Field != "storage.key_file" || !strings.Contains(err.Error(), id) {
			t.Errorf("key %s: NewWorker = %v, want a fault of storage.key_file that names the key %s", why, err, id)
		}
		if err := base.DeclareStorage(t.Context()); !errors.As(err, &field) {
			t.Errorf("key %s: DeclareStorage = %v, want a FieldError", why, err)
		}
		if err := base.Close(); err != nil {
			t.Error(err)
		}
		out, err := checkOutput(t, p.cfg)
		if !errors.Is(err, app.ErrCheck) || !strings.Contains(out, "FAULT  storage: this pool encrypts") {
			t.Errorf("key %s: --check ends with %v, want a fault of storage\n%s", why, err, out)
		}
	}
	p.cfg = right
	p.cfg.Storage.KeyFile = keyFiles(t, "ba") // a new key, and after it the old one
	p.base = p.open()
	t.Cleanup(func() { p.base.Close() })
	p.work()
	p.wait(60*time.Second, taken, ledger.Receipted)
	p.balanced(2)
	resealed(t, p)
	var out strings.Builder
	if err := app.CheckAll(t.Context(), p.cfg, &out); err != nil || !strings.Contains(out.String(), "storage key "+id) ||
		!strings.Contains(out.String(), "nothing that is stored needs it") {
		t.Errorf("after the rotation --check ends with %v, want no fault, and that nothing needs the old key\n%s", err, out.String())
	}
}

// resealed waits until the sweep has sealed every text with the first key. The sweep does not seal
// the outcomes in the outbox again. So resealed empties the outbox, as the program does after the
// time in results.keep.
func resealed(t *testing.T, p *pool) {
	t.Helper()
	first := p.base.Bodies.KeyIDs()[0]
	until(t, 60*time.Second, "every text is sealed with the first key", func() bool {
		if err := p.base.Ledger.TrimOutbox(t.Context(), 0); err != nil {
			t.Error(err)
		}
		tally, err := p.base.Ledger.SealTally(t.Context())
		return err == nil && len(tally.Texts) == 1 && tally.Texts[first] > 0
	})
}

// The key is rotated step by step, as the documentation says. --check says when nothing needs the
// old key any longer. After that, file names, reasons, refusals and a hold can all be read without
// the old key.
func TestStorage_KeyIsRotatedAsDocumented_NothingIsLost(t *testing.T) {
	t.Parallel()
	old, fresh := keyFiles(t, "a")[0], keyFiles(t, "b")[0]
	var p *pool
	turn := func(keys ...string) {
		p.cfg.Storage.KeyFile = keys
		p.base = p.open()
		base := p.base
		t.Cleanup(func() { base.Close() })
		if err := p.base.DeclareStorage(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	check := func() string {
		var out strings.Builder
		_ = app.CheckAll(t.Context(), p.cfg, &out)
		return out.String()
	}
	p = newPool(t, 1, quickSim, func(c *config.Config) {
		hasty(c)
		c.Storage.KeyFile = config.Files{old}
	})
	id := p.base.Bodies.KeyIDs()[0]
	docs := good(sample.NIP(0), 3)
	bad := sample.Invoice(sample.Options{SellerNIP: sample.NIP(0), Number: "BAD/1", IssueDate: invoice.Today(time.Now()), Seed: 3})
	bad = bytes.Replace(bad, []byte("<RodzajFaktury>VAT<"), []byte("<RodzajFaktury>PROFORMA<"), 1)
	docs = append(docs, intake.Document{File: "bad.xml", Data: bad})
	stop := p.work()
	taken := p.admit(intake.Terms{Lane: ledger.Bulk}, docs...)
	until(t, 60*time.Second, "all four invoices are decided", func() bool {
		counts, err := p.base.Ledger.Counts(t.Context())
		return err == nil && counts[string(ledger.Receipted)] == 3 && counts[string(ledger.Rejected)] == 1
	})
	stop()
	refused := ledger.Refusal{
		ID: ledger.RefusalOfFile("refused.xml"), File: "refused.xml",
		Faults: []ledger.RefusalFault{{Rule: "r", Value: "v"}},
	}
	if err := p.base.Ledger.Refuse(t.Context(), []ledger.Refusal{refused}); err != nil {
		t.Fatal(err)
	}
	if err := p.base.Ledger.Hold(t.Context(), "another", ledger.Hold{Kind: ledger.Paused, By: "jan", Why: "the audit"}); err != nil {
		t.Fatal(err)
	}

	turn(old, fresh)
	turn(fresh, old)
	if got := check(); !strings.Contains(got, "storage key "+id) || strings.Contains(got, "may be removed") {
		t.Errorf("the old key is still needed, but --check says\n%s", got)
	}
	stop = p.work()
	resealed(t, p)
	if got := check(); strings.Contains(got, "may be removed") { // the rejected invoice keeps its document
		t.Errorf("a rejected document needs the old key, but --check says\n%s", got)
	}
	if got := p.state(taken[3]); p.base.Ledger.Dismiss(t.Context(), &got, ledger.Dismissal{By: "jan", Reason: "not ours"}) != nil {
		t.Fatal("the rejected invoice cannot be dismissed")
	}
	until(t, 10*time.Second, "the document of the dismissed invoice is removed", func() bool {
		_, err := p.base.Ledger.Shed(t.Context(), time.Millisecond, 0, 10)
		kept, e := p.base.Ledger.HasBody(t.Context(), &ledger.Invoice{Facts: ledger.Facts{ID: taken[3].Invoice.ID}})
		return errors.Join(err, e) == nil && !kept
	})
	resealed(t, p)
	if got := check(); !strings.Contains(got, "nothing that is stored needs it, so it may be removed") {
		t.Errorf("nothing needs the old key, but --check says\n%s", got)
	}
	stop()

	turn(fresh)
	for i, id := range taken {
		if got := p.state(id); got.File != docs[i].File || strings.Contains(got.Reason, "encrypted") {
			t.Errorf("%s cannot be read in full: file %q, reason %q", got.ID, got.File, got.Reason)
		}
	}
	if got := p.state(taken[3]); !strings.Contains(got.Reason, "not ours") || !strings.Contains(got.Reason, "PROFORMA") {
		t.Errorf("the reason is %q, want that of the dismissal and that of KSeF's rejection", got.Reason)
	}
	refusals, err := p.base.Ledger.Refusals(t.Context(), time.Time{}, "")
	if err != nil || len(refusals) != 1 || refusals[0].File != "refused.xml" {
		t.Errorf("the refusals are %+v, %v, want the one file", refusals, err)
	}
	holds, err := p.base.Ledger.Holds(t.Context())
	if err != nil || holds["another"].Why != "the audit" {
		t.Errorf("the holds are %+v, %v, want the reason readable", holds, err)
	}
	p.balanced(3)
}

// A worker was started before the pool had a key. This worker says that it is not ready and leaves
// encrypted invoices alone. A worker that has the key sends them.
func TestStorage_KeyIntroducedWhileAWorkerWithoutItRuns_ThatWorkerIsNotReadyAndNothingIsParked(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, hasty)
	keyless, _ := p.workAt()
	plain := p.admit(intake.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 1)...)
	p.wait(60*time.Second, plain, ledger.Receipted)
	p.cfg.Storage.KeyFile = keyFiles(t, "a")
	p.base = p.open()
	t.Cleanup(func() { p.base.Close() })
	keyed, _ := p.workAt()
	docs := good(sample.NIP(0), 30)[1:]
	taken := p.admit(intake.Terms{Lane: ledger.Express}, docs[:6]...)
	taken = append(taken, p.admit(intake.Terms{Lane: ledger.Bulk}, docs[6:]...)...)
	if got := page(t, keyless, "/readyz"); !strings.Contains(got, `"ready": false`) ||
		!strings.Contains(got, p.base.Bodies.KeyIDs()[0]) {
		t.Errorf("the worker without the key is ready, or readiness does not name the key: %s", got)
	}
	p.wait(90*time.Second, append(plain, taken...), ledger.Receipted)
	if got := page(t, keyed, "/readyz"); !strings.Contains(got, `"ready": true`) {
		t.Errorf("the worker with the key is not ready: %s", got)
	}
	p.balanced(30)
}
