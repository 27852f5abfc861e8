package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ksefworker/config"
	"ksefworker/internal/connect"
	"ksefworker/internal/plural"
	"ksefworker/internal/proof"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
)

type proofCmd struct {
	Out  string `help:"${proof_out}" placeholder:"FILE"`
	Name string `arg:"" name:"ID|P_2|KSEF_NUMBER" help:"The id, number or KSeF number of an invoice."`
}

// opensItself implements [standalone], because the archive is enough.
func (c *proofCmd) opensItself() {}

func (c *proofCmd) check() error {
	if strings.TrimSpace(c.Name) == "" {
		return &usageError{what: "the name is empty", hint: unsetVariable}
	}
	return nil
}

func (c *proofCmd) run(ctx context.Context, p *program) error {
	reader, done, err := p.records(ctx)
	if err != nil {
		return err
	}
	defer done()
	var damaged []string
	reader.Unread = func(name string, err error) {
		p.sayUnusable(name, err)
		if !errors.Is(err, records.ErrSoundCopy) {
			damaged = append(damaged, name)
		}
	}
	found, did, err := reader.FindWithin(ctx, c.Name, records.Within{})
	if err != nil {
		return err
	}
	lost, err := tellAttested(p, "", did.Attested, found, nil)
	if err != nil {
		return err
	}
	if len(damaged) > 0 && !lost && len(found) == 0 {
		p.say("%s: what cannot be used may have it, see above", c.Name)
		return errSome
	}
	switch len(found) {
	case 0:
		if !lost {
			p.say("%s: the archive has no invoice of this id, number or KSeF number; an invoice comes there when it is decided", c.Name)
		}
		return errSome
	case 1:
	default:
		return &usageError{what: "several invoices have number " + c.Name, hint: "name the id: " + idsOf(found)}
	}
	evidence := proof.Evidence{Result: found[0], Made: time.Now()}
	evidence.Document, err = reader.Document(ctx, found[0])
	if err == nil || records.Missing(err) {
		p.sayMissing(err)
		evidence.UPO, err = reader.ReceiptOf(ctx, found[0])
	}
	if err != nil && !records.Missing(err) {
		return err
	}
	p.sayMissing(err)
	out := cmp.Or(c.Out, "dowod-"+cmp.Or(found[0].KsefNumber, found[0].ID)+".zip")
	if err := writeWhole(out, func(f *os.File) error { return proof.Write(f, evidence) }); err != nil {
		return err
	}
	p.out.println(out)
	findings := evidence.Findings()
	for _, f := range findings {
		mark := "ok  "
		if !f.OK {
			mark = "NO  "
		}
		p.out.println("  " + mark + f.What)
	}
	another := mayLack(c.Name, found, damaged)
	if another {
		p.say("%s: this is one invoice with the number; the objects that cannot be read (see above) may have another", c.Name)
	}
	if !proof.Holds(findings) {
		p.say("the proof is not whole: see the lines marked NO")
		return errSome
	}
	if lost || another {
		return errSome
	}
	return nil
}

// sayMissing says what the proof lacks.
func (p *program) sayMissing(err error) {
	if err != nil {
		p.say("%v", err)
	}
}

func idsOf(found []results.Result) string {
	ids := make([]string, len(found))
	for i := range found {
		ids[i] = found[i].ID
	}
	return strings.Join(ids, " ")
}

// records opens the archive alone. done closes it.
func (p *program) records(ctx context.Context) (reader *records.Reader, done func(), err error) {
	if err := p.load(p.config); err != nil {
		return nil, nil, err
	}
	store, err := connect.OpenArchive(ctx, p.cfg)
	if err != nil {
		if _, ok := errors.AsType[*config.FieldError](err); ok {
			return nil, nil, asUsage(err)
		}
		return nil, nil, err
	}
	return p.telling(&records.Reader{Store: store}), func() { _ = store.Close() }, nil // it was only read
}

// telling makes a reader of an archive say what it cannot use, and what it cannot know.
func (p *program) telling(r *records.Reader) *records.Reader {
	r.Unread = p.sayUnusable
	r.Unsure = func(receipt string, lacking int) {
		p.say("%s lists %s the archive does not have, and only recovered invoices name this receipt: "+
			"either another program sent that session, or this one did and their package is lost; hand them in again to have them here",
			receipt, plural.Of(lacking, "invoice that", "invoices that"))
	}
	return r
}

// sayUnusable says which object of the archive is damaged. The others are used.
func (p *program) sayUnusable(name string, err error) {
	p.say("%s in the archive cannot be used: %v", name, err)
}

// writeWhole writes a file completely or not at all. Only its owner may read the file, because it
// has content of invoices.
func writeWhole(name string, write func(*os.File) error) error {
	failed := func(err error) error {
		return &usageError{what: fmt.Sprintf("write %s: %v", name, err), hint: "name another file or folder"}
	}
	// A rename would replace a link, a pipe or a device, such as /dev/null.
	if _, err := os.Lstat(name); err == nil {
		real, err := filepath.EvalSymlinks(name)
		if err != nil {
			return failed(err)
		}
		if info, err := os.Stat(real); err != nil || !info.Mode().IsRegular() {
			return failed(cmp.Or(err, errors.New("it is not a regular file")))
		}
		name = real
	}
	if root, err := os.OpenRoot(filepath.Dir(name)); err == nil { // if not, nothing is removed there
		defer root.Close()
		_, release := holdFolder(root)
		defer release()
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".enqueue-*")
	if err != nil {
		return failed(err)
	}
	defer os.Remove(f.Name()) // when it was renamed, there is nothing to remove
	if err = errors.Join(write(f), f.Close()); err != nil {
		return failed(err)
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return failed(err)
	}
	return nil
}
