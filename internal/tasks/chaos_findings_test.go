package tasks_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/internal/archive"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/tasks"
)

// Each of these tests reproduces a defect every time. The chaos run met some of them only now and
// then. Others were found by reading the code while the chaos run was built.

// No other worker closes the session of a live worker. When Redis is away at the moment of closing,
// the worker has to try again.
func TestPulse_RedisAwayWhenASessionIsToBeClosed_ItIsClosedLater(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client(), func(o *tasks.Options) { o.ExpressIdle = time.Millisecond })
	inv := s.admit(ledger.Express, s.good("A/1"))
	w.must(queue.KindSend, inv.ID)
	id := s.read(inv.ID).Package
	if err := s.redis.Kill(); err != nil {
		t.Fatal(err)
	}
	w.pulse()
	s.eventually("a close that fails", func() bool { return s.log.says("cannot close idle sessions") })
	if err := s.redis.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.eventually("the session to be closed", func() bool {
		p, err := s.ledger.Package(t.Context(), id)
		return err == nil && p.State != ledger.PackageOpened
	})
}

// A worker that cannot write its spool leaves the package as it is. Another worker builds the
// package, or the same worker does after there is room on its disk again.
func TestBuild_SpoolCannotBeWritten_NothingIsParkedAndAnotherWorkerSends(t *testing.T) {
	s := newStage(t, simulator.Options{})
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	full := s.worker("full", s.client(), func(o *tasks.Options) { o.SpoolDir = filepath.Join(file, "spool") })
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	id := full.cut(inv.ID)
	if err := full.run(queue.KindPackage, id); err == nil {
		t.Fatal("a package was built without a spool")
	}
	if got, p := s.read(inv.ID), s.pkg(id); got.State != ledger.Packed || p.State != ledger.PackageCut {
		t.Fatalf("the invoice is %s in a package that is %s (%s), want packed in a package that is cut", got.State, p.State, p.Reason)
	}
	well := s.worker("well", s.client())
	well.must(queue.KindPackage, id)
	well.until(queue.KindConfirm, id, func() bool { return s.read(inv.ID).State == ledger.Accepted })
}

// The sender of an invoice may write "sent" while another worker settles the session. In that case
// the other worker's move of this invoice is not written. So the session's list of invoices must
// not count as read, and is read again.
func TestSettle_InvoiceMovesMeanwhile_ListIsReadAgain(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.OmitNumber}}})
	client := s.client()
	w := s.worker("w", client)
	bad, good := s.admit(ledger.Express, s.bad("A/1")), s.admit(ledger.Express, s.good("A/2"))
	w.must(queue.KindSend, bad.ID)
	w.must(queue.KindSend, good.ID)
	id := s.read(good.ID).Package
	moved := false
	client.beforeAsked = func() { // the good invoice moves while the status of the bad one is asked
		if !moved {
			moved = true
			s.touch(good.ID)
		}
	}
	if err := w.Stop(t.Context()); err != nil { // closes the session
		t.Fatal(err)
	}
	w.until(queue.KindConfirm, id, func() bool { return s.read(good.ID).State == ledger.Accepted })
	if !moved {
		t.Error("the good invoice did not move meanwhile, so this test proves nothing")
	}
	if got := s.read(bad.ID); got.State != ledger.Rejected || got.Code != 450 {
		t.Errorf("the bad invoice is %s with code %d, want rejected with 450", got.State, got.Code)
	}
}

// An answer without an invoice number belongs to an invoice that was settled at the first poll. At
// the second poll the answer must not count for another invoice, which never arrived.
func TestSettle_SecondPoll_AnswerWithoutNumberIsNotGivenToAnother(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.OmitNumber}, {
		Kind: simulator.DropRequest, On: "send", Skip: 1,
	}}})
	client := s.client()
	w := s.worker("w", client)
	bad, good := s.admit(ledger.Express, s.bad("A/1")), s.admit(ledger.Express, s.good("A/2"))
	w.must(queue.KindSend, bad.ID)
	w.must(queue.KindSend, good.ID) // this send is lost, so the ledger says unknown
	if got := s.read(good.ID); got.State != ledger.Unknown {
		t.Fatalf("the invoice whose send was lost is %s, want unknown", got.State)
	}
	id := s.read(good.ID).Package
	moved := false
	client.beforeAsked = func() {
		if !moved {
			moved = true
			s.touch(good.ID)
		}
	}
	if err := w.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.until(queue.KindConfirm, id, func() bool { got := s.read(good.ID).State; return got == ledger.Queued || got == ledger.Rejected })
	if !moved {
		t.Error("the good invoice did not move meanwhile, so this test proves nothing")
	}
	if got := s.read(good.ID); got.State != ledger.Queued {
		t.Errorf("the invoice that never arrived is %s with %d %s, want queued", got.State, got.Code, got.Reason)
	}
	if got := s.read(bad.ID); got.State != ledger.Rejected || got.Code != 450 {
		t.Errorf("the bad invoice is %s with code %d, want rejected with 450", got.State, got.Code)
	}
}

// An invoice is sent again only with proof that the send was not carried out. A refusal without
// that proof is an unknown outcome, like a lost answer.
func TestSend_RefusedButPerhapsCarriedOut_LooksBeforeResending(t *testing.T) {
	for why, lie := range map[string]*ksef.APIError{
		"KSeF's 550 inside a 200": {Op: "send invoice", Status: 200, Code: 550, Kind: ksef.KindRefused, MaybeDone: true},
		"a proxy's 429 in HTML":   {Op: "send invoice", Status: 429, Kind: ksef.KindThrottled, MaybeDone: true},
	} {
		t.Run(why, func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			client := s.client()
			client.sent = func(ksef.SentInvoice, error) (ksef.SentInvoice, error) { return ksef.SentInvoice{}, lie } // the invoice arrived
			w := s.worker("w", client)
			inv := s.admit(ledger.Express, s.good("A/1"))
			_ = w.run(queue.KindSend, inv.ID)
			got := s.read(inv.ID)
			if got.State != ledger.Unknown {
				t.Fatalf("the invoice is %s, want unknown", got.State)
			}
			if err := w.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.until(queue.KindConfirm, got.Package, func() bool { return s.read(inv.ID).State == ledger.Accepted })
			if b := s.sim.Books(); len(b.Accepted) != 1 || len(b.Rejected) != 0 {
				t.Errorf("KSeF accepted the invoice %d times and rejected it %d times, want once and never",
					len(b.Accepted), len(b.Rejected))
			}
		})
	}
}

// A refused online session must not end while the sender of an invoice is writing "sent". Otherwise
// the package would be over, and the invoice would be left behind in it.
func TestSessionRefused_SentIsWrittenLate_InvoiceIsNotLeftBehind(t *testing.T) {
	s := newStage(t, simulator.Options{Faults: []simulator.Fault{{Kind: simulator.SessionRefused, Lane: "online", Code: 500}}})
	w := s.worker("w", s.client())
	inv := s.admit(ledger.Express, s.good("A/1"))
	w.must(queue.KindSend, inv.ID)
	id := s.read(inv.ID).Package
	if err := w.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	other := s.worker("other", s.client())
	late := &before{do: func() { s.touch(inv.ID) }, is: func(args []any) bool { // the move back to queued
		toQueued, ours := false, false
		for _, a := range args {
			toQueued = toQueued || a == string(ledger.Queued)
			ours = ours || a == inv.ID
		}
		return toQueued && ours
	}}
	other.rdb.AddHook(late)
	other.until(queue.KindConfirm, id, func() bool { return s.pkg(id).State == ledger.PackageFailed })
	if !late.done.Load() {
		t.Error("the invoice did not move meanwhile, so this test proves nothing")
	}
	if got := s.read(inv.ID); got.State != ledger.Queued {
		t.Errorf("the package is over and its invoice is %s, want queued", got.State)
	}
}

// KSeF rotates its key in an emergency. A session that was opened with the old key is refused at
// the first send. The next session has the new key, even if the old key was cached only just
// before.
func TestSend_PublicKeyRotated_NextSessionHasTheNewOne(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.clientWithOldKey())
	inv := s.admit(ledger.Express, s.good("A/1"))
	if v := retry.Judge(w.run(queue.KindSend, inv.ID)); v.Action != retry.Later {
		t.Fatalf("the verdict is %+v, want later", v)
	}
	if got := s.read(inv.ID); got.State != ledger.Queued || got.Resends+got.FailedSessions != 0 {
		t.Fatalf("after a session with the old key the invoice is %s with %d resends and %d failed sessions, want queued with none",
			got.State, got.Resends, got.FailedSessions)
	}
	w.must(queue.KindSend, inv.ID)
	if got := s.read(inv.ID); got.State != ledger.Sent {
		t.Fatalf("with the new key the invoice is %s, want sent: %s", got.State, got.Reason)
	}
	id := s.read(inv.ID).Package
	if err := w.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.until(queue.KindConfirm, id, func() bool { return s.read(inv.ID).State == ledger.Accepted })
}

// An express invoice has an attachment, and KSeF takes attachments in batch sessions only. The
// sweep has to take that into account, as the handler of the submit task does.
func TestSweep_ExpressInvoiceWithAttachmentThatLostItsTask_WaitsForAPackage(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	inv := s.admit(ledger.Express, sample.Invoice(sample.Options{
		SellerNIP: s.nip(), Number: "A/1", IssueDate: invoice.Today(time.Now()), Attachment: true,
	}))
	// The move below gives the invoice a revision for which no task exists, and leaves it in no
	// waiting set. An invoice that a person retried is in this state when its task is lost.
	inv = s.read(inv.ID)
	alone := ledger.Move{ID: inv.ID, Rev: inv.Rev, From: []ledger.State{ledger.Queued}, To: ledger.Queued}
	if err := s.ledger.Move(t.Context(), alone); err != nil {
		t.Fatal(err)
	}
	inv = s.read(inv.ID)
	inspect := asynq.NewInspectorFromRedisClient(s.rdb)
	s.advance(2 * time.Minute)
	w.must(queue.KindSweep, "1")
	if _, err := inspect.GetTaskInfo(queue.QueueInvoices, queue.TaskID(queue.KindSubmit, inv.ID, inv.Rev)); err != nil {
		t.Errorf("the sweep did not queue the submit task, which chooses the lane: %v", err)
	}
	if _, err := inspect.GetTaskInfo(queue.QueueExpress, queue.TaskID(queue.KindSend, inv.ID, inv.Rev)); err == nil {
		t.Error("the sweep queued a single send of an invoice with an attachment")
	}
}

// A sweep that has ended leaves no task behind, so nothing in the queue prevents a second sweep in
// the same round. The pulse has to remember the round.
func TestPulse_SweepIsDone_NotQueuedAgainInTheSameRound(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	inspect := asynq.NewInspectorFromRedisClient(s.rdb)
	pending := func() int {
		tasks, err := inspect.ListPendingTasks(queue.QueueUpkeep)
		if err != nil {
			return 0 // no such queue yet
		}
		return len(tasks)
	}
	w.pulse()
	s.eventually("the first sweep", func() bool { return pending() == 1 })
	if _, err := inspect.DeleteAllPendingTasks(queue.QueueUpkeep); err != nil { // as if the sweep had run
		t.Fatal(err)
	}
	s.pulses(3)
	if n := pending(); n != 0 {
		t.Errorf("%d sweeps of this round were queued again, want none", n)
	}
}

// KSeF may decide an invoice and still refuse its session. The result of this invoice is archived.
// The invoice that KSeF did not decide goes in a new session.
func TestSessionRefused_SomeAreDecidedInIt_TheirResultsAreArchived(t *testing.T) {
	for _, lane := range []ledger.Lane{ledger.Express, ledger.Bulk} {
		t.Run(string(lane), func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			client := s.client()
			w := s.worker("w", client)
			decided, other := s.admit(lane, s.bad("A/1")), s.admit(lane, s.good("A/2"))
			var id string
			if lane == ledger.Express {
				w.must(queue.KindSend, decided.ID)
				w.must(queue.KindSend, other.ID)
				id = s.read(other.ID).Package
				if err := w.Stop(t.Context()); err != nil {
					t.Fatal(err)
				}
			} else {
				w.must(queue.KindSubmit, other.ID)
				id = w.cut(decided.ID)
				if s.read(other.ID).Package != id {
					t.Fatal("the two invoices are not in one package")
				}
				w.must(queue.KindPackage, id)
			}
			client.session = func(i ksef.SessionInfo) ksef.SessionInfo {
				i.Status = ksef.StatusInfo{Code: 500, Description: "Unknown error"}
				return i
			}
			client.listed = change(func(i *ksef.InvoiceInfo) {
				if i.InvoiceNumber != decided.Number {
					i.Status, i.KSeFNumber = ksef.StatusInfo{Code: 405, Description: "cancelled with its session"}, ""
				}
			})
			s.eventually("KSeF decides", func() bool { return len(s.sim.Books().Rejected) == 1 })
			w.until(queue.KindConfirm, id, func() bool {
				return !slices.Contains([]ledger.PackageState{ledger.PackageClosing, ledger.PackageProcessing}, s.pkg(id).State)
			})
			w.must(queue.KindReceipt, id)
			if p := s.pkg(id); p.State != ledger.PackageReceipted {
				t.Errorf("the package is %s, want receipted", p.State)
			}
			name := archive.ResultName(decided.NIP, decided.IssueDate, decided.ID)
			if got, err := s.store.Get(t.Context(), name); err != nil || !strings.Contains(string(got), `"code": 450`) {
				t.Errorf("the archived result of the decided invoice is %s, want code 450; %v", got, err)
			}
			if got := s.read(other.ID); got.Package == id {
				t.Errorf("the other invoice is %s and still in the package that is over, want it in a new one", got.State)
			}
		})
	}
}
