package ledger

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rs/xid"
)

// The kinds of words. A word is a short text in a record. A word that has one of the forms below is
// packed. Any other word is stored as it is.
const (
	wordText       = iota // length and bytes
	wordDate              // 2026-11-26
	wordSession           // 20261126-SB-6E9AF92B07-C4DC21CA95-B6
	wordNumber            // the part of a KSeF number behind the NIP: -20261126-B58C77000001-B2
	wordPackage           // pkg- and an xid
	wordHash              // 32 bytes in Base64
	wordDay               // as wordDate, but the date is in days since 1970
	wordDaySession        // as wordSession, but the date is in days since 1970
	wordDayNumber         // as wordNumber, but the date is in days since 1970
)

var (
	dateForm    = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
	sessionForm = regexp.MustCompile(`^\d{8}-[A-Z]{2}-[0-9A-F]{10}-[0-9A-F]{10}-[0-9A-F]{2}$`)
	numberForm  = regexp.MustCompile(`^-\d{8}-[0-9A-F]{12}-[0-9A-F]{2}$`)
)

func appendWord(b []byte, s string) []byte {
	switch {
	case len(s) == len("2026-11-26") && dateForm.MatchString(s):
		return appendDate(b, wordDate, wordDay, s[:4]+s[5:7]+s[8:])
	case len(s) == len("20261126-SB-6E9AF92B07-C4DC21CA95-B6") && sessionForm.MatchString(s):
		b = append(appendDate(b, wordSession, wordDaySession, s[:8]), s[9:11]...)
		return appendHex(b, s[12:22]+s[23:33]+s[34:])
	case len(s) == len("-20261126-B58C77000001-B2") && numberForm.MatchString(s):
		b = appendDate(b, wordNumber, wordDayNumber, s[1:9])
		return appendHex(b, s[10:22]+s[23:])
	}
	if name, ok := strings.CutPrefix(s, "pkg-"); ok {
		if id, err := xid.FromString(name); err == nil && name == id.String() {
			return append(append(b, wordPackage), id.Bytes()...)
		}
	}
	if sum, ok := hashBytes(s); ok {
		return append(append(b, wordHash), sum...)
	}
	b = binary.AppendUvarint(append(b, wordText), uint64(len(s)))
	return append(b, s...)
}

// appendDigits appends a date of eight digits.
func appendDigits(b []byte, s string) []byte {
	n, _ := strconv.ParseUint(s, 10, 32) // the form was checked
	return binary.BigEndian.AppendUint32(b, uint32(n))
}

// dayForm is the layout of a date of eight digits.
const dayForm = "20060102"

// appendDate appends the kind of a word, which is day or plain, and then its date. If the date is
// valid and its days since 1970 fit in two bytes, the kind is day, and the date is those two bytes.
// Otherwise the kind is plain, and the date is what appendDigits makes of it.
func appendDate(b []byte, plain, day byte, digits string) []byte {
	t, err := time.Parse(dayForm, digits)
	if n := t.Unix() / secondsOfDay; err == nil && n >= 0 && n <= math.MaxUint16 && t.Format(dayForm) == digits {
		return binary.BigEndian.AppendUint16(append(b, day), uint16(n))
	}
	return appendDigits(append(b, plain), digits)
}

const secondsOfDay = 24 * 60 * 60

// timeUnits are the units in which times are stored, in milliseconds. Deadlines that follow from
// the date of issue are whole hours.
var timeUnits = [4]int64{1, 1000, 60_000, 3_600_000}

// appendTime appends the time t in the largest unit of which t is a multiple, counted from the time
// given by the parameter from.
func appendTime(b []byte, from, t Millis) []byte {
	k := len(timeUnits) - 1
	for int64(t)%timeUnits[k] != 0 {
		k--
	}
	n := int64(t)/timeUnits[k] - int64(from)/timeUnits[k]
	return binary.AppendVarint(b, n<<2|int64(k))
}

func appendHex(b []byte, s string) []byte {
	raw, _ := hex.DecodeString(s) // the form was checked
	return append(b, raw...)
}

// hashBytes returns the 32 bytes of a hash in Base64; false if the text is anything else.
func hashBytes(s string) ([]byte, bool) {
	if len(s) != 44 {
		return nil, false
	}
	sum, err := base64.StdEncoding.DecodeString(s)
	return sum, err == nil && len(sum) == 32 && base64.StdEncoding.EncodeToString(sum) == s
}

// recordReader reads a record. A read beyond its end or of an unknown kind of word sets bad. No
// read panics, but once bad is set, nothing that was read may be used.
type recordReader struct {
	b   []byte
	bad bool
}

func (r *recordReader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.bad, r.b = true, nil
		return make([]byte, max(0, min(n, 64)))
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *recordReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, n = true, len(r.b)
	}
	r.b = r.b[n:]
	return v
}

func (r *recordReader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad, n = true, len(r.b)
	}
	r.b = r.b[n:]
	return v
}

// time reads what appendTime has written.
func (r *recordReader) time(from Millis) Millis {
	n := r.varint()
	unit := timeUnits[n&3]
	return Millis((int64(from)/unit + n>>2) * unit)
}

// appendDate reads the date of a kind of word and appends its eight digits.
func (r *recordReader) appendDate(b []byte, kind byte) []byte {
	var n uint64
	switch kind {
	case wordDay, wordDaySession, wordDayNumber:
		y, m, d := time.Unix(int64(binary.BigEndian.Uint16(r.take(2)))*secondsOfDay, 0).UTC().Date()
		n = uint64(y*10_000 + int(m)*100 + d)
	default:
		n = uint64(binary.BigEndian.Uint32(r.take(4)))
	}
	for least := uint64(10_000_000); n < least && least > 1; least /= 10 {
		b = append(b, '0')
	}
	return strconv.AppendUint(b, n, 10)
}

// appendHex reads n bytes and appends them as hexadecimal digits, with capital letters as KSeF
// writes them.
func (r *recordReader) appendHex(b []byte, n int) []byte {
	const digits = "0123456789ABCDEF"
	for _, c := range r.take(n) {
		b = append(b, digits[c>>4], digits[c&15])
	}
	return b
}

// numbers reads the numbers and times of a record.
func (r *recordReader) numbers(i *Invoice, bits uint64) {
	i.Revision, i.CreatedAt, i.Size = int(r.varint()), Millis(r.varint()), r.varint()
	i.Attempts, i.Code = int(r.varint()), int(r.varint())
	if bits&bitTroubled != 0 {
		i.Resends, i.FailedSessions, i.Denied = int(r.varint()), int(r.varint()), Millis(r.varint())
	}
	for _, t := range []*Millis{&i.SoftDeadline, &i.Deadline, &i.UpdatedAt, &i.AcceptedAt} {
		*t = r.time(i.CreatedAt)
	}
}

// numbersOfOldRecord reads the numbers and times of a record of layout 1.
func (r *recordReader) numbersOfOldRecord(i *Invoice) {
	var n [12]int64
	for k := range n {
		n[k] = r.varint()
	}
	i.Revision, i.CreatedAt = int(n[0]), Millis(n[1])
	i.SoftDeadline, i.Deadline, i.UpdatedAt = i.CreatedAt+Millis(n[2]), i.CreatedAt+Millis(n[3]), i.CreatedAt+Millis(n[4])
	i.AcceptedAt, i.Size, i.Attempts, i.Resends, i.FailedSessions = Millis(n[5]), n[6], int(n[7]), int(n[8]), int(n[9])
	i.Denied, i.Code = Millis(n[10]), int(n[11])
}

// word reads what appendWord has written. A list reads millions of them, so the text is put
// together in place.
func (r *recordReader) word() string {
	var place [80]byte // the longest word with a form has 44 characters
	kind, b := r.take(1)[0], place[:0]
	switch kind {
	case wordDate, wordDay:
		b = r.appendDate(b, kind)
		var day [16]byte
		b = append(append(append(append(append(day[:0], b[:4]...), '-'), b[4:6]...), '-'), b[6:]...)
	case wordSession, wordDaySession:
		b = append(append(append(r.appendDate(b, kind), '-'), r.take(2)...), '-')
		b = append(r.appendHex(b, 5), '-')
		b = append(r.appendHex(b, 5), '-')
		b = r.appendHex(b, 1)
	case wordNumber, wordDayNumber:
		b = append(r.appendDate(append(b, '-'), kind), '-')
		b = append(r.appendHex(b, 6), '-')
		b = r.appendHex(b, 1)
	case wordPackage:
		id, _ := xid.FromBytes(r.take(12))
		b = append(b, "pkg-"...)
		b = b[:len(b)+len(id.Encode(b[len(b):len(b)+20]))]
	case wordHash:
		b = base64.StdEncoding.AppendEncode(b, r.take(32))
	case wordText:
		n := r.uvarint()
		if n > uint64(len(r.b)) {
			r.bad = true
			return ""
		}
		return string(r.take(int(n)))
	default:
		r.bad = true
		return ""
	}
	return string(b)
}
