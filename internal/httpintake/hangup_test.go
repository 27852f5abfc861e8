package httpintake

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"
)

// Callers hang up while their documents are taken in together with those of others. A document that
// was taken all the same is the one that was handed in, byte for byte.
func TestSubmit_CallersHangUp_EachDocumentStaysAsItWasHandedIn(t *testing.T) {
	b := newBench(t, nil)
	// How long a call takes depends on the machine, so the callers hang up later in each round.
	for patience := 20 * time.Millisecond; patience < 5*time.Second; patience *= 2 {
		if here := b.hangUps(patience); here > 0 {
			return
		}
	}
	t.Error("no document was taken whose caller hung up; this test proves nothing")
}

// hangUps hands documents in, and hangs up after at most patience. Then it hands each document in
// again, and checks what is kept of it. It returns how many of them had been taken without an
// answer.
func (b *bench) hangUps(patience time.Duration) (taken int) {
	const callers, each = 24, 20
	number := func(caller, n int) string { return fmt.Sprintf("%s/%d/%d", patience, caller, n) }
	var answered [callers][each]bool
	var running sync.WaitGroup
	for caller := range callers {
		running.Go(func() {
			for n := range each {
				ctx, hangUp := context.WithTimeout(b.t.Context(), rand.N(patience))
				r, err := http.NewRequestWithContext(ctx, "POST", b.url+"/v1/invoices", bytes.NewReader(xmlOf(0, number(caller, n))))
				if err != nil {
					hangUp()
					b.t.Error(err)
					return
				}
				r.Header.Set("Authorization", "Bearer "+keyOne)
				r.Header.Set("Content-Type", "application/xml")
				if resp, err := http.DefaultClient.Do(r); err == nil {
					answered[caller][n] = true
					_ = resp.Body.Close()
				}
				hangUp()
			}
		})
	}
	running.Wait()
	for caller := range callers {
		for n := range each {
			want := xmlOf(0, number(caller, n))
			again := b.post(want, "")
			if b.want(again, http.StatusAccepted, ""); again.body.Items[0].AlreadyHere && !answered[caller][n] {
				taken++
			}
			if got := b.call("GET", "/v1/invoices/"+again.body.Items[0].ID+"/xml", nil); !bytes.Equal(got.raw, want) {
				b.t.Fatalf("the document of %s is %d bytes with status %d, want the %d bytes that were handed in",
					number(caller, n), len(got.raw), got.status, len(want))
			}
		}
	}
	return taken
}
