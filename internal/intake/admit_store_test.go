package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/sample"
)

// big makes an invoice whose sealed form is too large for Redis.
func big(n int) Document {
	return doc(fmt.Sprint("big-", n, ".xml"), sample.Options{
		Number: fmt.Sprint("BIG/", n), IssueDate: "2026-11-23", Lines: 3900, Seed: uint64(n),
	})
}

func TestAdmit_LargeDocument_LiesInTheStoreAndNotInRedis(t *testing.T) {
	for name, key := range map[string][]byte{"plain": nil, "encrypted": bytes.Repeat([]byte{7}, 32)} {
		t.Run(name, func(t *testing.T) {
			g := newGate(t, key)
			d := big(1)
			got := g.admit(d)[0].Invoice
			_, files := g.stored()
			if want := archive.BodyName(got.ID); !slices.Contains(files, want) || !got.BodyArchived {
				t.Fatalf("the folder has the files %v, want %s among them", files, want)
			}
			if _, err := g.Ledger.Body(t.Context(), got.ID); !errors.Is(err, ledger.ErrNotFound) {
				t.Errorf("the document is in Redis too: %v", err)
			}
			raw, err := os.ReadFile(filepath.Join(g.folder, archive.BodyName(got.ID)))
			g.must(err)
			if len(raw) <= ledger.MaxBodyInRedis || len(raw) > len(d.Data) {
				t.Errorf("%d bytes are stored, want more than %d, and at most the %d of the document",
					len(raw), ledger.MaxBodyInRedis, len(d.Data))
			}
			if plain := g.body(got.ID); !bytes.Equal(plain, d.Data) {
				t.Errorf("the stored document has %d bytes, want the document that was handed in", len(plain))
			}
			// Sealing the document a second time can give other bytes, but the document is the
			// same.
			if again := g.admit(d)[0]; again.Taken != ledger.Present {
				t.Errorf("the document, handed in again, is %+v, want it present", again)
			}
			if plain := g.body(got.ID); !bytes.Equal(plain, d.Data) {
				t.Errorf("after the second time, the stored document has %d bytes, want the same document", len(plain))
			}
		})
	}
}

func TestAdmit_SixtyFourKilobytes_IsTheBound(t *testing.T) {
	g := newGate(t, nil)
	for lines, archived := range map[int]bool{3: false, 200: false, 3500: true} {
		got := g.admit(doc("x.xml", sample.Options{Number: fmt.Sprint("L/", lines), IssueDate: "2026-11-23", Lines: lines}))[0].Invoice
		if got.BodyArchived != archived {
			t.Errorf("%d lines of %d bytes: in the store %v, want only the document of 3500 lines there", lines, got.Size, got.BodyArchived)
		}
	}
}

func TestAdmit_WithAKey_NothingOfTheDocumentIsReadableInRedisOrStore(t *testing.T) {
	g := newGate(t, bytes.Repeat([]byte{7}, 32))
	g.admit(numbered(1), big(1))
	keys, err := g.rdb.Keys(t.Context(), "ksef:body:*").Result()
	g.must(err)
	if len(keys) != 1 {
		t.Fatalf("Redis has the documents %v, want one", keys)
	}
	held, err := g.rdb.Get(t.Context(), keys[0]).Bytes()
	g.must(err)
	_, files := g.stored()
	for _, f := range files {
		raw, err := os.ReadFile(filepath.Join(g.folder, f))
		g.must(err)
		held = append(held, raw...)
	}
	for _, text := range []string{"Faktura", "Podmiot", "FaWiersz", sample.NIP(0)} {
		if bytes.Contains(held, []byte(text)) {
			t.Errorf("%q is readable in Redis or in the store", text)
		}
	}
}

// fullStore is a store that has no space left.
type fullStore struct{ archive.Store }

func (fullStore) Put(context.Context, string, []byte, string) error {
	return errors.New("no space left")
}

func TestAdmit_StoreIsFull_NothingIsTakenWithoutItsDocument(t *testing.T) {
	g := newGate(t, nil)
	g.Store = fullStore{g.Store}
	var unsure *UnsureError
	got := g.admit(big(1))[0]
	if got.Taken != ledger.Refused || !errors.As(got.Err, &unsure) || !strings.Contains(got.Err.Error(), "no space left") {
		t.Errorf("the large document: %+v, want it refused because the store has no space left", got)
	}
	// The record of how documents are sealed is written before any document is stored.
	if keys, _ := g.stored(); keys != 1 || g.rdb.Exists(t.Context(), "ksef:seals").Val() != 1 {
		t.Errorf("Redis has %d keys, want ksef:seals alone", keys)
	}
	// A document that fits into Redis does not need the store.
	if got := g.admit(numbered(1))[0]; got.Taken != ledger.Created {
		t.Errorf("the small document, which needs no store: %+v, want it taken", got)
	}
}

func TestAdmit_QueueFailsAfterTheLedgerTookIt_NothingIsLost(t *testing.T) {
	g := newGate(t, nil)
	gone := redis.NewClient(&redis.Options{Addr: g.rdb.Options().Addr})
	_ = gone.Close()
	sound := g.Queue
	g.Queue = queue.New(gone)
	out, err := g.Admit(t.Context(), []Document{numbered(1), numbered(2)}, Terms{})
	if err == nil {
		t.Fatal("Admit returned no error although nothing was queued")
	}
	for _, o := range out {
		if o.Taken != ledger.Created {
			t.Errorf("an answer is %+v, want it created", o)
		}
		entry, err := g.Ledger.Invoice(t.Context(), o.Invoice.ID)
		if err != nil || entry.State != ledger.Queued {
			t.Errorf("the entry is %+v, %v, want it queued", entry, err)
		}
		if _, err := g.Ledger.Body(t.Context(), o.Invoice.ID); err != nil {
			t.Errorf("the document of an invoice that was taken is not in Redis: %v", err)
		}
	}
	// When the documents are handed in again, they are present, and their tasks are queued.
	g.Queue = sound
	for _, o := range g.admit(numbered(1), numbered(2)) {
		if o.Taken != ledger.Present || !g.queued(o.Invoice) {
			t.Errorf("handed in again, want the document present and its task queued: %+v, queued %v", o, g.queued(o.Invoice))
		}
	}
}
