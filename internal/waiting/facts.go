package waiting

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
	"ksefworker/internal/shell"
)

// Facts are the data that decide why invoices wait, as read at one moment.
type Facts struct {
	Now      time.Time
	MaxWait  time.Duration // packages.max_wait
	Queues   queue.Stats
	Tenants  map[string]Tenant
	Sets     map[string]ledger.Waiting // waiting sets by name
	Packages map[string]ledger.Package
	Enqueue  shell.Enqueue // see [Reader]

	perInvoice  map[string]bool   // ids of the packages, and of the tasks of chunks, whose invoices are counted one by one
	refusedWith map[string]string // KSeF's words, by id of a package that it refused
}

// Tenant says what holds back all invoices of a tenant. Its times are those at which pauses end. A
// zero time means that there is no such pause.
type Tenant struct {
	Known       bool        // it is in this configuration
	Paused      bool        // the configuration pauses it
	Held        ledger.Hold // a person holds it; otherwise the zero value
	Credentials time.Time   // it pauses until then, because its key was refused
	KeyRefused  string      // what KSeF said when it last refused the key; "" when that is not known
	Denied      time.Time   // it pauses until then, because KSeF refuses everything of it (410)
	Refused     time.Time   // it pauses until then, because KSeF refuses its sessions as a whole
	RefusedWhy  string      // what KSeF said about the last refused session; "" when there is none
	Said        string      // what KSeF said when a chunk or a waiting set of it failed last; "" when nothing
	Down        []Down
	Sessions    Window // the limit on opening batch sessions
}

// Down is an open circuit of the whole gateway, or of one group of operations for the tenant.
type Down struct {
	Group string // the group of operations; "" is the whole gateway
	Since time.Time
	Next  time.Time // time of the next probe
}

// Window is the state of a limit. The zero value means that a request may go at once.
type Window struct {
	Frozen bool            // requests are stopped, whatever the limit leaves
	Cause  ratelimit.Cause // why, when Frozen
	Until  time.Time       // when the next request may go; zero when it may go at once
}

// Of returns why an invoice waits; the zero value when it waits for nothing. It is pure.
func (f *Facts) Of(inv *ledger.Invoice) Wait {
	if inv.State.Final() && inv.State != ledger.Accepted {
		return Wait{}
	}
	s := f.stageOf(inv)
	if s.pkg == "" {
		s.said = inv.Said
	}
	w := f.why(s, inv.Tenant)
	return w.since(inv.UpdatedAt.Time())
}

// why returns the reason. It first checks what stops everything, and last what stops only this
// invoice.
func (f *Facts) why(s stage, tenant string) Wait {
	t := f.Tenants[tenant]
	switch {
	case f.Queues.Workers == 0:
		return noWorker()
	case !t.Known:
		return Wait{For: TenantUnknown, What: fmt.Sprintf("tenant %s is not in this configuration", tenant)}
	case t.Paused && !s.end:
		return Wait{For: TenantPaused, What: fmt.Sprintf("tenant %s is paused by configuration", tenant)}
	case t.Held.Kind == ledger.Paused && s.unsent():
		return Wait{For: TenantPaused, Since: t.Held.Since.Time(), What: f.heldText(tenant, t.Held)}
	case t.Credentials.After(f.Now):
		return Wait{For: Credentials, Until: t.Credentials,
			What: keyRefused(tenant, t)}
	}
	if s.unsent() && t.Denied.After(f.Now) {
		return denied(tenant, t.Denied)
	}
	if s.set != "" {
		return f.inSet(s.set, t)
	}
	return f.task(s, tenant, t)
}

func keyRefused(tenant string, t Tenant) string {
	return fmt.Sprintf("tenant %s: %s", tenant,
		cmp.Or(t.KeyRefused, "KSeF refused its key, or a permission is missing (the log says which): "+
			"put the right key into its key_file, or have the permission granted"))
}

// inSet returns why an invoice in a waiting set waits.
func (f *Facts) inSet(name string, t Tenant) Wait {
	set := f.Sets[name]
	due := set.Oldest.Add(f.MaxWait)
	if due.After(f.Now) && !set.Oldest.IsZero() {
		return Wait{For: Gathering, Until: due, Since: set.Oldest,
			What: fmt.Sprintf("waits for more invoices for its package, %d so far", set.Count)}
	}
	for _, d := range t.Down {
		if stopsPackages(d.Group) {
			return outage(d)
		}
	}
	switch {
	case t.Refused.After(f.Now):
		return Wait{For: Refused, Until: t.Refused,
			What: "KSeF refuses the tenant's sessions as a whole" + inBrackets(t.RefusedWhy) + ": they are tried one at a time"}
	case t.Sessions.Frozen:
		return frozen(set.Group.Tenant, t.Sessions)
	case t.Sessions.Until.After(f.Now):
		return Wait{For: Limit, Until: t.Sessions.Until, What: "the tenant's limit of batch sessions is used up"}
	case f.Queues.Paused[queue.QueuePackages]:
		return f.paused(queue.QueuePackages)
	}
	// The set is due. If its cut has been tried and has failed, the task of the cut has the reason.
	if cut, ok := f.Queues.Of(queue.KindCut, name, 0); ok && cut.Phase == queue.TaskWaiting && cut.Err != "" {
		if w := lastReason(cut, t.Said); w.For != TenantPaused {
			return w
		}
	}
	return Wait{For: Gathering, Since: set.Oldest,
		What: fmt.Sprintf("waits for its turn among the tenant's packages; other invoices in the same set: %d", max(set.Count-1, 0))}
}

// task returns what the invoice's task waits for.
func (f *Facts) task(s stage, tenant string, t Tenant) Wait {
	info, ok := f.Queues.Of(s.kind, s.id, s.rev)
	if !ok { // pending, or about to be queued
		info = queue.TaskInfo{Queue: s.queue(), Kind: s.kind, Phase: queue.TaskPending}
	}
	w := Wait{For: Turn, What: fmt.Sprintf("waits for a free worker; tasks in queue %s: %d", info.Queue, f.Queues.Pending[info.Queue])}
	switch {
	case info.Phase == queue.TaskActive:
		w = Wait{For: Working, What: "a worker is processing it"}
	case f.Queues.Paused[info.Queue]:
		return f.paused(info.Queue)
	case info.Phase == queue.TaskPending:
		w = f.pending(w, t)
	default:
		said := cmp.Or(s.said, f.Packages[s.pkg].Said)
		if info.Kind == queue.KindChunk {
			said = t.Said
		}
		w = lastReason(info, said)
	}
	p := f.Packages[s.pkg]
	switch {
	case !ok && p.Lane == ledger.Express && p.State == ledger.PackageOpened && s.end:
		w = Wait{For: Receipt, What: "accepted; the receipt (UPO) comes after its online session is closed"}
	case (!ok || w.For == Processing) && p.Lane == ledger.Express && p.State == ledger.PackageOpened && !s.end:
		w = Wait{For: SessionOpen, Until: w.Until, Since: p.OpenedAt.Time(),
			What: "sent in an online session that is still open; KSeF decides after it is closed"}
	case s.end && (w.For == Turn || w.For == Working || w.For == Processing):
		w = Wait{For: Receipt, Until: w.Until, Since: p.SettledAt.Time(),
			What: "accepted; the receipt (UPO) has not arrived yet"}
	case w.For == Processing:
		w.Since = p.ClosingAt.Time()
	case w.For == TenantPaused && !t.Paused: // with t.Paused only receipts get here, and the pause does stop them
		w.What += "; that was so at its last try, but the tenant is not paused any more"
	case w.For == Credentials && t.KeyRefused != "":
		w.What = keyRefused(tenant, t)
	case s.kind == queue.KindPackage && p.Refusals > 0:
		w = f.refusedBefore(w, p)
	}
	return w
}

// refusedBefore returns the wait of a package whose invoices were in sessions that KSeF refused as
// a whole. w is what its task says. A task that has not run yet says nothing of the refusals.
func (f *Facts) refusedBefore(w Wait, p ledger.Package) Wait {
	why := inBrackets(cmp.Or(f.refusedWith[p.Parent], p.Reason))
	switch {
	case w.For == Refused && !strings.Contains(w.What, why):
		w.What += why
	case w.For == Turn && (p.NotBefore.Time().After(f.Now) || !w.Until.IsZero()):
		w = Wait{For: Refused, Until: latest(w.Until, p.NotBefore.Time()),
			What: "KSeF refused the session with it as a whole" + why + ": it is sent again"}
	}
	return w
}

// inBrackets returns what KSeF said last, in brackets, to follow other words; "" when it said
// nothing.
func inBrackets(why string) string {
	if why == "" {
		return ""
	}
	return " (last: " + why + ")"
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// pending returns what a pending task waits for. The task could run, so only an outage of the whole
// gateway can still hold it back.
func (f *Facts) pending(w Wait, t Tenant) Wait {
	for _, d := range t.Down {
		if d.Group == "" {
			return outage(d)
		}
	}
	return w
}

// lastReason returns the reason that the task's last run gave, with what KSeF said then.
func lastReason(info queue.TaskInfo, said string) Wait {
	reason, what, ok := retry.ParseVerdict(info.Err)
	if !ok {
		reason, what = retry.ReasonOther, info.Err
	}
	what = retry.Told(what, said)
	if info.Err == "" {
		return Wait{For: Turn, What: "waits for its scheduled time", Until: info.Next}
	}
	if reason == retry.ReasonPaused {
		return Wait{For: TenantPaused, What: what, Until: info.Next}
	}
	return Wait{For: Reason(reason), What: what, Until: info.Next}
}

// stopsPackages reports whether no package can be sent while a group is out of service. The group
// "" is the whole gateway. The groups of the express lane, of polls and of receipts stop none.
func stopsPackages(group string) bool {
	switch group {
	case "", ratelimit.GroupBatchSession, ratelimit.GroupBatchSessionClose, string(ksef.GroupPublicKey):
		return true
	}
	return false
}
