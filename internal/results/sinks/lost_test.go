package sinks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/ledger"
)

// The outbox loses outcomes while a receiver is being served. In one case the receiver is slow for
// the tenant of these outcomes, and the tenant has a place of its own in the outbox. Every lost
// outcome is counted and logged. An outcome that the receiver was told does not count as lost.
func TestRun_OutcomesLeaveWhileAReceiverIsServed_AllCount(t *testing.T) {
	for _, slow := range []bool{false, true} {
		t.Run(fmt.Sprint("slow ", slow), func(t *testing.T) {
			s := &slowFor{stub: &stub{}, tenant: "two", took: 14 * time.Second}
			if slow {
				s.tenant = "one"
			}
			w := newWorld(t, 10_000)
			var log bytes.Buffer
			r := w.runner(s)
			r.Log, r.Batch = zerolog.New(&log), 10
			w.rejected(5)
			w.run(r)
			const more = 300
			w.rejected(more)
			told := 0
			s.answer = func(*Message) error {
				if told++; told == 20 || told == 60 {
					w.must(w.rdb.XTrimMaxLen(t.Context(), "ksef:outbox", int64(200-told)).Err())
				}
				return nil
			}
			for range 60 {
				w.run(r)
				w.pass(time.Minute)
			}
			st := w.state()
			if st.Taken+st.Lost != 5+more || st.Lost < 100 {
				t.Errorf("%d outcomes are taken and %d lost, want %d in all, and at least 100 lost", st.Taken, st.Lost, 5+more)
			}
			for tenant, standing := range w.standings() {
				if standing.Left != 0 || standing.Late {
					t.Errorf("tenant %s has outcomes left: %+v", tenant, standing)
				}
			}
			if got := w.state(); got.Taken != int64(len(s.stub.took)) || !strings.Contains(log.String(), "left the outbox") {
				t.Errorf("the receiver was told %d results, want as many counted as taken in its state %+v, and lost ones in the log %s",
					len(s.stub.took), got, log.String())
			}
		})
	}
}

// Redis lost its data after an invoice was rejected. The invoice is handed in again and accepted. A
// receiver keeps the greatest revision of an id. So the revision of the new outcome has to be
// greater than the revisions of the lost entry.
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
			t.Fatalf("the folder has the files %v (error %v), want one", files, err)
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
		t.Fatalf("the receiver has %+v, want the invoice rejected", before)
	}

	w.must(w.rdb.FlushDB(t.Context()).Err())
	w.pass(time.Hour)
	w.run(r)
	w.n-- // the same document again
	if id := w.invoice("one"); id != lost {
		t.Fatalf("the id of the invoice is %s now, want %s as before", id, lost)
	}
	w.move(lost, ledger.Packed, ledger.Sending, ledger.Sent, ledger.Accepted)
	w.run(r)
	w.run(r)
	if after := kept(); after.State != "accepted" || after.Revision <= before.Revision {
		t.Errorf("the receiver has %+v, and had %+v before, want the invoice accepted with a greater revision", after, before)
	}
}
