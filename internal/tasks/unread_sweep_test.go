package tasks_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// Some parts of the sweep fail, because the indexes that they read are damaged. The other parts are
// done, and the task of the sweep does not fail.
func TestSweep_OnePartFails_TheOthersAreDone(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	lost := s.admit(ledger.Auto, s.good("A/1"))
	pkg := w.cut(s.admit(ledger.Bulk, s.good("A/2")).ID)
	foundInvoice := s.loseTask(queue.QueueInvoices, queue.KindSubmit, lost.ID, lost.Rev)
	foundPackage := s.loseTask(queue.QueuePackages, queue.KindPackage, pkg, 0)
	sick := []string{"pst:settled", "st:sending", "st:rejected"}
	for _, index := range sick {
		s.rdb.Set(t.Context(), "ksef:"+index, "x", 0)
	}
	s.advance(2 * time.Minute)
	w.must(queue.KindSweep, "1") // if the task failed, it would run again beside the next round's task
	if !foundInvoice() || !foundPackage() {
		t.Errorf("a new task was found for the invoice: %v, and for the package: %v, want one for each of the two",
			foundInvoice(), foundPackage())
	}
	for _, index := range sick {
		if !s.log.says(`"key":"` + index + `"`) {
			t.Errorf("the log does not say that %s is sick", index)
		}
	}
}

// blindBudget is a budget that cannot read the usage of one tenant.
type blindBudget struct {
	noLimits
	tenant string
}

func (l blindBudget) Usage(_ context.Context, tenant, _ string) (ratelimit.Usage, error) {
	if tenant == l.tenant {
		return ratelimit.Usage{}, errors.New("the log of this key was written by another version")
	}
	return ratelimit.Usage{}, nil
}

func TestCut_LimitsOfOneTenantUnreadable_TheSetsOfOthersAreCut(t *testing.T) {
	s := newStage(t, simulator.Options{})
	blind := sample.NIP(1)
	s.budget = blindBudget{tenant: blind}
	w := s.worker("w", s.client())
	var groups []string
	for _, nip := range []string{blind, sample.NIP(0), sample.NIP(2)} {
		inv := s.admit(ledger.Bulk, s.goodOf(nip, "A/1"))
		w.must(queue.KindSubmit, inv.ID)
		groups = append(groups, inv.WaitingGroup().Name())
	}
	s.advance(time.Minute)
	w.must(queue.KindSweep, "1")
	inspect := asynq.NewInspectorFromRedisClient(s.rdb)
	for i, g := range groups {
		if _, err := inspect.GetTaskInfo(queue.QueuePackages, queue.TaskID(queue.KindCut, g, 0)); (err == nil) != (i > 0) {
			t.Errorf("a cut of %s is queued: %v, want the opposite", g, err == nil)
		}
	}
}

// Entries that stay at the head of an index for months hide nothing that comes after them.
func TestSweep_ThousandsWithoutAReceiptAtTheHead_TheLostTaskBehindThemIsFound(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	for i := range 2000 {
		id := fmt.Sprintf("pkg-old%05d", i)
		s.rdb.HSet(t.Context(), "ksef:pkg:"+id, "v", 1, "id", id, "rev", 5, "state", "settled", "lane", "express",
			"tenant", s.nip(), "filed", 1, "session", "S"+fmt.Sprint(i))
		s.rdb.ZAdd(t.Context(), "ksef:pst:settled", redis.Z{Score: float64(s.now().Add(-24 * time.Hour).UnixMilli()), Member: id})
	}
	pkg := s.sent(w, s.admit(ledger.Bulk, s.good("A/1")))
	w.settle(pkg)
	found := s.loseTask(queue.QueueReceipts, queue.KindReceipt, pkg, 0)
	s.advance(2 * time.Minute)
	for i := range 2 {
		w.must(queue.KindSweep, fmt.Sprint(i))
	}
	if !found() {
		t.Error("after two rounds the package still has no receipt task")
	}
}
