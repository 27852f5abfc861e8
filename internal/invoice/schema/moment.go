package schema

import "bytes"

// Moment is a date, or a date and time, as a number that can be compared.
type Moment struct {
	Second   int64  // since the beginning of year 0 of the Gregorian calendar, in UTC when Zoned
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
	// apart is how far a moment without time zone may be from the same figures in UTC.
	apart = 14 * hour
)

// parseMoment reads the lexical form of xsd:dateTime or xsd:date. ok is false for a date that does
// not exist.
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
	return m, m.zone(text)
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
	endOfDay := h == 24 && min == 0 && sec == 0 && len(m.fraction) == 0
	if h > 23 && !endOfDay || min > 59 || sec > 59 {
		return nil, false
	}
	m.second += h*hour + min*minute + sec
	return text, true
}

// zone reads the time zone, which may be missing, up to the end of the text.
func (m *moment) zone(text []byte) bool {
	switch {
	case len(text) == 0:
		return true
	case len(text) == 1 && text[0] == 'Z':
		m.zoned = true
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
	m.second -= offset
	m.zoned = true
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

// compare returns -1, 0 or 1, and false when the order is unknown: one of the two has a time zone,
// and they are less than 14 hours apart.
func (m moment) compare(b *Moment) (int, bool) {
	second := m.second
	if m.zoned != b.Zoned {
		switch {
		case second < b.Second-apart:
			return -1, true
		case second > b.Second+apart:
			return 1, true
		}
		return 0, false
	}
	switch {
	case second < b.Second:
		return -1, true
	case second > b.Second:
		return 1, true
	}
	return max(-1, min(1, compareText(m.fraction, b.Fraction))), true
}

// MomentOf parses a date, or a date and time, for a table.
func MomentOf(text string, withTime bool) (Moment, bool) {
	m, ok := parseMoment([]byte(text), withTime)
	return Moment{Second: m.second, Fraction: string(m.fraction), Zoned: m.zoned}, ok
}
