package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// finalShape is what many packed entries have in common, such as the tenant, the kind and the form.
// A shape is stored once, under a digest of its text, so a copy in memory is never out of date.
type finalShape struct {
	Tenant  string `json:"t,omitempty"`
	NIP     string `json:"n,omitempty"`
	Context string `json:"c,omitempty"`
	Subject string `json:"s,omitempty"`
	Kind    string `json:"k,omitempty"`
	Form    string `json:"f,omitempty"`
	Lane    Lane   `json:"l,omitempty"`
	Mode    string `json:"m,omitempty"`
	UPO     string `json:"u,omitempty"` // address of the receipt, with sessionHere for the session's name
}

func shapeOf(i *Invoice) finalShape {
	s := finalShape{
		Tenant: i.Tenant, NIP: i.NIP, Context: i.Context, Subject: i.Subject, Kind: i.Kind, Form: i.Form,
		Lane: i.Lane, Mode: i.Mode,
	}
	if i.Session != "" && strings.Count(i.UPO, i.Session) == 1 {
		s.UPO = strings.Replace(i.UPO, i.Session, sessionHere, 1)
	}
	return s
}

func (s *finalShape) onto(i *Invoice) {
	i.Tenant, i.NIP, i.Context, i.Subject, i.Kind, i.Form, i.Lane, i.Mode = s.Tenant, s.NIP, s.Context, s.Subject, s.Kind, s.Form, s.Lane,
		s.Mode
}

// text returns a shape as it is stored. It returns false if JSON cannot hold the shape, because a
// text is not UTF-8.
func (s finalShape) text() (string, bool) {
	packed, err := json.Marshal(s)
	var again finalShape
	return string(packed), err == nil && json.Unmarshal(packed, &again) == nil && again == s
}

// shapeField is the field that holds an entry's own copy of its shape, as brief returns it. Entries
// that were packed before their receipt have it, so an invoice that is on its way can be read
// without the shared key [keyShapes]. The shape is in keyShapes too, because earlier builds look
// for it there.
const shapeField = "s"

// briefSep stands between the texts of a brief shape.
const briefSep = "\x1f"

// brief returns the shape of an invoice that has no receipt, in a form that is shorter than JSON. A
// short form matters because Redis keeps an entry as a listpack only while each value has at most
// 64 bytes. brief returns false if a text contains the separator.
func (s *finalShape) brief() (string, bool) {
	texts := []string{s.Tenant, s.NIP, s.Context, s.Subject, s.Kind, s.Form}
	own := strings.Join(texts, briefSep)
	return own, strings.Count(own, briefSep) == len(texts)-1
}

func fromBrief(own string) (s finalShape, ok bool) {
	t := strings.Split(own, briefSep)
	if len(t) != 6 {
		return s, false
	}
	return finalShape{Tenant: t[0], NIP: t[1], Context: t[2], Subject: t[3], Kind: t[4], Form: t[5]}, true
}

const shapeSize = 8 // bytes of the digest

func shapeDigest(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:shapeSize]
}

// shapeIn returns the digest of a record's shape; "" if there is none.
func shapeIn(record []byte) string {
	if len(record) < 1+shapeSize {
		return ""
	}
	return string(record[1 : 1+shapeSize])
}

// shapeCache has shapes by their digest. Each is decoded once, because a list of a million entries
// has only a few of them. The zero value is empty. A shapeCache is safe for concurrent use.
type shapeCache struct {
	mu sync.RWMutex
	by map[[shapeSize]byte]*knownShape
}

// knownShape is a shape as it is stored, and what it says.
type knownShape struct {
	text  string
	shape finalShape
	err   error // it cannot be decoded
}

// newShape decodes the text of a shape.
func newShape(text string) *knownShape {
	s := &knownShape{text: text}
	s.err = json.Unmarshal([]byte(text), &s.shape)
	return s
}

// writtenShapes writes shapes as text. The zero value is ready to use.
type writtenShapes struct {
	last  finalShape
	known *knownShape // of last
}

// of returns a shape as it is stored, together with what the stored text says. Nearly always the
// invoice before had the same shape.
func (ws *writtenShapes) of(s finalShape) (*knownShape, error) {
	if ws.known != nil && s == ws.last {
		return ws.known, nil
	}
	packed, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	ws.last, ws.known = s, newShape(string(packed))
	return ws.known, nil
}

// keep remembers a shape if its text has this digest. Without this check a damaged shape could stay
// in the cache after it was repaired in Redis.
func (c *shapeCache) keep(digest, text string) {
	if text == "" || string(shapeDigest(text)) != digest || c.known([]byte(digest)) != nil {
		return
	}
	s := newShape(text)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = map[[shapeSize]byte]*knownShape{}
	}
	c.by[[shapeSize]byte([]byte(digest))] = s
}

// known returns the shape with a digest; nil if it was not kept.
func (c *shapeCache) known(digest []byte) *knownShape {
	if len(digest) != shapeSize {
		return nil
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.by[[shapeSize]byte(digest)]
}

// of returns the shape of a record. It returns nil if the record has none or the shape was not
// kept.
func (c *shapeCache) of(record []byte) *knownShape {
	if len(record) < 1+shapeSize {
		return nil
	}
	return c.known(record[1 : 1+shapeSize])
}

// all returns the digests and texts of all shapes, one after the other.
func (c *shapeCache) all() (pairs []any) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for digest, s := range c.by {
		pairs = append(pairs, string(digest[:]), s.text)
	}
	return pairs
}

// errNoShape says that an entry is whole, but its shape is missing.
var errNoShape = errors.New("the part that it shares with other receipted invoices is missing from the key " + keyShapes +
	", or cannot be read there")

// loadShapesOf makes sure that the shapes of entries are known, as far as that is possible.
func loadShapesOf(ctx context.Context, st *store, cmds []*redis.MapStringStringCmd) error {
	var records [][]byte
	for _, c := range cmds {
		m := c.Val()
		if head := headIn(m); head != nil {
			st.shapes.learn(head, m[shapeField])
			records = append(records, head)
		}
	}
	return loadShapes(ctx, st, records)
}

// loadShapes reads the shapes of records that this process has not read yet. The first bytes of a
// record are enough (headIn). It is not an error if some shapes are missing or the key holds
// another type. Only the entries with these shapes are affected, and unpackFinal returns an error
// for each of them.
func loadShapes(ctx context.Context, st *store, records [][]byte) error {
	var missing []string
	seen := map[string]bool{}
	for _, r := range records {
		if len(r) < 1+shapeSize || st.shapes.of(r) != nil {
			continue
		}
		if d := shapeIn(r); !seen[d] {
			seen[d] = true
			missing = append(missing, d)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	texts, err := st.rdb.HMGet(ctx, st.key(keyShapes), missing...).Result()
	if err != nil && !wrongType(err) {
		return fmt.Errorf("read shapes of entries: %w", err)
	}
	for i, v := range texts {
		st.shapes.keep(missing[i], text(v))
	}
	return nil
}

// learn remembers the shape of a record. own is the shape in the entry itself, as brief returns it.
func (c *shapeCache) learn(record []byte, own string) {
	if own == "" || len(record) < 1+shapeSize || c.of(record) != nil {
		return
	}
	if s, ok := fromBrief(own); ok {
		if text, ok := s.text(); ok {
			c.keep(shapeIn(record), text)
		}
	}
}

// restoreShapes writes every shape that this process knows. This repairs the shapes that the ledger
// has lost or damaged. restoreShapes never overwrites a good shape with another one, because the
// name of a shape is the digest of its text.
func restoreShapes(ctx context.Context, st *store) error {
	pairs := st.shapes.all()
	if len(pairs) == 0 {
		return nil
	}
	if err := st.rdb.HSet(ctx, st.key(keyShapes), pairs...).Err(); err != nil && !wrongType(err) {
		return fmt.Errorf("write shapes of entries: %w", err)
	}
	return nil
}
