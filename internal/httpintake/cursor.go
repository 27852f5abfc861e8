package httpintake

import (
	"encoding/base64"
	"strconv"
	"strings"

	"ksefworker/internal/ledger"
)

// cursor is a place in the order of last changes: behind the invoice with this id, which was last
// changed then. It says nothing of the client, and another client gets nothing by it.
type cursor struct {
	at ledger.Millis
	id string
}

func (c cursor) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(int64(c.at), 10) + " " + c.id))
}

func cursorOf(s string) (cursor, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	at, id, found := strings.Cut(string(raw), " ")
	n, notNumber := strconv.ParseInt(at, 10, 64)
	return cursor{ledger.Millis(n), id}, err == nil && found && notNumber == nil && n >= 0 && len(id) < 100
}

// behind reports whether an invoice comes after the cursor.
func (c cursor) behind(inv *ledger.Invoice) bool {
	return inv.UpdatedAt > c.at || inv.UpdatedAt == c.at && inv.ID > c.id
}
