package intake

import (
	"bytes"
	"context"
	"errors"

	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
)

// largeDocuments stores in the archive those documents of one call of Admit that are too large for
// Redis. A document that the archive does not take is refused, and harms no other document. Once
// the archive does not answer, this call stops asking it. Otherwise each further large document
// would wait for the archive again, and the small documents, which need no archive, would wait too.
type largeDocuments struct {
	store  archive.Store
	bodies *ledger.Bodies
	away   error // why the archive is not asked any more
}

// put stores a document and returns the bytes that the archive has under its name. An error of type
// refusal concerns this document only.
func (l *largeDocuments) put(ctx context.Context, id string, document, sealed []byte) ([]byte, error) {
	if l.away != nil {
		return nil, refusal{notStored(l.away)}
	}
	name := archive.BodyName(id)
	err := l.store.Put(ctx, name, sealed, "application/octet-stream")
	// The id follows from the content. So an object that is there already holds this document,
	// sealed at another time and perhaps with another key, or the object is damaged. The sound
	// document replaces a damaged object.
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
	return nil, refusal{notStored(err)}
}

// sound reports whether sealed is the document, as far as this process can tell. A document that
// was sealed by a newer build, or with a key that this process does not have, counts as sound.
func (l *largeDocuments) sound(id string, document, sealed []byte) bool {
	stored, err := l.bodies.Open(id, sealed)
	if key := (*ledger.KeyError)(nil); errors.As(err, &key) || errors.Is(err, ledger.ErrNewer) {
		return true
	}
	return err == nil && bytes.Equal(stored, document)
}

// flush makes the large documents among sound durable. When the archive fails, flush refuses the
// large documents in out and returns the rest of sound and at. The error is that of ctx.
func (l *largeDocuments) flush(
	ctx context.Context, sound []ledger.NewInvoice, at []int, out []Admission,
) ([]ledger.NewInvoice, []int, error) {
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
		out[at[i]].Taken, out[at[i]].Err = ledger.Refused, notStored(err)
	}
	return kept, places, nil
}

func notStored(err error) error {
	return &UnsureError{What: "it is too large for Redis, and could not be put into the archive", Err: err}
}
