package intake

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
)

// sickStore is a store whose Put and Flush can fail or hang. It counts the calls of both.
type sickStore struct {
	archive.Store
	put, flush   func(context.Context) error // instead of the methods of Store, if not nil
	puts, flushs atomic.Int64
}

func (s *sickStore) Put(ctx context.Context, name string, data []byte, contentType string) error {
	s.puts.Add(1)
	if s.put != nil {
		return s.put(ctx)
	}
	return s.Store.Put(ctx, name, data, contentType)
}

func (s *sickStore) Flush(ctx context.Context, names ...string) error {
	s.flushs.Add(1)
	if s.flush != nil {
		return s.flush(ctx)
	}
	return s.Store.Flush(ctx, names...)
}

func refuses(context.Context) error { return fmt.Errorf("write: %w", syscall.EACCES) }

func hangs(ctx context.Context) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

// An archive that is away concerns only the documents that are too large for Redis. All others are
// taken. One call of Admit waits only once for an archive that does not answer.
func TestAdmit_ArchiveAway_OnlyLargeDocumentsAreToBeHandedInAgain(t *testing.T) {
	for name, c := range map[string]struct {
		put, flush   func(context.Context) error
		why          string
		puts, flushs int64 // calls while the documents are admitted
	}{
		"put refuses":   {put: refuses, why: "permission denied", puts: 4},
		"put hangs":     {put: hangs, why: "the archive does not answer in time", puts: 1},
		"flush refuses": {flush: refuses, why: "permission denied", puts: 4, flushs: 1},
		"flush hangs":   {flush: hangs, why: "the archive does not answer in time", puts: 4, flushs: 1},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			g := newGate(t, nil)
			sound := g.Store
			sick := &sickStore{Store: sound, put: c.put, flush: c.flush}
			g.Store = archive.Guard(sick, archive.Options{Timeout: 300 * time.Millisecond})
			repeated := big(2)
			repeated.File = "big-repeated.xml"
			docs := []Document{numbered(1), big(1), numbered(2), big(2), repeated, numbered(3), big(3), numbered(4)}
			isLarge := func(i int) bool { return strings.HasPrefix(docs[i].File, "big") }
			for i, got := range g.admit(docs...) {
				if !isLarge(i) {
					if got.Taken != ledger.Created || !g.queued(got.Invoice) {
						t.Errorf("the small document %s: %+v, want it taken and queued", docs[i].File, got)
					}
					continue
				}
				var unsure *UnsureError
				if !errors.As(got.Err, &unsure) || !strings.Contains(got.Err.Error(), c.why) ||
					!strings.Contains(got.Err.Error(), "nothing was taken, hand it in again") {
					t.Errorf("the large document %s: %+v, want it to be handed in again", docs[i].File, got)
				}
				if known, err := g.Ledger.Known(t.Context(), []string{got.Invoice.ID}); err != nil || known[0] {
					t.Errorf("the invoice of %s was taken without its document: %v, %v", docs[i].File, known, err)
				}
			}
			if puts, flushs := sick.puts.Load(), sick.flushs.Load(); puts != c.puts || flushs != c.flushs {
				t.Errorf("%d puts and %d flushes, want %d and %d", puts, flushs, c.puts, c.flushs)
			}
			g.Store = sound
			for i, got := range g.admit(docs...) {
				if got.Err != nil || !isLarge(i) && got.Taken != ledger.Present {
					t.Errorf("when the archive is back, %s should have no error, and be present if it is small: %+v", docs[i].File, got)
				}
			}
		})
	}
}

// After the archive has not answered a few calls, further calls to it fail at once. So an export of
// many thousands of documents does not wait for the archive in every call of Admit.
func TestAdmit_ArchiveHangs_CallsThatFollowDoNotWaitForIt(t *testing.T) {
	g := newGate(t, nil)
	sick := &sickStore{Store: g.Store, put: hangs}
	g.Store = archive.Guard(sick, archive.Options{Timeout: 100 * time.Millisecond})
	for n := range 12 {
		got := g.admit(numbered(n), big(n))
		if got[0].Taken != ledger.Created || got[1].Taken != ledger.Refused {
			t.Errorf("call %d: want only the large document refused: %+v", n, got)
		}
	}
	// Three failures put the archive out of service. A slow machine leaves time for some probes
	// after that.
	if puts := sick.puts.Load(); puts > 8 {
		t.Errorf("twelve calls of Admit waited for the archive %d times, want 8 at most", puts)
	}
}

// A caller that cancels its context gets the error of the context, and not one of the archive.
func TestAdmit_CallerGivesUpWhileTheArchiveHangs_ReturnsItsError(t *testing.T) {
	g := newGate(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	g.Store = &sickStore{Store: g.Store, put: func(ctx context.Context) error { cancel(); return hangs(ctx) }}
	if out, err := g.Admit(ctx, []Document{numbered(1), big(1)}, Terms{}); !errors.Is(err, context.Canceled) || out != nil {
		t.Errorf("Admit = %+v, %v, want no answer and the error of the context", out, err)
	}
}
