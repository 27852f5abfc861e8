package tasks

import (
	"context"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/rs/zerolog"

	"ksefworker/internal/archive"
	"ksefworker/internal/ksef/numbers"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/shell"
	"ksefworker/internal/tracing"
)

// Parts are what a worker is made of. All are required except PartStore and Fault.
type Parts struct {
	Ledger *ledger.Ledger
	Queue  *queue.Queue
	Bodies *ledger.Bodies
	Store  archive.Store
	Budget Budget
	// Transport returns the named tenant's transport to KSeF. It returns false when no such tenant
	// is configured here, or the configuration pauses it.
	Transport func(tenant string) (Transport, bool)
	// PartStore is asked before a batch session is opened and before each part is sent. nil stands
	// for a store that is never out of service.
	PartStore PartStore
	// Fault returns an error when a fault of this process alone keeps it from working for the
	// tenant, or from sending requests of one of these groups of operations. The tenant's task ends
	// with this error and is left to another worker. Fault returns nil when there is no such fault.
	// A nil func stands for a func that always returns nil.
	Fault func(tenant string, groups ...string) error
}

// Options are the settings of the worker; config/worker.example.yaml explains most of them. A field
// may be zero only if its comment, or the comment of its setting or type, says what zero means.
type Options struct {
	// Worker is the worker's name. It is unique in the pool and changes with every start, because a
	// restarted worker does not own the sessions of its predecessor.
	Worker      string
	Environment string // as configured, for verification links

	// TenantTasks is how many single sends and confirm tasks of one tenant may run at a time. 0
	// means any number.
	TenantTasks int

	SpoolDir        string
	PartSize        int64
	ParallelUploads int
	Refusals        int // sessions refused as a whole before a package is halved

	MaxWait     time.Duration
	MaxInvoices int
	MaxBytes    int64 // of XML in one package
	// PackageForm returns the form of a tenant's packages. nil means ZIP, up to the gateway's
	// maximum size, for all tenants.
	PackageForm func(tenant string) PackageForm
	// SessionInvoices returns how many invoices of a tenant KSeF takes in one session. nil means
	// the usual 10,000 for all.
	SessionInvoices func(tenant string) int
	ExpressBelow    int
	Quiet           time.Duration
	DeadlineNear    time.Duration

	ExpressIdle        time.Duration
	ExpressMaxAge      time.Duration
	ExpressMaxInvoices int
	ExpressShare       float64 // part of a window that single sends leave to urgent ones; see urgency

	ConfirmFirst time.Duration
	ConfirmMax   time.Duration
	SweepEvery   time.Duration
	// SweepAfter is how long something must have stood still before the sweep checks it. 0 means a
	// minute, which is longer than any step between two writes takes.
	SweepAfter   time.Duration
	DeadAfter    time.Duration // how long a worker without a heartbeat counts as alive; 0 is 30 s
	Retention    time.Duration // how long ended entries are kept; 0 is for ever
	KeepRejected time.Duration // how long rejected, dismissed and superseded documents are kept; 0: like their entries
	UpgradeAfter time.Duration // how long each step to a newer format of the ledger is put off; 0 is at once
	RefusalsKept time.Duration // how long refused documents stay on record

	ArchiveParallel int // receipt tasks that use the archive at a time; 0 is 3
	ArchiveShare    int // how many of those may be of one tenant; 0 is 2
	// ArchivePackages keeps the receipted invoices of a package in bundles, if there are enough of
	// them for a bundle. All other invoices are kept singly. False keeps all invoices singly.
	ArchivePackages bool

	Now func() time.Time // this machine's clock; the worker corrects it by Redis's; nil is time.Now
	// After calls a function after a pause, unless stop is called first; nil is [time.AfterFunc].
	After func(time.Duration, func()) (stop func() bool)
	Log   zerolog.Logger
	// Enqueue is how a person calls enqueue here. Some reasons name the command that ends the wait.
	Enqueue shell.Enqueue
	Trace   *tracing.Tracer // nil: nothing is traced
	// Reached is called when invoices have reached a state. Judged is called with the verdict about
	// the error of a task. Ended is called with each invoice that was accepted, rejected or parked.
	// All may be nil.
	Reached func(Reached)
	Ended   func(Ended)
	Judged  func(Judged)
	// Decided is called when invoices were accepted, rejected or parked, after the ledger was
	// changed. It must not take long. It may be nil.
	Decided func(context.Context, []Decided)
}

func (o Options) sessionInvoices(tenant string) int {
	if o.SessionInvoices == nil {
		return numbers.MaxSessionInvoices
	}
	return o.SessionInvoices(tenant)
}

// Worker holds the handlers. Safe for concurrent use.
type Worker struct {
	*core
	documents *documents
	archivist *archivist
	polls     *pollSchedule
	lanes     *laneChooser
	online    *onlineSessions
	confirmer *confirmer
	batch     *batchBuilder
	sweeper   *sweeper
	running   sync.WaitGroup // handlers
}

// NewWorker returns the handlers over parts.
func NewWorker(p Parts, o Options) *Worker {
	c := newCore(p, o)
	o = c.o
	var (
		acts   = &writer{c}
		family = &family{c}
		polls  = &pollSchedule{core: c}
		uses   = &archiveUse{core: c, lookups: newBulkhead(lookupPlaces, tenantLookups)}
		docs   = &documents{core: c, writer: acts, archiving: uses, alone: newBulkhead(alonePlaces, tenantAlone)}
		arch   = &archivist{core: c, archiving: uses, documents: docs,
			receipts: newBulkhead(o.ArchiveParallel, o.ArchiveShare), receiptMemory: newMemory()}
		lanes   = &laneChooser{core: c, polls: polls, holds: newPersonHolds(c)}
		online  = &onlineSessions{core: c, writer: acts, documents: docs, lanes: lanes, express: newExpress(), closes: newCloses()}
		confirm = &confirmer{core: c, writer: acts, family: family, polls: polls, online: online,
			archiving: uses, archivist: arch, documents: docs}
		batch = &batchBuilder{core: c, writer: acts, family: family, documents: docs, lanes: lanes, confirmer: confirm,
			builds: newBuilds(), buildMemory: newMemory()}
		sweep = &sweeper{core: c, writer: acts, archiving: uses, archivist: arch, lanes: lanes, online: online}
	)
	return &Worker{
		core: c, documents: docs, archivist: arch, polls: polls, lanes: lanes, online: online, confirmer: confirm,
		batch: batch, sweeper: sweep,
	}
}

// Mux routes the tasks of every kind in [queue.Kinds] to their handlers.
func (w *Worker) Mux() *asynq.ServeMux {
	mux := asynq.NewServeMux()
	mux.Handle(string(queue.KindChunk), w.chunkHandler(w.lanes.onChunk))
	for kind, handle := range map[queue.Kind]func(context.Context, string) error{
		queue.KindSubmit:  w.onQueued(w.lanes.submit, nil),
		queue.KindSend:    w.onQueued(w.online.send, w.leaveSends),
		queue.KindCut:     w.lanes.cut,
		queue.KindPackage: w.onPackage(w.batch.submitPackage),
		queue.KindConfirm: w.onPackage(w.confirmer.inTurn(w.confirmer.confirm)),
		queue.KindReceipt: w.onPackage(w.archivist.receipt),
		queue.KindSweep:   w.sweeper.sweep,
	} {
		mux.Handle(string(kind), w.handler(kind, handle))
	}
	return mux
}
