package main

import (
	"context"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"ksefworker/internal/ledger"
)

// nottaken RECEIVER NUMBER ERROR records, as a worker would, that the result of an invoice was
// given up and that the receiver is stopped.
func scriptNotTaken(ts *testscript.TestScript, _ bool, args []string) {
	rdb := client(ts)
	defer rdb.Close()
	ctx, l := context.Background(), ledger.New(rdb, ledger.Options{})
	ids, err := l.ByNumber(ctx, args[1])
	ts.Check(err)
	inv, err := l.Invoice(ctx, ids[0])
	ts.Check(err)
	failed := ledger.Held{
		Outcome: ledger.Outcome{At: "1767225600000-0", ID: inv.ID, Rev: inv.Rev, State: inv.State}, Attempts: 40,
		Err: args[2],
	}
	_, err = l.ChangeSink(ctx, args[0], ledger.SinkChange{
		State: &ledger.SinkState{Cursor: "1-0", Stopped: ledger.At(time.Now()), Err: args[2]}, Fail: []ledger.Held{failed},
	})
	ts.Check(err)
}
