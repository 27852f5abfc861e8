package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"

	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// archived NUMBER archives an invoice that has ended, as a worker does. It archives the document,
// the result and, for an accepted invoice, the receipt.
func scriptArchived(ts *testscript.TestScript, _ bool, args []string) {
	rdb := client(ts)
	defer rdb.Close()
	ctx, l := context.Background(), ledger.New(rdb, ledger.Options{})
	ids, err := l.ByNumber(ctx, args[0])
	ts.Check(err)
	if len(ids) != 1 {
		ts.Fatalf("%d invoices have number %s", len(ids), args[0])
	}
	inv, err := l.Invoice(ctx, ids[0])
	ts.Check(err)
	archiveDocument(ts, l, inv)
	folder := filepath.Join(".archive", inv.NIP, inv.IssueDate[:len("2006-01")])
	if inv.KsefNumber != "" {
		upo := filepath.Join(folder, "upo", inv.ID+".xml")
		inv.UPO = "file://" + ts.MkAbs(upo)
		write(ts, upo, fmt.Appendf(nil, `<Potwierdzenie xmlns="http://upo.schematy.mf.gov.pl/KSeF/v4-3"><Dokument><NipSprzedawcy>%s</NipSprzedawcy>`+
			`<NumerKSeFDokumentu>%s</NumerKSeFDokumentu><NumerFaktury>%s</NumerFaktury><SkrotDokumentu>%s</SkrotDokumentu></Dokument></Potwierdzenie>`,
			inv.NIP, inv.KsefNumber, inv.Number, inv.Hash))
	}
	result, err := json.Marshal(results.Of(inv, "custom"))
	ts.Check(err)
	write(ts, filepath.Join(folder, inv.ID+".json"), result)
}
