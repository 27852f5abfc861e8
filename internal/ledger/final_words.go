package ledger

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/rs/xid"
)

// appendDigits appends a date of eight digits.
func appendDigits(b []byte, s string) []byte {
	n, _ := strconv.ParseUint(s, 10, 32) // the form was checked
	return binary.BigEndian.AppendUint32(b, uint32(n))
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

// recordReader reads a record. After a read behind its end, bad is set and everything else is zero.
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

func (r *recordReader) date() string { return fmt.Sprintf("%08d", binary.BigEndian.Uint32(r.take(4))) }

func (r *recordReader) hex(n int) string { return strings.ToUpper(hex.EncodeToString(r.take(n))) }

// word reads what appendWord has written.
func (r *recordReader) word() string {
	switch r.take(1)[0] {
	case wordDate:
		d := r.date()
		return d[:4] + "-" + d[4:6] + "-" + d[6:]
	case wordSession:
		d, kind := r.date(), string(r.take(2))
		return d + "-" + kind + "-" + r.hex(5) + "-" + r.hex(5) + "-" + r.hex(1)
	case wordNumber:
		d := r.date()
		return "-" + d + "-" + r.hex(6) + "-" + r.hex(1)
	case wordPackage:
		id, _ := xid.FromBytes(r.take(12))
		return "pkg-" + id.String()
	case wordHash:
		return base64.StdEncoding.EncodeToString(r.take(32))
	case wordText:
		n := r.uvarint()
		if n > uint64(len(r.b)) {
			r.bad = true
			return ""
		}
		return string(r.take(int(n)))
	}
	r.bad = true
	return ""
}
