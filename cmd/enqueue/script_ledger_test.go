package main

import (
	"context"
	"encoding/base32"
	"encoding/json"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// settle NUMBER STATE [CODE REASON | KSEF_NUMBER] moves an invoice to a state, as a worker would.
func scriptSettle(ts *testscript.TestScript, _ bool, args []string) {
	rdb := client(ts)
	defer rdb.Close()
	ctx, l := context.Background(), ledger.New(rdb, ledger.Options{})
	var ids []string
	// A command that the script runs in the background may not have taken the invoice in yet. If
	// that never happens, the time limit of the test program ends the loop.
	for len(ids) == 0 {
		var err error
		ids, err = l.ByNumber(ctx, args[0])
		ts.Check(err)
	}
	id, state := ids[0], ledger.State(args[1])
	if len(ids) > 1 { // take the invoice whose state is not final
		invs, err := l.Invoices(ctx, ids)
		ts.Check(err)
		for _, inv := range invs {
			if !inv.State.Final() {
				id = inv.ID
			}
		}
	}
	var edit ledger.Edit
	if len(args) > 3 {
		code, err := strconv.Atoi(args[2])
		ts.Check(err)
		edit = ledger.Because(code, args[3])
	}
	switch state {
	case ledger.Accepted, ledger.Receipted:
		inv, err := l.Invoice(ctx, id)
		ts.Check(err)
		number := inv.NIP + "-20260105-0100A0DB5B00-39"
		if len(args) == 3 {
			number = args[2]
		}
		ts.Check(l.Move(ctx, ledger.Move{ID: id, To: ledger.Packed}))
		ts.Check(l.Move(ctx, ledger.Move{ID: id, To: ledger.Accepted, Edit: ledger.Edit{}.Number(number)}))
		if state == ledger.Receipted {
			archiveDocument(ts, l, inv)
			errs, err := l.Receipt(ctx, []string{id}, "file:///upo.xml")
			ts.Check(errors.Join(append(errs, err)...))
		}
	default:
		ts.Check(l.Move(ctx, ledger.Move{ID: id, To: state, Edit: edit}))
	}
}

// forget NUMBER writes the results of the invoices with this number to the archive and removes
// their entries, as a worker does after the retention.
func scriptForget(ts *testscript.TestScript, _ bool, args []string) {
	rdb := client(ts)
	defer rdb.Close()
	ctx, l := context.Background(), ledger.New(rdb, ledger.Options{})
	ids, err := l.ByNumber(ctx, args[0])
	ts.Check(err)
	for _, id := range ids {
		inv, err := l.Invoice(ctx, id)
		ts.Check(err)
		result, err := json.Marshal(results.Of(inv, "custom"))
		ts.Check(err)
		write(ts, filepath.Join(".archive", inv.NIP, inv.IssueDate[:len("2006-01")], id+".json"), result)
	}
	_, err = l.Prune(ctx, -time.Hour, 100)
	ts.Check(err)
	if left, err := l.ByNumber(ctx, args[0]); err != nil || len(left) > 0 {
		ts.Fatalf("the ledger still has the invoices %v (error %v), want none", left, err)
	}
}

func archiveDocument(ts *testscript.TestScript, l *ledger.Ledger, inv ledger.Invoice) {
	sealed, err := l.Body(context.Background(), inv.ID)
	ts.Check(err)
	bodies, err := ledger.NewBodies(nil)
	ts.Check(err)
	doc, err := bodies.Open(inv.ID, sealed)
	ts.Check(err)
	write(ts, filepath.Join(".archive", inv.NIP, inv.IssueDate[:len("2006-01")], inv.ID+".xml"), doc)
}

// dropbodies deletes the documents of rejected, dismissed and superseded invoices, as a worker does
// after storage.keep_rejected.
func scriptDropBodies(ts *testscript.TestScript, _ bool, _ []string) {
	rdb := client(ts)
	defer rdb.Close()
	ctx, l := context.Background(), ledger.New(rdb, ledger.Options{})
	// Shed leaves out invoices that ended in the millisecond in which it is called, by Redis's
	// clock. So wait until that millisecond is over.
	began, err := l.Clock(ctx)
	ts.Check(err)
	for now := began; now.Sub(began) < 2*time.Millisecond; {
		now, err = l.Clock(ctx)
		ts.Check(err)
	}
	_, err = l.Shed(ctx, time.Millisecond, 0, 1000)
	ts.Check(err)
}

// damage NUMBER newer|opaque|gone|empty makes the entry of an invoice unreadable. newer gives the
// entry the format of a later version. opaque puts another type in place of the entry. gone deletes
// the entry, and for a receipted invoice the whole bucket (ksef:final:…) that holds its entry.
// empty makes the entry's field in the bucket empty. damage NUMBER STATE SCORE gives the invoice
// another score in the index of its state.
func scriptDamage(ts *testscript.TestScript, _ bool, args []string) {
	rdb := client(ts)
	defer rdb.Close()
	ctx := context.Background()
	ids, err := ledger.New(rdb, ledger.Options{}).ByNumber(ctx, args[0])
	ts.Check(err)
	key := "ksef:inv:" + ids[0]
	switch args[1] {
	case "newer":
		ts.Check(rdb.HSet(ctx, key, "facts", `{"v":9}`).Err())
	case "gone":
		ts.Check(rdb.Del(ctx, key, "ksef:final:"+ids[0][len("inv-"):len("inv-")+2]).Err())
	case "empty":
		raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(ids[0][len("inv-"):]))
		ts.Check(err)
		ts.Check(rdb.HSet(ctx, "ksef:final:"+ids[0][len("inv-"):len("inv-")+2], string(raw[1:]), "").Err())
	case "opaque":
		ts.Check(rdb.Del(ctx, key).Err())
		ts.Check(rdb.Set(ctx, key, "x", 0).Err())
	default:
		ts.Check(rdb.Do(ctx, "ZADD", "ksef:st:"+args[1], "XX", args[2], ids[0]).Err())
	}
}
