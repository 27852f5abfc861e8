//go:build unix

package watch

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// refusals returns the refusals that ended in a given way, such as "superseded". If ended is "",
// refusals returns the open refusals.
func (s *site) refusals(ended string) []ledger.Refusal {
	s.t.Helper()
	all, err := s.ledger.Refusals(s.t.Context(), time.Time{}, ended)
	s.must(err)
	return all
}

func TestWatch_RefusedArchive_IsOnRecordForItsTenantUntilALaterOneOfItsNameIsTaken(t *testing.T) {
	s := newSite(t)
	s.put("two/.ksef.yaml", []byte("tenant: two\n"))
	s.put("two/n.zip", zipOf(t, entry{"readme/", ""}))
	s.put("two/m.zip", zipOf(t, entry{"readme.txt", "x"}))
	s.passes(4)
	on := s.refusals("")
	if len(on) != 2 || on[0].Tenant != "two" || on[1].Tenant != "two" {
		t.Fatalf("the open refusals are %+v, want two of the tenant two", on)
	}
	for _, name := range []string{"refused/two/n.zip.json", "refused/two/m.zip/readme.txt.json"} {
		if o := s.result(name); o.Tenant != "two" {
			t.Errorf("the result %s is %+v, want the tenant two", name, o)
		}
	}
	s.put("two/n.zip", zipOf(t, entry{"a.xml", string(xmlOf(1, "FV/1"))}))
	s.passes(4)
	if on = s.refusals(""); len(on) != 1 || filepath.Base(on[0].File) != "readme.txt" {
		t.Errorf("the open refusals are %+v, want only that of readme.txt", on)
	}
	if ended := s.refusals(ledger.RefusalSuperseded); len(ended) != 1 || ended[0].Note != "by a later archive of this name" {
		t.Errorf("the refusals that have ended are %+v, want one, with a note about the later archive", ended)
	}
}

// The result beside a refused file has the revision and the time that receivers get, so a program
// can tell which of two results is the newer one.
func TestWatch_RefusedFile_ResultHasRevisionAndTimeOfTheRecord(t *testing.T) {
	s := newSite(t)
	s.put("bad.xml", []byte("<x></Faktura>"))
	s.put("n.zip", zipOf(t, entry{"readme.txt", "x"}))
	s.put("empty.zip", zipOf(t, entry{"readme/", ""}))
	s.passes(4)
	on := map[string]ledger.Refusal{}
	for _, r := range s.refusals("") {
		on[r.ID] = r
	}
	for _, name := range []string{"refused/bad.xml.json", "refused/n.zip/readme.txt.json", "refused/empty.zip.json"} {
		o := s.result(name)
		told := on[o.ID]
		if want := results.OfRefusal(&told); told.ID == "" || o.Revision != want.Revision || o.UpdatedAt != want.UpdatedAt {
			t.Errorf("%s has revision %d and time %q; want those of the record, %d and %q",
				name, o.Revision, o.UpdatedAt, want.Revision, want.UpdatedAt)
		}
	}
}

// The log names a refused document by the id of its refusal.
func TestWatch_RefusedFile_IsLoggedWithTheIDOfItsRefusal(t *testing.T) {
	for _, recorded := range []bool{true, false} {
		s := newSite(t)
		var log bytes.Buffer
		s.o.Log = zerolog.New(&log)
		if !recorded {
			s.o.Record = nil
		}
		s.put("a.xml", []byte("<x"))
		s.put("n.zip", zipOf(t, entry{"readme/", ""}))
		s.passes(25)
		s.wantTree("refused/a.xml", "refused/a.xml.json", "refused/n.zip", "refused/n.zip.json")
		if got := strings.Count(log.String(), `"id":"ref-`); recorded != (got == 2) || strings.Contains(log.String(), `"id":""`) {
			t.Errorf("with records %t, want two ids of refusals only with records, and no empty id; the log is %s", recorded, log.String())
		}
	}
}

// noRecord is a ledger that cannot put refusals on record now.
type noRecord struct{ *ledger.Ledger }

func (noRecord) Refuse(context.Context, []ledger.Refusal) error { return errors.New("no connection") }

func TestWatch_RefusalCannotBeRecorded_FileWaitsUntilItCan(t *testing.T) {
	s := newSite(t)
	s.o.Record = noRecord{s.ledger}
	s.put("bad.xml", []byte("<x></Faktura>"))
	s.put("none.zip", zipOf(t, entry{"readme/", ""}))
	s.put("good.xml", xmlOf(0, "FV/1"))
	s.passes(4)
	s.wantTree("taken/bad.xml", "taken/none.zip", "taken/good.xml", waitingName)
	s.waiting("bad.xml: is refused, and the refusal cannot be recorded: no connection",
		"none.zip: is refused, and the refusal cannot be recorded")
	s.w.o.Record = s.ledger
	s.passes(5)
	s.wantTree("refused/bad.xml", "refused/bad.xml.json", "refused/none.zip", "refused/none.zip.json", "taken/good.xml")
	if on := s.refusals(""); len(on) != 2 {
		t.Errorf("the open refusals are %+v, want two", on)
	}
}

// The result of a refused file has the id of the refusal. By this id a program finds the refusal
// among the events, and a person can dismiss the refusal.
func TestWatch_RefusedResult_HasTheIdOfItsRefusal(t *testing.T) {
	s := newSite(t)
	s.put("bad.xml", []byte("<x></Faktura>"))
	s.put("none.zip", zipOf(t, entry{"readme/", ""}))
	s.put("n.zip", zipOf(t, entry{"readme.txt", "x"}, entry{"notes.txt", "x"}, entry{"worse.xml", "<x></Faktura>"}))
	s.passes(4)
	on := map[string]string{}
	for _, r := range s.refusals("") {
		on[r.File] = r.ID
	}
	for result, file := range map[string]string{"bad.xml": "bad.xml", "none.zip": "none.zip", "n.zip/readme.txt": "n.zip/readme.txt",
		"n.zip/notes.txt": "n.zip/notes.txt", "n.zip/worse.xml": "n.zip/worse.xml"} {
		if o := s.result("refused/" + result + resultEnd); o.ID == "" || o.ID != on[filepath.Join(s.dir, file)] {
			t.Errorf("the result of %s has the id %q, want that of its refusal; the ids by file are %q", result, o.ID, on)
		}
	}
}
