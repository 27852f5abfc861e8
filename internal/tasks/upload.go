package tasks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/numbers"
	"ksefworker/internal/ledger"
	"ksefworker/internal/pack"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
)

// A tenant has sixty sessions an hour, and a package that gives up its session needs another. So a
// package whose parts are not taken keeps its session. It tries again as long as KSeF would take
// the parts, but not longer than uploadTimeout after the first failure of a part. Meanwhile the
// tenant's other packages open hardly any sessions (see [PartStore]). The package occupies only one
// of the few places for builds. A stop of the worker ends the package's tries at once.
//
// A store that is down for days costs sessions. First it costs the sessions whose parts were being
// uploaded when it went down, at most parallelBuilds for each worker. After that, each tenant loses
// eight sessions in the first hour, at pauses that grow to twenty minutes, and three in each hour
// that follows.

const (
	// uploadTimeout is how long one part may fail before its package is given up although KSeF
	// would still take it. For a package of fifty parts KSeF gives sixteen hours in all. The
	// invoices should not wait so long for one part.
	uploadTimeout = numbers.PartTime
	// uploadMargin is how long before the end of KSeF's time the last try begins.
	uploadMargin = time.Minute
	// maxUploadPause is the longest pause between two tries, unless an answer asks for a longer
	// one. So a package with a session soon notices that the store is back.
	maxUploadPause = 30 * time.Second
)

func (b *batchBuilder) upload(ctx context.Context, t Transport, p *ledger.Package, opened ksef.OpenedBatch, built *pack.Package) error {
	targets := make(map[int]ksef.PartUpload, len(opened.PartUploads))
	for _, u := range opened.PartUploads {
		targets[u.Ordinal] = u
	}
	over := b.o.Now().Add(numbers.PartTime*time.Duration(len(built.Parts)) - uploadMargin)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(b.o.ParallelUploads)
	for _, part := range built.Parts {
		target, ok := targets[part.Ordinal]
		if !ok {
			return fmt.Errorf("open batch session %s: the answer has no address for part %d", opened.ID, part.Ordinal)
		}
		g.Go(func() error { return b.uploadPart(ctx, t, p, target, part, over) })
	}
	return g.Wait()
}

// uploadPart sends one part until the store takes it, refuses it for good, or the time is over. It
// may send a part again, because putting the same bytes in the same place twice has the same effect
// as putting them once.
func (b *batchBuilder) uploadPart(ctx context.Context, t Transport, p *ledger.Package, target ksef.PartUpload, part pack.Part,
	over time.Time,
) error {
	var failed error // the last answer of the store
	for try := 0; ; try++ {
		sent, err := b.PartStore.Send(ctx, p.Tenant, p.ID, target.Host())
		if err == nil {
			err = t.UploadPart(ctx, target, func() (io.ReadCloser, error) { return part.Open() }, part.Size)
			sent(ctx, err)
			failed = err
		}
		if err == nil || ctx.Err() != nil || retry.Judge(err).Action == retry.Never {
			return err
		}
		over = earlier(over, b.o.Now().Add(uploadTimeout)) // the first failure sets the limit
		pause := uploadPause(try, err)
		if b.o.Now().Add(pause).After(over) {
			if failed != nil {
				return failed // this error says more than "out of service"
			}
			return err
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// uploadPause returns how long a part waits for its next try. After a *[ratelimit.NotNow] of the
// store this is the time until the store may be asked, but at most maxUploadPause. Otherwise it
// grows with each failure.
func uploadPause(try int, err error) time.Duration {
	notNow, ok := errors.AsType[*ratelimit.NotNow](err)
	if ok && notNow.Reason == ratelimit.ReasonStore {
		return min(notNow.Wait+time.Second/10, maxUploadPause)
	}
	return max(min(retry.Backoff(try), maxUploadPause), retry.Judge(err).Delay)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func (b *batchBuilder) uploadFailed(ctx context.Context, p *ledger.Package, cause error) error {
	if ctx.Err() != nil {
		return cause // the next run finds the package opened; see openedBefore
	}
	b.o.Log.Warn().Str("package", p.ID).Err(cause).Msg("parts not taken: the package is abandoned before its session was closed")
	return b.abandon(ctx, p, cause.Error())
}
