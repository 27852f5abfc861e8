package ledger

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// faults computes every index again from the entries alone, and says where Redis differs from that.
func (s snapshot) faults() []string {
	var out []string
	fault := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, name := range s.Unknown {
		fault("there should be no %s", name)
	}
	for id := range s.Hashes["seen"] {
		if !strings.Contains(id, "|") && !State(s.Hashes["inv:"+id]["state"]).Open() {
			fault("%s is marked as seen, and it is not open", id)
		}
	}
	sorted, sets, sizes := map[string]map[string]float64{}, map[string][]string{}, map[string]int64{}
	put := func(key, id string, score float64) {
		if sorted[key] == nil {
			sorted[key] = map[string]float64{}
		}
		sorted[key][id] = score
	}
	newest := map[string][]string{} // ident → ids
	refs := map[string][]string{}   // digest of a ref → ids of the invoices that have it
	for key, h := range s.Hashes {
		if id, ok := strings.CutPrefix(key, "pkg:"); ok {
			put("pst:"+h["state"], id, s.score(key, "updated_at"))
			s.checkMembers(id, h, fault)
			continue
		}
		id, ok := strings.CutPrefix(key, "inv:")
		if !ok {
			continue
		}
		state := State(h["state"])
		put("st:"+h["state"], id, s.score(key, "updated_at"))
		if !state.Final() {
			put("due", id, s.score(key, "deadline"))
		}
		if h["owed"] != "" {
			put("owed", id, s.score(key, "updated_at"))
			if !state.Ended() {
				fault("%s is %s and has a pending result", id, state)
			}
		}
		if g := h["group"]; g != "" {
			put("wait:"+g, id, s.score(key, "deadline"))
			put("waitage:"+g, id, 0)
			sets["groups"] = append(sets["groups"], g)
			sizes[g] += int64(s.score(key, "size"))
			if state != Queued {
				fault("%s waits in %s but is %s", id, g, state)
			}
		}
		var known Invoice
		if err := known.unpackFacts(h["facts"]); err != nil || !slices.Contains(s.Sets["sellers"], known.NIP+"|"+known.Kind) {
			fault("%s cannot be found by its number: the sellers are %v (error %v)", id, s.Sets["sellers"], err)
		}
		ident := Identity{known.NIP, known.Kind, h["number"]}.digest()
		if !strings.Contains(h["facts"], `"ident":"`+ident+`"`) {
			fault("%s has number %s, but its facts name the identity of another number: %s", id, h["number"], h["facts"])
		}
		newest[ident] = append(newest[ident], id)
		if d := h["ref_digest"]; d != "" || known.Ref != "" {
			refs[d] = append(refs[d], id)
		}
		if _, has := s.Strings["body:"+id]; has == (state == Receipted) && h["body_archived"] != "1" {
			fault("%s is %s, and its document is in Redis: %v, want the opposite", id, state, has)
		}
		if slices.Contains([]State{Packed, Sending, Unknown, Sent}, state) {
			if _, in := s.Sorted["pkginv:"+h["package"]][id]; !in {
				fault("%s is %s but not listed in its package %q", id, state, h["package"])
			}
			if p := s.Hashes["pkg:"+h["package"]]; p == nil || !PackageState(p["state"]).Live() {
				fault("%s is %s in package %q, which is %q", id, state, h["package"], p["state"])
			}
		}
	}
	for digest, ids := range refs {
		var alive []string
		for _, id := range ids {
			if !State(s.Hashes["inv:"+id]["state"]).Ended() {
				alive = append(alive, id)
			}
		}
		if at := s.Strings["ref:"+digest]; len(alive) > 1 || len(alive) == 1 && alive[0] != at {
			fault("ref %s belongs to %v, of which %v are alive, and names %q", digest, ids, alive, at)
		}
	}
	for key, id := range s.Strings {
		if digest, ok := strings.CutPrefix(key, "ref:"); ok && !slices.Contains(refs[digest], id) {
			fault("%s names %s, which does not have this ref", key, id)
		}
	}
	for key, more := range s.Sets {
		if ident, ok := strings.CutPrefix(key, "more:"); ok {
			for _, id := range more {
				if !slices.Contains(newest[ident], id) {
					fault("%s has %s, which is of another identity", key, id)
				}
			}
		}
	}
	for ident, ids := range newest {
		for _, id := range ids {
			if id != s.Strings["ident:"+ident] && !slices.Contains(s.Sets["more:"+ident], id) {
				fault("%s is not found as a revision of %s", id, ident)
			}
		}
		var alive []string
		for _, id := range ids {
			if !State(s.Hashes["inv:"+id]["state"]).Ended() {
				alive = append(alive, id)
			}
		}
		at := s.Strings["ident:"+ident]
		if at == "" && len(alive) == 0 {
			continue // the newest document of the identity was pruned
		}
		if !slices.Contains(ids, at) || len(alive) > 1 || len(alive) == 1 && alive[0] != at {
			fault("identity %s has documents %v, of which %v are alive, and points to %q", ident, ids, alive, at)
		}
	}
	for key, z := range s.Sorted {
		if strings.HasPrefix(key, "pkginv:") {
			continue
		}
		want := sorted[key]
		if strings.HasPrefix(key, "waitage:") {
			for id := range z {
				if z[id] <= 0 || z[id] > s.score("inv:"+id, "updated_at") {
					fault("%s: %s has waited since %v, want a time up to its last change", key, id, z[id])
				}
			}
			z = zeros(z)
		}
		if !maps.Equal(z, want) {
			fault("%s is %v, want %v", key, z, want)
		}
	}
	for key := range sorted {
		if _, there := s.Sorted[key]; !there {
			fault("%s is missing", key)
		}
	}
	for key := range sets {
		slices.Sort(sets[key])
		sets[key] = slices.Compact(sets[key])
		if !slices.Equal(sets[key], s.Sets[key]) {
			fault("%s is %v, want %v", key, s.Sets[key], sets[key])
		}
	}
	for key := range s.Sets {
		if _, want := sets[key]; !want && key == "groups" {
			fault("%s should not be there", key)
		}
	}
	got := map[string]int64{}
	for g, n := range s.Hashes["waitsize"] {
		got[g], _ = strconv.ParseInt(n, 10, 64)
	}
	if !maps.Equal(got, sizes) {
		fault("waitsize is %v, want %v", got, sizes)
	}
	slices.Sort(out)
	return out
}

// checkMembers checks that the members of a package are in the ledger and have the ordinals from 1
// on, each once. It also checks that the package counts its members and their bytes correctly.
func (s snapshot) checkMembers(id string, h map[string]string, fault func(string, ...any)) {
	members := s.Sorted["pkginv:"+id]
	seen := map[float64]bool{}
	size := 0.0
	for inv, ordinal := range members {
		if s.Hashes["inv:"+inv] == nil {
			fault("%s lists %s, which is not in the ledger", id, inv)
		}
		seen[ordinal] = true
		size += s.score("inv:"+inv, "size")
	}
	for n := 1; n <= len(members); n++ {
		if !seen[float64(n)] {
			fault("%s has no ordinal %d: %v", id, n, members)
		}
	}
	if h["state"] == string(PackageReceipted) && h["closing_at"] != "" && members == nil {
		return // nobody needs the list of its invoices any more
	}
	if n := int(s.score("pkg:"+id, "count")); n != len(members) || s.score("pkg:"+id, "size") != size {
		fault("%s counts %d invoices of %v bytes, but lists %d invoices of %v bytes", id, n, h["size"], len(members), size)
	}
}

func zeros(z map[string]float64) map[string]float64 {
	out := map[string]float64{}
	for id := range z {
		out[id] = 0
	}
	return out
}

// The other tests rely on the audit, and an audit that finds nothing would let them all pass. So
// this test makes faults and expects the audit to find each of them.
func TestAudit_FindsEveryKindOfDrift(t *testing.T) {
	next := worlds(t)
	for name, spoil := range map[string]func(w *world, id string){
		"an invoice in two states": func(w *world, id string) {
			w.rdb.ZAdd(ctx(), w.prefix+"st:sent", redis.Z{Score: 1, Member: id})
		},
		"an invoice in no state":                          func(w *world, id string) { w.rdb.ZRem(ctx(), w.prefix+"st:queued", id) },
		"a state with the wrong time":                     func(w *world, id string) { w.rdb.ZIncrBy(ctx(), w.prefix+"st:queued", 1, id) },
		"an undecided invoice that is not in the set due": func(w *world, id string) { w.rdb.ZRem(ctx(), w.prefix+"due", id) },
		"a pending result of an invoice that goes on": func(w *world, id string) {
			w.rdb.ZAdd(ctx(), w.prefix+"owed", redis.Z{Score: 1, Member: id})
		},
		"a wrong deadline in the set due":       func(w *world, id string) { w.rdb.ZIncrBy(ctx(), w.prefix+"due", 1, id) },
		"a waiting set without its invoice":     func(w *world, id string) { w.rdb.Del(ctx(), w.prefix+"wait:"+groupA.Name()) },
		"waiting ages without their invoice":    func(w *world, id string) { w.rdb.Del(ctx(), w.prefix+"waitage:"+groupA.Name()) },
		"a wrong size of what waits":            func(w *world, id string) { w.rdb.HIncrBy(ctx(), w.prefix+"waitsize", groupA.Name(), 1) },
		"a group that is not listed":            func(w *world, id string) { w.rdb.Del(ctx(), w.prefix+"groups") },
		"a group that is empty":                 func(w *world, id string) { w.rdb.SAdd(ctx(), w.prefix+"groups", "x|v3|online") },
		"an identity that points nowhere":       func(w *world, id string) { w.rdb.Set(ctx(), w.prefix+"ident:"+w.identityOf(id), "x", 0) },
		"a number of another identity":          func(w *world, id string) { w.rdb.HSet(ctx(), w.prefix+"inv:"+id, "number", "x") },
		"a number that is not found":            func(w *world, id string) { w.rdb.Del(ctx(), w.prefix+"sellers") },
		"revisions of an unknown identity":      func(w *world, id string) { w.rdb.SAdd(ctx(), w.prefix+"more:x", id) },
		"a queued invoice without document":     func(w *world, id string) { w.rdb.Del(ctx(), w.prefix+"body:"+id) },
		"a packed invoice without package":      func(w *world, id string) { w.rdb.HSet(ctx(), w.prefix+"inv:"+id, "state", "packed") },
		"a key that is not in keys.go":          func(w *world, id string) { w.rdb.Set(ctx(), w.prefix+"unknown:"+id, 1, 0) },
		"a package state with the wrong time":   func(w *world, id string) { w.rdb.ZIncrBy(ctx(), w.prefix+"pst:opened", 1, "pkg-9") },
		"a package whose count is one too high": func(w *world, id string) { w.rdb.HIncrBy(ctx(), w.prefix+"pkg:pkg-9", "count", 1) },
	} {
		t.Run(name, func(t *testing.T) {
			w := next(nil)
			w.t = t
			inv := w.waiting(1)[0]
			w.serial = 8
			w.online()
			if faults := snapshotOf(t, w.rdb, w.prefix).faults(); len(faults) > 0 {
				t.Fatal("before anything is spoiled, the audit already finds", faults)
			}
			spoil(w, inv.ID)
			if len(snapshotOf(t, w.rdb, w.prefix).faults()) == 0 {
				t.Error("the audit reports no fault, although the index was spoiled")
			}
		})
	}
}

func (b *bed) identityOf(id string) string {
	inv := b.read(id)[0]
	return Identity{inv.NIP, inv.Kind, inv.Number}.digest()
}
