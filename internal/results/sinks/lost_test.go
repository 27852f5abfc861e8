package sinks

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ksefworker/internal/ledger"
)

// Redis lost its data after an invoice was rejected. The invoice is handed in again and accepted. A
// receiver keeps the greatest revision of an id, so the new outcome has to be greater than those of
// the lost entry.
func TestRun_RedisLostARejectedInvoice_ReceiverKeepsWhatBecameOfItAfterwards(t *testing.T) {
	w := newWorld(t, 10_000)
	dir := t.TempDir()
	r := w.runner(&Folder{Dir: dir})
	kept := func() (it struct {
		State    string
		Revision int64
	}) {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(dir, "inv-*.json"))
		if err != nil || len(files) != 1 {
			t.Fatalf("the folder has %v, %v", files, err)
		}
		raw, err := os.ReadFile(files[0])
		w.must(err)
		w.must(json.Unmarshal(raw, &it))
		return it
	}
	w.run(r)
	lost := w.invoice("one")
	w.move(lost, ledger.Rejected, ledger.Queued, ledger.Rejected, ledger.Queued, ledger.Rejected)
	w.run(r)
	before := kept()
	if before.State != "rejected" {
		t.Fatalf("the receiver has %+v", before)
	}

	w.must(w.rdb.FlushDB(t.Context()).Err())
	w.pass(time.Hour)
	w.run(r)
	w.n-- // the same document again
	if id := w.invoice("one"); id != lost {
		t.Fatalf("it is %s now, and was %s", id, lost)
	}
	w.move(lost, ledger.Packed, ledger.Sending, ledger.Sent, ledger.Accepted)
	w.run(r)
	w.run(r)
	if after := kept(); after.State != "accepted" || after.Revision <= before.Revision {
		t.Errorf("the receiver has %+v, and had %+v", after, before)
	}
}
