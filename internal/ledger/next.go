package ledger

import (
	"context"
	"fmt"
	"math"
	"time"
)

// NextInvoices lists up to limit ids of invoices of a state that have not changed since the given
// time, oldest first. A zero time is no bound. NextInvoices continues after the last invoice that
// it listed for any process, and starts again from the beginning when it has come to the end. So an
// invoice that stays in a state for months does not hide those behind it. The position is kept in
// Redis.
func (er *EntryReader) NextInvoices(ctx context.Context, s State, before time.Time, limit int) ([]string, error) {
	return er.next(ctx, keyState+string(s), before, limit)
}

// NextPackages lists ids of packages as NextInvoices lists ids of invoices.
func (er *EntryReader) NextPackages(ctx context.Context, s PackageState, before time.Time, limit int) ([]string, error) {
	return er.next(ctx, keyPackageState+string(s), before, limit)
}

func (st *store) next(ctx context.Context, index string, before time.Time, limit int) ([]string, error) {
	until := int64(math.MaxInt64)
	if !before.IsZero() {
		until = before.UnixMilli()
	}
	rows, err := st.run(ctx, nextScript, st.args(index, limit, until))
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", index, err)
	}
	ids := make([]string, len(rows))
	for i, v := range rows {
		ids[i] = text(v)
	}
	return ids, nil
}
