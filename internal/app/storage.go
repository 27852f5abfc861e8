package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"ksefworker/config"
	"ksefworker/internal/ledger"
)

// DeclareStorage says how this process seals documents, and refuses it when its keys are not those of
// the pool: a [*config.FieldError] around a [*ledger.SealError].
func (b *Base) DeclareStorage(ctx context.Context) error {
	return storageFault(b.Ledger.Declare(ctx, b.Bodies))
}

func storageFault(err error) error {
	if refused, ok := errors.AsType[*ledger.SealError](err); ok {
		return &config.FieldError{Field: "storage.key_file", Err: refused}
	}
	return err
}

// checkStorage tells whether this process can open what the pool seals.
func (w *Worker) checkStorage(ctx context.Context) Check {
	seals, err := w.base.Ledger.Seals(ctx)
	if err != nil {
		return Check{Name: "storage", Detail: err.Error()}
	}
	if missing := seals.Missing(w.base.Bodies); len(missing) > 0 {
		refused := ledger.SealError{Missing: missing, Held: w.base.Bodies.KeyIDs()}
		return Check{Name: "storage", Detail: refused.Error()}
	}
	if fault := w.worker.StorageFault(); fault != "" {
		return Check{Name: "storage", Detail: fault + "; other workers take what needs it"}
	}
	return Check{Name: "storage", OK: true}
}

// checkSeals is the part of --check that is about storage.key_file. It writes nothing.
func checkSeals(ctx context.Context, b *Base, out io.Writer) error {
	seals, err := b.Ledger.Seals(ctx)
	if err != nil {
		return err
	}
	tally, err := b.Ledger.SealTally(ctx)
	if err != nil {
		return err
	}
	held := b.Bodies.KeyIDs()
	for i, id := range held {
		what := "opens"
		if i == 0 {
			what = "seals"
		}
		fmt.Fprintf(out, "note   storage key %s (%s) %s; %s\n", id, b.Config.Storage.KeyFile[i], what, kept(tally[id]))
		delete(tally, id)
	}
	for _, seal := range slices.Sorted(maps.Keys(tally)) {
		fmt.Fprintf(out, "note   %d stored documents: %s\n", tally[seal], seal)
	}
	missing := slices.DeleteFunc(seals.Missing(b.Bodies), func(id string) bool {
		// As Declare does: what nothing needs is retired by a process that holds another of the pool's keys.
		return tally[id] == 0 && slices.ContainsFunc(held, func(h string) bool { return seals.Keys[h] == ledger.KeyActive })
	})
	if len(missing) > 0 {
		return &ledger.SealError{Missing: missing, Held: held}
	}
	return nil
}

func kept(n int64) string {
	if n == 0 {
		return "no stored document needs it: unless it seals it may be dropped"
	}
	return fmt.Sprintf("%d stored documents need it", n)
}
