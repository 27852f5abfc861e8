// Package connect opens what the processes of one pool share, from the configuration: Redis with
// the ledger and the queue in it, the archive, the storage keys. The package checks that Redis is
// fit for a ledger and that the ledger belongs to this configuration.
//
// The worker and the command line both use the package. The package starts no goroutine and no
// server.
package connect

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/config"
	"ksefworker/internal/archive"
	"ksefworker/internal/archive/bundle"
	"ksefworker/internal/audit"
	"ksefworker/internal/intake"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/shell"
	"ksefworker/internal/tracing"
)

// ErrUnreachable says that Redis or the archive cannot be used now. For example, it does not
// answer, or does not let this process in.
var ErrUnreachable = errors.New("not reachable")

// Pool holds what the processes of one pool share. It is safe for concurrent use. Close it once,
// when nothing uses it any more.
type Pool struct {
	Config config.Config
	Redis  redis.UniversalClient
	// Asynq is for asynq's own constructors. It puts redis.prefix before their keys.
	Asynq  redis.UniversalClient
	Ledger *ledger.Ledger
	Queue  *queue.Queue
	Bodies *ledger.Bodies
	Store  archive.Store

	// Now is this process's clock. Tests replace it before they make a worker.
	Now func() time.Time

	// Trail receives the changes that this process makes. It is set before the pool is used.
	Trail tracing.Trail

	archiveLog *archiveLog
	owned      *archive.OwnedStore // what Store wraps; checks the owner
}

// Open connects, and checks that Redis answers. The error wraps [ErrUnreachable] when Redis does
// not answer, or does not let this process in. Every other error means that the configuration is
// wrong.
func Open(ctx context.Context, cfg config.Config) (*Pool, error) {
	return open(ctx, cfg, openStore)
}

// OpenAnyArchive is Open for programs that rarely need the archive. It succeeds even when the
// folder of the archive cannot be opened. A call that needs the archive fails with the reason. A
// folder that does not exist is not made until something is written into it. Until then it counts
// as an empty archive. But if the ledger knows that the archive was used, every call that needs the
// archive fails with an [*archive.UnmarkedError].
func OpenAnyArchive(ctx context.Context, cfg config.Config) (*Pool, error) {
	return open(ctx, cfg, openStoreLater)
}

func open(ctx context.Context, cfg config.Config, openStore storeOpener) (*Pool, error) {
	keys, err := cfg.Storage.Keys()
	if err != nil {
		return nil, err
	}
	bodies, err := ledger.NewBodies(keys...)
	if err != nil {
		return nil, err
	}
	rdb, err := dialRedis(ctx, cfg.Redis)
	if err != nil {
		return nil, err
	}
	log := &archiveLog{}
	store, err := openStore(ctx, cfg.Archive, log)
	if err != nil {
		return nil, errors.Join(err, rdb.Close())
	}
	queues := queue.AsynqClient(rdb, cfg.Redis.AsynqPrefix())
	p := &Pool{
		Config: cfg, Redis: rdb, Asynq: queues, Bodies: bodies, archiveLog: log,
		Queue: queue.New(queues), Now: time.Now,
		Ledger: ledger.New(rdb, ledger.Options{
			Prefix: cfg.Redis.Prefix, Replicas: cfg.Redis.Replicas(), ReplicaTimeout: cfg.Redis.WaitTimeout,
			Texts: bodies, Outbox: cfg.Results.Outbox,
		}),
	}
	p.owned = archive.Owned(store, ownerOf(p.Home()), sameOwner, p.Ledger)
	p.Store = bundle.Over(p.owned)
	return p, nil
}

// Close closes the connections to Redis and the archive.
func (p *Pool) Close() error {
	return errors.Join(p.Redis.Close(), p.Store.Close())
}

// Enqueue is how a person calls enqueue with the configuration of this process.
func (p *Pool) Enqueue() shell.Enqueue { return shell.Enqueue{Config: p.Config.File} }

// Audit returns a recorder of who does what with a program. via names the program in the log.
func (p *Pool) Audit(via string) *audit.Recorder {
	return &audit.Recorder{Log: audit.New(p.Redis, p.Config.Redis.Prefix), Via: via}
}

// Admitter returns the admitter, which takes documents in by the configuration's rules. Every
// document is checked against the schema of its form.
func (p *Pool) Admitter() *intake.Admitter {
	cfg := p.Config
	return &intake.Admitter{
		Ledger: p.Ledger, Queue: p.Queue, Bodies: p.Bodies, Store: p.Store,
		Retention: cfg.Ledger.Retention, Now: p.Now, IntakeBelow: cfg.Redis.IntakeShare(),
		Accounts: accountsOf(cfg), AllowDiscouraged: cfg.AllowsDiscouraged(),
		Enqueue: p.Enqueue(), Trail: p.Trail,
		Check: invoice.CheckOptions{AllowFA2: cfg.Validation.AllowFA2, CheckNIPs: cfg.ChecksNIPs(), Schema: true},
	}
}

func accountsOf(cfg config.Config) []intake.Account {
	out := make([]intake.Account, len(cfg.Tenants))
	for i, t := range cfg.Tenants {
		out[i] = intake.Account{Name: t.Title(), NIP: t.NIP,
			Corrections: t.Way() == config.DirectTransport,
			MaxBytes:    t.InvoiceSize(false), MaxBytesWithAttachment: t.InvoiceSize(true)}
	}
	return out
}
