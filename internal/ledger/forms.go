package ledger

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"
)

// What is written for a new invoice has had several forms: the entry, and the layout of the
// document. Every build reads the forms of those before it. A pool writes a new form only when each
// of its workers reads it: with each heartbeat a worker says up to which form it reads (reads.lua),
// the sweep compares that with the workers that asynq knows (forms.lua), and whoever takes invoices
// in asks what they agree on. Until then, and an hour after the last sweep that found them agreed,
// new invoices are written in the first form.
//
// Should it ever be wrong, because a worker of an older build starts, nothing is lost: it leaves
// alone what it cannot read.
const (
	packedForm = 2 // entries are packed (new_entry.go), documents in the layouts 6 to 9 (bodies.go)

	newestForm = packedForm
)

// formsKept is for how long a sweep's word counts.
const formsKept = time.Hour

// agreedForm is what this process knows about the form that its pool agrees on. The zero value is
// the first form. It is safe for concurrent use.
type agreedForm struct{ form atomic.Int64 }

func (a *agreedForm) packs() bool { return a.form.Load() >= packedForm }

// NoteReads records that the process that asynq's servers list under this name reads all forms of
// this build, for the next ttl.
func (ws *WorkerStore) NoteReads(ctx context.Context, server string, ttl time.Duration) error {
	if _, err := ws.run(ctx, readsScript, ws.args(server, newestForm, ttl.Milliseconds())); err != nil {
		return fmt.Errorf("record what this worker reads: %w", err)
	}
	return nil
}

// AgreeForm records the newest form that each of these workers reads. The names are those of
// NoteReads. It returns the form.
func (ws *WorkerStore) AgreeForm(ctx context.Context, servers []string) (int, error) {
	args := ws.args(newestForm, formsKept.Milliseconds())
	for _, s := range servers {
		args = append(args, s)
	}
	r, err := ws.run(ctx, formsScript, args)
	if err != nil {
		return 0, fmt.Errorf("record which form of entries every worker reads: %w", err)
	}
	return int(number(cell(r, 0))), nil
}

// learnForm remembers the form that a pool agrees on, as the key forms has it; it never writes a
// newer one than this build has.
func (st *store) learnForm(stored string) {
	form, _ := strconv.ParseInt(stored, 10, 64) // anything else is the first form
	st.forms.form.Store(min(form, newestForm))
}
