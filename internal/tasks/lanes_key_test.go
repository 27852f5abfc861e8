package tasks_test

import (
	"context"
	"crypto/rsa"
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
	"ksefworker/internal/simulator"
)

// noKeyClient is a client that gets no public key before a given time.
type noKeyClient struct {
	*testClient
	s      *stage
	until  time.Time
	reason ratelimit.Reason
	group  string
}

func (client *noKeyClient) PublicKey(ctx context.Context) (*rsa.PublicKey, error) {
	if wait := client.until.Sub(client.s.now()); wait > 0 {
		return nil, &ratelimit.NotNow{Key: ratelimit.Key{Tenant: client.s.nip(), Group: client.group}, Wait: wait, Reason: client.reason}
	}
	return client.testClient.PublicKey(ctx)
}

// A send waits for something that a package would wait for as well. So the invoice must stay in the
// express lane. If it went back to its waiting set, it would be chosen for express again each
// second.
func TestLanes_PackageWouldWaitForTheSame_ChosenInvoiceStaysExpress(t *testing.T) {
	for name, c := range map[string]struct {
		reason ratelimit.Reason
		group  string
	}{
		"public key's limit used up": {ratelimit.ReasonLimit, string(ksef.GroupPublicKey)},
		"public key frozen":          {ratelimit.ReasonFrozen, string(ksef.GroupPublicKey)},
		"public key out of service":  {ratelimit.ReasonOutage, string(ksef.GroupPublicKey)},
		"tenant's key refused":       {ratelimit.ReasonFrozen, retry.CredentialsGroup},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			client := &noKeyClient{testClient: s.client(), s: s, until: s.now().Add(20 * time.Minute), reason: c.reason, group: c.group}
			w := s.worker("w", client, asConfigured)
			inv := s.admit(ledger.Auto, s.good("A/1"))
			w.must(queue.KindSubmit, inv.ID)
			before := s.read(inv.ID).Rev
			for range 19 * 20 {
				s.advance(3 * time.Second)
				w.step(&inv)
			}
			if got := s.read(inv.ID); got.State != ledger.Queued || got.Rev-before > 2 {
				t.Errorf("the invoice is %s after %d moves in 19 minutes, want queued after 2 at most", got.State, got.Rev-before)
			}
			s.advance(2 * time.Minute)
			w.step(&inv)
			if got := s.read(inv.ID); got.State != ledger.Sent {
				t.Errorf("once there is a key, the invoice is %s, want sent", got.State)
			}
		})
	}
}

// While the limit of requests for the public key is used up, no invoice is chosen for express.
func TestLanes_PublicKeysLimitUsedUp_AutoInvoiceIsNotChosen(t *testing.T) {
	s := newStage(t, simulator.Options{})
	c := s.limit(hourLimits(map[string]int{
		ratelimit.GroupInvoiceSend: 180, ratelimit.GroupBatchSession: 60, string(ksef.GroupPublicKey): 5,
	}))
	c.use(t, s.nip(), string(ksef.GroupPublicKey), 5)
	c.use(t, s.nip(), ratelimit.GroupBatchSession, 60) // so that the invoice stays in its waiting set
	w := s.worker("w", s.limitedClient(c), asConfigured)
	inv := s.admit(ledger.Auto, s.good("A/1"))
	w.must(queue.KindSubmit, inv.ID)
	before := s.read(inv.ID).Rev
	for range 55 * 20 {
		s.advance(3 * time.Second)
		w.step(&inv)
	}
	if got := s.read(inv.ID); got.State != ledger.Queued || got.Group == "" || got.Rev != before {
		t.Errorf("the invoice is %s in group %q after %d moves in 55 minutes, want it in its waiting set and not moved",
			got.State, got.Group, got.Rev-before)
	}
	s.advance(6 * time.Minute) // the hour is over
	w.step(&inv)
	w.step(&inv)
	if got := s.read(inv.ID); got.State != ledger.Sent {
		t.Errorf("after the hour the invoice is %s, want sent", got.State)
	}
}
