package intake

import (
	"strings"
	"testing"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
)

func TestParseTime_DayOrDayAndTime_IsInWarsaw(t *testing.T) {
	for _, c := range []struct {
		in, want string
		end      bool
	}{
		{"2026-11-24", "2026-11-24T00:00:00+01:00", false},
		{"2026-11-24", "2026-11-25T00:00:00+01:00", true},
		{"2026-03-29", "2026-03-30T00:00:00+02:00", true}, // summer time begins in that night
		{"2026-07-01 16:00", "2026-07-01T16:00:00+02:00", true},
		{"2026-07-01T16:00:00Z", "2026-07-01T16:00:00Z", false},
	} {
		got, ok := ParseTime(c.in, c.end)
		if s := got.Format("2006-01-02T15:04:05Z07:00"); !ok || s != c.want {
			t.Errorf("ParseTime(%q, end %v) = %s, %v, want %s", c.in, c.end, s, ok, c.want)
		}
	}
	if _, ok := ParseTime("tomorrow", false); ok {
		t.Error("ParseTime takes the word tomorrow for a time")
	}
}

func TestWanted_EachFieldAtFault_IsNamedWithItsValue(t *testing.T) {
	mine := []Account{{Name: "mine", NIP: "5265877635"}}
	w := Wanted{Ref: " x", Lane: "fast", Deadline: "tomorrow", Tenant: "other", Corrects: "FV/1"}
	_, err := w.Terms(monday, mine)
	var fields []string
	for _, f := range invoice.FieldErrors(err) {
		fields = append(fields, f.Field+"="+f.Value)
	}
	if got := strings.Join(fields, " "); got != "ref= x lane=fast deadline=tomorrow tenant=other corrects=FV/1" {
		t.Errorf("the faults are %s, want one for each field, with its value", got)
	}
	for _, w := range []Wanted{{Deadline: "2026-10-22"}, {Deadline: "9999-12-31"}, {Lane: "express", Offline: true}} {
		if _, err := w.Terms(monday, nil); err == nil {
			t.Errorf("%+v should have a fault", w)
		}
	}
	terms, err := (&Wanted{
		Ref: "SO-1", Lane: "bulk", Offline: true, Deadline: "2026-11-24", Tenant: "mine",
	}).Terms(monday, mine)
	if err != nil || terms.Lane != ledger.Bulk || !terms.Offline || terms.Tenant != "mine" ||
		terms.Deadline.Format("2006-01-02 15:04") != "2026-11-25 00:00" {
		t.Errorf("the terms are %+v, error %v, want lane bulk, offline, tenant mine and the end of 2026-11-24", terms, err)
	}
	if terms, err := (&Wanted{Deadline: "2026-11-22"}).Terms(monday, mine); err != nil || !terms.Deadline.Before(monday) {
		t.Errorf("a deadline that has passed lately should be taken: %+v, %v", terms, err)
	}
	if terms, err := (&Wanted{Tenant: "5265877635"}).Terms(monday, mine); err != nil || terms.Tenant != "mine" {
		t.Errorf("the NIP of tenant mine should name this tenant: %+v, %v", terms, err)
	}
	twins := append(mine, Account{Name: "branch", NIP: "5265877635"})
	if _, err := (&Wanted{Tenant: "5265877635"}).Terms(monday, twins); err == nil {
		t.Error("a NIP that two tenants have should name neither")
	}
}
