package ksef

import (
	"encoding/json"
	"errors"
	"time"
)

// Time is a point in time as KSeF and its gateways write it. They use RFC 3339, with or without a
// fraction and an offset, or a date alone. Without an offset the time is UTC. The zero Time means
// "not given". It stands for null, "" and any value that is not a time, so the rest of the answer
// stays readable. Where a decision depends on a time, the caller checks that it was given.
type Time struct{ time.Time }

var timeLayouts = []string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05.999999999",
	"2006-01-02T15:04Z07:00",
	"2006-01-02T15:04",
	"2006-01-02 15:04:05.999999999",
	"2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02T15:04:05.999999999-0700",
	"2006-01-02 15:04:05.999999999-0700",
	time.DateOnly,
}

// UnmarshalJSON reads a time. It never fails.
func (t *Time) UnmarshalJSON(raw []byte) error {
	*t = Time{}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return nil
	}
	for _, layout := range timeLayouts {
		if at, err := time.Parse(layout, s); err == nil {
			*t = Time{at}
			return nil
		}
	}
	return nil
}

// MarshalJSON writes RFC 3339, or null for the zero Time.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return t.Time.MarshalJSON()
}

// Range is a span of time. Both ends are required.
type Range struct {
	From, To Time
}

// Between makes a range.
func Between(from, to time.Time) Range { return Range{From: Time{from}, To: Time{to}} }

// Check returns an error when an end is missing or the ends are in the wrong order.
func (r Range) Check() error {
	switch {
	case r.From.IsZero() || r.To.IsZero():
		return errors.New("range needs both ends")
	case r.To.Before(r.From.Time):
		return errors.New("range ends before it begins")
	}
	return nil
}
