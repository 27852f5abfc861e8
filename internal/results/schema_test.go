package results

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ksefworker/internal/ledger"
	"ksefworker/internal/results/resulttest"
)

const schemaFile = "../../docs/result.schema.json"

// elsewhere are the fields that are not in [Result], because only some places add them. HTTP adds
// links, and the watched folder adds the faults of a file. The folder and submit --json add remarks
// about a document.
var elsewhere = []string{"links", "faults", "note", "warning", "terms"}

func TestSchema_EveryField_IsDescribedAndNoOther(t *testing.T) {
	raw, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	var described struct {
		Required   []string
		Properties map[string]struct{ Description string }
	}
	if err := json.Unmarshal(raw, &described); err != nil {
		t.Fatal(err)
	}
	var all, always []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Result]()) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		all = append(all, name)
		if options == "" {
			always = append(always, name)
		}
	}
	all = append(all, elsewhere...)
	slices.Sort(all)
	if d := cmp.Diff(all, slices.Sorted(maps.Keys(described.Properties))); d != "" {
		t.Errorf("the schema has other properties than the code (-code +schema): %s", d)
	}
	if d := cmp.Diff(always, described.Required); d != "" {
		t.Errorf("the schema requires other properties than the code always writes (-code +schema): %s", d)
	}
	for name, of := range described.Properties {
		if of.Description == "" {
			t.Errorf("%s has no description", name)
		}
	}
	// A program that checks what it gets must not stop at a field that a later version adds.
	if bytes.Contains(raw, []byte("additionalProperties")) {
		t.Error("the schema has additionalProperties: it must not forbid fields that a later version adds")
	}
}

func TestSchema_ResultsOfEveryState_AreValid(t *testing.T) {
	s := resulttest.Read(t, schemaFile)
	check := func(what string, r Result) {
		t.Helper()
		raw, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		s.Check(t, what, raw)
	}
	for _, state := range ledger.States() {
		inv := acceptedInvoice()
		inv.State, inv.Ref, inv.SupersededBy, inv.TakenBack = state, "SO-1", "inv-b", "by anna"
		r := Of(inv, "test")
		r.Gross, r.Currency = "-1230.00", "PLN"
		r.WaitingFor, r.WaitingWhat, r.WaitingUntil, r.WaitingSince = "limit", "x", "2026-11-24T16:00:00Z", "2026-11-24T16:00:00Z"
		r.Explain()
		check(string(state), r)
	}
	check("nothing", Result{State: "queued"})
	refusal := ledger.Refusal{ID: "ref-a", File: "a.xml", At: 5, Faults: []ledger.RefusalFault{{Rule: "must be XML"}}}
	check("refused", Explained(&refusal))
	refusal.Ended, refusal.Note = ledger.RefusalSuperseded, "a corrected document was taken"
	check("superseded refusal", OfRefusal(&refusal))
	for note, want := range map[string]string{"by inv-b": "inv-b", "by ref-b": "", "by a later archive of this name": ""} {
		refusal.Note = note
		if got := OfRefusal(&refusal); got.SupersededBy != want || got.Reason == "" {
			t.Errorf("a refusal with the note %q is superseded by %q, want %q", note, got.SupersededBy, want)
		}
	}
	check("refused for its date", OfRefusal(&ledger.Refusal{ID: "ref-b", IssueDate: "23.11.2026"}))
	check("unreadable", WithoutEntry(&ledger.Unreadable{ID: "inv-a", Tenant: "One", State: "sent"}))
	check("an unreadable outcome", WithoutRecord(Result{}, &ledger.Outcome{ID: "inv-a", Rev: 3, State: ledger.Accepted, At: "5-0"}))
	if s.Why([]byte(`{"id":"inv-a"}`)) == nil {
		t.Error("a result that has nothing but an id is valid by the schema, want it invalid")
	}
}

func TestAddDocument_AmountAndCurrency_AreRead(t *testing.T) {
	r := Result{}
	r.AddDocument([]byte("<not an invoice"))
	r.AddDocument(nil)
	if r.Gross != "" || r.Currency != "" {
		t.Errorf("without a document the result has an amount: %+v", r)
	}
}
