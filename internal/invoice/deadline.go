package invoice

import (
	"fmt"
	"time"
)

// SoftDeadline returns the midnight that ends issueDate (P_1, "2006-01-02") in Warsaw. An invoice accepted at or after that instant is marked offline
// by KSeF itself (KSeF limits, September 2026). The day has 23 or 25 hours when clocks change. It fails when issueDate is no date.
func SoftDeadline(issueDate string) (time.Time, error) {
	y, m, d, ok := dateShape(issueDate)
	if !ok {
		return time.Time{}, fmt.Errorf("reckon soft deadline: %w", notADate(issueDate))
	}
	return midnightEnding(y, m, d), nil
}

// LegalDeadline returns the midnight that ends the next business day in Poland after issueDate (P_1, "2006-01-02"): until then, and not at that instant
// itself, an offline24 invoice must have reached KSeF (KSeF limits, September 2026). It fails when issueDate is no date. Announced outages move
// the deadline; the caller knows of them, this function does not.
func LegalDeadline(issueDate string) (time.Time, error) {
	y, m, d, ok := dateShape(issueDate)
	if !ok {
		return time.Time{}, fmt.Errorf("reckon legal deadline: %w", notADate(issueDate))
	}
	for {
		y, m, d = time.Date(y, m, d+1, 0, 0, 0, 0, time.UTC).Date()
		if IsBusinessDay(y, m, d) {
			return midnightEnding(y, m, d), nil
		}
	}
}

// midnightEnding lets the zone decide how long the day was. Warsaw changes clocks at 01:00 UTC, never at midnight, so the instant exists and is one.
func midnightEnding(y int, m time.Month, d int) time.Time {
	return time.Date(y, m, d+1, 0, 0, 0, 0, Warsaw())
}

func notADate(s string) *FieldError {
	return &FieldError{Field: "P_1", Rule: ruleDate, Value: shorten(s)}
}
