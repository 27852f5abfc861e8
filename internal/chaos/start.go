//go:build unix

package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/connect"
	"ksefworker/internal/simulator"
	"ksefworker/internal/testbed"
)

// start starts Redis, the simulator, the workers, the receiver of results, and the watch of a
// folder. It also starts a replica and a bucket when the run needs them.
func (r *run) start(ctx context.Context, clients *rand.Rand) error {
	if err := r.startBed(ctx); err != nil {
		return err
	}
	var err error
	if r.o.has(Failover) {
		if r.pair, err = startPair(ctx, r.o.Dir, r.bed.Redis); err != nil {
			return err
		}
		r.atEnd(r.pair.stop)
	}
	if r.o.has(ArchiveHangs) {
		if r.bucket, err = openBucket(r.o.Dir); err != nil {
			return err
		}
		r.atEnd(r.bucket.close)
	}
	if r.receiver, err = startReceiver(r.o, clients); err != nil {
		return err
	}
	r.atEnd(func() { _ = r.receiver.stop() })
	path := filepath.Join(r.o.Dir, "worker.yaml")
	if err := r.writeConfig(path, nil); err != nil {
		return err
	}
	cfg, err := config.Load(path, nil)
	if err != nil {
		return err
	}
	if err := r.makeCertificates(cfg); err != nil {
		return err
	}
	if r.controller, err = connect.Open(ctx, cfg); err != nil {
		return err
	}
	r.atEnd(func() { _ = r.controller.Close() })
	r.atEnd(r.stopWorkers)
	for i := range r.o.Workers {
		name := fmt.Sprintf("worker-%d", i+1)
		s := newSupervisor(name, r.logPath(name), r.o.Worker, "--config", path)
		r.workers = append(r.workers, s)
		if err := s.start(); err != nil {
			return err
		}
	}
	return r.startInbox(path)
}

func (r *run) startBed(ctx context.Context) error {
	log, err := os.Create(r.logPath("simulator"))
	if err != nil {
		return err
	}
	r.atEnd(func() { _ = log.Close() })
	r.simLog = &simulatorLog{out: log}
	r.bed, err = testbed.Start(ctx, testbed.Options{
		Dir: r.o.Dir, Direct: r.o.ministry(),
		Redis: durable(filepath.Join(r.o.Dir, "redis")),
		Simulator: simulator.Options{
			Profile: simulator.Production, Scale: scale, Delay: 300 * time.Millisecond, Seed: int64(r.o.Seed) + 1,
			Log: zerolog.New(r.simLog).Level(zerolog.InfoLevel).With().Timestamp().Logger(),
		},
	})
	if err != nil {
		return err
	}
	r.atEnd(func() { _ = r.bed.Close() })
	return nil
}

// writeConfig writes the workers' configuration. All waits are short, so that a run shows in two
// minutes what otherwise takes a night. There are few worker slots, so that a task that never frees
// its slot has an effect. The safety margin of the limiter is wide. A loaded test machine may delay
// a request between the limiter and the simulator, and the simulator's "second" is only 17 ms long.
// The parameter keys has, by its NIP, the key file of each tenant that does not use the usual one.
func (r *run) writeConfig(path string, keys map[string]string) error {
	c := r.bed.Config(r.o.Tenants)
	c.Gateway.Timeout = requestTimeout
	c.Packages.MaxWait = 2 * time.Second
	c.Express.Idle = 1500 * time.Millisecond
	c.Limits.Scale, c.Limits.Margin = scale, time.Second
	c.Sweep.Every, c.Sweep.After = time.Second, 3*time.Second
	c.Worker.Concurrency, c.Worker.ShutdownTimeout, c.Worker.DeadAfter = 8, 3*time.Second, 3*time.Second
	c.Log.Level = "debug"
	c.Results.Webhooks = []config.Webhook{{
		Name: receiverName, URL: r.receiver.url + "/ksef", SecretFile: config.Files{r.receiver.secretFile},
		AllowPrivate: true, AllowPlain: true, Timeout: webhookTimeout,
	}}
	if r.pair != nil {
		c.Redis = r.pair.settings()
	}
	if r.bucket != nil {
		r.bucket.configure(&c.Archive)
	}
	if err := r.goDirect(&c); err != nil {
		return err
	}
	for i := range c.Tenants {
		t, key := &c.Tenants[i], keys[c.Tenants[i].NIP]
		switch {
		case key == "":
		case t.TokenFile != "":
			t.TokenFile = key
		case t.LogsInByCertificate():
			t.PrivateKeyFile = key
		default:
			t.KeyFile = key
		}
	}
	return testbed.WriteConfig(path, c)
}
