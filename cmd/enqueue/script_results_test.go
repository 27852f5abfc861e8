package main

import (
	"context"
	"strings"
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

// putoff records when a receiver is called next, and why it is not called before:
//   - putoff RECEIVER out: it takes nothing
//   - putoff RECEIVER sick NAME: it takes nothing of a tenant, whose results were tried last
//   - putoff RECEIVER tenant NAME: it asked for a pause when it got results of a tenant
//   - putoff RECEIVER untold NAME: the worker tells it nothing of a tenant
//   - putoff RECEIVER held ID: it did not take a result
//   - putoff RECEIVER refused ID NAME: it took all results but one, which is of this tenant
//   - putoff RECEIVER refuses NAME: it refused many results of this tenant and took none since
//   - putoff RECEIVER nothing NAME: it is told nothing of a tenant, of which nothing waits
//
// The time is one hour from now; only untold records no time. If the last argument is "far", the
// time is in 2101, which only a wrong clock writes.
func scriptPutOff(ts *testscript.TestScript, _ bool, args []string) {
	rdb := client(ts)
	defer rdb.Close()
	next := ledger.At(time.Now().Add(time.Hour))
	if args[len(args)-1] == "far" {
		next = ledger.At(time.Date(2101, 2, 3, 3, 5, 0, 0, time.UTC))
	}
	c := ledger.SinkChange{}
	switch args[1] {
	case "held":
		c.Later = map[string]time.Time{args[2]: next.Time()}
	case "out":
		c.State = &ledger.SinkState{Cursor: "1-0", Outage: ledger.At(time.Now()), Next: next, Err: "answered 503"}
	case "sick":
		now := ledger.At(time.Now())
		c.State = &ledger.SinkState{Cursor: "1-0", Outage: now, Next: now + 1000, Err: "answered 503"}
		c.Standings = map[string]*ledger.Standing{args[2]: {Cursor: "1-0", Left: 7, Outage: now, Next: next}}
	case "untold":
		c.Standings = map[string]*ledger.Standing{args[2]: {Cursor: "1-0", Left: 7, Err: "tenant " + args[2] + " is NIP 1 in the ledger"}}
	case "refuses":
		s := ledger.Streak{Count: 12, First: ledger.At(time.Now()), Taken: 5, Out: true}
		c.State = &ledger.SinkState{Cursor: "1-0", Taken: 5, Refused: s, Err: "answered 422: all wrong"}
		c.Standings = map[string]*ledger.Standing{args[2]: {Held: 12, Refused: s}}
	case "nothing":
		c.Standings = map[string]*ledger.Standing{args[2]: {Cursor: "1-0"}}
	case "refused":
		h := ledger.Held{Outcome: ledger.Outcome{At: "1767225600000-0", ID: args[2], Rev: 3, State: ledger.Rejected, Tenant: args[3]},
			First: ledger.At(time.Now()), Attempts: 2, Err: "answered 422: no such customer"}
		c.State = &ledger.SinkState{Cursor: "1-0"}
		c.Hold, c.Next = map[string][]ledger.Held{args[2]: {h, h}}, map[string]time.Time{args[2]: next.Time()}
	default:
		c.Standings = map[string]*ledger.Standing{args[2]: {Cursor: "1-0", Left: 7, Next: next}}
	}
	_, err := ledger.New(rdb, ledger.Options{}).ChangeSink(context.Background(), args[0], c)
	ts.Check(err)
}

// "spoil KEY" overwrites a key, as another program may; "spoil KEY gone" deletes the key. KEY may
// end with * if only one key begins so.
func scriptSpoil(ts *testscript.TestScript, _ bool, args []string) {
	rdb := client(ts)
	defer rdb.Close()
	key := "ksef:" + args[0]
	if strings.HasSuffix(key, "*") {
		keys, err := rdb.Keys(context.Background(), key).Result()
		if ts.Check(err); len(keys) != 1 {
			ts.Fatalf("the keys %s are %q, want one", key, keys)
		}
		key = keys[0]
	}
	ts.Check(rdb.Del(context.Background(), key).Err())
	if len(args) == 1 {
		ts.Check(rdb.RPush(context.Background(), key, "foreign").Err())
	}
}
