package app_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// planted are a buyer and two amounts that occur only where a test puts them.
var planted = []string{"Zdzisława Planted-Buyer", "9876.54", "7654.321234"}

// plant puts the buyer and the first amount into a document.
func plant(t *testing.T, data []byte) []byte {
	t.Helper()
	put := func(in []byte, name, value string) []byte {
		head, rest, ok := bytes.Cut(in, []byte("<"+name+">"))
		_, tail, found := bytes.Cut(rest, []byte("</"+name+">"))
		if !ok || !found {
			t.Fatalf("the sample has no %s", name)
		}
		return bytes.Join([][]byte{head, []byte("<" + name + ">" + value + "</" + name + ">"), tail}, nil)
	}
	data = put(data, "P_15", planted[1])
	at := bytes.Index(data, []byte("<Podmiot2>"))
	if at < 0 {
		t.Fatal("the sample has no buyer")
	}
	return append(bytes.Clone(data[:at]), put(data[at:], "Nazwa", planted[0])...)
}

// When a storage key is configured, neither the data of Redis nor its append-only file holds a
// buyer, an amount or XML in clear text. This is tested while invoices wait and after they are
// receipted or rejected. The planted texts are in documents, in file names, in a refusal, and in
// the reasons of a hold, a rejection and a package.
func TestPersonalData_WithAStorageKey_RedisHoldsNoneInClearText(t *testing.T) {
	t.Parallel()
	p := newPool(t, 2, quickSim, func(c *config.Config) {
		hasty(c)
		key := filepath.Join(t.TempDir(), "storage")
		writeFile(t, key, strings.Repeat("\a", 32))
		c.Storage.KeyFile = config.Files{key}
	})
	var docs []intake.Document
	for _, d := range good(sample.NIP(0), 8) {
		docs = append(docs, intake.Document{File: planted[0] + " " + d.File, Data: plant(t, d.Data)})
	}
	replaced := func(number string, seed uint64, old, value string) intake.Document {
		d := document(sample.Options{SellerNIP: sample.NIP(0), Number: number, Seed: seed})
		d.Data = bytes.Replace(plant(t, d.Data), []byte(old), []byte(value), 1)
		return d
	}
	docs = append(docs, replaced("BAD/1", 3, "<RodzajFaktury>VAT<", "<RodzajFaktury>PROFORMA<"))
	// KSeF quotes this amount in the reason of its rejection.
	docs = append(docs, replaced("BAD/2", 4, "<P_15>"+planted[1]+"<", "<P_15>"+planted[2]+"<"))
	taken := p.admit(intake.Terms{Lane: ledger.Bulk}, docs...)
	refused := ledger.Refusal{ID: ledger.RefusalOfFile("refused.xml"), File: "refused.xml", Kind: planted[0], Number: planted[1],
		Faults: []ledger.RefusalFault{{Field: "Fa/P_15", Rule: "must be an amount", Value: planted[2]}}}
	if err := p.base.Ledger.Refuse(t.Context(), []ledger.Refusal{refused}); err != nil {
		t.Fatal(err)
	}
	if err := p.base.Ledger.Hold(t.Context(), sample.NIP(0), ledger.Hold{
		Kind: ledger.Paused, By: "jan", Why: planted[0] + " asked for it",
	}); err != nil {
		t.Fatal(err)
	}
	p.unreadable("while the invoices wait and their tenant is paused")
	if holds, err := p.base.Ledger.Holds(t.Context()); err != nil || !strings.Contains(holds[sample.NIP(0)].Why, planted[0]) {
		t.Errorf("with the storage key the holds read %+v (error %v), want the planted buyer in the reason", holds, err)
	}
	if _, err := p.base.Ledger.Release(t.Context(), sample.NIP(0)); err != nil {
		t.Fatal(err)
	}
	p.work()
	until(t, 60*time.Second, "eight invoices are receipted", p.count(receipted, 8))
	until(t, 60*time.Second, "two invoices are rejected", p.count(ledger.Rejected, 2))
	if got := p.state(taken[9]); !strings.Contains(got.Reason, planted[2]) {
		t.Fatalf("KSeF does not quote the amount (%q): this test proves nothing about quoted amounts", got.Reason)
	}
	for i, id := range taken[:8] {
		got := p.state(id)
		if got.File != docs[i].File {
			t.Errorf("with the storage key the file name reads %q, want %q", got.File, docs[i].File)
		}
	}
	// KSeF may quote a document when it refuses a package.
	one, err := p.base.Ledger.Package(t.Context(), p.state(taken[0]).Package)
	if err != nil {
		t.Fatal(err)
	}
	quote := ledger.PackageMove{Edit: ledger.PackageEdit{}.Reason("KSeF quotes " + planted[0])}
	if err := p.base.Ledger.MovePackage(t.Context(), &one, quote); err != nil {
		t.Fatal(err)
	}
	if one, err = p.base.Ledger.Package(t.Context(), one.ID); err != nil || !strings.Contains(one.Reason, planted[0]) {
		t.Errorf("with the storage key the package's reason reads %q (error %v), want the planted buyer in it", one.Reason, err)
	}
	p.unreadable("when every invoice is receipted or rejected")
}

// unreadable fails the test if any key or the append-only file holds a planted word or XML in clear
// text. when is the state of the invoices at that time.
func (p *pool) unreadable(when string) {
	p.t.Helper()
	for place, words := range plantedIn(p.contentsOfRedis()) {
		p.t.Errorf("%s, Redis holds %q in clear text, in %s", when, words, place)
	}
}
