// Package demo shows the whole path of invoices on this machine. It runs a Redis, the simulator in
// place of KSeF, a worker and the enqueue program.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/connect"
	"ksefworker/internal/redisd"
	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/ministry"
	"ksefworker/internal/testbed"
)

// Options of [Run]. Out and Err are required.
type Options struct {
	Keep bool // keep everything running until ctx is done
	Out  io.Writer
	Err  io.Writer
	// Enqueue is the path of the enqueue program. "" means the program in the folder of this one.
	Enqueue string
}

// Run brings sample invoices to the simulator, with a real worker and the real enqueue program. The
// simulator has KSeF's production limits, and the enqueue program hands in 300 invoices of two
// tenants. One tenant sends through the simulated gateway. The other sends straight to the
// simulated KSeF, with a certificate that the enqueue program has made. Nothing leaves the machine.
// Run leaves its files in a temporary folder, so that a person can look at them.
func Run(ctx context.Context, o Options) error {
	enqueue, err := findEnqueue(o.Enqueue)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "ksefworker-demo-")
	if err != nil {
		return fmt.Errorf("make the demo's folder: %w", err)
	}
	d := &demo{dir: dir, out: o.Out, err: o.Err, enqueue: enqueue}
	defer d.stop()
	if err := d.start(ctx); err != nil {
		return err
	}
	if err := d.handIn(ctx); err != nil {
		return err
	}
	d.summary()
	if o.Keep {
		fmt.Fprintf(o.Out, "results again                %s results --config %s\n\n"+
			"Everything keeps running; press Ctrl-C to stop it.\n", d.enqueue, d.config)
		<-ctx.Done()
	}
	return nil
}

func findEnqueue(path string) (string, error) {
	if path != "" {
		return path, nil
	}
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find the enqueue program: %w", err)
	}
	path = filepath.Join(filepath.Dir(self), "enqueue")
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("there is no enqueue program in the folder of this program (%s): "+
			"build both with make build, then run bin/demo", filepath.Dir(self))
	}
	return path, nil
}

type demo struct {
	dir, enqueue string
	out, err     io.Writer
	config       string // path of the configuration
	bed          *testbed.Bed
	worker       *app.Worker
	closers      []func() // called in reverse order
}

func (d *demo) stop() {
	for i := len(d.closers) - 1; i >= 0; i-- {
		d.closers[i]()
	}
}

func (d *demo) start(ctx context.Context) error {
	o := testbed.Options{
		Dir: d.dir, Redis: redisd.Options{AppendOnly: true}, Direct: &ministry.Options{LoginDelay: time.Second},
		Simulator: simulator.Options{Profile: simulator.Production, Delay: time.Second, Faults: []simulator.Fault{
			{Kind: simulator.InvoiceStatus, Number: rejectedNumber + "*", Code: 450, Times: -1},
		}},
	}
	var err error
	if _, missing := redisd.Find(); missing != nil {
		if o.RedisURL, err = d.startMiniredis(); err != nil {
			return err
		}
	}
	if d.bed, err = testbed.Start(ctx, o); err != nil {
		return err
	}
	d.closers = append(d.closers, func() { _ = d.bed.Close() })
	if d.bed.Redis != nil {
		fmt.Fprintln(d.out, "redis       a redis-server for this demo, with an append-only file, at", d.bed.Redis.Addr())
	} else {
		fmt.Fprintln(d.out, "redis       inside this process and not on disk, because there is no redis-server on PATH; "+
			"good enough for a demo only")
	}
	fmt.Fprintln(d.out, "simulator   in place of the gateway, with KSeF's production limits, at", d.bed.GatewayURL())
	fmt.Fprintln(d.out, "            and in place of KSeF itself, on the same books, at", d.bed.DirectURL())
	cfg, err := d.writeConfig()
	if err != nil {
		return err
	}
	if err := d.makeCertificate(ctx, cfg); err != nil {
		return err
	}
	return d.startWorker(ctx, cfg)
}

// startMiniredis starts a Redis inside this process and returns its URL.
func (d *demo) startMiniredis() (string, error) {
	m, err := miniredis.Run()
	if err != nil {
		return "", fmt.Errorf("start the in-process redis: %w", err)
	}
	d.closers = append(d.closers, m.Close)
	tick := time.NewTicker(time.Second) // miniredis expires keys only when it is told to
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-tick.C:
				m.FastForward(time.Second)
			case <-done:
				return
			}
		}
	}()
	d.closers = append(d.closers, func() { tick.Stop(); close(done) })
	return "redis://" + m.Addr() + "/0", nil
}

func (d *demo) writeConfig() (config.Config, error) {
	cfg := d.bed.Config(demoTenants)
	adjust(&cfg)
	d.bed.GoDirectByCertificate(&cfg, cfg.Tenants[1].NIP)
	d.config = filepath.Join(d.dir, "worker.yaml")
	if err := testbed.WriteConfig(d.config, cfg); err != nil {
		return config.Config{}, err
	}
	return config.Load(d.config, nil)
}

// adjust changes a configuration so that people can watch the demo. It names the tenants, shortens
// the waits to seconds, and lets people end the rejected invoices on the page. It also allows a
// Redis that keeps nothing on disk.
func adjust(cfg *config.Config) {
	cfg.Redis.AllowVolatile = true
	cfg.Tenants[0].Name, cfg.Tenants[1].Name = "Demo One", "Demo Two"
	cfg.Packages.MaxWait, cfg.Packages.Quiet = 3*time.Second, time.Second
	cfg.Express.Idle = 3 * time.Second
	cfg.Confirm.First = 500 * time.Millisecond
	cfg.HTTP.Dashboard.ReadOnly = false
}

func (d *demo) startWorker(ctx context.Context, cfg config.Config) error {
	pool, err := connect.Open(ctx, cfg)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(d.dir, "worker.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return errors.Join(fmt.Errorf("open the worker's log: %w", err), pool.Close())
	}
	if d.worker, err = app.NewWorker(ctx, pool, zerolog.New(log).With().Timestamp().Logger()); err != nil {
		return errors.Join(err, pool.Close(), log.Close())
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- d.worker.Run(run) }()
	d.closers = append(d.closers, func() {
		cancel()
		if err := <-done; err != nil {
			fmt.Fprintln(d.err, "worker:", err)
		}
		_ = log.Close()
	})
	fmt.Fprintf(d.out, "worker      business page at http://%s/, dashboard at /monitoring/, log in %s\n", d.worker.Addr(), log.Name())
	return nil
}

func (d *demo) summary() {
	books, direct := d.bed.Simulator.Books(), 0
	for _, session := range books.Sessions {
		if strings.HasPrefix(session.Account, ministry.AccountPrefix) {
			direct += session.Accepted
		}
	}
	fmt.Fprintf(d.out, `
The simulator's books: %d accepted (%d through the gateway, %d straight to KSeF), %d rejected, %d requests above the limits.
UPO, documents and results   %s
business page                http://%s/ (make demo KEEP=1 keeps it running; dashboard at /monitoring/, metrics at /metrics)
`, len(books.Accepted), len(books.Accepted)-direct, direct, len(books.Rejected), len(books.Violations), d.bed.ArchiveDir(), d.worker.Addr())
}
