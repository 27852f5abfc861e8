package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/connect"
	"ksefworker/internal/tracing"
)

// ServeOptions are the options of [Serve]; all are required.
type ServeOptions struct {
	// Load reads the configuration from its file.
	Load func() (config.Config, error)
	// Log makes the logger as a configuration sets it.
	Log func(config.Config) zerolog.Logger
	// Environ is the environment, as os.Environ returns it. The settings of traces are read from
	// it.
	Environ []string
	// Reload receives a value when the configuration has to be read again.
	Reload <-chan struct{}
}

// Serve runs a worker until ctx ends or the worker fails. At each reload it reads the
// configuration, stops the present worker and starts one with the new configuration. The old worker
// stops as at the end of a process, so tasks that end within worker.shutdown_timeout are not
// interrupted. When the new configuration is invalid or its Redis cannot be reached, the old worker
// goes on. When no worker can start with the new configuration, Serve starts one with the old
// configuration.
func Serve(ctx context.Context, o ServeOptions) error {
	cfg, err := o.Load()
	if err != nil {
		return err
	}
	pool, err := openPool(ctx, cfg)
	if err != nil {
		return err
	}
	log := o.Log(cfg)
	traces, endTraces, err := openTraces(ctx, o.Environ, log)
	if err != nil {
		return errors.Join(err, pool.Close())
	}
	defer endTraces()
	pool.Trail.Trace = traces
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
		log, next.Trail.Trace = o.Log(next.Config), traces
		if w, err = NewWorker(ctx, next, log); err == nil {
			cfg = next.Config
			continue
		}
		log.Error().Err(errors.Join(err, next.Close())).
			Msg("no worker can start with the new configuration: the old configuration applies again")
		if w = restart(ctx, cfg, traces, log); w == nil {
			return nil
		}
	}
}

// serveOne runs a worker until ctx ends, the worker fails, or a reload brings a usable
// configuration. After a reload it returns the open connections for the next worker.
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
			log.Error().Err(err).Msg("configuration not reloaded: the old one still applies")
			continue
		}
		stop()
		if err := <-ended; err != nil {
			log.Warn().Err(err).Msg("the worker before the reload ended with an error")
		}
		if ctx.Err() != nil {
			return nil, next.Close()
		}
		return next, nil
	}
}

// next reads the configuration and opens the connections that it names.
func (o ServeOptions) next(ctx context.Context) (*connect.Pool, error) {
	cfg, err := o.Load()
	if err != nil {
		return nil, err
	}
	if err := cfg.CheckFiles(); err != nil {
		return nil, fmt.Errorf("check files: %w", err)
	}
	return openPool(ctx, cfg)
}

// restartEvery is the interval between two attempts to start a worker with the old configuration.
const restartEvery = 5 * time.Second

// restart makes a worker with a configuration that worked before. It tries until it succeeds, and
// returns nil when ctx ends first.
func restart(ctx context.Context, cfg config.Config, traces *tracing.Tracer, log zerolog.Logger) *Worker {
	for {
		pool, err := connect.Open(ctx, cfg)
		if err == nil {
			pool.Trail.Trace = traces
			var w *Worker
			if w, err = NewWorker(ctx, pool, log); err == nil {
				return w
			}
			err = errors.Join(err, pool.Close())
		}
		log.Error().Err(err).Msg("cannot start with the old configuration yet")
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(restartEvery):
		}
	}
}
