package ratelimit

import (
	"fmt"
	"maps"
	"testing"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/redisd/redistest"
)

// A few of many keys have waitlists, and all tickets on them are counted.
func TestWaitlisted_FewOfManyKeysHaveAWaitlist_AllTicketsAreCounted(t *testing.T) {
	client, _ := redistest.New(t)
	s := NewRedis(client, "test:")
	var keys []Key
	for i := range 2*waitlistsAtOnce + 5 {
		keys = append(keys, Key{Tenant: fmt.Sprint("tenant", i), Group: "invoiceSend"})
	}
	want := map[Key]int{keys[3]: 2, keys[len(keys)-1]: 1}
	for k, n := range want {
		for i := range n {
			order, _ := s.waitlistKeys(k, waitlistNames[i%2])
			if err := client.ZAdd(t.Context(), order, redis.Z{Score: 1, Member: fmt.Sprint(i)}).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	got, err := s.Waitlisted(t.Context(), keys)
	maps.DeleteFunc(got, func(_ Key, n int) bool { return n == 0 })
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("Waitlisted gives %v (error %v), want the tickets of the keys that have any", got, err)
	}
}
