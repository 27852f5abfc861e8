package intake

import (
	"cmp"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
)

// Wanted is what a sender asks for one document in a manifest or over HTTP, as text. The zero value
// asks for nothing.
type Wanted struct {
	Ref      string `json:"ref"`
	Lane     string `json:"lane"` // auto, express or bulk; "" is auto for a new invoice
	Offline  bool   `json:"offline"`
	Deadline string `json:"deadline"` // RFC 3339, or a day or a day and time in Warsaw
	Tenant   string `json:"tenant"`   // its name, or its NIP if no other tenant has that NIP
	Corrects string `json:"corrects"` // the rejected invoice it corrects technically: id or hash
}

// Terms returns the terms that the text stands for. accounts are the tenants that the sender may
// name. The error is one [*invoice.FieldError] or several joined; each names a field of w. A
// deadline that is long past or more than a year away is an error too. With an error, use only the
// terms of the fields that it does not name.
func (w *Wanted) Terms(now time.Time, accounts []Account) (Terms, error) {
	t := Terms{Lane: ledger.Lane(w.Lane), Offline: w.Offline, Tenant: TenantOf(accounts, w.Tenant), Corrects: Corrects(w.Corrects)}
	var all []error
	fault := func(field, rule, value, hint string) {
		all = append(all, &invoice.FieldError{Field: field, Rule: rule, Value: value, Hint: hint})
	}
	if err := CheckRef(w.Ref); err != nil {
		all = append(all, err)
	}
	switch t.Lane {
	case "", ledger.Auto, ledger.Express, ledger.Bulk:
	default:
		fault("lane", "must be auto, express or bulk", w.Lane, "")
	}
	if w.Offline && t.Lane == ledger.Express && w.Corrects == "" {
		fault("offline", "cannot be combined with lane express: only a package can be declared offline", "true",
			"leave lane out, or say bulk")
	}
	if w.Deadline != "" {
		at, ok := ParseTime(w.Deadline, true)
		switch {
		case !ok:
			fault("deadline", "is not a time", w.Deadline, "use 2026-11-24, \"2026-11-24 16:00\" or 2026-11-24T16:00:00+01:00")
		case LongPast(at, now):
			fault("deadline", "is in the past", w.Deadline, "hand in a late invoice without a deadline; it is sent first")
		case FarAway(at, now):
			fault("deadline", "is more than a year away", w.Deadline, "check the year")
		default:
			t.Deadline = at
		}
	}
	if t.Tenant != "" && !slices.ContainsFunc(accounts, func(a Account) bool { return a.Name == t.Tenant }) {
		t.Tenant = "" // the sender's mistake must not get into the list of somebody else's tenant
		fault("tenant", "is not a tenant of this sender", w.Tenant,
			"name one of: "+namesOf(accounts)+"; or leave it out where the NIP says who sends")
	}
	if err := t.Corrects.Check(t.Lane); err != nil {
		all = append(all, err)
	}
	return t, errors.Join(all...)
}

// LongPast reports whether a deadline passed so long ago that it must be a slip. A deadline that
// passed lately is not a slip, because a program that repeats a call after an outage repeats the
// deadline too. The invoice may be here already. If it is not, it is late, and is sent before
// others.
func LongPast(deadline, now time.Time) bool { return deadline.Before(now.AddDate(0, 0, -30)) }

// FarAway reports whether a deadline is so late that it must be a slip. The law never gives more
// than some weeks, and an invoice with a far deadline is sent after all others.
func FarAway(deadline, now time.Time) bool { return deadline.After(now.AddDate(1, 0, 1)) }

// WrongKind returns an error that says which field of a JSON text has a value of the wrong kind. at
// names the text itself, and is used when the fault is in no field. The message of encoding/json is
// not used, because it names Go types of this program.
func WrongKind(at string, wrong *json.UnmarshalTypeError) error {
	rule := "must be a text"
	switch wrong.Type.Kind() {
	case reflect.Bool:
		rule = "must be true or false"
	case reflect.Struct:
		rule = "must be a JSON object"
	}
	// The path may contain the name of the embedded Wanted, which is no field of the text.
	field := wrong.Field[strings.LastIndexByte(wrong.Field, '.')+1:]
	return &invoice.FieldError{Field: cmp.Or(field, at), Rule: rule, Value: wrong.Value}
}

// ParseTime reads a point in time: RFC 3339, or a day, or a day and time in Warsaw. A day without a
// time stands for its beginning or, if end is true, for its end.
func ParseTime(s string, end bool) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, true
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04:05"} {
		if t, err := time.ParseInLocation(layout, s, invoice.Warsaw()); err == nil {
			return t, true
		}
	}
	t, err := time.ParseInLocation(time.DateOnly, s, invoice.Warsaw())
	if err == nil && end {
		t = t.AddDate(0, 0, 1)
	}
	return t, err == nil
}
