package main

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"time"

	"ksefworker/internal/intake"
)

// checkSource checks the arguments that say where documents come from and what they are called.
func (c *submitCmd) checkSource() error {
	switch {
	case c.Manifest == "" && len(c.Paths) == 0:
		return &usageError{what: "no PATH is given", hint: "name a file, a folder, a .zip or -; or a manifest with --manifest"}
	case c.Manifest != "" && len(c.Paths) > 0:
		return &usageError{what: "--manifest cannot be combined with PATHs", hint: "put the files into the manifest, or leave it out"}
	case c.Manifest != "" && (c.Lane != "" || c.Offline || c.Deadline != "" || c.Tenant != "" || c.Ref != "" || c.Corrects != ""):
		return &usageError{what: "--manifest cannot be combined with --lane, --offline, --deadline, --tenant, --corrects or --ref",
			hint: "each line of the manifest has its own"}
	case c.Ref == "":
		return nil
	case len(c.Paths) != 1:
		return &usageError{what: "--ref needs exactly one PATH", hint: "a ref belongs to one invoice; --manifest gives many"}
	}
	if err := intake.CheckRef(c.Ref); err != nil {
		return &usageError{what: "--" + err.Error()[len("field "):]}
	}
	return nil
}

// items returns the documents to hand in. done ends the reading.
func (c *submitCmd) items(ctx context.Context, p *program) (items iter.Seq[intake.Item], done func(), err error) {
	if c.Manifest == "" {
		items = intake.Read(ctx, c.Paths, intake.Options{Stdin: p.in, MaxDocument: p.cfg.LargestInvoice(),
			Left: func(l intake.Left) { c.left = append(c.left, l) }})
		if c.Ref != "" {
			items = withRef(items, c.Ref)
		}
		return items, func() {}, nil
	}
	m := &intake.Manifest{Name: c.Manifest, MaxDocument: p.cfg.LargestInvoice(), Now: time.Now(),
		Tenants: p.base.Admitter().Accounts}
	if c.Manifest == "-" {
		return m.Read(ctx, p.in), func() {}, nil
	}
	m.Dir = filepath.Dir(c.Manifest)
	f, err := os.Open(c.Manifest)
	if err != nil {
		return nil, nil, &usageError{what: "--manifest: " + err.Error(), hint: "check the name"}
	}
	return m.Read(ctx, io.Reader(f)), func() { _ = f.Close() }, nil
}

var errSeveral = errors.New("--ref belongs to one invoice, and this path holds several")

// withRef gives the ref to the only document of items. When there are several, none is handed in.
func withRef(items iter.Seq[intake.Item], ref string) iter.Seq[intake.Item] {
	return func(yield func(intake.Item) bool) {
		var first *intake.Item
		several := false
		for it := range items {
			if first == nil {
				it.Ref = ref
				first = &it
				continue
			}
			several = true
			break
		}
		if first == nil {
			return
		}
		if several {
			*first = intake.Item{File: first.File, Ref: ref, Err: &intake.Problem{What: errSeveral.Error(),
				Hint: "hand the files in one by one, or by --manifest", Path: true}}
		}
		yield(*first)
	}
}
