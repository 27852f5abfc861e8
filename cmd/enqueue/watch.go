package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
	"ksefworker/internal/watch"
)

// watchCmd takes invoices from a folder until a signal ends it.
type watchCmd struct {
	Once     bool          `help:"Take what is there, wait until it is decided, and end: for a scheduler."`
	Settle   time.Duration `help:"${watch_settle}" default:"2s" placeholder:"D"`
	Patience time.Duration `help:"${watch_patience}" default:"1m" placeholder:"D"`
	Poll     time.Duration `help:"${watch_poll}" placeholder:"D"`
	Dir      string        `arg:"" name:"DIR" help:"The folder that the other program writes into."`
}

func (c *watchCmd) check() error {
	info, err := os.Stat(c.Dir)
	switch {
	case c.Dir == "":
		return &usageError{what: "DIR is empty", hint: unsetVariable}
	case err != nil:
		return &usageError{what: err.Error(), hint: "name the folder that the other program writes into"}
	case !info.IsDir():
		return &usageError{what: c.Dir + " is not a folder", hint: "to hand in one file: enqueue submit"}
	case c.Settle < 0 || c.Patience < 0 || c.Poll < 0:
		return &usageError{what: "a time must not be negative"}
	}
	return nil
}

func (c *watchCmd) run(ctx context.Context, p *program) error {
	log := serveLog(p)
	ignoreHangup(log, ".ksef.yaml and key files are reread")
	if err := p.trace(ctx, log); err != nil {
		return err
	}
	if err := p.mayTake(ctx); err != nil {
		return err
	}
	if err := c.apart(p); err != nil {
		return err
	}
	o, err := c.options(p)
	if err != nil {
		return err
	}
	fit := &fitness{program: p}
	o.Log, o.Fit = log, fit.now
	w, err := watch.New(o)
	if err != nil {
		return &usageError{what: fmt.Sprintf("%s: %v", c.Dir, err)}
	}
	defer w.Close() // nothing is buffered
	watching, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); fit.watch(watching, log) }()
	defer func() { stop(); <-ended }()
	if !c.Once {
		return w.Run(ctx)
	}
	waiting, err := w.RunOnce(ctx)
	if err != nil {
		return err
	}
	return c.summary(p, w.Decided, waiting)
}

// apart refuses a folder that shares files with another folder of this program. Otherwise the watch
// would hand in results and archived documents, and take them out of that other folder.
func (c *watchCmd) apart(p *program) error {
	watched, err := realPath(c.Dir)
	if err != nil {
		return &usageError{what: err.Error()}
	}
	type place struct{ setting, path string }
	others := []place{
		{"archive.url", p.cfg.Archive.Folder()},
		{"packages.spool_dir", p.cfg.Packages.SpoolDir},
		{"intake.http.temp_dir", p.cfg.Intake.HTTP.TempDir},
	}
	for _, f := range p.cfg.Results.AllFolders() {
		others = append(others, place{p.cfg.Results.Setting(f.Name) + ".path", f.Path})
	}
	for _, other := range others {
		if other.path == "" {
			continue
		}
		path, err := realPath(other.path)
		if err == nil && (within(path, watched) || within(watched, path)) {
			return &usageError{
				what: fmt.Sprintf("%s and %s (%s) are one folder, or one is inside the other", c.Dir, other.setting, other.path),
				hint: "watch a folder that nothing else uses"}
		}
	}
	return nil
}

// realPath returns an absolute path without links, as far as the path exists.
func realPath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	for rest := ""; ; {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			return filepath.Join(real, rest), nil
		}
		parent := filepath.Dir(path)
		if parent == path {
			return filepath.Join(path, rest), nil
		}
		path, rest = parent, filepath.Join(filepath.Base(path), rest)
	}
}

// within reports whether a path is a folder or inside it.
func within(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

func (c *watchCmd) options(p *program) (watch.Options, error) {
	documents, err := p.base.Documents()
	if err != nil {
		return watch.Options{}, err
	}
	admitter := p.base.Admitter()
	admitter.NamedBy = intake.BySettings
	kept := &records.Reader{Store: p.base.Store, Unread: p.sayUnusable}
	o := watch.Options{
		Dir: c.Dir, Admitter: admitter, Entries: p.base.Ledger,
		Receipt: func(ctx context.Context, r results.Result) ([]byte, error) {
			receipt, err := kept.ReceiptOf(ctx, r)
			if errors.Is(err, records.ErrNoReceipt) {
				return nil, nil
			}
			return receipt.Raw, err
		},
		Generate: func(ctx context.Context, tenant string, faktura []byte) ([]byte, error) {
			return intake.FromFaktura(ctx, documents, admitter.Accounts, tenant, faktura, p.cfg.LargestInvoice())
		},
		Sender: func(tenant string, faktura []byte) string {
			return intake.FakturaSender(admitter.Accounts, tenant, faktura)
		},
		Environment: string(p.cfg.Environment), Tenants: admitter.Accounts, MaxDocument: p.cfg.LargestInvoice(),
		Settle: c.Settle, Patience: c.Patience, Poll: c.Poll, Now: time.Now,
	}
	if p.cfg.Ledger.Refusals > 0 {
		o.Record, o.Owner = p.base.Ledger, p.owner
	}
	return o, nil
}

// summary prints how many files had which outcome. The exit code is 3 unless all are accepted.
func (c *watchCmd) summary(p *program, decided map[string]int, waiting int) error {
	var parts []string
	some := waiting > 0
	for _, place := range []string{"accepted", "rejected", "refused", "parked", "dismissed"} {
		if n := decided[place]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, place))
			some = some || place != "accepted"
		}
	}
	if waiting > 0 {
		parts = append(parts, fmt.Sprintf("%d waiting (see ksef-waiting.txt)", waiting))
	}
	if len(parts) == 0 {
		parts = []string{"nothing was there"}
	}
	p.say("%s", strings.Join(parts, ", "))
	if some {
		return errSome
	}
	return nil
}
