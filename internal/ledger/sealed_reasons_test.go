package ledger

import (
	"bytes"
	"strings"
	"testing"
)

// A reason quotes the invoice. With a key it cannot be read in Redis; a process that has the key
// reads it.
func TestReason_WithAKey_IsSealedInRedis(t *testing.T) {
	w := oneWorld(t)
	with := func(keys ...[]byte) *Ledger {
		b, err := NewBodies(keys...)
		w.must(err)
		return New(w.rdb, Options{Prefix: w.prefix, Now: w.now, Reasons: b})
	}
	key, other := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	doc := w.fresh()
	res, err := w.Take(ctx(), []NewInvoice{doc})
	w.must(err)
	const reason = `Fa/P_15: "7654.32" is not an amount`
	w.must(with(key).Move(ctx(), Move{ID: doc.ID, Rev: res[0].Rev, To: Rejected, Set: []Set{{"code", 450}, {"reason", reason}}}))
	stored := w.rdb.HGet(ctx(), w.key("inv:", doc.ID), "reason").Val()
	if !strings.HasPrefix(stored, sealedText) || strings.Contains(stored, "7654") {
		t.Errorf("Redis has %q", stored)
	}
	for name, c := range map[string]struct {
		l    *Ledger
		want string
	}{
		"the key": {with(key), reason}, "the key among others": {with(other, key), reason},
		"another key": {with(other), "storage.key_file"}, "no key": {with(), "storage.key_file"},
		"a ledger without Reasons": {w.Ledger, "storage.key_file"},
	} {
		inv, err := c.l.Invoice(ctx(), doc.ID)
		if err != nil || !strings.Contains(inv.Reason, c.want) || strings.Contains(inv.Reason, "7654") != (c.want == reason) {
			t.Errorf("with %s the reason is %q, %v", name, inv.Reason, err)
		}
	}
	// A reason that was written without a key stays readable, whatever its text.
	inv, err := w.Invoice(ctx(), doc.ID)
	w.must(err)
	w.must(w.Move(ctx(), Move{ID: doc.ID, Rev: inv.Rev, From: []State{Rejected}, Set: []Set{{"reason", "sealed: by anna"}}}))
	if inv, err := with(key).Invoice(ctx(), doc.ID); err != nil || inv.Reason != "sealed: by anna" {
		t.Errorf("%q, %v", inv.Reason, err)
	}
}
