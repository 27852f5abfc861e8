package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/invoice"
	"ksefworker/internal/results"
)

// parseSpan reads a duration that is not negative. It also reads days, such as 7d; a day has 24
// hours.
func parseSpan(s string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		return time.Duration(n) * 24 * time.Hour, err == nil && n >= 0 && n <= 36500
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d >= 0
}

// parseSince reads --since, which is a time or a duration back from now. The function that it
// returns maps the present time to the time that text stands for. When text is empty, the function
// returns the zero time.
func parseSince(text string) (func(now time.Time) time.Time, error) {
	if text == "" {
		return func(time.Time) time.Time { return time.Time{} }, nil
	}
	if d, ok := parseSpan(text); ok {
		return func(now time.Time) time.Time { return now.Add(-d) }, nil
	}
	t, ok := intake.ParseTime(text, false)
	if !ok {
		return nil, &usageError{what: fmt.Sprintf("--since %q is neither a time nor a duration", text),
			hint: "use 24h, 7d, 2026-11-23 or 2026-11-23T08:00:00+01:00"}
	}
	return func(time.Time) time.Time { return t }, nil
}

// span formats a duration without zeros at the end: 4h, not 4h0m0s.
func span(d time.Duration) string {
	s := d.String()
	if d != 0 && d%time.Minute == 0 {
		s = strings.TrimSuffix(s, "0s")
	}
	if d != 0 && d%time.Hour == 0 {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// hoursLeft returns the time from now to a deadline as text, "" when there is no deadline. From 100
// hours on it counts days.
func hoursLeft(deadline, now time.Time) string {
	if deadline.IsZero() {
		return ""
	}
	left, word := deadline.Sub(now), "left"
	if left < 0 {
		left, word = -left, "overdue"
	}
	if left >= 100*time.Hour {
		return fmt.Sprintf("%dd %s", int(left.Hours())/24, word)
	}
	return fmt.Sprintf("%dh%02dm %s", int(left.Hours()), int(left.Minutes())%60, word)
}

// deadlineText formats a deadline. A deadline at midnight is shown as the minute before: 2026-11-24
// 23:59 and not 2026-11-25 00:00. Otherwise people would think that they have all of the 25th.
func deadlineText(t time.Time) string { return day(results.LastMoment(t)) }

// day formats a point in time to the minute, in Warsaw. It returns "" for the zero time.
func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(invoice.Warsaw()).Format("2006-01-02 15:04")
}

// clock formats a point in time to the second, in Warsaw.
func clock(t time.Time) string { return t.In(invoice.Warsaw()).Format("2006-01-02 15:04:05") }
