package watch

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// How long after a failure files are handed in again.
const (
	afterOutage = 5 * time.Second // Redis does not answer
	afterWait   = time.Minute     // what concerns one file or tenant
	afterFault  = 10 * time.Second
)

// handInAll hands in every file of taken/ that is not followed yet, and returns when it is to be
// called again.
func (w *Watcher) handInAll(ctx context.Context, now time.Time) time.Duration {
	names, next := w.toHandIn(now)
	if len(names) == 0 {
		return next
	}
	outage := func(why string) time.Duration {
		for _, name := range names {
			if w.files[name] == nil {
				w.problem(taken+"/"+name, why)
			}
		}
		return min(next, w.due.Sub(now))
	}
	if now.Before(w.due) {
		return outage("the ledger does not answer: it is tried again")
	}
	if err := w.o.Fit(); err != nil {
		w.due = now.Add(afterOutage)
		return outage("nothing may be taken in at present: " + oneLine(err))
	}
	if err := w.handIn(ctx, names, now); err != nil && ctx.Err() == nil {
		w.due = w.o.Now().Add(afterOutage)
		return outage("the ledger does not take it at present: " + oneLine(err))
	}
	w.follow.next = time.Time{} // what was handed in may be decided already
	for _, a := range w.retry {
		next = min(next, a.next.Sub(now))
	}
	return next
}

// toHandIn lists the files that are not followed, and says when the next of those that wait is due.
func (w *Watcher) toHandIn(now time.Time) (names []string, next time.Duration) {
	next = never
	there := map[string]bool{}
	var all []string
	w.disk.walk(taken, func(p string, e fs.DirEntry) {
		name := strings.TrimPrefix(p, taken+"/")
		there[name] = true
		if !hidden(path.Base(name)) && (isXML(name) || isJSON(name)) && e.Type().IsRegular() {
			all = append(all, name)
		}
	}, func(dir string, err error) { w.problem(dir, "the folder cannot be read: "+fault(err)) })
	for _, name := range all {
		of, ok := strings.CutSuffix(name, xmlEnd)
		if w.files[name] != nil || ok && isJSON(of) && there[of] {
			continue
		}
		if a, waits := w.retry[name]; waits && now.Before(a.next) {
			w.problem(taken+"/"+name, a.why)
			next = min(next, a.next.Sub(now))
			continue
		}
		names = append(names, name)
	}
	for name := range w.retry {
		if !there[name] {
			delete(w.retry, name)
		}
	}
	slices.Sort(names)
	return names, next
}

// What is read before it is handed in. So much is in memory at a time, and one document more.
const (
	chunkFiles = 100
	chunkBytes = 8 << 20
)

// handIn hands files in. An error comes from Redis; the files without an answer are handed in again.
func (w *Watcher) handIn(ctx context.Context, names []string, now time.Time) error {
	for len(names) > 0 && ctx.Err() == nil {
		items, of, rest := w.load(ctx, names, now)
		names = rest
		if len(items) == 0 {
			continue
		}
		err := intake.Run(ctx, w.o.Admitter, slices.Values(items), intake.Terms{}, func(adms []intake.Admission) {
			w.answers(ctx, of[:len(adms)], adms)
			of = of[len(adms):]
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// load reads the first of some files. of are the files of the items, and rest is what comes after.
func (w *Watcher) load(ctx context.Context, names []string, now time.Time) (items []intake.Item, of, rest []string) {
	size := 0
	for i, name := range names {
		if len(items) == chunkFiles || size >= chunkBytes {
			return items, of, names[i:]
		}
		it, ok := w.item(ctx, name, now)
		if !ok {
			continue
		}
		size += len(it.Data)
		items, of = append(items, it), append(of, name)
	}
	return items, of, nil
}

// item reads a file; false when it waits, or is not there any more.
func (w *Watcher) item(ctx context.Context, name string, now time.Time) (intake.Item, bool) {
	s := w.settingOf(path.Dir(name))
	terms, err := intake.Terms{}, s.err
	if err == nil {
		terms, err = s.terms(now, w.o.Tenants)
	}
	if err != nil {
		w.later(name, oneLine(err), afterFault)
		return intake.Item{}, false
	}
	data, err := w.document(ctx, name, terms.Tenant)
	if errors.Is(err, fs.ErrNotExist) {
		return intake.Item{}, false // a person has removed it
	}
	if why, ok := waitsFor(err); ok {
		w.later(name, why, afterFault)
		return intake.Item{}, false
	}
	return intake.Item{File: w.path(original(name)), Data: data, Err: err, Ref: s.ref(name), Terms: &terms}, true
}

// answers acts on the answers about some files.
func (w *Watcher) answers(ctx context.Context, names []string, adms []intake.Admission) {
	w.o.step("handed in")
	var note []intake.Admission
	for i := range adms {
		if w.answered(ctx, names[i], &adms[i]) {
			note = append(note, adms[i])
		}
	}
	if w.o.Record == nil || len(note) == 0 {
		return
	}
	refusals := &intake.Refusals{Record: w.o.Record, Tenant: w.o.Owner}
	if refusals.Note(ctx, note); refusals.Err != nil {
		w.o.Log.Warn().Err(refusals.Err).Msg("refused documents are not on record")
	}
}

// answered acts on the answer about a file. It reports whether the answer goes on record.
func (w *Watcher) answered(ctx context.Context, name string, a *intake.Admission) bool {
	delete(w.retry, name)
	id := a.Invoice.ID
	if a.Taken == ledger.Refused {
		id = a.Held.ID // it was taken before, and goes on as its entry says
	}
	if why, ok := waitsFor(a.Err); ok && id == "" {
		w.later(name, why, afterWait)
		return false
	}
	f := &file{name: name, id: id, place: taken}
	switch {
	case id == "":
		w.refuse(f, a)
	case a.Archived:
		r := results.Of(a.Invoice, w.o.Environment)
		f.id = "" // nothing is left to follow
		w.commit(f, accepted, w.outcome(f, r, nil), w.receipt(ctx, r))
	default:
		w.files[name] = f
		if err := w.save(f); err != nil {
			w.o.Log.Warn().Err(err).Str("file", name).Msg("it cannot be recorded that a file was handed in: after a restart it is handed in again")
		}
		w.o.Log.Info().Str("file", name).Str("id", id).Str("state", string(a.Invoice.State)).Msg("handed in")
	}
	return true
}

// waitsFor returns why a document is handed in again later; false when it is refused, or taken.
func waitsFor(err error) (string, bool) {
	if later, ok := errors.AsType[*waits](err); ok {
		return later.why, true
	}
	if unsure, ok := errors.AsType[*intake.UnsureError](err); ok {
		return oneLine(unsure) + "; that is done by itself", true
	}
	if r, ok := errors.AsType[*intake.RefusedError](err); ok && (r.Remedy == ledger.RemedyResume || r.Remedy == ledger.RemedyWait) {
		return oneLine(r) + "; it is tried again", true
	}
	return "", false
}

func (w *Watcher) later(name, why string, after time.Duration) {
	w.retry[name] = attempt{why, w.o.Now().Add(after)}
	w.problem(taken+"/"+name, why)
}

// refuse moves a file whose document was not taken.
func (w *Watcher) refuse(f *file, a *intake.Admission) {
	inv := &a.Invoice
	out := outcome{Result: results.Result{
		File: a.File, Ref: a.Ref, NIP: inv.NIP, Number: inv.Number, Kind: inv.Kind, IssueDate: inv.IssueDate, Hash: inv.Hash,
		Tenant: inv.Tenant, State: results.Refused, Reason: oneLine(a.Err),
	}}
	if out.Tenant == "" {
		out.Tenant = a.Asked
	}
	for _, e := range invoice.FieldErrors(a.Err) {
		out.Faults = append(out.Faults, documentFault{e.Field, e.Rule, e.Value, e.Line, e.Column, e.Hint})
	}
	if !w.commit(f, refused, marshal(out), nil) {
		w.retry[f.name] = attempt{w.problems[taken+"/"+f.name], w.o.Now().Add(afterFault)}
	}
}

// oneLine returns the text of an error in one line.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", " | ") }
