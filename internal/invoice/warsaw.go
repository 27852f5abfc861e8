package invoice

import (
	"sync"
	"time"
	_ "time/tzdata" // the image has no zone files, and a wrong midnight makes an invoice late
)

const dateLayout = "2006-01-02"

// loadWarsaw runs once: reading the zone takes tens of microseconds, as long as parsing an invoice.
var loadWarsaw = sync.OnceValue(func() *time.Location {
	zone, err := time.LoadLocation("Europe/Warsaw")
	if err != nil {
		// Cannot happen while time/tzdata is linked in; a made-up zone would shift every deadline in silence.
		panic("load Europe/Warsaw: " + err.Error())
	}
	return zone
})

// Warsaw returns Europe/Warsaw, the zone in which KSeF reckons days, from the zone data inside the binary or of the system.
func Warsaw() *time.Location { return loadWarsaw() }

// Today returns the calendar day of now in Warsaw as "2006-01-02", which compares with Header.IssueDate as text.
func Today(now time.Time) string { return now.In(Warsaw()).Format(dateLayout) }

// dateShape reports whether s is YYYY-MM-DD in ASCII digits and a day of the calendar. It is time.Parse without the allocations and without
// its tolerance.
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
