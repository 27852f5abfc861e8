package invoice

import (
	"fmt"
	"time"
)

// SoftDeadline returns the midnight that ends issueDate (P_1, "2006-01-02") in Warsaw. KSeF itself
// marks an invoice as offline if it is accepted at or after that instant (KSeF limits, September
// 2026). The day has 23 or 25 hours when the clocks change. The error is a *FieldError when
// issueDate is not a date.
func SoftDeadline(issueDate string) (time.Time, error) {
	y, m, d, ok := dateShape(issueDate)
	if !ok {
		return time.Time{}, fmt.Errorf("compute soft deadline: %w", notADate(issueDate))
	}
	return midnightEnding(y, m, d), nil
}

// LegalDeadline returns the midnight that ends the next business day in Poland after issueDate
// (P_1, "2006-01-02"). An offline24 invoice must have reached KSeF before that instant (KSeF
// limits, September 2026). The error is a *FieldError when issueDate is not a date. Announced
// outages move the deadline. This function does not know of them, so the caller must allow for
// them.
func LegalDeadline(issueDate string) (time.Time, error) {
	y, m, d, ok := dateShape(issueDate)
	if !ok {
		return time.Time{}, fmt.Errorf("compute legal deadline: %w", notADate(issueDate))
	}
	for {
		y, m, d = time.Date(y, m, d+1, 0, 0, 0, 0, time.UTC).Date()
		if IsBusinessDay(y, m, d) {
			return midnightEnding(y, m, d), nil
		}
	}
}

// midnightEnding returns the midnight that ends the day in Warsaw, even when the day has 23 or 25
// hours. Warsaw changes its clocks at 01:00 UTC and never at midnight, so each midnight exists
// exactly once.
func midnightEnding(y int, m time.Month, d int) time.Time {
	return time.Date(y, m, d+1, 0, 0, 0, 0, Warsaw())
}

func notADate(s string) *FieldError {
	return &FieldError{Field: "P_1", Rule: ruleDate, Value: shorten(s)}
}
