package httpintake

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// An editor that writes a file in place empties it first. The client's key works meanwhile, and
// ends only if the file stays empty.
func TestKeys_FileIsEmptyForAMoment_TheyWorkAllTheTime(t *testing.T) {
	var later, empty atomic.Int64 // how far the clock is ahead; how many reads still find nothing
	b := newBench(t, func(o *Options) {
		o.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
		o.Clients[0].Keys = func() ([]string, error) {
			if empty.Add(-1) >= 0 {
				return nil, nil
			}
			return []string{keyOne}, nil
		}
	})
	empty.Store(1)
	later.Add(int64(2 * keyCheck))
	for until := time.Now().Add(20 * time.Second); empty.Load() >= 0; { // until the file was read again
		b.want(b.call("GET", "/v1/invoices", nil), http.StatusOK, "")
		if time.Now().After(until) {
			t.Fatal("the file was not read again")
		}
	}
	b.want(b.call("GET", "/v1/invoices", nil), http.StatusOK, "")

	empty.Store(1_000_000)
	for until := time.Now().Add(20 * time.Second); ; {
		later.Add(int64(2 * keyCheck))
		a := b.call("GET", "/v1/invoices", nil)
		if a.status == http.StatusUnauthorized {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("the key of an empty file still works: %d", a.status)
		}
	}
}
