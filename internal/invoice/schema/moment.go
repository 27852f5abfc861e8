package schema

import "bytes"

// Moment is a date, or a date and time, as a number that can be compared.
type Moment struct {
	Second   int64  // since 1 March of year 0 of the Gregorian calendar, in UTC when Zoned
	Fraction string // digits of a second after the point without trailing zeros
	Zoned    bool   // the value has a time zone
}

// moment is a Moment whose fraction is a part of the document.
type moment struct {
	second   int64
	fraction []byte
	zoned    bool
}

const (
	minute = 60
	hour   = 60 * minute
	day    = 24 * hour
)

// endOfDay is the fraction of 24:00:00. Like libxml2, this program puts 24:00:00 after every other
// second of the day and before the next day. In XML Schema, 24:00:00 is the beginning of the next
// day.
var endOfDay = []byte{'9' + 1}

// parseMoment reads the lexical form of xsd:dateTime or xsd:date. ok is false for a date that does
// not exist. White space is allowed only where libxml2 accepts it, which is after the time zone of
// a dateTime.
func parseMoment(text []byte, withTime bool) (m moment, ok bool) {
	before := false
	if len(text) > 0 && text[0] == '-' {
		before, text = true, text[1:]
	}
	n := 0
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	if n < 4 || n > 9 || n > 4 && text[0] == '0' {
		return m, false
	}
	year := count(text[:n])
	if year == 0 {
		return m, false // XML Schema 1.0 has no year 0
	}
	if before {
		year = -year
	}
	text = text[n:]
	if len(text) < 6 || text[0] != '-' || !digits(text[1:3]) || text[3] != '-' || !digits(text[4:6]) {
		return m, false
	}
	month, dayOf := count(text[1:3]), count(text[4:6])
	if month < 1 || month > 12 || dayOf < 1 || dayOf > daysIn(year, month) {
		return m, false
	}
	m.second = daysUntil(year, month, dayOf) * day
	text = text[6:]
	if withTime {
		if text, ok = m.clock(text); !ok {
			return m, false
		}
	}
	return m, m.zone(text, withTime)
}

// clock reads T and the time of day, and returns what follows it.
func (m *moment) clock(text []byte) ([]byte, bool) {
	if len(text) < 9 || text[0] != 'T' || text[3] != ':' || text[6] != ':' ||
		!digits(text[1:3]) || !digits(text[4:6]) || !digits(text[7:9]) {
		return nil, false
	}
	h, min, sec := count(text[1:3]), count(text[4:6]), count(text[7:9])
	text = text[9:]
	if len(text) > 0 && text[0] == '.' {
		n := 1
		for n < len(text) && text[n] >= '0' && text[n] <= '9' {
			n++
		}
		if n == 1 {
			return nil, false
		}
		m.fraction = bytes.TrimRight(text[1:n], "0")
		text = text[n:]
	}
	last := h == 24 && min == 0 && sec == 0 && len(m.fraction) == 0
	if h > 23 && !last || min > 59 || sec > 59 {
		return nil, false
	}
	m.second += h*hour + min*minute + sec
	if last {
		m.second, m.fraction = m.second-1, endOfDay
	}
	return text, true
}

// zone reads the time zone, which may be missing, up to the end of the text.
func (m *moment) zone(text []byte, withTime bool) bool {
	if len(text) == 0 {
		return true
	}
	if withTime {
		text = bytes.TrimRight(text, " \t\r\n")
	}
	m.zoned = true
	switch {
	case len(text) == 1 && text[0] == 'Z':
		return true
	case len(text) != 6 || text[0] != '+' && text[0] != '-' || !digits(text[1:3]) || text[3] != ':' || !digits(text[4:6]):
		return false
	}
	h, min := count(text[1:3]), count(text[4:6])
	if min > 59 || h > 14 || h == 14 && min > 0 {
		return false
	}
	offset := h*hour + min*minute
	if text[0] == '-' {
		offset = -offset
	}
	if offset != 0 && len(m.fraction) > 0 && m.fraction[0] == endOfDay[0] {
		m.second, m.fraction = m.second+1, nil
	}
	m.second -= offset
	return true
}

func count(text []byte) (n int64) {
	for _, c := range text {
		n = n*10 + int64(c-'0')
	}
	return n
}

func daysIn(year, month int64) int64 {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// daysUntil counts the days from a fixed day long ago. The year begins with March, so that the leap
// day comes last.
func daysUntil(year, month, dayOf int64) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	era := year / 400
	if year < 0 {
		era = (year - 399) / 400
	}
	of := year - era*400
	return era*146097 + of*365 + of/4 - of/100 + (153*(month-3)+2)/5 + dayOf - 1
}

// compare returns -1, 0 or 1. known is false when the figures are equal and only one of the two has
// a time zone. libxml2 does the same. XML Schema leaves the order unknown when two such values are
// at most 14 hours apart.
func (m moment) compare(b *Moment) (order int, known bool) {
	switch {
	case m.second < b.Second:
		return -1, true
	case m.second > b.Second:
		return 1, true
	}
	order = max(-1, min(1, compareText(m.fraction, b.Fraction)))
	return order, order != 0 || m.zoned == b.Zoned
}

// MomentOf parses a date, or a date and time, for a table.
func MomentOf(text string, withTime bool) (Moment, bool) {
	m, ok := parseMoment([]byte(text), withTime)
	return Moment{Second: m.second, Fraction: string(m.fraction), Zoned: m.zoned}, ok
}

func digits(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
