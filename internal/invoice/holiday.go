package invoice

import "time"

// IsHoliday reports whether the day is a public holiday in Poland. It follows the Act on public
// holidays of 18 January 1951 as in force in 2026, with Epiphany since 2011 and Christmas Eve since
// 2025. Sundays as such are not holidays here; see IsBusinessDay. Easter is computed by the
// Gregorian computus, so the result means nothing for years before 1583.
func IsHoliday(y int, m time.Month, d int) bool {
	switch {
	case m == time.January && d == 1,
		m == time.January && d == 6 && y >= 2011,
		m == time.May && (d == 1 || d == 3),
		m == time.August && d == 15,
		m == time.November && (d == 1 || d == 11),
		m == time.December && d == 24 && y >= 2025,
		m == time.December && (d == 25 || d == 26):
		return true
	}
	if m < time.March || m > time.June {
		return false // the earliest Easter is on 22 March, the latest Corpus Christi on 24 June
	}
	easterMonth, easterDay := easter(y)
	easterSunday := time.Date(y, easterMonth, easterDay, 0, 0, 0, 0, time.UTC)
	switch time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Sub(easterSunday) / (24 * time.Hour) {
	case 0, 1, 49, 60: // Easter Sunday and Monday, Pentecost, Corpus Christi
		return true
	}
	return false
}

// IsBusinessDay reports whether the day is a business day in Poland, which is any day except
// Saturdays, Sundays and public holidays.
func IsBusinessDay(y int, m time.Month, d int) bool {
	switch time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Weekday() {
	case time.Saturday, time.Sunday:
		return false
	}
	return !IsHoliday(y, m, d)
}

// easter returns the date of Easter Sunday by the anonymous Gregorian computus (as in Meeus,
// Astronomical Algorithms). Its integer arithmetic is correct for every Gregorian year; a table
// would cover only some years.
func easter(y int) (time.Month, int) {
	a, b, c := y%19, y/100, y%100
	d, e := b/4, b%4
	g := (8*b + 13) / 25
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return time.Month(n / 31), n%31 + 1
}
