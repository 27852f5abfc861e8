package httpintake

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// An editor that writes a file in place empties it first. The client's key works while the file is
// empty for a moment, and stops working only if the file stays empty.
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
			t.Fatalf("the file stays empty, and the key that was in it still works: status %d", a.status)
		}
	}
}

// The files of two clients get the same new key, and both are read at the same time. Only one of
// the clients may have the key.
func TestKeys_TwoFilesGetOneKeyAtOnce_OneClientHasIt(t *testing.T) {
	for round := range 5 {
		var later atomic.Int64
		var both sync.WaitGroup
		both.Add(2)
		b := newBench(t, func(o *Options) {
			o.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
			for i, old := range []string{keyOne, keyTwo} {
				var reads atomic.Int32
				o.Clients[i].Keys = func() ([]string, error) {
					switch reads.Add(1) {
					case 1: // when the server starts
						return []string{old}, nil
					case 2:
						both.Done()
						both.Wait()
					}
					return []string{"third"}, nil
				}
			}
		})
		later.Add(int64(2 * keyCheck))
		var calls sync.WaitGroup
		for range 2 { // one call waits for the file of the first client, the other call for the file of the second
			calls.Go(func() { b.call("GET", "/v1/invoices", nil, "Authorization", "Bearer third") })
		}
		calls.Wait()
		has := 0
		for _, tenant := range []string{"one", "two"} {
			if a := b.call("GET", "/v1/invoices?tenant="+tenant, nil, "Authorization", "Bearer third"); a.status == http.StatusOK {
				has++
			}
		}
		if has != 1 {
			t.Fatalf("round %d: %d clients have the key, want one", round, has)
		}
	}
}
