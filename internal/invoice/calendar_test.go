package invoice_test

import (
	"strings"
	"testing"
	"time"

	"ksefworker/internal/invoice"
)

func TestIsHoliday_SeveralYears_MatchThePolishCalendar(t *testing.T) {
	for year, want := range map[int]string{
		2024: "01-01 01-06 03-31 04-01 05-01 05-03 05-19 05-30 08-15 11-01 11-11 12-25 12-26",
		2025: "01-01 01-06 04-20 04-21 05-01 05-03 06-08 06-19 08-15 11-01 11-11 12-24 12-25 12-26",
		2026: "01-01 01-06 04-05 04-06 05-01 05-03 05-24 06-04 08-15 11-01 11-11 12-24 12-25 12-26",
		2027: "01-01 01-06 03-28 03-29 05-01 05-03 05-16 05-27 08-15 11-01 11-11 12-24 12-25 12-26",
		// Years with the earliest and the latest possible Easter.
		2285: "01-01 01-06 03-22 03-23 05-01 05-03 05-10 05-21 08-15 11-01 11-11 12-24 12-25 12-26",
		2038: "01-01 01-06 04-25 04-26 05-01 05-03 06-13 06-24 08-15 11-01 11-11 12-24 12-25 12-26",
	} {
		var got []string
		for d := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC); d.Year() == year; d = d.AddDate(0, 0, 1) {
			if invoice.IsHoliday(d.Date()) {
				got = append(got, d.Format("01-02"))
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%d:\ngot  %s\nwant %s", year, strings.Join(got, " "), want)
		}
	}
}

func TestLegalDeadline_SkipsWeekendsAndHolidays(t *testing.T) {
	for _, c := range []struct{ issued, end, why string }{
		{"2026-11-23", "2026-11-25T00:00:00+01:00", "Monday: Tuesday's end"},
		{"2026-11-20", "2026-11-24T00:00:00+01:00", "Friday: Monday's end"},
		{"2026-11-21", "2026-11-24T00:00:00+01:00", "Saturday: Monday's end"},
		{"2026-11-10", "2026-11-13T00:00:00+01:00", "the eve of Independence Day: the day after it"},
		{"2026-12-23", "2026-12-29T00:00:00+01:00", "Wednesday before Christmas Eve, which is a holiday since 2025"},
		{"2024-12-23", "2024-12-25T00:00:00+01:00", "in 2024 Christmas Eve was a business day"},
		{"2026-04-03", "2026-04-08T00:00:00+02:00", "Good Friday, a business day: Tuesday after Easter"},
		{"2026-06-03", "2026-06-06T00:00:00+02:00", "the eve of Corpus Christi"},
		{"2026-12-31", "2027-01-05T00:00:00+01:00", "over New Year and a weekend"},
		{"2026-03-27", "2026-03-31T00:00:00+02:00", "over the night when summer time begins"},
	} {
		got, err := invoice.LegalDeadline(c.issued)
		if err != nil || got.Format(time.RFC3339) != c.end {
			t.Errorf("LegalDeadline(%s) = %v, %v, want %s: %s", c.issued, got, err, c.end, c.why)
		}
	}
}

func TestSoftDeadline_LongAndShortDays_IsMidnightInWarsaw(t *testing.T) {
	for issued, utc := range map[string]string{
		"2026-11-23": "2026-11-23T23:00:00Z", // winter
		"2026-07-01": "2026-07-01T22:00:00Z", // summer
		"2026-03-29": "2026-03-29T22:00:00Z", // a day of 23 hours
		"2026-10-25": "2026-10-25T23:00:00Z", // a day of 25 hours
		"2026-12-31": "2026-12-31T23:00:00Z",
	} {
		got, err := invoice.SoftDeadline(issued)
		if err != nil || got.UTC().Format(time.RFC3339) != utc {
			t.Errorf("SoftDeadline(%s) = %v, %v, want %s", issued, got.UTC(), err, utc)
		}
		if before := invoice.Today(got.Add(-time.Nanosecond)); before != issued {
			t.Errorf("just before the deadline of %s, Today is %s, want the same day", issued, before)
		}
		if at := invoice.Today(got); at <= issued {
			t.Errorf("at the deadline of %s, Today is %s, want a later day", issued, at)
		}
	}
}

func TestDeadlines_NotADate_Fail(t *testing.T) {
	for _, s := range []string{"", "2026-13-01", "2026-02-30", "23.11.2026", "2026-11-2", "+026-11-23"} {
		if _, err := invoice.SoftDeadline(s); err == nil {
			t.Errorf("SoftDeadline(%q) gave no error", s)
		}
		if _, err := invoice.LegalDeadline(s); err == nil {
			t.Errorf("LegalDeadline(%q) gave no error", s)
		}
	}
}

func TestIsBusinessDay_WeekendsAndHolidays_AreNotBusinessDays(t *testing.T) {
	for day, want := range map[string]bool{
		"2026-11-23": true, "2026-11-22": false, "2026-11-21": false, "2026-11-11": false, "2026-12-24": false,
		"2024-12-24": true, "2010-01-06": true,
	} {
		d, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		if invoice.IsBusinessDay(d.Date()) != want {
			t.Errorf("IsBusinessDay(%s) = %v, want %v", day, !want, want)
		}
	}
}
