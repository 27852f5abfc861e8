package tasks_test

import (
	"context"
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/simulator"
)

// noBatchClient is a client that opens no batch session while away is set.
type noBatchClient struct {
	*testClient
	away bool
}

func (client *noBatchClient) OpenBatch(ctx context.Context, r ksef.OpenBatchRequest) (ksef.OpenedBatch, error) {
	if client.away {
		return ksef.OpenedBatch{}, unavailableError("open batch session")
	}
	return client.testClient.OpenBatch(ctx, r)
}

// KSeF refuses the tenant's sessions, so only one of its packages may try at a time. The first
// package fails before a session is opened. After that, another package may try.
func TestRefusal_TheOneAttemptEndsBeforeASessionOpens_AnotherPackageMayTry(t *testing.T) {
	for _, why := range []string{"its document cannot be read", "no session can be opened"} {
		t.Run(why, func(t *testing.T) {
			s := newStage(t, simulator.Options{})
			first, second := s.admit(ledger.Bulk, s.large("A/1", 1)), s.admit(ledger.Bulk, s.good("A/2"))
			archive := s.unreadable()
			client := &noBatchClient{testClient: s.client()}
			w := s.worker("w", client)
			one, two := w.cut(first.ID), w.cut(second.ID)
			for range 12 {
				if err := s.ledger.NoteRefused(t.Context(), first.Tenant, s.now(), ""); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.run(queue.KindPackage, two); err == nil {
				t.Fatal("a package was sent while the tenant is held back")
			}
			s.advance(time.Hour)
			archive.away, client.away = why == "its document cannot be read", why == "no session can be opened"
			if err := w.run(queue.KindPackage, one); err == nil {
				t.Fatal("the first package was sent")
			}
			archive.away, client.away = false, false
			w.must(queue.KindPackage, two)
			if got := s.pkg(two); got.State != ledger.PackageProcessing {
				t.Errorf("the other package is %s, want processing", got.State)
			}
			// As before, only one package may try at a time.
			if err := w.run(queue.KindPackage, one); err == nil {
				t.Error("a second package was sent at the same time")
			}
		})
	}
}
