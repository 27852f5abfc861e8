package records

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"ksefworker/internal/archive"
	"ksefworker/internal/archive/bundle"
	"ksefworker/internal/results"
)

// Reader reads an archive, in both of its layouts: objects that are kept by themselves, and objects
// in bundles (package bundle). It is safe for concurrent use.
type Reader struct {
	Store archive.Store
	// Unread is called with each object that an answer leaves out because the object is damaged, is
	// not what its name says, or is missing although an index names it or its document is there.
	// The error wraps [ErrSoundCopy] when a sound copy takes the place of a damaged object, so that
	// the answer lacks nothing. Unread is called by one goroutine at a time. It may be nil.
	Unread func(name string, err error)
	// NoDocument is called with each result from Results that KSeF has accepted and whose document
	// the archive lacks, and with the error of Document. A document whose name is in the list of a
	// folder or of a ZIP counts as there, and is not read. NoDocument is called by one goroutine at
	// a time. It may be nil.
	NoDocument func(of results.Result, err error)
	// Unsure is called with the name of a receipt, and with how many invoices in it the archive
	// lacks, if only recovered invoices name the receipt. Either another program sent the session,
	// so the archive never had these invoices, or this program sent it and the archive has lost
	// them. The archive does not tell which. Only invoices that the reader was asked about are
	// counted. Unsure is called by one goroutine at a time. It may be nil.
	Unsure func(receipt string, lacking int)

	telling sync.Mutex // held while Unread is called
	lacking int        // how many objects were left out without a sound copy
	once    sync.Once
	kept    *bundle.Store
}

// store returns the archive with what is in its bundles.
func (r *Reader) store() *bundle.Store {
	r.once.Do(func() { r.kept = bundle.Over(r.Store) })
	return r.kept
}

// parallel is how many objects are read at the same time, because a bucket answers slowly.
const parallel = 16

// maxCopies is how many copies of one object may lie beside each other; see [archive.CopyName].
const maxCopies = 4

// A Place is the folder of one seller and month.
type Place struct {
	NIP   string // the seller's
	Month string // "2006-01", of the issue date (P_1); for a receipt, of its session
}

func (p Place) folder() string { return p.NIP + "/" + p.Month }

func (p Place) bundles() string { return archive.BundlesFolder(p.NIP, p.Month) }

// errNoFolder says that an object has the name of a folder of the archive.
var errNoFolder = fmt.Errorf("%w: it is a file or a link that cannot be followed, and should be a folder", archive.ErrCorrupt)

// Places returns every folder of a seller and month, the newest month first.
func (r *Reader) Places(ctx context.Context) ([]Place, error) {
	sellers, err := archive.ListIn(ctx, r.Store, "")
	if err != nil {
		return nil, err
	}
	var all []Place
	for _, name := range sellers {
		nip, isFolder := strings.CutSuffix(name, "/")
		if len(nip) != 10 || strings.Trim(nip, "0123456789") != "" {
			continue // bodies, and whatever else people put there
		}
		if !isFolder {
			r.unread(nip, errNoFolder)
			continue
		}
		of, err := r.PlacesOf(ctx, nip)
		if err != nil {
			return nil, err
		}
		all = append(all, of...)
	}
	slices.SortStableFunc(all, func(a, b Place) int { return -cmp.Compare(a.Month, b.Month) })
	return all, nil
}

// PlacesOf returns the folders of one seller, the newest month first.
func (r *Reader) PlacesOf(ctx context.Context, nip string) ([]Place, error) {
	months, err := listOf(ctx, r, nip)
	if err != nil {
		return nil, err
	}
	var all []Place
	for _, name := range months {
		folder, isFolder := strings.CutSuffix(name, "/")
		month := path.Base(folder)
		if _, err := time.Parse("2006-01", month); err != nil {
			continue
		}
		if !isFolder {
			r.unread(folder, errNoFolder)
			continue
		}
		all = append(all, Place{nip, month})
	}
	slices.Reverse(all)
	return all, nil
}

// listOf lists a folder. It reports a folder that cannot be listed, and returns nothing of it.
func listOf(ctx context.Context, r *Reader, folder string) ([]string, error) {
	names, err := archive.ListIn(ctx, r.Store, folder)
	if errors.Is(err, archive.ErrCorrupt) {
		r.unread(folder, err)
		return nil, nil
	}
	return names, err
}

// Results calls yield with each result of a place. Results in bundles come first, then those that
// are kept by themselves. When yield returns an error, Results ends and returns it. yield is called
// by one goroutine at a time.
func (r *Reader) Results(ctx context.Context, p Place, yield func(results.Result) error) error {
	seen, elsewhere := map[string]bool{}, 0
	err := r.store().Results(ctx, p.bundles(), func(id string, raw []byte, document bool) error {
		out, err := parseResult(raw, id)
		if err != nil {
			r.unread(p.folder()+"/"+id+".json", err)
			return nil
		}
		if err := p.misplaced(&out); err != nil {
			if elsewhere++; elsewhere == 1 {
				r.unread(p.bundles(), fmt.Errorf("%w; all its results of other folders are left out", err))
			}
			return nil
		}
		if seen[id] {
			return nil
		}
		seen[id] = true // what is in a bundle is final
		if err := r.noDocument(ctx, out, document); err != nil {
			return err
		}
		return yield(out)
	}, r.unread)
	if err != nil {
		return err
	}
	return r.alone(ctx, p, seen, yield)
}

// alone calls yield with the results of a place that are kept by themselves, in the order of their
// ids. It leaves out the ids in seen.
func (r *Reader) alone(ctx context.Context, p Place, seen map[string]bool, yield func(results.Result) error) error {
	names, err := listOf(ctx, r, p.folder())
	if err != nil {
		return err
	}
	var ids []string
	for _, name := range names {
		if id, isResult := strings.CutSuffix(path.Base(name), ".json"); isResult && !strings.Contains(id, ".copy") && !seen[id] {
			ids = append(ids, id)
		}
	}
	for some := range slices.Chunk(ids, 20*parallel) {
		read, found := make([]results.Result, len(some)), make([]bool, len(some))
		g, reading := errgroup.WithContext(ctx)
		g.SetLimit(parallel)
		for i, id := range some {
			g.Go(func() (err error) {
				read[i], found[i], err = r.resultIn(reading, r.below(), p, id)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
		for i := range some {
			if !found[i] {
				continue
			}
			_, document := slices.BinarySearch(names, archive.InvoiceName(p.NIP, p.Month, some[i]))
			if err := r.noDocument(ctx, read[i], document); err != nil {
				return err
			}
			if err := yield(read[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// noDocument reports a result without a document. listed says that a list has a document under the
// name of the result. If listed is false, the document is looked for under its other names. A
// result without a KSeF number is never reported, because a person may have removed its document.
func (r *Reader) noDocument(ctx context.Context, of results.Result, listed bool) error {
	if listed || r.NoDocument == nil || of.KsefNumber == "" {
		return nil
	}
	_, err := r.Document(ctx, of)
	if !Missing(err) {
		return err
	}
	r.NoDocument(of, err)
	return nil
}

// below returns the archive without what is in its bundles.
func (r *Reader) below() archive.Store { return r.store().Unwrap() }

// resultIn reads the result of an id in a place from a store. It returns false when no readable
// result exists.
func (r *Reader) resultIn(ctx context.Context, from archive.Store, p Place, id string) (results.Result, bool, error) {
	base := archive.ResultName(p.NIP, p.Month, id)
	var bad damaged
	for n := 1; n <= maxCopies; n++ {
		name := archive.CopyName(base, n)
		raw, err := from.Get(ctx, name)
		if errors.Is(err, archive.ErrNotFound) {
			break
		}
		var out results.Result
		if err == nil {
			out, err = parseResult(raw, id)
		}
		if err == nil {
			err = p.misplaced(&out)
		}
		if err == nil {
			bad.tell(r, true)
			return out, true, nil
		}
		if !errors.Is(err, archive.ErrCorrupt) {
			return results.Result{}, false, err
		}
		bad = append(bad, damagedObject{name, err})
	}
	bad.tell(r, false)
	return results.Result{}, false, nil
}

// Kept returns the archived result of the invoice that the given result is about. It returns false
// when the archive has no result of the invoice that can be read.
func (r *Reader) Kept(ctx context.Context, of results.Result) (results.Result, bool, error) {
	return r.resultIn(ctx, r.store(), Place{NIP: of.NIP, Month: monthOf(of.IssueDate)}, of.ID)
}

// ErrSoundCopy says that an object is damaged, and that a sound copy of it is beside it and is
// used. So nothing is missing.
var ErrSoundCopy = errors.New("a sound copy is beside it, and is used")

// damaged are the damaged copies of one object.
type damaged []damagedObject

type damagedObject struct {
	name string
	err  error
}

// tell reports the damaged copies. sound says that a sound copy was found too.
func (d damaged) tell(r *Reader, sound bool) {
	for _, one := range d {
		if sound {
			one.err = fmt.Errorf("%w; %w", one.err, ErrSoundCopy)
		}
		r.unread(one.name, one.err)
	}
}

func parseResult(raw []byte, id string) (out results.Result, err error) {
	if err = json.Unmarshal(raw, &out); err == nil && (out.ID != id || out.State == "") {
		err = fmt.Errorf("it is not the result of %s", id)
	}
	if err != nil {
		err = errors.Join(archive.ErrCorrupt, err)
	}
	return out, err
}

// misplaced returns an error when a result lies in a folder of another seller or month. A person
// may have copied it there. It counts only in its own folder, so that no invoice counts twice.
func (p Place) misplaced(of *results.Result) error {
	if own := (Place{of.NIP, monthOf(of.IssueDate)}); own != p && of.NIP != "" && of.IssueDate != "" {
		return fmt.Errorf("%w: it has the result of %s, which belongs in the folder %s", archive.ErrCorrupt, of.ID, own.folder())
	}
	return nil
}

func (r *Reader) unread(name string, err error) {
	r.telling.Lock()
	defer r.telling.Unlock()
	if !errors.Is(err, ErrSoundCopy) {
		r.lacking++
	}
	if r.Unread != nil {
		r.Unread(name, err)
	}
}

// unusable returns how many objects were left out so far.
func (r *Reader) unusable() int {
	r.telling.Lock()
	defer r.telling.Unlock()
	return r.lacking
}
