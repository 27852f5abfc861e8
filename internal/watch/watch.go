package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// Entries is the part of a ledger that a watch reads.
type Entries interface {
	Invoices(ctx context.Context, ids []string) ([]ledger.Invoice, error)
}

// Options of a watch. A field is required unless its comment says what its zero value means.
type Options struct {
	Dir      string
	Admitter intake.Admits
	Entries  Entries
	// Receipt returns the UPO that a result names. It returns nil without an error when there is
	// none.
	Receipt func(context.Context, results.Result) ([]byte, error)
	// Generate makes the XML of an invoice that is JSON, or refuses it, as [intake.FromFaktura]
	// does.
	Generate func(ctx context.Context, tenant string, faktura []byte) ([]byte, error)
	// Sender returns the tenant that will send an invoice that is JSON, and "" when that is not
	// known. tenant is the one that the settings name, or "". A nil Sender stands for one that
	// returns tenant.
	Sender func(tenant string, faktura []byte) string
	// Record puts refused documents on record; nil puts none on record.
	Record intake.Record
	// Owner becomes the field Tenant of [intake.Refusals]. It may be nil when Record is.
	Owner func(nip string) string
	// Fit returns the reason why nothing may be taken in at present, or nil when there is no
	// reason. A nil Fit stands for one that always returns nil.
	Fit         func() error
	Environment string           // for the links in results
	Tenants     []intake.Account // the tenants that .ksef.yaml may name
	MaxDocument int64            // bytes of one document
	// Settle is how long the size and time of a file must stay the same before it is taken. 0 means
	// 2 s.
	Settle time.Duration
	// Patience takes the place of Settle for a file that seems to be cut off. Its writer may have
	// stopped in the middle. 0 means 1 min.
	Patience time.Duration
	// Poll is the longest time between two polls of the folder. 0 means 30 s where the system
	// reports changes, and 2 s elsewhere.
	Poll time.Duration
	Log  zerolog.Logger
	Now  func() time.Time

	step func(name string) // called before each step, so that a test can end the process there; may be nil
}

func (o *Options) defaults() {
	if o.Settle <= 0 {
		o.Settle = 2 * time.Second
	}
	if o.Patience <= 0 {
		o.Patience = time.Minute
	}
	if o.Fit == nil {
		o.Fit = func() error { return nil }
	}
	if o.Sender == nil {
		o.Sender = func(tenant string, _ []byte) string { return tenant }
	}
	if o.step == nil {
		o.step = func(string) {}
	}
}

// Watcher watches one folder. Only one goroutine may use it.
type Watcher struct {
	*core
	journal   *journal
	settings  *settings
	finder    *finder
	unpacker  *unpacker
	submitter *submitter
	follower  *follower
	note      *waitingNote
	unlock    func()
	Decided   map[string]int // how many files were moved to each of the places
}

// ErrBusy says that another watch has the folder.
var ErrBusy = errors.New("another watch has this folder")

// errReplaced says that there is another folder under the name now, such as one that was mounted.
var errReplaced = errors.New("the folder was replaced by another one while it was watched")

// New takes the lock of a folder and reads what an earlier watch has left. It returns an error that
// wraps [ErrBusy] when another process watches the folder, or a folder around it. Close the watcher
// when it is no longer needed.
func New(o Options) (*Watcher, error) {
	o.defaults()
	root, err := os.OpenRoot(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder to watch: %w", err)
	}
	w := newParts(&core{o: o, disk: &disk{root: root, step: o.step}, files: map[string]*file{}, given: map[string]string{}})
	if err := w.open(); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

func (w *Watcher) open() error {
	if err := insideAnother(w.o.Dir); err != nil {
		return err
	}
	for _, dir := range append([]string{journalDir, unpackedDir}, places...) {
		if err := w.disk.root.MkdirAll(dir, 0o770); err != nil {
			return fmt.Errorf("make folder %s: %w; give this program's user write permission in %s", dir, err, w.o.Dir)
		}
	}
	var err error
	if w.unlock, err = lock(w.disk.root); err != nil {
		return err
	}
	w.disk.removeLeftovers(journalDir)
	if w.disk.exists(waitingName) {
		w.note.told[waitingName] = "" // from an earlier watch; the first pass writes or removes it
	}
	return w.journal.read()
}

// Close ends what runs beside the loop, and releases the lock.
func (w *Watcher) Close() error {
	w.submitter.documents.maker.close()
	if w.unlock != nil {
		w.unlock()
	}
	return w.disk.root.Close()
}

// Run watches until ctx is done, or until the folder is no longer there. A fault of a file, of
// Redis or of the archive is logged, and what failed is tried again.
func (w *Watcher) Run(ctx context.Context) error {
	n := newNotices(w.core)
	defer n.close()
	w.o.Log.Info().Str("folder", w.o.Dir).Str("by", n.how).Int("followed", len(w.files)).Msg("watching")
	for {
		next, err := w.pass(ctx)
		if err != nil {
			return err
		}
		n.add(w.finder.folders)
		if !n.wait(ctx, min(next, n.poll)) {
			return nil
		}
	}
}

// pass does all that can be done now, and returns the time until something else is due. A change of
// the folder can make it due sooner. An error says that the folder is no longer there.
func (w *Watcher) pass(ctx context.Context) (time.Duration, error) {
	if err := w.same(); err != nil {
		return 0, err
	}
	now := w.o.Now()
	w.problems, w.settings.rules = map[string]string{}, map[string]*setting{}
	w.submitter.documents.maker.newPass()
	next := w.finder.scan(now)
	next = min(next, w.unpacker.unpackAll(ctx, now))
	// Invoices that are JSON may wait a moment for the gateway. All else comes first.
	next = min(next, w.submitter.handInAll(ctx, now, isXML))
	next = min(next, w.follower.followAll(ctx, now))
	next = min(next, w.submitter.handInAll(ctx, now, isJSON))
	next = min(next, w.follower.followAll(ctx, now))
	if ctx.Err() == nil {
		w.note.tell()
	}
	return max(next, 10*time.Millisecond), nil
}

// same makes sure that the name still leads to the folder that is locked. A share that was mounted
// again is a different folder, and files would be written into the old one.
func (w *Watcher) same() error {
	is, err := w.disk.root.Stat(".")
	if err != nil {
		return fmt.Errorf("watch %s: %w", w.o.Dir, err)
	}
	named, err := os.Stat(w.o.Dir)
	if err != nil {
		return fmt.Errorf("watch %s: %w", w.o.Dir, err)
	}
	if !os.SameFile(is, named) {
		return fmt.Errorf("watch %s: %w", w.o.Dir, errReplaced)
	}
	return nil
}

// never is longer than any wait of this package.
const never = 24 * time.Hour

func marshal(v any) []byte {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // the types of this package can always be written
	}
	return append(raw, '\n')
}
