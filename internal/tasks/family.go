package tasks

import (
	"context"
	"errors"

	"ksefworker/internal/ledger"
)

// family reads the packages that a package is related to: its parent, its probe, and the rest whose
// probe it is.
type family struct{ *core }

// othersGoThrough reports whether KSeF has processed another batch session of the tenant that was
// closed after the invoices of p came together (see togetherSince). If so, KSeF takes sessions, and
// a package that it refuses is itself at fault. An older session proves nothing: KSeF may have
// begun to refuse everybody since.
func (f *family) othersGoThrough(ctx context.Context, p *ledger.Package) (bool, error) {
	since, err := f.togetherSince(ctx, p)
	if err != nil || since == 0 {
		return false, err
	}
	known, err := f.Ledger.Tenant(ctx, p.Tenant)
	return err == nil && known.ThroughAt >= since, err
}

// togetherSince returns since when the invoices of p have been together. It follows the parents of
// p to the oldest package that resulted from a refusal and held as many invoices as p. It returns
// when that package was made. Equal numbers mean the same invoices, because a package never has an
// invoice that its parent did not have. It can only lose invoices, and get those of its probe,
// which are from the same parent. The time is zero when p did not result from a refusal. The search
// ends at a parent that was pruned or cannot be read. The time may then be later than the true one,
// which only makes the caller more careful.
func (f *family) togetherSince(ctx context.Context, p *ledger.Package) (ledger.Millis, error) {
	var since ledger.Millis
	for at := *p; at.Parent != ""; {
		since = at.CreatedAt
		before, _, err := f.relative(ctx, at.Parent)
		if err != nil {
			return 0, err
		}
		if before == nil || before.Count != at.Count {
			break
		}
		at = *before
	}
	return since, nil
}

// relative reads a package that another package names as its parent, its probe or its rest. p is
// nil when the named package was pruned or is unreadable. unread is set only when the named package
// is unreadable.
func (f *family) relative(ctx context.Context, id string) (p *ledger.Package, unread *ledger.Unreadable, err error) {
	there, err := f.Ledger.Package(ctx, id)
	if err == nil {
		return &there, nil, nil
	}
	entries, err := f.skip(ctx, err)
	if len(entries) > 0 {
		return nil, &entries[0], nil
	}
	if errors.Is(err, ledger.ErrNotFound) {
		err = nil
	}
	return nil, nil, err
}
