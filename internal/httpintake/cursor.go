package httpintake

import (
	"encoding/base64"
	"strconv"
	"strings"

	"ksefworker/internal/ledger"
)

// cursorText writes a place in the order of last changes as a cursor. The next page begins after
// this place. A cursor holds a time and an id, and nothing about the client that it was given to.
func cursorText(p ledger.Place) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(int64(p.At), 10) + " " + p.ID))
}

func placeOf(cursor string) (ledger.Place, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	at, id, found := strings.Cut(string(raw), " ")
	n, notNumber := strconv.ParseInt(at, 10, 64)
	return ledger.Place{At: ledger.Millis(n), ID: id}, err == nil && found && notNumber == nil && n >= 0 && len(id) < 100
}
