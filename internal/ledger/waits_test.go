package ledger

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
)

// There are more tenants than one script reads. For each tenant, Tenants returns what Tenant
// returns. If the key of a tenant has another type in Redis, the tenant reads as empty. If the key
// of a waiting set has another type, all other sets are still returned.
func TestTenantsAndWaits_MoreThanOneScriptReads_AreThoseOfEach(t *testing.T) {
	w := oneWorld(t)
	names, want := make([]string, 2*waitsAtOnce+1), map[string]Tenant{}
	for i := range names {
		names[i] = fmt.Sprint("tenant", i)
		if i%3 == 0 {
			w.must(w.NoteRefused(ctx(), names[i], noon.Add(time.Duration(i)*time.Minute), "435 why"))
		}
		known, err := w.Tenant(ctx(), names[i])
		w.must(err)
		want[names[i]] = known
	}
	w.rdb.Set(ctx(), w.key(keyTenant, names[1]), "x", 0)
	got, err := w.Tenants(ctx(), names)
	w.must(err)
	w.rdb.Del(ctx(), w.key(keyTenant, names[1]))
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}

	made := []string{w.key(keyGroups), w.key(keyWaitSize)} // removed before the audit at the end of the test
	defer func() { w.rdb.Del(ctx(), made...) }()
	for i := range names {
		g := Group{Tenant: names[i], Form: "v3"}.Name()
		made = append(made, w.key(keyWait, g), w.key(keyWaitAge, g))
		w.must(w.rdb.SAdd(ctx(), w.key(keyGroups), g).Err())
		w.must(w.rdb.ZAdd(ctx(), w.key(keyWait, g), z(3000+i, "a"), z(2000+i, "b")).Err())
		w.must(w.rdb.ZAdd(ctx(), w.key(keyWaitAge, g), z(100+i, "a"), z(1700000000000+i, "b")).Err())
		w.must(w.rdb.HSet(ctx(), w.key(keyWaitSize), g, 7+i).Err())
	}
	w.rdb.Set(ctx(), w.key(keyWait, Group{Tenant: names[2], Form: "v3"}.Name()), "x", 0)
	for _, c := range []struct {
		newest bool
		read   func() ([]Waiting, error)
	}{
		{true, func() ([]Waiting, error) { return w.Waits(ctx()) }},
		{false, func() ([]Waiting, error) { return w.WaitsShown(ctx()) }},
	} {
		waits, err := c.read()
		w.must(err)
		if len(waits) != len(names)-1 {
			t.Errorf("%d waiting sets are returned, want %d", len(waits), len(names)-1)
		}
		for _, s := range waits {
			i := 0
			_, _ = fmt.Sscanf(s.Group.Tenant, "tenant%d", &i)
			want := Waiting{Group: Group{Tenant: names[i], Form: "v3"}, Count: 2, Bytes: int64(7 + i),
				Oldest: time.UnixMilli(int64(100 + i)), Deadline: time.UnixMilli(int64(2000 + i))}
			if c.newest {
				want.Newest = time.UnixMilli(int64(1700000000000 + i))
			}
			if d := cmp.Diff(want, s); d != "" {
				t.Error(d)
			}
		}
	}
}

func z(score int, member string) redis.Z { return redis.Z{Score: float64(score), Member: member} }
