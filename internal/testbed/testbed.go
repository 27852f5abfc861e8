package testbed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"ksefworker/internal/redisd"
	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/ministry"
)

// Key is the secret half of the API key of every account, as the simulator expects it.
const Key = "test_key"

// Options configure a Bed. Only Dir is required.
type Options struct {
	// Dir holds everything that the bed makes. It is made when it is missing and never removed.
	Dir string
	// Redis configures the server. An empty Redis.Dir means Dir/redis.
	Redis redisd.Options
	// RedisURL is the address of a Redis that runs already; the bed starts none then.
	RedisURL string
	// Simulator configures the simulator. An empty Simulator.Dir means Dir/simulator.
	Simulator simulator.Options
	// Direct configures the simulator's version of the Ministry's API; nil starts none.
	Direct *ministry.Options
	// GatewayURL is the address of a gateway that runs elsewhere, or of one that nobody needs to
	// reach. When it is set, the bed starts no simulator.
	GatewayURL string
}

// Bed is a Redis and a simulator that run, with a key file. All its methods but Close are safe for
// concurrent use.
type Bed struct {
	// Redis is nil when Options.RedisURL was set.
	Redis *redisd.Server
	// Simulator is nil when Options.GatewayURL was set.
	Simulator *simulator.Simulator

	dir, redisURL, gatewayURL, directURL string
	closers                              []func() error // run last first
}

// Start starts what the options ask for. The context bounds the start, not the life of the bed.
// After an error nothing is left running.
func Start(ctx context.Context, o Options) (*Bed, error) {
	b := &Bed{dir: o.Dir, redisURL: o.RedisURL, gatewayURL: o.GatewayURL}
	if err := b.start(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("start the test bed: %w", err), b.Close())
	}
	return b, nil
}

func (b *Bed) start(ctx context.Context, o Options) error {
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(b.KeyFile(), []byte(Key+"\n"), 0o600); err != nil {
		return err
	}
	if b.redisURL == "" {
		if err := b.startRedis(ctx, o.Redis); err != nil {
			return err
		}
	}
	if b.gatewayURL == "" {
		return b.startSimulator(o.Simulator, o.Direct)
	}
	return nil
}

func (b *Bed) startRedis(ctx context.Context, o redisd.Options) error {
	if o.Dir == "" {
		o.Dir = filepath.Join(b.dir, "redis")
	}
	srv, err := redisd.Start(ctx, o)
	if err != nil {
		return err
	}
	b.Redis, b.redisURL = srv, srv.URL()
	b.closers = append(b.closers, srv.Stop)
	return nil
}

func (b *Bed) startSimulator(o simulator.Options, direct *ministry.Options) error {
	if o.Dir == "" {
		o.Dir = filepath.Join(b.dir, "simulator")
	}
	sim, err := simulator.New(o)
	if err != nil {
		return err
	}
	b.Simulator = sim
	b.closers = append(b.closers, sim.Close)
	url, stop, err := Serve(sim.Handler())
	if err != nil {
		return err
	}
	b.gatewayURL = url
	b.closers = append(b.closers, stop)
	if direct == nil {
		return nil
	}
	face, err := ministry.New(sim, *direct)
	if err != nil {
		return err
	}
	if url, stop, err = Serve(face); err != nil {
		return err
	}
	b.directURL = url + "/v2"
	b.closers = append(b.closers, stop)
	return nil
}

// Serve serves a handler on a free port of the loopback interface. It returns the address without a
// slash at its end. stop ends the server and cuts off the requests that are under way.
func Serve(h http.Handler) (url string, stop func() error, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan struct{})
	go func() { defer close(served); _ = srv.Serve(listener) }()
	stop = func() error {
		err := srv.Close()
		<-served
		return err
	}
	return "http://" + listener.Addr().String(), stop, nil
}

// Close ends the simulator and then Redis, and returns what went wrong on the way. The folder
// stays. Close must be called once.
func (b *Bed) Close() error {
	var errs []error
	for i := len(b.closers) - 1; i >= 0; i-- {
		errs = append(errs, b.closers[i]())
	}
	return errors.Join(errs...)
}

// GatewayURL returns the address of the simulator, or Options.GatewayURL.
func (b *Bed) GatewayURL() string { return b.gatewayURL }

// DirectURL returns the address of the Ministry's API, with /v2 at its end. It returns "" when the
// bed started none.
func (b *Bed) DirectURL() string { return b.directURL }

// KeyFile returns the path of a file with Key.
func (b *Bed) KeyFile() string { return filepath.Join(b.dir, "key") }

// ArchiveDir returns the folder of the archive in the configurations that Config returns.
func (b *Bed) ArchiveDir() string { return filepath.Join(b.dir, "archive") }

// ArchiveURL returns the address of that folder.
func (b *Bed) ArchiveURL() string { return "file://" + b.ArchiveDir() }
