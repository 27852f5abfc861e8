package ledger_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/ledger"
	"ksefworker/internal/redisd"
)

// Two workers read the same invoice, and both want to move it. The second one gets a conflict.
func Example() {
	ctx := context.Background()
	server, err := redisd.Start(ctx, redisd.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Stop()
	o, _ := redis.ParseURL(server.URL())
	rdb := redis.NewClient(o)
	defer rdb.Close()
	l := ledger.New(rdb, ledger.Options{})

	document := []byte("<Faktura>…</Faktura>")
	id := ledger.InvoiceID(ledger.Identity{NIP: "5265877635", Kind: "VAT", Number: "FV/1"}, sha256.Sum256(document))
	bodies, _ := ledger.NewBodies(nil)
	sealed, _ := bodies.Seal(id, document)
	fresh := ledger.NewInvoice{Body: sealed, Invoice: ledger.Invoice{
		Facts:  ledger.Facts{ID: id, Tenant: "5265877635", NIP: "5265877635", Kind: "VAT", Form: "v3"},
		Number: "FV/1", Size: int64(len(document)),
	}}

	for range 2 {
		taken, err := l.Take(ctx, []ledger.NewInvoice{fresh})
		fmt.Println(taken[0].Taken, taken[0].State, err)
	}
	mine, _ := l.Invoice(ctx, id)
	yours, _ := l.Invoice(ctx, id)
	fmt.Println("mine: ", l.Wait(ctx, &mine))
	var conflict *ledger.ConflictError
	fmt.Println("yours:", errors.As(l.Wait(ctx, &yours), &conflict), conflict.State, "at a later revision:", conflict.Rev > yours.Rev)

	ids, err := l.Cut(ctx, "pkg-1", mine.WaitingGroup(), ledger.CutLimits{Invoices: 5000, Bytes: 1 << 30})
	fmt.Println(len(ids), "packed", err)
	// Output:
	// created queued <nil>
	// present queued <nil>
	// mine:  <nil>
	// yours: true queued at a later revision: true
	// 1 packed <nil>
}
