package app

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"ksefworker/internal/connect"
	"ksefworker/internal/ledger"
)

// checkHome is the part of --check that compares the ledger's environment with the configuration's.
func checkHome(ctx context.Context, pool *connect.Pool, out io.Writer) error {
	at, err := pool.Ledger.Home(ctx)
	if err != nil {
		return err
	}
	if at == (ledger.Home{}) {
		fmt.Fprintf(out, "note   the ledger under redis.prefix %s has no environment yet: "+
			"the first worker or enqueue submit assigns it to %s\n", pool.Config.Redis.Prefix, pool.Home())
	}
	return pool.CheckHome(ctx)
}

// checkSeals is the part of --check that compares storage.key_file with the keys of the pool. It
// writes nothing.
func checkSeals(ctx context.Context, pool *connect.Pool, out io.Writer) error {
	seals, err := pool.Ledger.Seals(ctx)
	if err != nil {
		return err
	}
	tally, err := pool.Ledger.SealTally(ctx)
	if err != nil {
		return err
	}
	held := pool.Bodies.KeyIDs()
	for i, id := range held {
		what := "opens"
		if i == 0 {
			what = "seals"
		}
		fmt.Fprintf(out, "note   storage key %s (%s) %s; %s\n", id, pool.Config.Storage.KeyFile[i], what, kept(tally[id]))
		delete(tally, id)
	}
	for _, seal := range slices.Sorted(maps.Keys(tally)) {
		fmt.Fprintf(out, "note   %d stored documents: %s\n", tally[seal], seal)
	}
	missing := slices.DeleteFunc(seals.Missing(pool.Bodies), func(id string) bool {
		// The same rule as when a worker starts: a process that holds another active key of the
		// pool retires a key that no document needs.
		return tally[id] == 0 && slices.ContainsFunc(held, func(h string) bool { return seals.Keys[h] == ledger.KeyActive })
	})
	if len(missing) > 0 {
		return &ledger.SealError{Missing: missing, Held: held}
	}
	return nil
}

// kept tells how many stored documents need a key.
func kept(n int64) string {
	if n == 0 {
		return "no stored document needs it: unless it seals it may be removed"
	}
	return fmt.Sprintf("%d stored documents need it", n)
}
