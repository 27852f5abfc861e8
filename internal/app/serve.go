package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/connect"
)

// ServeOptions are what [Serve] needs; all are required.
type ServeOptions struct {
	// Load reads the configuration anew.
	Load func() (config.Config, error)
	// Log makes the log that a configuration asks for.
	Log func(config.Config) zerolog.Logger
	// Reload is sent a value when the configuration is to be read anew.
	Reload <-chan struct{}
}

// Serve runs a worker until ctx ends. At each reload it reads the configuration and lets a worker that
// has it take the place of the one before, which stops as at the end of a process: nothing is cut off
// that ends within worker.shutdown_timeout. A configuration that cannot be used changes nothing, and
// neither does one for which Redis is not reachable.
func Serve(ctx context.Context, o ServeOptions) error {
	cfg, err := o.Load()
	if err != nil {
		return err
	}
	pool, err := connect.Open(ctx, cfg)
	if err != nil {
		return err
	}
	log := o.Log(cfg)
	w, err := NewWorker(ctx, pool, log)
	if err != nil {
		return errors.Join(err, pool.Close())
	}
	for {
		next, err := o.serveOne(ctx, w, log)
		if next == nil {
			return err
		}
		log.Info().Msg("configuration reloaded")
		log = o.Log(next.Config)
		if w, err = NewWorker(ctx, next, log); err == nil {
			cfg = next.Config
			continue
		}
		log.Error().Err(errors.Join(err, next.Close())).Msg("no worker can be made of the new configuration: the old one is in force again")
		if w = again(ctx, cfg, log); w == nil {
			return nil
		}
	}
}

// serveOne runs a worker until ctx ends, or until there is a configuration to go on with; then it
// returns what is open already of the next worker.
func (o ServeOptions) serveOne(ctx context.Context, w *Worker, log zerolog.Logger) (*connect.Pool, error) {
	run, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- w.Run(run) }()
	for {
		select {
		case err := <-ended:
			return nil, err
		case <-o.Reload:
		}
		next, err := o.next(ctx)
		if err != nil {
			log.Error().Err(err).Msg("configuration not reloaded: the old one stays in force")
			continue
		}
		stop()
		if err := <-ended; err != nil {
			log.Warn().Err(err).Msg("the worker before the reload did not stop in order")
		}
		if ctx.Err() != nil {
			return nil, next.Close()
		}
		return next, nil
	}
}

func (o ServeOptions) next(ctx context.Context) (*connect.Pool, error) {
	cfg, err := o.Load()
	if err != nil {
		return nil, err
	}
	if err := cfg.CheckFiles(); err != nil {
		return nil, fmt.Errorf("check files: %w", err)
	}
	return connect.Open(ctx, cfg)
}

// againEvery is how often a worker is tried to be made of a configuration that was in force before.
const againEvery = 5 * time.Second

// again makes it; nil when ctx ends first.
func again(ctx context.Context, cfg config.Config, log zerolog.Logger) *Worker {
	for {
		pool, err := connect.Open(ctx, cfg)
		if err == nil {
			var w *Worker
			if w, err = NewWorker(ctx, pool, log); err == nil {
				return w
			}
			err = errors.Join(err, pool.Close())
		}
		log.Error().Err(err).Msg("cannot go on with the old configuration yet")
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(againEvery):
		}
	}
}
