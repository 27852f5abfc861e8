package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// snapshot is what Redis has under a prefix, except keys that say nothing about the entries. The
// names are without the prefix.
type snapshot struct {
	Hashes  map[string]map[string]string
	Sorted  map[string]map[string]float64
	Sets    map[string][]string
	Strings map[string]string
	Unknown []string // keys that are not in keys.go, and what buckets have that they should not have
}

func snapshotOf(t interface {
	Helper()
	Fatal(...any)
}, rdb redis.UniversalClient, prefix string) snapshot {
	t.Helper()
	ctx := context.Background()
	var keys []string
	for cursor := uint64(0); ; {
		page, next, err := rdb.Scan(ctx, cursor, prefix+"*", 10_000).Result()
		if err != nil {
			t.Fatal("scan:", err)
		}
		keys = append(keys, page...)
		if cursor = next; cursor == 0 {
			break
		}
	}
	slices.Sort(keys)
	keys = slices.Compact(keys) // SCAN may name a key twice
	s := snapshot{
		Hashes: map[string]map[string]string{}, Sorted: map[string]map[string]float64{},
		Sets: map[string][]string{}, Strings: map[string]string{},
	}
	take := make([]func(), 0, len(keys))
	_, err := rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, key := range keys {
			name := strings.TrimPrefix(key, prefix)
			kind, _, _ := strings.Cut(name, ":")
			switch kind {
			case "inv", "pkg", "shapes", "waitsize", "seals", "refused", "seen", "final", "idents":
				c := p.HGetAll(ctx, key)
				take = append(take, func() { s.Hashes[name] = c.Val() })
			case "st", "pst", "due", "owed", "wait", "waitage", "pkginv":
				c := p.ZRangeWithScores(ctx, key, 0, -1)
				take = append(take, func() {
					z := map[string]float64{}
					for _, e := range c.Val() {
						z[e.Member.(string)] = e.Score
					}
					s.Sorted[name] = z
				})
			case "groups", "sellers", "more":
				c := p.SMembers(ctx, key)
				take = append(take, func() { s.Sets[name] = slices.Sorted(slices.Values(c.Val())) })
			case "refusals", "refusalsopen", "refusers", "refusalstold", "refusalsby", "refusalstoldby", "cursors", "unreadable",
				"holds", "cutnum", "tenant",
				"tenants", "taxpayers": // they say nothing about the entries
			case "outbox", "outboxaside", "outboxlost", "sink", "sinklease", "sinkheld", "sinkdue", "sinks", "sinkstanding", "sinkfailed",
				"sinkgaveup": // they say nothing about the entries either
			case "ident", "ref", "request", "body", "worker", "inflow", "looked", "sickseen", "fence", "home":
				c := p.Get(ctx, key)
				take = append(take, func() { s.Strings[name] = c.Val() })
			default:
				s.Unknown = append(s.Unknown, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal("read everything:", err)
	}
	for _, f := range take {
		f()
	}
	s.thaw()
	for key, h := range s.Hashes {
		if id, ok := strings.CutPrefix(key, "inv:"); ok && h["facts"] == finalFacts {
			s.Hashes[key] = unpacked(t, id, h, s.Hashes["shapes"])
		}
	}
	return s
}

// thaw moves entries and identities out of their buckets, to the keys that they would have outside
// a bucket.
func (s *snapshot) thaw() {
	for key, h := range s.Hashes {
		if name, ok := strings.CutPrefix(key, "final:"); ok {
			for field, value := range h {
				id := idIn(name, field)
				if s.Hashes["inv:"+id] != nil {
					s.Unknown = append(s.Unknown, id+" in a bucket while it also has a key of its own")
				}
				s.Hashes["inv:"+id] = fieldsOfFrozen(value)
			}
			delete(s.Hashes, key)
		}
	}
	newest := map[string]string{} // bucket and field → id
	for key, h := range s.Hashes {
		if name, ok := strings.CutPrefix(key, "idents:"); ok {
			for field, raw := range h {
				newest[name+"|"+field] = idOf(raw)
			}
			delete(s.Hashes, key)
		}
	}
	for key, h := range s.Hashes {
		id, ok := strings.CutPrefix(key, "inv:")
		if !ok || h["facts"] != finalFacts {
			continue
		}
		record := packedIn(h)
		var inv Invoice
		if inv.unpackFinal(id, record, newShape(s.Hashes["shapes"][shapeIn(record)])) != nil {
			continue
		}
		inv.Number = cmp.Or(h["number"], inv.Number)
		ident := Identity{inv.NIP, inv.Kind, inv.Number}.digest()
		h[identField] = string(identBytes(&inv))
		name, field := identityBucket(ident)
		if at := newest[name+"|"+field]; at != "" {
			if own := s.Strings["ident:"+ident]; own != "" {
				s.Unknown = append(s.Unknown, "ident:"+ident+" while a bucket has the same identity")
			}
			s.Strings["ident:"+ident] = at
			delete(newest, name+"|"+field)
		}
	}
	for place, id := range newest {
		s.Unknown = append(s.Unknown, fmt.Sprintf("identity %q in a bucket while the entry of %s is in none", place, id))
	}
}

// unpacked returns the fields of a packed entry as they were before it was packed.
func unpacked(t interface{ Fatal(...any) }, id string, h, shapes map[string]string) map[string]string {
	record := packedIn(h)
	var inv Invoice
	if err := inv.unpackFinal(id, record, newShape(shapes[shapeIn(record)])); err != nil {
		t.Fatal("the audit cannot read a packed entry:", id, err)
	}
	facts, err := json.Marshal(storedFacts{Facts: inv.Facts, Ident: idEncoding.EncodeToString([]byte(h[identField])), Hash: inv.Hash})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{"facts": string(facts), "number": inv.Number, "size": fmt.Sprint(inv.Size), "package": inv.Package,
		"deadline": fmt.Sprint(int64(inv.Deadline)), "updated_at": fmt.Sprint(int64(inv.UpdatedAt)), "group": ""}
	if inv.Attempts > 0 {
		out["attempts"] = fmt.Sprint(inv.Attempts)
	}
	maps.Copy(out, h)
	delete(out, frozenField)
	out["facts"] = string(facts)
	return out
}

func (s snapshot) score(hash, field string) float64 {
	f, err := strconv.ParseFloat(s.Hashes[hash][field], 64)
	if err != nil {
		return -1
	}
	return f
}
