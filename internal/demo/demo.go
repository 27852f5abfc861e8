// Package demo runs the whole way on this machine: a Redis, the simulator in KSeF's place, a worker
// and the enqueue program.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/connect"
	"ksefworker/internal/redisd"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// Options of [Run]. Out and Err are required.
type Options struct {
	Keep bool // stay up until ctx ends
	Out  io.Writer
	Err  io.Writer
	// Enqueue is the enqueue program; "" looks beside this one.
	Enqueue string
}

// Run does the main job for real on this machine, with the simulator at KSeF's production limits and
// 300 sample invoices of two tenants, handed in with the enqueue program. Nothing leaves the
// machine. What it made stays in a temporary folder, to be looked at.
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
	d.tell()
	if o.Keep {
		fmt.Fprintf(o.Out, "look again                   %s results --config %s\n\nEverything stays up; press Ctrl-C to end it.\n", d.enqueue, d.config)
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
		return "", fmt.Errorf("the enqueue program is not beside this one (%s): build both with make build, then run bin/demo", filepath.Dir(self))
	}
	return path, nil
}

type demo struct {
	dir, enqueue string
	out, err     io.Writer
	config       string // path of the configuration
	redis        string // its URL
	worker       *app.Worker
	sim          *simulator.Simulator
	closers      []func() // run last first
	tenants      [2]string
}

func (d *demo) stop() {
	for i := len(d.closers) - 1; i >= 0; i-- {
		d.closers[i]()
	}
}

func (d *demo) start(ctx context.Context) error {
	if err := d.startRedis(ctx); err != nil {
		return err
	}
	url, err := d.startSimulator()
	if err != nil {
		return err
	}
	d.tenants = [2]string{sample.NIP(0), sample.NIP(1)}
	cfg, err := d.writeConfig(url)
	if err != nil {
		return err
	}
	return d.startWorker(ctx, cfg)
}

func (d *demo) startRedis(ctx context.Context) error {
	if _, err := redisd.Find(); err == nil {
		srv, err := redisd.Start(ctx, redisd.Options{Dir: filepath.Join(d.dir, "redis"), AppendOnly: true})
		if err != nil {
			return err
		}
		d.closers = append(d.closers, func() { _ = srv.Stop() })
		d.redis = srv.URL()
		fmt.Fprintln(d.out, "redis       a redis-server of its own, append-only file on, at", srv.Addr())
		return nil
	}
	m, err := miniredis.Run()
	if err != nil {
		return fmt.Errorf("start the in-process redis: %w", err)
	}
	d.closers = append(d.closers, m.Close)
	d.redis = "redis://" + m.Addr() + "/0"
	tick := time.NewTicker(time.Second) // miniredis never expires anything by itself
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
	fmt.Fprintln(d.out, "redis       in-process and not kept on disk, because there is no redis-server on PATH; fine for a demo only")
	return nil
}

func (d *demo) startSimulator() (string, error) {
	sim, err := simulator.New(simulator.Options{Profile: simulator.Production, Delay: time.Second, Dir: filepath.Join(d.dir, "simulator")})
	if err != nil {
		return "", err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen for the simulator: %w", err)
	}
	srv := &http.Server{Handler: sim.Handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = srv.Serve(listener) }() // ends with Close below
	d.sim = sim
	d.closers = append(d.closers, func() { _ = srv.Close(); _ = sim.Close() })
	url := "http://" + listener.Addr().String()
	fmt.Fprintln(d.out, "simulator   stands in for KSeF, production limits, at", url)
	return url, nil
}

func (d *demo) writeConfig(url string) (config.Config, error) {
	key := filepath.Join(d.dir, "key")
	yaml := fmt.Sprintf(`environment: custom
gateway: {url: %q}
redis: {url: %q, allow_volatile: true}
tenants:
  - {nip: "%s", key_id: "test_%s", key_file: %q, name: "Demo One"}
  - {nip: "%s", key_id: "test_%s", key_file: %q, name: "Demo Two"}
packages: {max_wait: 3s, max_invoices: 5000, express_below: 5, quiet: 1s, spool_dir: %q}
express: {idle: 3s}
confirm: {first: 500ms, max: 2s}
archive: {url: "file://%s"}
http: {addr: "127.0.0.1:0"}
`, url, d.redis, d.tenants[0], d.tenants[0], key, d.tenants[1], d.tenants[1], key, filepath.Join(d.dir, "spool"), filepath.Join(d.dir, "archive"))
	d.config = filepath.Join(d.dir, "worker.yaml")
	for path, text := range map[string]string{key: "test_key\n", d.config: yaml} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return config.Config{}, fmt.Errorf("write the demo's configuration: %w", err)
		}
	}
	return config.Load(d.config, nil)
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
	fmt.Fprintf(d.out, "worker      dashboard at http://%s/monitoring/, log in %s\n", d.worker.Addr(), log.Name())
	return nil
}

func (d *demo) tell() {
	books := d.sim.Books()
	fmt.Fprintf(d.out, `
The simulator's books: %d accepted, %d rejected, %d requests beyond the limits.
UPO, documents and results   %s
dashboard                    http://%s/monitoring/ (make demo KEEP=1 keeps it up)
`, len(books.Accepted), len(books.Rejected), len(books.Violations), filepath.Join(d.dir, "archive"), d.worker.Addr())
}
