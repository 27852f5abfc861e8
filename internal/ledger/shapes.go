package ledger

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
)

// finalShape is what many receipted invoices have in common: those of one seller, kind and month.
// It is stored once, under a digest of its text, so that a copy in memory is never out of date.
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

// shapeCache has shapes by their digest. The zero value is empty. It is safe for concurrent use.
type shapeCache struct{ by sync.Map }

func (c *shapeCache) text(digest string) string {
	text, _ := c.by.Load(digest)
	s, _ := text.(string)
	return s
}

// loadShapes reads the shapes of records that this process has not read yet.
func (st *store) loadShapes(ctx context.Context, records [][]byte) error {
	var missing []string
	seen := map[string]bool{}
	for _, r := range records {
		if d := shapeIn(r); d != "" && !seen[d] && st.shapes.text(d) == "" {
			seen[d] = true
			missing = append(missing, d)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	texts, err := st.rdb.HMGet(ctx, st.key(keyShapes), missing...).Result()
	if err != nil {
		return fmt.Errorf("read shapes of entries: %w", err)
	}
	for i, v := range texts {
		if s := text(v); s != "" {
			st.shapes.by.Store(missing[i], s)
		}
	}
	return nil
}
