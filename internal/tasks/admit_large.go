package tasks

import (
	"bytes"
	"context"
	"errors"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
)

// largeDocuments puts those documents of one call of Admit into the archive that are too large for
// Redis. One that the archive does not take is not taken in, and harms no other. Once the archive
// does not answer, it is not asked again in this call: each further document would wait as long,
// and all the small ones with it, which need no archive.
type largeDocuments struct {
	store  archive.Store
	bodies *ledger.Bodies
	away   error // why it is not asked any more
}

// put returns what lies in the archive under the name of a document. A refusal is the document's own.
func (l *largeDocuments) put(ctx context.Context, id string, document, sealed []byte) ([]byte, error) {
	if l.away != nil {
		return nil, refusal{notPutDown(l.away)}
	}
	name := archive.BodyName(id)
	err := l.store.Put(ctx, name, sealed, "application/octet-stream")
	// The id names the content, so what is there already is this document, sealed another time, and
	// perhaps with another key. Unless it is damaged: then the sound one takes its place.
	if errors.Is(err, archive.ErrConflict) || errors.Is(err, archive.ErrCorrupt) {
		var there []byte
		there, err = l.store.Get(ctx, name)
		switch {
		case err == nil && l.sound(id, document, there):
			sealed = there
		case err == nil || errors.Is(err, archive.ErrCorrupt) || errors.Is(err, archive.ErrNotFound):
			if err = l.store.Remove(ctx, name); err == nil {
				err = l.store.Put(ctx, name, sealed, "application/octet-stream")
			}
		}
	}
	switch {
	case err == nil:
		return sealed, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	if call, failed := errors.AsType[*archive.CallError](err); failed && call.Sick {
		l.away = err
	}
	return nil, refusal{notPutDown(err)}
}

// sound reports that what is stored is the document, as far as this process can tell: what was sealed
// with a key that it has not got, or by a newer build, is not damaged.
func (l *largeDocuments) sound(id string, document, sealed []byte) bool {
	stored, err := l.bodies.Open(id, sealed)
	if key := (*ledger.KeyError)(nil); errors.As(err, &key) || errors.Is(err, ledger.ErrNewer) {
		return true
	}
	return err == nil && bytes.Equal(stored, document)
}

// flush makes the large ones of some documents durable. Those that are not are answered in out, and
// left out of what it returns. The error is ctx's.
func (l *largeDocuments) flush(ctx context.Context, sound []ledger.NewInvoice, at []int, out []Admission) ([]ledger.NewInvoice, []int, error) {
	var names []string
	for i := range sound {
		if sound[i].BodyArchived {
			names = append(names, archive.BodyName(sound[i].ID))
		}
	}
	if len(names) == 0 {
		return sound, at, nil
	}
	err := l.away
	if err == nil {
		err = l.store.Flush(ctx, names...)
	}
	switch {
	case err == nil:
		return sound, at, nil
	case ctx.Err() != nil:
		return nil, nil, context.Cause(ctx)
	}
	kept, places := sound[:0:0], at[:0:0]
	for i := range sound {
		if !sound[i].BodyArchived {
			kept, places = append(kept, sound[i]), append(places, at[i])
			continue
		}
		out[at[i]].Taken, out[at[i]].Err = ledger.Refused, notPutDown(err)
	}
	return kept, places, nil
}

func notPutDown(err error) error {
	return &UnsureError{What: "it is too large for Redis, and could not be put into the archive", Err: err}
}
