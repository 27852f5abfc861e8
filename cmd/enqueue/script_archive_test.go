package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"ksefworker/internal/archive/bundle"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// archived NUMBER [receipted] archives an invoice that has ended, as a worker does. It archives the
// document, the result and, for an accepted invoice, the receipt. With receipted it also takes the
// last step of a worker: the archived result has the state receipted, and after that the invoice in
// the ledger gets this state too.
func scriptArchived(ts *testscript.TestScript, _ bool, args []string) {
	rdb := client(ts)
	defer rdb.Close()
	ctx, l := context.Background(), ledger.New(rdb, ledger.Options{})
	ids, err := l.ByNumber(ctx, args[0])
	ts.Check(err)
	if len(ids) != 1 {
		ts.Fatalf("%d invoices have number %s, want one", len(ids), args[0])
	}
	inv, err := l.Invoice(ctx, ids[0])
	ts.Check(err)
	archiveDocument(ts, l, inv)
	folder := filepath.Join(".archive", inv.NIP, inv.IssueDate[:len("2006-01")])
	if inv.KsefNumber != "" {
		upo := filepath.Join(folder, "upo", inv.ID+".xml")
		inv.UPO = "file://" + ts.MkAbs(upo)
		write(ts, upo, fmt.Appendf(nil, `<Potwierdzenie xmlns="http://upo.schematy.mf.gov.pl/KSeF/v4-3"><Dokument><NipSprzedawcy>%s</NipSprzedawcy>`+
			`<NumerKSeFDokumentu>%s</NumerKSeFDokumentu><NumerFaktury>%s</NumerFaktury><DataWystawieniaFaktury>%s</DataWystawieniaFaktury><SkrotDokumentu>%s</SkrotDokumentu></Dokument></Potwierdzenie>`,
			inv.NIP, inv.KsefNumber, inv.Number, inv.IssueDate, inv.Hash))
	}
	ends := len(args) > 1 && ledger.State(args[1]) == ledger.Receipted
	if ends {
		inv.State = ledger.Receipted
	}
	told := results.Of(inv, "custom")
	if ends {
		told.AddDocument([]byte(ts.ReadFile(filepath.Join(folder, inv.ID+".xml"))))
	}
	result, err := json.Marshal(told)
	ts.Check(err)
	write(ts, filepath.Join(folder, inv.ID+".json"), result)
	if ends {
		errs, err := l.Receipt(ctx, []string{inv.ID}, inv.UPO)
		ts.Check(errors.Join(append(errs, err)...))
	}
}

// bundled ID... moves archived documents and results into one bundle, as a worker archives the
// invoices of a large package. All invoices have the same seller and month.
func scriptBundled(ts *testscript.TestScript, _ bool, ids []string) {
	entries, place := make([]bundle.Entry, len(ids)), results.Result{}
	for i, id := range ids {
		found, err := filepath.Glob(ts.MkAbs(filepath.Join(".archive", "*", "*", id+".json")))
		if err != nil || len(found) != 1 {
			ts.Fatalf("%s has the results %v in the archive (error %v), want one", id, found, err)
		}
		xml := strings.TrimSuffix(found[0], ".json") + ".xml"
		document, result := ts.ReadFile(xml), ts.ReadFile(found[0])
		ts.Check(json.Unmarshal([]byte(result), &place))
		entries[i], err = bundle.Compress(bundle.Invoice{ID: id, Number: place.Number, KsefNumber: place.KsefNumber,
			IssueDate: place.IssueDate, Hash: place.Hash, Document: []byte(document), Result: []byte(result)})
		ts.Check(errors.Join(err, os.Remove(xml), os.Remove(found[0])))
	}
	b, err := bundle.Make(entries)
	ts.Check(err)
	name := b.Name(place.NIP, place.IssueDate, place.IssueDate, "pkg-x")
	index, lines, err := b.Index(name)
	ts.Check(err)
	write(ts, filepath.Join(".archive", name), b.ZIP)
	write(ts, filepath.Join(".archive", index), lines)
}
