package bundle_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ksefworker/internal/archive"
	"ksefworker/internal/archive/archivetest"
	"ksefworker/internal/archive/bundle"
)

// places runs a test on a folder and on a bucket.
func places(t *testing.T, test func(t *testing.T, s archive.Store)) {
	t.Run("folder", func(t *testing.T) { test(t, open(t, "file://"+t.TempDir())) })
	t.Run("bucket", func(t *testing.T) { test(t, open(t, archivetest.NewS3(t, "honoured").In("kept"))) })
}

func kept(t *testing.T, s archive.Store, day, pkg string, invs []bundle.Invoice) string {
	t.Helper()
	name, err := keep(t.Context(), s, day, pkg, invs)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func documentName(inv bundle.Invoice) string { return archive.InvoiceName(nip, month, inv.ID) }
func resultName(inv bundle.Invoice) string   { return archive.ResultName(nip, month, inv.ID) }

// found checks that an archive has the document and the result of an invoice.
func found(t *testing.T, s archive.Store, inv bundle.Invoice) {
	t.Helper()
	doc, err := s.Get(t.Context(), documentName(inv))
	if err != nil || !bytes.Equal(doc, inv.Document) {
		t.Errorf("the document of %s is read with %d bytes (error %v), want it as it was archived", inv.Number, len(doc), err)
	}
	result, err := s.Get(t.Context(), resultName(inv))
	if err != nil || !bytes.Equal(result, inv.Result) {
		t.Errorf("the result of %s is read as %s (error %v), want it as it was archived", inv.Number, result, err)
	}
}

func TestStore_InvoicesOfSeveralBundles_AreReadByTheirUsualNames(t *testing.T) {
	places(t, func(t *testing.T, below archive.Store) {
		a, b := invoicesOf("a", 700, 600), invoicesOf("b", 3, 600)
		kept(t, below, "2026-11-26", "pkg-a", a)
		s := bundle.Over(below)
		found(t, s, a[5])
		kept(t, below, "2026-11-27", "pkg-b", b) // as by another process, after s has listed the bundles
		for _, inv := range []bundle.Invoice{a[0], a[350], a[699], b[0], b[2]} {
			found(t, s, inv)
		}
		other := invoiceOf("other", 1, 600)
		for _, name := range []string{documentName(other), resultName(other), "5265877635/2026-10/" + a[0].ID + ".xml", "bodies/x"} {
			if _, err := s.Get(t.Context(), name); !errors.Is(err, archive.ErrNotFound) {
				t.Errorf("Get of %s = %v, want ErrNotFound", name, err)
			}
		}
		if bundle.Over(s) != s || archive.HealthOf(s).OutOfService {
			t.Errorf("Over of a store returned the same store: %v, want true; its health is %+v, want it in service",
				bundle.Over(s) == s, archive.HealthOf(s))
		}
	})
}

// The result of a parked invoice is an object of its own. When the invoice is accepted after a
// retry, a bundle has its newer result. No result can be newer than that in a bundle, because only
// receipted invoices are in bundles, and they do not change.
func TestStore_ResultOfItsOwnBesideABundle_TheFinalOneCounts(t *testing.T) {
	places(t, func(t *testing.T, below archive.Store) {
		inv := invoiceOf("a", 1, 600)
		for _, c := range []struct{ alone, want string }{
			{`{"state":"parked"}`, string(inv.Result)}, {`{"state":"receipted","x":1}`, `{"state":"receipted","x":1}`},
		} {
			if err := below.Replace(t.Context(), resultName(inv), []byte(c.alone), ""); err != nil {
				t.Fatal(err)
			}
			if got, err := bundle.Over(below).Get(t.Context(), resultName(inv)); err != nil || string(got) != c.alone {
				t.Errorf("before there is a bundle, the result is %s (error %v), want the object of its own", got, err)
			}
		}
		kept(t, below, "2026-11-26", "pkg-a", []bundle.Invoice{inv})
		if err := below.Replace(t.Context(), resultName(inv), []byte(`{"state":"parked"}`), ""); err != nil {
			t.Fatal(err)
		}
		if got, err := bundle.Over(below).Get(t.Context(), resultName(inv)); err != nil || !bytes.Equal(got, inv.Result) {
			t.Errorf("beside an older object of its own, the result is %s (error %v), want that of the bundle", got, err)
		}
	})
}

// The worker is killed after it has written the ZIP and before it writes the index. The invoices
// are found, and the next run writes the same bytes.
func TestStore_IndexIsMissingOrDamaged_IsMadeAgainFromTheZIP(t *testing.T) {
	dir := t.TempDir()
	below := open(t, "file://"+dir)
	a := invoicesOf("a", 300, 600)
	path := filepath.Join(dir, kept(t, below, "2026-11-26", "pkg-a", a))
	path = strings.TrimSuffix(path, ".zip") + ".jsonl"
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"half": string(whole[:len(whole)/2]), "empty line": "\n", "no JSON": "what is this\n" + string(whole),
		"other": strings.ReplaceAll(string(whole), `"zip":"2026-11-26/`, `"zip":"../`),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			s := bundle.Over(below)
			found(t, s, a[0])
			found(t, s, a[299])
			finds(t, s, a[7])
		})
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s := bundle.Over(below)
	found(t, s, a[100])
	finds(t, s, a[100])
	kept(t, below, "2026-11-26", "pkg-a", a) // the same again
	if again, err := os.ReadFile(path); err != nil || !bytes.Equal(again, whole) {
		t.Errorf("after it was written again, the index has %d bytes (error %v), want the same %d bytes", len(again), err, len(whole))
	}
}

func TestStore_BundleIsDamaged_AffectsOnlyItsOwnInvoices(t *testing.T) {
	for _, withIndex := range []bool{true, false} {
		dir := t.TempDir()
		below := open(t, "file://"+dir)
		a, b := invoicesOf("a", 40, 600), invoicesOf("b", 40, 600)
		path := filepath.Join(dir, kept(t, below, "2026-11-26", "pkg-a", a))
		kept(t, below, "2026-11-26", "pkg-b", b)
		damage := []byte("PK and then nothing")
		if err := os.WriteFile(path, damage, 0o600); err != nil {
			t.Fatal(err)
		}
		if !withIndex {
			if err := os.Remove(strings.TrimSuffix(path, ".zip") + ".jsonl"); err != nil {
				t.Fatal(err)
			}
		}
		s := bundle.Over(below)
		found(t, s, b[3])
		finds(t, s, b[3])
		_, err := s.Get(t.Context(), documentName(a[0]))
		if !errors.Is(err, archive.ErrCorrupt) || !strings.Contains(err.Error(), "pkg-a") {
			t.Errorf("with its index there (%v), a document of the damaged bundle gives %v, want ErrCorrupt with pkg-a", withIndex, err)
		}
		// An invoice that the archive never had looks the same as one that was in the damaged
		// bundle. A result that has an object of its own is still returned.
		if err := below.Replace(t.Context(), archive.ResultName(nip, month, "inv-x"), []byte(`{"state":"rejected"}`), ""); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Get(t.Context(), archive.ResultName(nip, month, "inv-x")); err != nil || len(got) == 0 {
			t.Errorf("the result that is an object of its own is %s (error %v), want it returned", got, err)
		}
		unread := 0
		err = s.Results(t.Context(), folder, func(string, []byte, bool) error { return nil }, func(string, error) { unread++ })
		if err != nil || unread != 1 {
			t.Errorf("%d bundles could not be read (error %v), want 1", unread, err)
		}
		// A sound copy is stored beside the damaged bundle, as for every object.
		entries := make([]bundle.Entry, len(a))
		for i := range a {
			entries[i], _ = bundle.Compress(a[i])
		}
		made, err := bundle.Make(entries)
		if err != nil {
			t.Fatal(err)
		}
		copyName := archive.CopyName(made.Name(nip, month, "2026-11-26", "pkg-a"), 2)
		index, lines, err := made.Index(copyName)
		if err := errors.Join(err, below.Put(t.Context(), copyName, made.ZIP, ""), below.Put(t.Context(), index, lines, "")); err != nil {
			t.Fatal(err)
		}
		found(t, bundle.Over(below), a[0])
	}
}

// An invoice was parked, and its result became an object of its own. Later the invoice was
// accepted, and a bundle has its newer result. The bundle is damaged. The older result must not be
// returned instead of the newer one.
func TestStore_BundleIsDamaged_AnOlderResultIsNotReturnedInstead(t *testing.T) {
	dir := t.TempDir()
	below := open(t, "file://"+dir)
	inv := invoiceOf("a", 1, 600)
	if err := below.Replace(t.Context(), resultName(inv), []byte(`{"state":"parked"}`), ""); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, kept(t, below, "2026-11-26", "pkg-a", []bundle.Invoice{inv}))
	if err := os.WriteFile(path, []byte("PK and then nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := bundle.Over(below).Get(t.Context(), resultName(inv)); !errors.Is(err, archive.ErrCorrupt) {
		t.Errorf("Get gives the result %s (error %v), want ErrCorrupt", got, err)
	}
}

// A bucket that refuses calls says nothing about what it has. So Get must not return that an object
// is missing or damaged.
func TestStore_ArchiveDoesNotAnswer_NothingIsCalledMissing(t *testing.T) {
	service := archivetest.NewS3(t, "honoured")
	below := open(t, service.In("kept"))
	a := invoicesOf("a", 40, 600)
	kept(t, below, "2026-11-26", "pkg-a", a)
	s := bundle.Over(below)
	found(t, s, a[0])
	service.Intercept = func(w http.ResponseWriter, _, key string) bool {
		if strings.HasSuffix(key, "/"+a[1].ID+".xml") {
			return false // the bucket answers that it has no such object
		}
		archivetest.Refuse(w, http.StatusForbidden, "AccessDenied")
		return true
	}
	for _, s := range []*bundle.Store{s, bundle.Over(below)} {
		_, err := s.Get(t.Context(), documentName(a[1]))
		if err == nil || errors.Is(err, archive.ErrNotFound) || errors.Is(err, archive.ErrCorrupt) {
			t.Errorf("Get = %v, want an error other than ErrNotFound and ErrCorrupt", err)
		}
	}
}

// finds checks that a search by number and by KSeF number finds an invoice, and no other.
func finds(t *testing.T, s *bundle.Store, inv bundle.Invoice) {
	t.Helper()
	for _, text := range []string{inv.Number, inv.KsefNumber} {
		var ids []string
		q := bundle.Query{Texts: [][]byte{bundle.Text(text)},
			Match: func(l *bundle.Line) bool { return l.Number == text || l.KsefNumber == text }}
		did, err := s.Search(t.Context(), folder, q,
			func(l bundle.Line) error { ids = append(ids, l.ID); return nil }, nil)
		if err != nil || fmt.Sprint(ids) != "["+inv.ID+"]" || did.Indexes == 0 {
			t.Errorf("the search for %s found %v (error %v) and read %+v, want the one invoice", text, ids, err, did)
		}
	}
}
