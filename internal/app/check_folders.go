package app

import (
	"context"
	"errors"

	"ksefworker/config"
	"ksefworker/internal/connect"
)

// openPool opens Redis and the archive for a worker. It returns an error if a folder of results is
// also used for something else.
func openPool(ctx context.Context, cfg config.Config) (*connect.Pool, error) {
	if err := checkFolders(ctx, cfg); err != nil {
		return nil, err
	}
	pool, err := connect.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := checkRedisFolder(ctx, pool); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return pool, nil
}

// checkFolders returns an error for each folder of results that two receivers share, or in which
// this program keeps other files.
func checkFolders(ctx context.Context, cfg config.Config) error {
	return seenInTime(ctx, cfg.CheckFolders)
}

// checkRedisFolder returns an error for each folder of results that shares files with the folder in
// which Redis keeps its data.
func checkRedisFolder(ctx context.Context, pool *connect.Pool) error {
	r := pool.Config.Results
	if len(r.AllFolders()) == 0 {
		return nil
	}
	return seenInTime(ctx, func() error {
		return r.CheckApart("Redis's data", connect.RedisFolder(ctx, pool.Redis))
	})
}

// seenInTime returns the error of look. When a network share does not answer in time, seenInTime
// returns nil. The receiver on that share is then reported as out of service by its own check.
func seenInTime(ctx context.Context, look func() error) error {
	return bounded(ctx, func(ctx context.Context) error {
		found := make(chan error, 1)
		go func() { found <- look() }()
		select {
		case err := <-found:
			return err
		case <-ctx.Done():
			return nil
		}
	})
}
