package waiting

import (
	"fmt"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
	"ksefworker/internal/tasks"
)

// Facts are what the reason of a wait follows from, as read at one moment.
type Facts struct {
	Now      time.Time
	MaxWait  time.Duration // packages.max_wait
	Queues   tasks.QueueStats
	Tenants  map[string]Tenant
	Sets     map[string]ledger.Waiting // waiting sets by name
	Packages map[string]ledger.Package

	singly map[string]bool // packages whose invoices are counted one by one
}

// Tenant is what holds a tenant's invoices back, whatever they are.
type Tenant struct {
	Known       bool        // in this configuration
	Paused      bool        // by configuration
	Held        ledger.Hold // by a person; the zero value when it is not
	Credentials time.Time   // until when it rests because its key was refused
	Denied      time.Time   // until when it rests because KSeF lets nothing in
	Refused     time.Time   // until when it rests because its sessions are refused as a whole
	Down        []Down
	Sessions    Window // of opening batch sessions
}

// Down is a part of the gateway that does not answer.
type Down struct {
	Group string // of operations; "" is the whole gateway
	Since time.Time
	Next  time.Time // when it is asked again
}

// Window is how a limit stands. The zero value leaves room.
type Window struct {
	Throttled bool
	Until     time.Time // when the next request may go, zero when it may go at once
}

// Of tells why an invoice waits. It is pure.
func (f *Facts) Of(inv *ledger.Invoice) Wait {
	if inv.State.Final() && inv.State != ledger.Accepted {
		return Wait{}
	}
	return f.why(f.stageOf(inv), inv.Tenant)
}

// stage is where an invoice stands, as far as its wait depends on it.
type stage struct {
	kind tasks.Kind // of the task that takes it further
	id   string     // of the invoice or package that the task is about
	rev  int64
	set  string // the waiting set that it is in
	pkg  string
	end  bool // it is accepted: what remains is its receipt
}

func (f *Facts) stageOf(inv *ledger.Invoice) stage {
	p := f.Packages[inv.Package]
	switch {
	case inv.State == ledger.Queued && inv.Group != "":
		return stage{kind: tasks.KindCut, set: inv.Group}
	case inv.State == ledger.Queued:
		kind := tasks.KindSubmit
		if _, sends := f.Queues.Tasks[tasks.TaskID(tasks.KindSend, inv.ID, inv.Rev)]; sends {
			kind = tasks.KindSend
		}
		return stage{kind: kind, id: inv.ID, rev: inv.Rev}
	case inv.State == ledger.Accepted:
		return stage{kind: tasks.KindReceipt, id: inv.Package, pkg: inv.Package, end: true}
	}
	return stage{kind: kindOf(p), id: inv.Package, pkg: inv.Package}
}

// kindOf is the kind of the task that takes a package further.
func kindOf(p ledger.Package) tasks.Kind {
	switch {
	case p.State == ledger.PackageCut, p.Lane == ledger.Bulk && (p.State == ledger.PackageOpened || p.State == ledger.PackageUploaded):
		return tasks.KindPackage
	case p.State == ledger.PackageSettled:
		return tasks.KindReceipt
	}
	return tasks.KindConfirm
}

// begins reports that nothing of it is at KSeF yet.
func (s stage) begins() bool {
	return s.kind == tasks.KindSubmit || s.kind == tasks.KindSend || s.kind == tasks.KindCut || s.kind == tasks.KindPackage
}

func heldText(tenant string, h ledger.Hold) string {
	text := fmt.Sprintf("tenant %s was paused by %s", tenant, h.By)
	if h.Why != "" {
		text += " (" + h.Why + ")"
	}
	return text + ": enqueue resume " + tenant
}

// why goes from what stops everything to what stops this one.
func (f *Facts) why(s stage, tenant string) Wait {
	t := f.Tenants[tenant]
	switch {
	case f.Queues.Workers == 0:
		return noWorker()
	case !t.Known:
		return Wait{For: TenantUnknown, What: fmt.Sprintf("tenant %s is not in this configuration", tenant)}
	case t.Paused && !s.end:
		return Wait{For: TenantPaused, What: fmt.Sprintf("tenant %s is paused by configuration", tenant)}
	case t.Held.Kind == ledger.Paused && s.begins():
		return Wait{For: TenantPaused, Since: t.Held.Since.Time(), What: heldText(tenant, t.Held)}
	case t.Credentials.After(f.Now):
		return Wait{For: Credentials, Until: t.Credentials,
			What: fmt.Sprintf("KSeF refused the key of tenant %s, or a permission is missing (the log says which): put the right key into its key_file, or have it granted", tenant)}
	}
	if s.begins() && t.Denied.After(f.Now) {
		return Wait{For: Denied, Until: t.Denied,
			What: fmt.Sprintf("KSeF lets nothing of tenant %s in (410): is the key in its key_file that of another taxpayer?", tenant)}
	}
	if s.set != "" {
		return f.inSet(s.set, t)
	}
	return f.task(s, t)
}

// inSet tells of an invoice that waits for company.
func (f *Facts) inSet(name string, t Tenant) Wait {
	set := f.Sets[name]
	due := set.Oldest.Add(f.MaxWait)
	if due.After(f.Now) && !set.Oldest.IsZero() {
		return Wait{For: Gathering, What: fmt.Sprintf("gathers into a package, %d so far", set.Count), Until: due, Since: set.Oldest}
	}
	if len(t.Down) > 0 {
		return outage(t.Down[0])
	}
	switch {
	case t.Refused.After(f.Now):
		return Wait{For: Refused, Until: t.Refused, What: "KSeF refuses the tenant's sessions as a whole: one at a time is tried"}
	case t.Sessions.Throttled:
		return Wait{For: Throttled, Until: t.Sessions.Until, What: "KSeF said too many requests (429)"}
	case t.Sessions.Until.After(f.Now):
		return Wait{For: Limit, Until: t.Sessions.Until, What: "the tenant's batch sessions are used up"}
	case f.Queues.Paused[tasks.QueuePackages]:
		return paused(tasks.QueuePackages)
	}
	return Wait{For: Gathering, Since: set.Oldest, What: fmt.Sprintf("waits for its turn among the tenant's packages, with %d others", max(set.Count-1, 0))}
}

// task tells what the task itself waits for.
func (f *Facts) task(s stage, t Tenant) Wait {
	info, ok := f.Queues.Tasks[tasks.TaskID(s.kind, s.id, s.rev)]
	if !ok { // pending, or about to be queued
		info = tasks.TaskInfo{Queue: s.kind.Queue(), Kind: s.kind, Phase: tasks.TaskPending}
	}
	w := Wait{For: Turn, What: fmt.Sprintf("waits for a free worker in queue %s, %d tasks are there", info.Queue, f.Queues.Pending[info.Queue])}
	switch {
	case info.Phase == tasks.TaskActive:
		w = Wait{For: Working, What: "a worker is at it"}
	case f.Queues.Paused[info.Queue]:
		return paused(info.Queue)
	case info.Phase == tasks.TaskPending:
		w = f.pending(w, t)
	default:
		w = said(info)
	}
	p := f.Packages[s.pkg]
	switch {
	case !ok && p.Lane == ledger.Express && p.State == ledger.PackageOpened && s.end:
		w = Wait{For: Receipt, What: "accepted; the receipt (UPO) comes when its online session is over"}
	case !ok && p.Lane == ledger.Express && p.State == ledger.PackageOpened:
		w = Wait{For: SessionOpen, Since: p.OpenedAt.Time(), What: "sent in an online session that is open still; KSeF decides when it is closed"}
	case s.end && (w.For == Turn || w.For == Working || w.For == Processing):
		w = Wait{For: Receipt, Until: w.Until, Since: p.SettledAt.Time(), What: "accepted; the receipt (UPO) is to come"}
	case w.For == Processing:
		w.Since = p.ClosingAt.Time()
	}
	return w
}

// pending tells of a task that could run: what is out of service is all that it can meet.
func (f *Facts) pending(w Wait, t Tenant) Wait {
	for _, d := range t.Down {
		if d.Group == "" {
			return outage(d)
		}
	}
	return w
}

// said is the reason that the task's last run gave.
func said(info tasks.TaskInfo) Wait {
	reason, what, ok := retry.ReadTold(info.Err)
	if !ok {
		reason, what = retry.ReasonOther, info.Err
	}
	if info.Err == "" {
		return Wait{For: Turn, What: "its time has not come", Until: info.Next}
	}
	if reason == retry.ReasonPaused {
		return Wait{For: TenantPaused, What: what, Until: info.Next}
	}
	return Wait{For: Reason(reason), What: what, Until: info.Next}
}

func noWorker() Wait {
	return Wait{For: NoWorker, What: "no worker is running: start one, nothing is lost meanwhile"}
}

func outage(d Down) Wait {
	what := "the gateway does not answer"
	if d.Group != "" {
		what = fmt.Sprintf("%s is out of service for the tenant", d.Group)
	}
	return Wait{For: Outage, What: what, Since: d.Since, Until: d.Next}
}

func paused(queue string) Wait {
	return Wait{For: QueuePaused, What: fmt.Sprintf("queue %s is paused by hand: let it go on in the dashboard", queue)}
}
