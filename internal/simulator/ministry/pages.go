package ministry

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// A page token holds the position of the next page, and a seal over the position, the list and the
// account. So a token of another list, or one that was made up, is noticed.

func (m *Ministry) seal(c *call, list string, position [8]byte) []byte {
	mac := hmac.New(sha256.New, m.secret)
	for _, part := range []string{"page", c.op.name, c.account.ID, list} {
		_, _ = mac.Write([]byte(part + "\x00")) // writing to a hash does not fail
	}
	_, _ = mac.Write(position[:])
	return mac.Sum(nil)
}

// pageToken makes the token of the page that begins at a position of a list.
func (m *Ministry) pageToken(c *call, list string, at int) string {
	var position [8]byte
	binary.BigEndian.PutUint64(position[:], uint64(at))
	return base64.StdEncoding.EncodeToString(append(position[:], m.seal(c, list, position)...))
}

// position returns the position in the page token of a request, or 0 when the request has none.
func (m *Ministry) position(c *call, list string) (int, *problem) {
	text := c.r.Header.Get("x-continuation-token")
	if text == "" {
		return 0, nil
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != 8+sha256.Size || !hmac.Equal(raw[8:], m.seal(c, list, [8]byte(raw[:8]))) {
		return 0, refuse(codePage, "Przekazany token kontynuacji ma nieprawidłowy format.")
	}
	return int(binary.BigEndian.Uint64(raw[:8])), nil
}

// pageOf returns the page of a list that a request asks for, and the token of the next page. The
// token is "" for the last page. A page has at most 100 entries.
func pageOf[T any](m *Ministry, c *call, all []T) (page []T, next string, p *problem) {
	size, p := c.queryInt("pageSize", 10, 10, 100)
	if p != nil {
		return nil, "", p
	}
	from, p := m.position(c, "")
	if p != nil {
		return nil, "", p
	}
	from = min(from, len(all))
	to := min(from+size, len(all))
	if to < len(all) {
		next = m.pageToken(c, "", to)
	}
	return all[from:to], next, nil
}
