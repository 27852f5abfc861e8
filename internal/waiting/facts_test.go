package waiting

import (
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
)

var now = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// calm returns the facts of a pool in which nothing is wrong, with an invoice at each stage.
func calm() *Facts {
	return &Facts{
		Now: now, MaxWait: 2 * time.Minute,
		Queues: queue.Stats{Workers: 1, Paused: map[string]bool{}, Pending: map[string]int{},
			Tasks: map[string]queue.TaskInfo{}, More: map[string]int{}},
		Tenants: map[string]Tenant{"t": {Known: true}},
		Sets: map[string]ledger.Waiting{
			"t|v3|online": {Group: ledger.Group{Tenant: "t", Form: "v3"}, Count: 7, Oldest: now.Add(-time.Minute)},
		},
		Packages: map[string]ledger.Package{
			"cut": {ID: "cut", Tenant: "t", State: ledger.PackageCut, Lane: ledger.Bulk, Count: 5},
			"closed": {ID: "closed", Tenant: "t", State: ledger.PackageProcessing, Lane: ledger.Bulk, Count: 3,
				ClosingAt: ledger.At(now.Add(-time.Hour))},
			"open":    {ID: "open", Tenant: "t", State: ledger.PackageOpened, Lane: ledger.Express, Count: 2},
			"settled": {ID: "settled", Tenant: "t", State: ledger.PackageSettled, Lane: ledger.Bulk, Count: 4},
		},
	}
}

func (f *Facts) put(k queue.Kind, id string, rev int64, info queue.TaskInfo) {
	info.Kind, info.ID, info.Queue = k, id, k.Queue()
	f.Queues.Tasks[queue.TaskID(k, id, rev)] = info
}

// carry puts a chunk of invoices into the facts.
func (f *Facts) carry(id string, info queue.TaskInfo, ids ...string) {
	info.Tenant, info.Count, info.IDs = "t", len(ids), ids
	f.put(queue.KindChunk, id, 0, info)
	f.Queues.Chunks = map[string]string{}
	for _, inv := range ids {
		f.Queues.Chunks[inv] = queue.TaskID(queue.KindChunk, id, 0)
	}
}

// refused makes the package "cut" the successor of a package that KSeF refused as a whole.
func (f *Facts) refused(notBefore time.Time) {
	p := f.Packages["cut"]
	p.Refusals, p.Parent, p.NotBefore = 2, "first", ledger.At(notBefore)
	f.Packages["cut"] = p
	f.refusedWith = map[string]string{"first": "code 21405: bad data"}
}

func (f *Facts) tenant(change func(*Tenant)) {
	t := f.Tenants["t"]
	change(&t)
	f.Tenants["t"] = t
}

var (
	inSet     = ledger.Invoice{Facts: ledger.Facts{ID: "i", Tenant: "t"}, Rev: 2, State: ledger.Queued, Group: "t|v3|online"}
	single    = ledger.Invoice{Facts: ledger.Facts{ID: "i", Tenant: "t"}, Rev: 1, State: ledger.Queued} // in no set, in no package
	flood     = ledger.Invoice{Facts: ledger.Facts{ID: "i", Tenant: "t", Overflow: true}, Rev: 1, State: ledger.Queued}
	tried     = ledger.Invoice{Facts: ledger.Facts{ID: "i", Tenant: "t"}, Rev: 3, State: ledger.Queued} // was moved to sending and back
	packed    = ledger.Invoice{Facts: ledger.Facts{ID: "i", Tenant: "t"}, Rev: 3, State: ledger.Packed, Package: "cut"}
	sent      = ledger.Invoice{Facts: ledger.Facts{ID: "i", Tenant: "t"}, Rev: 4, State: ledger.Sent, Package: "closed"}
	inSession = ledger.Invoice{Facts: ledger.Facts{ID: "i", Tenant: "t"}, Rev: 4, State: ledger.Sent, Package: "open"}
	accepted  = ledger.Invoice{Facts: ledger.Facts{ID: "i", Tenant: "t"}, Rev: 5, State: ledger.Accepted, Package: "settled"}
)

func TestOf_EachState_HasItsReasonTimeAndText(t *testing.T) {
	later := now.Add(10 * time.Minute)
	waits := func(text string) queue.TaskInfo {
		return queue.TaskInfo{Phase: queue.TaskWaiting, Next: later, Err: text}
	}
	held := func(h ledger.Hold) func(*Facts) {
		return func(f *Facts) { f.tenant(func(t *Tenant) { t.Held = h }) }
	}
	paused := ledger.Hold{Kind: ledger.Paused, By: "anna"}
	for _, c := range []struct {
		what   string
		inv    ledger.Invoice
		change func(*Facts)
		want   Reason
		until  time.Time
		says   string
	}{
		{"its set gathers more invoices", inSet, nil, Gathering, now.Add(time.Minute), "7 so far"},
		{"it can be sent at once", single, nil, Turn, time.Time{}, "free worker"},
		{"its package can be built", packed, nil, Turn, time.Time{}, "queue packages"},
		{"its session was not polled yet", sent, nil, Turn, time.Time{}, "queue confirm"},
		{"its online session is open", inSession, nil, SessionOpen, time.Time{}, "online session"},
		{"its receipt has not arrived", accepted, nil, Receipt, time.Time{}, "receipt"},

		{"its chunk is one of many tasks in the queue", single, func(f *Facts) {
			f.carry("c", queue.TaskInfo{Phase: queue.TaskPending}, "h", "i")
			f.Queues.Pending["invoices"] = 42
		}, Turn, time.Time{}, "tasks in queue invoices: 42"},
		{"its task is the only one in the queue", single, func(f *Facts) {
			f.Queues.Pending["invoices"] = 1
		}, Turn, time.Time{}, "tasks in queue invoices: 1"},
		{"it is one of a flood of 5000 tasks", flood, func(f *Facts) { f.Queues.Pending["invoices-overflow"] = 5000 },
			Turn, time.Time{}, "tasks in queue invoices-overflow: 5000"},
		{"the queue of the flood is paused", flood, func(f *Facts) { f.Queues.Paused["invoices-overflow"] = true },
			QueuePaused, time.Time{}, "queue invoices-overflow was paused"},
		{"its chunk is in a paused queue", single, func(f *Facts) {
			f.carry("c", queue.TaskInfo{Phase: queue.TaskPending}, "h", "i")
			f.Queues.Paused["invoices"] = true
		}, QueuePaused, time.Time{}, "queue invoices was paused"},
		{"its chunk is tried again", single, func(f *Facts) {
			f.carry("c", waits("waiting 30s (credentials): not now"), "i")
		}, Credentials, later, "not now"},
		{"no worker is alive", single, func(f *Facts) { f.Queues.Workers = 0 }, NoWorker, time.Time{}, "no worker"},
		{"no worker is alive, and it is in a set", inSet, func(f *Facts) { f.Queues.Workers = 0 }, NoWorker, time.Time{}, "no worker"},
		{"the tenant was removed from the configuration", packed, func(f *Facts) {
			f.tenant(func(t *Tenant) { t.Known = false })
		}, TenantUnknown, time.Time{}, "tenant t is not"},
		{"the tenant is paused", inSet, func(f *Facts) {
			f.tenant(func(t *Tenant) { t.Paused = true })
		}, TenantPaused, time.Time{}, "paused by configuration"},
		{"a person has paused the tenant", packed, held(paused), TenantPaused, time.Time{}, "enqueue resume t"},
		{"the tenant is paused, but the invoice was sent", sent, held(paused), Turn, time.Time{}, ""},
		{"the tenant is drained, which stops no sending", packed, held(ledger.Hold{Kind: ledger.Draining}),
			Turn, time.Time{}, ""},
		{"its task met a pause that is over now", packed, func(f *Facts) {
			f.put(queue.KindPackage, "cut", 0, waits("waiting 15s (paused): tenant t was paused by anna"))
		}, TenantPaused, later, "anna"},
		{"the key was refused", sent, func(f *Facts) {
			f.tenant(func(t *Tenant) { t.Credentials = later })
		}, Credentials, later, "key_file"},
		{"the key was refused, and it is known why", sent, func(f *Facts) {
			f.tenant(func(t *Tenant) { t.Credentials, t.KeyRefused = later, "permission missing at KSeF (InvoiceWrite)" })
		}, Credentials, later, "tenant t: permission missing at KSeF (InvoiceWrite)"},
		{"its task met a refused key, and the pause is over", single, func(f *Facts) {
			f.tenant(func(t *Tenant) { t.KeyRefused = "permission missing at KSeF (InvoiceWrite)" })
			f.put(queue.KindSubmit, "i", 1, waits("waiting 30s (credentials): not now"))
		}, Credentials, later, "tenant t: permission missing at KSeF (InvoiceWrite)"},
		{"the key was refused long ago", sent, func(f *Facts) {
			f.tenant(func(t *Tenant) { t.Credentials = now })
		}, Turn, time.Time{}, ""},
		{"KSeF refuses everything of the tenant", single, func(f *Facts) {
			f.tenant(func(t *Tenant) { t.Denied = later })
		}, Denied, later, "410"},
		{"KSeF refuses everything of the tenant, but the invoice was sent", sent, func(f *Facts) {
			f.tenant(func(t *Tenant) { t.Denied = later })
		}, Turn, time.Time{}, ""},

		{"the set is overdue and the sessions are used up", inSet, func(f *Facts) {
			f.MaxWait = time.Second
			f.tenant(func(t *Tenant) { t.Sessions.Until = later })
		}, Limit, later, "used up"},
		{"the set is overdue and KSeF answered 429", inSet, func(f *Facts) {
			f.MaxWait = time.Second
			f.tenant(func(t *Tenant) { t.Sessions = Window{Frozen: true, Cause: ratelimit.CauseThrottled, Until: later} })
		}, Throttled, later, "too many requests (429)"},
		{"the set is overdue and its sessions rest after 410s", inSet, func(f *Facts) {
			f.MaxWait = time.Second
			f.tenant(func(t *Tenant) { t.Sessions = Window{Frozen: true, Cause: ratelimit.CauseDenied, Until: later} })
		}, Denied, later, "(410): check whether the key"},
		{"the set is overdue and an older worker stopped its sessions", inSet, func(f *Facts) {
			f.MaxWait = time.Second
			f.tenant(func(t *Tenant) { t.Sessions = Window{Frozen: true, Until: later} })
		}, Throttled, later, "KSeF asked to wait"},
		{"its send waits, because KSeF refuses everything of the tenant", single, func(f *Facts) {
			f.put(queue.KindSend, "i", 1, waits("waiting (denied): tenant t, group invoiceSend rests, because"))
		}, Denied, later, "rests, because"},
		{"the set is overdue and the gateway is down", inSet, func(f *Facts) {
			f.MaxWait = time.Second
			f.tenant(func(t *Tenant) { t.Down = []Down{{Since: now, Next: later}} })
		}, Outage, later, "the gateway does not answer"},
		{"the set is overdue and its batch sessions cannot be opened", inSet, func(f *Facts) {
			f.MaxWait = time.Second
			f.tenant(func(t *Tenant) {
				t.Down = []Down{{Group: "onlineSession", Next: now}, {Group: "batchSession", Since: now, Next: later}}
			})
		}, Outage, later, "batchSession is out of service"},
		{"the set is overdue and only online sessions cannot be opened", inSet, func(f *Facts) {
			f.MaxWait = time.Second
			f.tenant(func(t *Tenant) { t.Down = []Down{{Group: "onlineSession", Since: now, Next: later}} })
		}, Gathering, time.Time{}, "its turn among the tenant's packages"},
		{"the set is overdue and its sessions are refused", inSet, func(f *Facts) {
			f.MaxWait = time.Second
			f.tenant(func(t *Tenant) { t.Refused = later })
		}, Refused, later, "refuses"},
		{"the set is overdue and the last refusal of a session is known", inSet, func(f *Facts) {
			f.MaxWait = time.Second
			f.tenant(func(t *Tenant) { t.Refused, t.RefusedWhy = later, "code 21405: bad data" })
		}, Refused, later, "as a whole (last: code 21405: bad data)"},
		{"its session was refused, and it is sent again later", packed, func(f *Facts) {
			f.refused(later)
		}, Refused, later, "as a whole (last: code 21405: bad data)"},
		{"its session was refused, and its task has not run again", packed, func(f *Facts) {
			f.refused(time.Time{})
			f.put(queue.KindPackage, "cut", 0, waits(""))
		}, Refused, later, "as a whole (last: code 21405: bad data)"},
		{"its session was refused, and its task says that it waits", packed, func(f *Facts) {
			f.refused(later)
			f.put(queue.KindPackage, "cut", 0, waits("waiting 10m0s (refused): the packages take turns"))
		}, Refused, later, "take turns (last: code 21405: bad data)"},
		{"the set is overdue and no cause is known", inSet, func(f *Facts) { f.MaxWait = time.Second }, Gathering, time.Time{}, "turn"},
		{"the set is overdue and the queue packages is paused", inSet, func(f *Facts) {
			f.MaxWait = time.Second
			f.Queues.Paused["packages"] = true
		}, QueuePaused, time.Time{}, "queue packages was paused by a person in the dashboard: enqueue resume --queue packages"},

		{"a worker is processing it", packed, func(f *Facts) {
			f.put(queue.KindPackage, "cut", 0, queue.TaskInfo{Phase: queue.TaskActive})
		}, Working, time.Time{}, ""},
		{"its queue is paused", single, func(f *Facts) {
			f.Queues.Paused["invoices"] = true
		}, QueuePaused, time.Time{}, "queue invoices"},
		{"its single send waits for a limit", single, func(f *Facts) {
			f.put(queue.KindSend, "i", 1, waits("waiting 10m0s (limit): not now"))
		}, Limit, later, "not now"},
		{"its send was tried and put off, which raised its revision by two", tried, func(f *Facts) {
			f.put(queue.KindSend, "i", 1, waits("waiting 10m0s (throttled): send: throttled, HTTP 429"))
		}, Throttled, later, "429"},
		{"its send was tried and put off, and the chunk that brought it is still there", tried, func(f *Facts) {
			f.carry("c", queue.TaskInfo{Phase: queue.TaskPending}, "h", "i")
			f.put(queue.KindSend, "i", 1, waits("waiting 10m0s (throttled): send: throttled, HTTP 429"))
		}, Throttled, later, "429"},
		{"it was tried, and a chunk brings it again", tried, func(f *Facts) {
			f.carry("c", waits("waiting 30s (credentials): not now"), "h", "i")
		}, Credentials, later, "not now"},
		{"its chunk failed, and its tenant keeps KSeF's words", single, func(f *Facts) {
			f.tenant(func(t *Tenant) { t.Said = "open online session: refused: no such form (21405)" })
			f.carry("c", waits("again (refused): open online session"+ksef.DetailsInLog), "h", "i")
		}, Reason("refused"), later, "no such form (21405)"},
		{"its set is due, and the task of the set failed", inSet, func(f *Facts) {
			f.MaxWait = time.Second
			f.tenant(func(t *Tenant) { t.Said = "get the public key: HTTP 400: certificate withdrawn" })
			f.put(queue.KindCut, "t|v3|online", 0, waits("again (refused): get the public key"+ksef.DetailsInLog))
		}, Reason("refused"), later, "certificate withdrawn"},
		{"its send was put off, and the sweep has queued a new task", tried, func(f *Facts) {
			f.put(queue.KindSend, "i", 1, waits("waiting 10m0s (throttled): send: throttled, HTTP 429"))
			f.put(queue.KindSend, "i", 3, waits("waiting 9m0s (outage): not now"))
		}, Outage, later, "not now"},
		{"one group of requests does not answer", packed, func(f *Facts) {
			f.put(queue.KindPackage, "cut", 0, waits("waiting 10m0s (outage): batchSession of tenant t is out of service"))
		}, Outage, later, "batchSession"},
		{"KSeF processes it", sent, func(f *Facts) {
			f.put(queue.KindConfirm, "closed", 0, waits("waiting 10m0s (processing): session is 150"))
		}, Processing, later, "session is 150"},
		{"the archive is away", accepted, func(f *Facts) {
			f.put(queue.KindReceipt, "settled", 0, waits("waiting 10m0s (archive): no answer"))
		}, Reason(retry.ReasonArchive), later, "no answer"},
		{"KSeF has no receipt yet", accepted, func(f *Facts) {
			f.put(queue.KindReceipt, "settled", 0, waits("waiting 10m0s (processing): 1 receipt is not there yet"))
		}, Receipt, later, "receipt"},
		{"the task failed", sent, func(f *Facts) { f.put(queue.KindConfirm, "closed", 0, waits("again (other): disk full")) },
			Reason(retry.ReasonOther), later, "disk full"},
		{"the task failed in an older build", sent, func(f *Facts) { f.put(queue.KindConfirm, "closed", 0, waits("disk full")) },
			Reason(retry.ReasonOther), later, "disk full"},
		{"the task has not run yet", sent, func(f *Facts) { f.put(queue.KindConfirm, "closed", 0, waits("")) }, Turn, later, "time"},
	} {
		f := calm()
		if c.change != nil {
			c.change(f)
		}
		w := f.Of(&c.inv)
		if w.For != c.want || !w.Until.Equal(c.until) || !strings.Contains(w.What, c.says) {
			t.Errorf("%s: the wait is %+v, want %s until %v with a text that contains %q", c.what, w, c.want, c.until, c.says)
		}
	}
}

func TestOf_InvoiceIsDone_WaitsForNothing(t *testing.T) {
	f := calm()
	f.Queues.Workers = 0
	for _, s := range []ledger.State{ledger.Receipted, ledger.Rejected, ledger.Parked} {
		if w := f.Of(&ledger.Invoice{Facts: ledger.Facts{ID: "i", Tenant: "t"}, State: s}); w != (Wait{}) {
			t.Errorf("an invoice in state %s waits for %+v, want nothing", s, w)
		}
	}
}

func TestOf_Processing_ReportsSinceWhen(t *testing.T) {
	f := calm()
	f.put(queue.KindConfirm, "closed", 0, queue.TaskInfo{Phase: queue.TaskWaiting,
		Err: "waiting 5s (processing): session is 150"})
	if w := f.Of(&sent); !w.Since.Equal(now.Add(-time.Hour)) {
		t.Errorf("the invoice waits since %v, want an hour ago, when the session was closed", w.Since)
	}
}

func TestCount_Chunks_CountTheirInvoicesAndEstimateThoseNotRead(t *testing.T) {
	f := calm()
	f.Sets, f.Packages = nil, nil
	f.carry("c", queue.TaskInfo{Phase: queue.TaskPending}, "i", "j", "k", "l")
	f.Queues.More["invoices"] = 10
	got := map[string]int{}
	for _, c := range f.count(nil) {
		if c.For != Turn {
			t.Errorf("the count is %+v, want only invoices that wait for their turn", c)
		}
		got[c.Tenant] += c.Invoices
	}
	if got["t"] != 4 || got[""] != 40 {
		t.Errorf("the counts are %v, want 4 invoices of the tenant, and 40 without a tenant at the far end of the queue", got)
	}
	f.perInvoice = map[string]bool{queue.TaskID(queue.KindChunk, "c", 0): true}
	for _, c := range f.count([]ledger.Invoice{single}) {
		if c.Tenant == "t" && c.Invoices != 1 {
			t.Errorf("one invoice of the chunk still waits, but %d are counted", c.Invoices)
		}
	}
}

func TestCount_InvoicesAtEveryStage_EachIsCountedOnce(t *testing.T) {
	f := calm()
	f.Queues.More["invoices"] = 100
	second := single
	second.ID = "j"
	f.put(queue.KindSubmit, "j", 1, queue.TaskInfo{Phase: queue.TaskActive})
	got := map[Reason]int{}
	for _, c := range f.count([]ledger.Invoice{single, second}) {
		got[c.For] += c.Invoices
		if (c.Tenant == "") != (c.Invoices == 100) {
			t.Errorf("the count is %+v, want no tenant for the 100 tasks at the far end of the queue, and for no other count", c)
		}
	}
	want := map[Reason]int{Gathering: 7, Turn: 100 + 1 + 5 + 3, Working: 1, SessionOpen: 2, Receipt: 4}
	for r, n := range want {
		if got[r] != n {
			t.Errorf("for the reason %s, %d invoices are counted, want %d", r, got[r], n)
		}
	}
	if len(got) != len(want) {
		t.Errorf("the counts are %v, want only the reasons of %v", got, want)
	}
	f.Queues.Workers = 0
	if all := f.count([]ledger.Invoice{single, second}); len(all) != 2 {
		t.Errorf("without a worker the counts are %+v, want one count for the tenant and one for the far end of the queue", all)
	}
}

func TestReasons_EachReason_IsListedOnce(t *testing.T) {
	seen := map[Reason]bool{}
	for _, r := range Reasons() {
		if seen[r] || r == "" {
			t.Errorf("the reason %q is listed twice, or is empty", r)
		}
		seen[r] = true
	}
	for _, r := range []Reason{NoWorker, Refused, Limit, Throttled, Outage, Credentials, Processing} {
		if !seen[r] {
			t.Errorf("the reason %s is not listed", r)
		}
	}
}

// A queue has more tasks than were read. So the Reader asks the queue for the task of an invoice by
// the task's id. Here the id has the revision of an earlier attempt.
func TestExplain_TaskOfAnEarlierAttemptIsFarBack_IsLookedUp(t *testing.T) {
	f := calm()
	f.Queues.More[queue.KindSend.Queue()] = 5000
	asked := farBack{id: queue.TaskID(queue.KindSend, "i", 1), info: queue.TaskInfo{
		Queue: queue.KindSend.Queue(), Kind: queue.KindSend, ID: "i", Phase: queue.TaskWaiting, Next: now.Add(time.Hour),
		Err: "waiting 1h0m0s (throttled): send: throttled, HTTP 429"}}
	r := &Reader{Queue: asked}
	if err := r.lookUpTasks(f, []ledger.Invoice{tried}); err != nil {
		t.Fatal(err)
	}
	if w := f.Of(&tried); w.For != Throttled || !w.Until.Equal(now.Add(time.Hour)) {
		t.Errorf("the invoice waits for %+v, want throttled until %v", w, now.Add(time.Hour))
	}
}

// farBack is a queue with one task, which is found only by its id.
type farBack struct {
	id   string
	info queue.TaskInfo
}

func (q farBack) Stats(int) (queue.Stats, error) { return queue.Stats{}, nil }

func (q farBack) Task(k queue.Kind, id string, rev int64) (queue.TaskInfo, bool, error) {
	return q.info, queue.TaskID(k, id, rev) == q.id, nil
}

// A receipt is not fetched while the configuration pauses its tenant.
func TestOf_AcceptedInvoiceOfAPausedTenant_ThePauseIsNotCalledOver(t *testing.T) {
	for _, paused := range []bool{true, false} {
		f := calm()
		f.tenant(func(t *Tenant) { t.Paused = paused })
		f.put(queue.KindReceipt, "settled", 0, queue.TaskInfo{Phase: queue.TaskWaiting, Next: now.Add(time.Minute),
			Err: "waiting 15s (paused): tenant t is paused by configuration"})
		w := f.Of(&accepted)
		if w.For != TenantPaused || strings.Contains(w.What, "is not paused any more") == paused {
			t.Errorf("the tenant is paused now: %v; the wait is %+v, want tenant_paused, with a text that calls the pause over: %v",
				paused, w, !paused)
		}
	}
}
