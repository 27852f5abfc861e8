package watch

import (
	"context"
	"errors"
	"io/fs"
	"maps"
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
	afterOutage = 5 * time.Second  // Redis does not answer, or nothing may be taken in
	afterWait   = time.Minute      // the answer about the file is that it has to wait
	afterFault  = 10 * time.Second // the disk or the settings are at fault, or no XML could be made of a JSON file
)

// The gateway makes XML of JSON files while the loop goes on. A pass hands in the files whose XML
// is made within makingTime. The other JSON files wait for the next pass. If no call about a
// sender's files has begun or ended for the time silence, people are told that these files wait.
const (
	makingTime = time.Second
	nextMaking = 100 * time.Millisecond
	silence    = 2 * time.Second
)

// handInAll hands in every file of one kind in taken/ that is not followed yet. It returns how long
// to wait before it is called again.
func (sm *submitter) handInAll(ctx context.Context, now time.Time, kind func(name string) bool) time.Duration {
	names, next := sm.toHandIn(now)
	names = slices.DeleteFunc(names, func(name string) bool { return !kind(name) })
	if len(names) == 0 {
		return next
	}
	outage := func(why string) time.Duration {
		sm.why = why
		for _, name := range names {
			if sm.files[name] == nil {
				sm.problem(taken+"/"+name, why)
			}
		}
		return min(next, sm.due.Sub(now))
	}
	if now.Before(sm.due) {
		return outage(sm.why)
	}
	if err := sm.o.Fit(); err != nil {
		sm.due = now.Add(afterOutage)
		return outage("nothing may be taken in at present: " + intake.OneLine(err))
	}
	sm.documents.inTurn(names)
	if err := sm.handIn(ctx, names, now); err != nil && ctx.Err() == nil {
		sm.due = sm.o.Now().Add(afterOutage)
		return outage("the ledger does not take it at present: " + intake.OneLine(err))
	}
	sm.follower.pace.next = time.Time{} // what was handed in may be decided already
	for _, a := range sm.retry {
		next = min(next, a.next.Sub(now))
	}
	if maker := sm.documents.maker; maker.busy() {
		for _, name := range maker.silent(silence) {
			sm.problem(taken+"/"+name, "it is JSON, and the gateway has not made XML of it yet")
		}
		next = min(next, nextMaking)
	}
	return next
}

// toHandIn lists the files that are not followed and do not have to wait. next is how long it is
// until the first of the waiting files is due.
func (sm *submitter) toHandIn(now time.Time) (names []string, next time.Duration) {
	next = never
	there, unread := map[string]bool{}, false
	var all []string
	sm.disk.walk(taken, func(p string, e fs.DirEntry) {
		name := strings.TrimPrefix(p, taken+"/")
		there[name] = true
		if !hidden(path.Base(name)) && (isXML(name) || isJSON(name)) && e.Type().IsRegular() {
			all = append(all, name)
		}
	}, func(dir string, err error) {
		unread = true
		sm.problem(dir, "the folder cannot be read: "+fault(err))
	})
	for _, name := range all {
		of, ok := strings.CutSuffix(name, xmlEnd)
		if sm.files[name] != nil || ok && isJSON(of) && (there[of] || sm.files[of] != nil) {
			continue
		}
		if a, waits := sm.retry[name]; waits && now.Before(a.next) {
			sm.problem(taken+"/"+name, a.why)
			next = min(next, a.next.Sub(now))
			continue
		}
		names = append(names, name)
	}
	if !unread { // files in a folder that could not be read are not gone
		sm.gone(there)
	}
	slices.Sort(names)
	return names, next
}

// gone forgets what is kept of files that a person has removed. The keys of the argument there are
// the names of the files in taken/.
func (sm *submitter) gone(there map[string]bool) {
	sm.documents.maker.forget(there)
	sm.documents.sweep(there)
	sm.settings.sweepKept(there)
	maps.DeleteFunc(sm.documents.unsaved, func(name string, _ making) bool { return !there[name] })
	maps.DeleteFunc(sm.sums, func(name, _ string) bool { return !there[name] })
	for name := range sm.retry {
		if !there[name] {
			delete(sm.retry, name)
			delete(sm.documents.failed, name)
		}
	}
}

// Files are read and handed in by chunks. A chunk ends when it reaches one of these bounds. Its
// last document may exceed the bound of bytes.
const (
	chunkFiles = 100
	chunkBytes = 8 << 20
)

// handIn hands in the files whose document is ready. Until makingTime is over, it also hands in the
// files whose XML is made meanwhile. After an error, the files without an answer are handed in
// again.
func (sm *submitter) handIn(ctx context.Context, names []string, now time.Time) error {
	maker, until := sm.documents.maker, time.Now().Add(makingTime)
	names = slices.Clone(names) // the caller still needs the whole list after an error
	for {
		if err := sm.handInReady(ctx, names, now); err != nil {
			return err
		}
		names = slices.DeleteFunc(names, func(name string) bool { return !maker.has(name) })
		if len(names) == 0 || !time.Now().Before(until) || !maker.await(ctx, until) {
			return nil
		}
	}
}

// handInReady hands in the XML files, and the JSON files whose XML is made. It orders the XML of
// the other JSON files.
func (sm *submitter) handInReady(ctx context.Context, names []string, now time.Time) error {
	for len(names) > 0 && ctx.Err() == nil {
		items, of, rest := sm.load(names, now)
		names = rest
		if len(items) == 0 {
			continue
		}
		err := intake.Run(ctx, sm.o.Admitter, slices.Values(items), intake.Terms{}, func(adms []intake.Admission) {
			sm.answers(ctx, of[:len(adms)], adms)
			of = of[len(adms):]
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// load reads the first files of names. It returns their items, the file of each item, and the rest
// of names.
func (sm *submitter) load(names []string, now time.Time) (items []intake.Item, of, rest []string) {
	size := 0
	for i, name := range names {
		if len(items) == chunkFiles || size >= chunkBytes {
			return items, of, names[i:]
		}
		it, ok := sm.item(name, now)
		if !ok {
			continue
		}
		size += len(it.Data)
		items, of = append(items, it), append(of, name)
	}
	return items, of, nil
}

// item reads a file. It returns false when the file waits, or is no longer there.
func (sm *submitter) item(name string, now time.Time) (intake.Item, bool) {
	s := sm.settings.ofTaken(path.Dir(name))
	terms, err := intake.Terms{}, s.err
	if err == nil {
		terms, err = s.terms(now, sm.o.Tenants)
	}
	if err != nil {
		sm.documents.maker.cancel(name)
		sm.later(name, intake.OneLine(err), afterFault)
		return intake.Item{}, false
	}
	data, sum, err := sm.documents.of(name, terms.Tenant)
	switch {
	case errors.Is(err, fs.ErrNotExist): // a person has removed it
		return intake.Item{}, false
	case errors.Is(err, errOrdered):
		return intake.Item{}, false
	}
	if why, ok := waitsFor(err); ok {
		sm.later(name, why, afterFault)
		return intake.Item{}, false
	}
	sm.sums[name] = sum
	given := sm.original(name)
	return intake.Item{File: sm.path(given), Data: data, Err: err, Ref: s.ref(given), Terms: &terms}, true
}

// answers acts on the answers about some files. A refusal is put on record before its file moves.
// If a process is killed in between, the next process hands the file in again, and records the same
// refusal again.
func (sm *submitter) answers(ctx context.Context, names []string, adms []intake.Admission) {
	sm.o.step("handed in")
	unrecorded := sm.record(ctx, adms)
	for i := range adms {
		if a := &adms[i]; unrecorded != nil && a.Taken == ledger.Refused && idOf(a) == "" {
			sm.later(names[i], unrecorded.Error(), afterOutage)
			continue
		}
		sm.answered(ctx, names[i], &adms[i])
	}
}

// answered acts on the answer about a file.
func (sm *submitter) answered(ctx context.Context, name string, a *intake.Admission) {
	delete(sm.retry, name)
	delete(sm.documents.failed, name)
	if why, ok := waiting(a); ok {
		sm.later(name, why, afterWait)
		return
	}
	id := idOf(a)
	f := &file{name: name, id: id, place: taken, remarks: remarksOf(a), sum: sm.sums[name]}
	delete(sm.sums, name)
	switch {
	case id == "":
		sm.refuse(f, a)
	case a.Archived:
		r := results.Of(a.Invoice, sm.o.Environment)
		f.id, f.told = "", f.id // nothing is left to follow
		if sm.filer.commit(f, accepted, sm.filer.outcome(f, r), sm.filer.receipt(ctx, r)) {
			sm.journal.unname(name)
		}
	default:
		sm.files[name] = f
		if err := sm.journal.save(f); err != nil {
			sm.o.Log.Warn().Err(err).Str("file", name).
				Msg("it cannot be recorded that a file was handed in: after a restart it is handed in again")
		} else {
			sm.filer.showXML(f)
		}
		log := sm.o.Log.Info().Str("file", name).Str("id", id).Str("state", string(a.Invoice.State))
		if f.Terms != nil {
			log.Str("terms", f.Terms.Text).Bool("applied", f.Terms.Applied)
		}
		if f.Note != "" {
			log.Str("note", f.Note)
		}
		if f.Warning != "" {
			log.Str("warning", f.Warning)
		}
		log.Msg("handed in")
	}
}

// refuse moves a file whose document was not taken.
func (sm *submitter) refuse(f *file, a *intake.Admission) {
	inv := &a.Invoice
	f.told = a.Refusal
	out := outcome{Result: results.Result{
		ID: a.Refusal, File: a.File, Ref: a.Ref, NIP: inv.NIP, Number: inv.Number, Kind: inv.Kind, IssueDate: inv.IssueDate, Hash: inv.Hash,
		Tenant: inv.Tenant, State: results.Refused, Reason: intake.OneLine(a.Err),
	}}
	out.Recorded(a.RefusedAt)
	if out.Tenant == "" {
		out.Tenant = a.Asked
	}
	for _, e := range invoice.FieldErrors(a.Err) {
		out.Faults = append(out.Faults, documentFault{e.Field, e.Rule, e.Value, e.Line, e.Column, e.Hint})
	}
	if !sm.filer.commit(f, refused, marshal(out), nil) {
		if why := sm.problems[taken+"/"+f.name]; why != "" { // if there is none, a person has replaced the file
			sm.retry[f.name] = attempt{why, sm.o.Now().Add(afterFault)}
		}
		return
	}
	sm.journal.unname(f.name)
}
