package app

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/config"
	"ksefworker/internal/archive"
	"ksefworker/internal/invoice"
	"ksefworker/internal/invoice/xsd"
	"ksefworker/internal/ledger"
	"ksefworker/internal/tasks"
)

// ErrUnreachable says that a part this process cannot work without (Redis, the archive) does not answer.
var ErrUnreachable = errors.New("not reachable")

// Base is what worker and enqueue share. Safe for concurrent use; Close it once, when nothing uses it any more.
type Base struct {
	Config config.Config
	Redis  redis.UniversalClient
	Asynq  redis.UniversalClient // for asynq's own constructors: there its keys begin as redis.prefix says
	Ledger *ledger.Ledger
	Queue  *tasks.Queue
	Bodies *ledger.Bodies
	Store  archive.Store

	news *archiveNews
	now  func() time.Time // for tests: nil is time.Now
}

// Open connects, and proves that Redis answers. Errors that wrap [ErrUnreachable] are the outside's, all others the configuration's.
func Open(ctx context.Context, cfg config.Config) (*Base, error) {
	return open(ctx, cfg, openStore)
}

// OpenAnyArchive is Open for what mostly needs no archive: a folder that cannot be opened is no error
// then. What does need it fails with the reason.
func OpenAnyArchive(ctx context.Context, cfg config.Config) (*Base, error) {
	return open(ctx, cfg, func(ctx context.Context, a config.Archive, news *archiveNews) (archive.Store, error) {
		return openStoreAt(ctx, a, archive.Options{Later: true, OnChange: news.changed})
	})
}

func open(
	ctx context.Context, cfg config.Config, openStore func(context.Context, config.Archive, *archiveNews) (archive.Store, error),
) (*Base, error) {
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
	news := &archiveNews{}
	store, err := openStore(ctx, cfg.Archive, news)
	if err != nil {
		return nil, errors.Join(err, rdb.Close())
	}
	queues := tasks.AsynqClient(rdb, cfg.Redis.AsynqPrefix())
	return &Base{Config: cfg, Redis: rdb, Asynq: queues, Bodies: bodies, Store: store, news: news, Queue: tasks.NewQueue(queues),
		Ledger: ledger.New(rdb, ledger.Options{
			Prefix: cfg.Redis.Prefix, Replicas: cfg.Redis.Replicas(), ReplicaTimeout: cfg.Redis.WaitTimeout, Reasons: bodies,
		})}, nil
}

// Close ends the connections.
func (b *Base) Close() error {
	if b.Store == nil { // a check found no folder
		return b.Redis.Close()
	}
	return errors.Join(b.Redis.Close(), b.Store.Close())
}

// Admitter returns what takes documents in, by the configuration's rules. It compiles the schemas when validation.schema_dir is set, which takes a second.
func (b *Base) Admitter() (*tasks.Admitter, error) {
	a := &tasks.Admitter{
		Ledger: b.Ledger, Queue: b.Queue, Bodies: b.Bodies, Store: b.Store, Retention: b.Config.Ledger.Retention, Now: time.Now,
		IntakeBelow: b.Config.Redis.IntakeShare(),
		Accounts:    accountsOf(b.Config), TakeDiscouraged: b.Config.TakesDiscouraged(),
		Check: invoice.CheckOptions{
			AllowFA2:  b.Config.Validation.AllowFA2,
			CheckNIPs: b.Config.ChecksNIPs(),
		},
	}
	if dir := b.Config.Validation.SchemaDir; dir != "" {
		v, err := xsd.Load(dir)
		if err != nil {
			return nil, fmt.Errorf("validation.schema_dir: %w", err)
		}
		a.Validator = v
	}
	return a, nil
}

func accountsOf(cfg config.Config) []tasks.Account {
	out := make([]tasks.Account, len(cfg.Tenants))
	for i, t := range cfg.Tenants {
		out[i] = tasks.Account{Name: t.Title(), NIP: t.NIP, MaxBytes: t.InvoiceSize(false), MaxBytesWithAttachment: t.InvoiceSize(true)}
	}
	return out
}

func openStore(ctx context.Context, a config.Archive, news *archiveNews) (archive.Store, error) {
	return openStoreAt(ctx, a, archive.Options{OnChange: news.changed})
}

func openStoreAt(ctx context.Context, a config.Archive, o archive.Options) (archive.Store, error) {
	access, secret, err := a.Keys()
	if err != nil {
		return nil, err
	}
	location, err := url.Parse(a.URL)
	if err != nil {
		return nil, errors.New("archive.url is not a URL")
	}
	q := location.Query()
	for name, value := range map[string]string{"region": a.Region, "endpoint": a.Endpoint} {
		if value != "" {
			q.Set(name, value)
		}
	}
	location.RawQuery = q.Encode()
	o.AccessKey, o.SecretKey, o.Timeout = access, secret, a.Timeout
	s, err := archive.Open(ctx, location.String(), o)
	if err != nil {
		return nil, fmt.Errorf("archive.url: %w", err)
	}
	return s, nil
}
