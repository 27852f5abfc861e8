package app

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"ksefworker/internal/connect"
	"ksefworker/internal/ledger"
	"ksefworker/internal/plural"
)

// checkHome is the part of --check that compares the ledger with the configuration. Both must have
// the same environment, and the same taxpayer for each name of a tenant.
func checkHome(ctx context.Context, pool *connect.Pool, out io.Writer) error {
	at, err := pool.Ledger.Home(ctx)
	if err != nil {
		return err
	}
	if at == (ledger.Home{}) {
		fmt.Fprintf(out, "note   the ledger under redis.prefix %s has no environment yet: "+
			"the first worker or enqueue submit assigns it to %s\n", pool.Config.Redis.Prefix, pool.Home())
	}
	if err := pool.CheckHome(ctx); err != nil {
		return err
	}
	return pool.CheckTaxpayers(ctx)
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
		what := "opens; " + kept(tally, id)
		if i == 0 {
			what = "seals; " + stored(tally, id) + " are sealed with it"
		}
		fmt.Fprintf(out, "note   storage key %s (%s) %s\n", id, pool.Config.Storage.KeyFile[i], what)
	}
	others := maps.Clone(tally.Documents)
	maps.Copy(others, tally.Texts) // only the ids count
	for _, seal := range slices.Sorted(maps.Keys(others)) {
		if !slices.Contains(held, seal) {
			fmt.Fprintf(out, "note   %s: %s\n", stored(tally, seal), seal)
		}
	}
	missing := slices.DeleteFunc(seals.Missing(pool.Bodies), func(id string) bool {
		// A key that nothing needs is not missing if this process holds another active key of the
		// pool. A worker that starts with that other key retires the unneeded one.
		return tally.Needs(id) == 0 && slices.ContainsFunc(held, func(h string) bool { return seals.Keys[h] == ledger.KeyActive })
	})
	if len(missing) > 0 {
		return &ledger.SealError{Missing: missing, Held: held}
	}
	return nil
}

// kept returns a text that says which stored documents and texts need a key.
func kept(tally ledger.Tally, id string) string {
	if tally.Needs(id) == 0 {
		return "nothing that is stored needs it, so it may be removed"
	}
	return stored(tally, id) + " need it"
}

func stored(tally ledger.Tally, seal string) string {
	docs := plural.Of(tally.Documents[seal], "stored document", "stored documents")
	if n := tally.Texts[seal]; n > 0 {
		docs += " and " + plural.Of(n, "text", "texts") + " (file names, reasons, refusals)"
	}
	return docs
}
