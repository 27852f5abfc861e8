package invoice

import (
	"sync"
	"time"
	_ "time/tzdata" // the container image has no zone files
)

const dateLayout = "2006-01-02"

// loadWarsaw runs once because reading the zone takes tens of microseconds, as long as parsing an
// invoice.
var loadWarsaw = sync.OnceValue(func() *time.Location {
	zone, err := time.LoadLocation("Europe/Warsaw")
	if err != nil {
		// Impossible while time/tzdata is linked in. A substitute zone would silently move every
		// deadline.
		panic("load Europe/Warsaw: " + err.Error())
	}
	return zone
})

// Warsaw returns Europe/Warsaw, the zone in which KSeF counts days. The zone data is the system's,
// or else the copy inside the binary.
func Warsaw() *time.Location { return loadWarsaw() }

// Today returns the calendar day of now in Warsaw as "2006-01-02". It can be compared with
// Header.IssueDate as text.
func Today(now time.Time) string { return now.In(Warsaw()).Format(dateLayout) }

// Day returns s when it is a day, "2006-01-02", and "" otherwise. P_1 of a document that is refused
// may be anything.
func Day(s string) string {
	if _, _, _, ok := dateShape(s); !ok {
		return ""
	}
	return s
}

// dateShape reports whether s is YYYY-MM-DD in ASCII digits and a valid day, and returns its parts.
// It is stricter than time.Parse and does not allocate.
func dateShape(s string) (y int, m time.Month, d int, ok bool) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return 0, 0, 0, false
	}
	for i := range len(s) {
		if i != 4 && i != 7 && (s[i] < '0' || s[i] > '9') {
			return 0, 0, 0, false
		}
	}
	two := func(i int) int { return int(s[i]-'0')*10 + int(s[i+1]-'0') }
	y, m, d = two(0)*100+two(2), time.Month(two(5)), two(8)
	if y < 1 || m < 1 || m > 12 || d < 1 || d > daysIn(y, m) {
		return 0, 0, 0, false
	}
	return y, m, d, true
}

func daysIn(y int, m time.Month) int {
	switch m {
	case time.April, time.June, time.September, time.November:
		return 30
	case time.February:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	default:
		return 31
	}
}
