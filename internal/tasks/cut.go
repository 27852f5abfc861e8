package tasks

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rs/xid"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// CutPolicy says when a waiting set becomes a package.
type CutPolicy struct {
	MaxWait      time.Duration
	MaxInvoices  int
	MaxBytes     int64
	ExpressBelow int           // fewer than this may go by the express lane
	Quiet        time.Duration // how long nothing new must have arrived before they do
	DeadlineNear time.Duration
}

// Room is what is left of the tenant's batch sessions. The zero value says that there is plenty.
type Room struct {
	Pace time.Duration // how far apart sessions may be opened in the long run; see [ratelimit.Usage.Pace]
	Sets int           // waiting sets of the tenant that share it; 0 is 1
	Full bool          // none can be opened now: what is cut would only wait elsewhere, and grow no more
}

// patience is how long the oldest invoice waits for company. Sixty sessions an hour are enough for any waiting set that is cut every two minutes, not for ten of them, nor for one that is
// configured to be cut every second: with little left, each set waits for its turn among the others, so packages come later and are larger, and the last session of the hour is
// not spent on three invoices.
func (p CutPolicy) patience(r Room) time.Duration {
	return max(p.MaxWait, r.Pace*time.Duration(max(r.Sets, 1)))
}

func (p CutPolicy) waitedEnough(w ledger.Waiting, now time.Time, r Room) bool {
	return !r.Full && now.Sub(w.Oldest) >= p.patience(r)
}

// sessionInvoices is the most that KSeF takes in one session (KSeF limits, September 2026).
const sessionInvoices = 10_000

// mostInvoices is how many make a package full. While sessions are scarce it is twice as many as usual, within KSeF's bound.
func (p CutPolicy) mostInvoices(r Room) int {
	if r.Pace <= 0 {
		return p.MaxInvoices
	}
	return max(p.MaxInvoices, min(2*p.MaxInvoices, sessionInvoices))
}

// Cut is what to do with a waiting set now.
type Cut string

// The decisions.
const (
	CutWait    Cut = "wait"
	CutPackage Cut = "package"
	CutExpress Cut = "express"
)

// midnightGuard is how long before midnight in Warsaw everything that waits is cut: what bears today's P_1 has to have its session opened on this day, or
// KSeF marks it offline. Five minutes build and open several packages of 10,000.
const midnightGuard = 5 * time.Minute

// Decide is pure: the same waiting set at the same time, with the same room, gives the same decision. Little room never holds up what a deadline or midnight is near of.
func (p CutPolicy) Decide(w ledger.Waiting, now time.Time, r Room) Cut {
	if w.Count == 0 {
		return CutWait
	}
	few := w.Count < p.ExpressBelow
	switch {
	case w.Count >= p.mostInvoices(r), w.Bytes >= p.MaxBytes:
		return CutPackage
	case w.Deadline.Sub(now) < p.DeadlineNear, untilMidnight(now) < midnightGuard:
		if few {
			return CutExpress
		}
		return CutPackage
	case few && (now.Sub(w.Newest) >= p.Quiet || now.Sub(w.Oldest) >= p.MaxWait):
		return CutExpress
	case p.waitedEnough(w, now, r):
		return CutPackage
	}
	return CutWait
}

func untilMidnight(now time.Time) time.Duration {
	y, m, d := now.In(invoice.Warsaw()).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, invoice.Warsaw()).Sub(now)
}

func (w *Worker) policy() CutPolicy {
	return CutPolicy{MaxWait: w.o.MaxWait, MaxInvoices: w.o.MaxInvoices, MaxBytes: w.o.MaxBytes, ExpressBelow: w.o.ExpressBelow,
		Quiet: w.o.Quiet, DeadlineNear: w.o.DeadlineNear}
}

// cut decides anew, because the queue may have taken its time, and cuts until the set need not be cut.
func (w *Worker) cut(ctx context.Context, groupName string) error {
	group, ok := ledger.ParseGroup(groupName)
	if !ok {
		return fmt.Errorf("cut %q: not the name of a waiting set", groupName)
	}
	for {
		waits, err := w.Ledger.Waits(ctx)
		if err != nil {
			return err
		}
		set := find(waits, group)
		decision, room, err := w.decide(ctx, waits, set, w.o.Now(), w.knocking(ctx))
		if err != nil {
			return err
		}
		switch decision {
		case CutWait:
			return nil
		case CutExpress:
			done, err := w.cutExpress(ctx, set)
			if done || err != nil {
				return err
			}
			// The express lane has no room: with company or alone, a package it is, once the set has waited long enough.
			now := w.o.Now()
			if !w.policy().waitedEnough(set, now, room) && set.Deadline.Sub(now) >= w.o.DeadlineNear && untilMidnight(now) >= midnightGuard {
				return nil
			}
		}
		id := "pkg-" + xid.New().String()
		ids, err := w.Ledger.Cut(ctx, id, group, ledger.CutLimits{Invoices: w.policy().mostInvoices(room), Bytes: w.o.MaxBytes})
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return nil
		}
		w.reached(KindCut, ledger.Packed, len(ids))
		w.o.Log.Info().Str("package", id).Str("group", groupName).Int("invoices", len(ids)).Msg("package cut")
		if err := w.Queue.Put(ctx, KindPackage, id, 0, When{}); err != nil {
			return err // the sweep finds the package
		}
	}
}

// decide asks for the tenant's room only when something would be cut: a set that waits costs nothing.
func (w *Worker) decide(ctx context.Context, waits []ledger.Waiting, set ledger.Waiting, now time.Time, knocking func() (knocks, error)) (Cut, Room, error) {
	if d := w.policy().Decide(set, now, Room{}); d == CutWait {
		return d, Room{}, nil
	}
	if hold, err := w.holdBack(set.Group.Tenant, knocking); hold || err != nil {
		return CutWait, Room{}, err
	}
	u, err := w.Budget.Usage(ctx, set.Group.Tenant, string(ksef.GroupBatchSession))
	if err != nil {
		return CutWait, Room{}, err
	}
	room := Room{Pace: u.Pace(), Full: u.Frozen > 0}
	for _, win := range u.Windows {
		room.Full = room.Full || win.Left == 0
	}
	for _, other := range waits {
		if other.Group.Tenant == set.Group.Tenant {
			room.Sets++
		}
	}
	return w.policy().Decide(set, now, room), room, nil
}

// knocks is what finds out that a gateway which is out of service is back.
type knocks struct {
	down    bool
	tenants map[string]bool // with a package that is about to be opened
}

// knocking is read once for all sets of a round, and only when one is due: an outage of days has a round each second.
func (w *Worker) knocking(ctx context.Context) func() (knocks, error) {
	return sync.OnceValues(func() (knocks, error) {
		down, err := w.Budget.Down(ctx)
		if !down || err != nil {
			return knocks{}, err
		}
		tenants, err := w.Ledger.FreshlyCut(ctx, sweepAtOnce)
		return knocks{down: true, tenants: tenants}, err
	})
}

// holdBack reports that the gateway is out of service and that something of the tenant knocks at it already. A waiting set is in the order of deadlines and takes in whatever comes; packages
// that were cut are in no order, and after three days of them, every two minutes one, what came last and is due first would stand behind two thousand. One is cut all the same when
// nothing else would find out that the gateway is back.
func (w *Worker) holdBack(tenant string, knocking func() (knocks, error)) (bool, error) {
	k, err := knocking()
	if !k.down || err != nil {
		return false, err
	}
	s := w.share(tenant) // its sessions are asked for
	return s.closed+s.open > 0 || k.tenants[tenant], nil
}

func find(waits []ledger.Waiting, g ledger.Group) ledger.Waiting {
	for _, s := range waits {
		if s.Group == g {
			return s
		}
	}
	return ledger.Waiting{Group: g}
}

// cutExpress sends few invoices by the express lane when its budget allows; false when it does not, or when only a package will do.
func (w *Worker) cutExpress(ctx context.Context, set ledger.Waiting) (bool, error) {
	for _, group := range []ksef.Group{ksef.GroupOnlineSession, ksef.GroupInvoiceSend} {
		wait, err := w.Budget.Peek(ctx, set.Group.Tenant, string(group))
		if err != nil {
			return false, err
		}
		if wait > 0 {
			return false, nil
		}
	}
	ids, err := w.Ledger.FirstWaiting(ctx, set.Group, set.Count)
	if err != nil {
		return false, err
	}
	invs, err := w.Ledger.Invoices(ctx, ids)
	if err != nil {
		return false, err
	}
	var moves []ledger.Move
	for i := range invs {
		// Offline is declared when a batch session is opened; an online session has no place for it, and an attachment none at all.
		if invs[i].Attachment || invs[i].Offline || invs[i].Lane == ledger.Bulk {
			return false, nil
		}
		moves = append(moves, w.Ledger.ExpressMove(&invs[i]))
	}
	errs, err := w.Ledger.Apply(ctx, moves)
	if err != nil {
		return false, err
	}
	for i, e := range errs {
		if e != nil {
			continue // it left the set in between
		}
		if err := w.Queue.Put(ctx, KindSend, invs[i].ID, invs[i].Rev+1, When{Crowd: invs[i].Crowd}); err != nil {
			return true, err
		}
	}
	return true, nil
}
