package bundle_test

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"ksefworker/internal/archive"
	"ksefworker/internal/archive/archivetest"
	"ksefworker/internal/archive/bundle"
	"ksefworker/internal/sample"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	nip    = "5265877635"
	month  = "2026-11"
	folder = nip + "/" + month + "/packages"
)

var idEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// invoiceOf makes the n-th invoice of a package, of about size bytes.
func invoiceOf(pkg string, n, size int) bundle.Invoice {
	number := fmt.Sprintf("FV/%s/%d", pkg, n)
	doc := sample.Invoice(sample.Options{SellerNIP: nip, Number: number, IssueDate: "2026-11-25", Lines: 1 + size/380, Seed: uint64(n)})
	sum := sha256.Sum256(doc)
	of := sha256.Sum256([]byte(number))
	inv := bundle.Invoice{
		ID: "inv-" + idEncoding.EncodeToString(of[:15]), Number: number, KsefNumber: fmt.Sprintf("%s-20261126-%s-%06d", nip, pkg, n),
		IssueDate: "2026-11-25", Hash: base64.StdEncoding.EncodeToString(sum[:]), Document: doc,
	}
	inv.Result, _ = json.Marshal(map[string]any{"id": inv.ID, "number": number, "ksef_number": inv.KsefNumber, "nip": nip,
		"issue_date": inv.IssueDate, "hash": inv.Hash, "state": "receipted", "session": "20261126-SB-" + pkg,
		"upo":              "file:///var/lib/ksef/archive/" + nip + "/2026-11/upo/20261126-SB-" + pkg + ".xml",
		"verification_url": "https://qr.ksef.mf.gov.pl/invoice/" + nip + "/25-11-2026/" + inv.Hash,
	})
	return inv
}

func invoicesOf(pkg string, n, size int) []bundle.Invoice {
	all := make([]bundle.Invoice, n)
	for i := range all {
		all[i] = invoiceOf(pkg, i, size)
	}
	return all
}

// keep archives a bundle as a worker does, and returns the name of its ZIP.
func keep(ctx context.Context, s archive.Store, day, pkg string, invs []bundle.Invoice) (string, error) {
	entries := make([]bundle.Entry, len(invs))
	for i := range invs {
		var err error
		if entries[i], err = bundle.Compress(invs[i]); err != nil {
			return "", err
		}
	}
	b, err := bundle.Make(entries)
	if err != nil {
		return "", err
	}
	name := b.Name(nip, month, day, pkg)
	index, lines, err := b.Index(name)
	if err == nil {
		err = s.Put(ctx, name, b.ZIP, bundle.ZIPType)
	}
	if err == nil {
		err = s.Put(ctx, index, lines, bundle.IndexType)
	}
	if err == nil {
		err = s.Flush(ctx, name, index)
	}
	return name, err
}

func open(t testing.TB, url string) archive.Store {
	t.Helper()
	s, err := archive.Open(t.Context(), url, archive.Options{AccessKey: archivetest.AccessKey, SecretKey: archivetest.SecretKey})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
