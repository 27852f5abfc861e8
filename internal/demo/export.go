package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/sample"
	"ksefworker/internal/shell"
)

// The size of the demo: a small export of one night.
const (
	demoInvoices = 300
	demoExpress  = 3 // how many of the invoices go by the express lane
	demoTenants  = 2
	// The rejected invoices are sound as far as anybody can tell without KSeF, but the simulator is
	// told to reject them.
	demoRejected   = 2
	rejectedNumber = "REJECTED/" // how the numbers of the rejected invoices begin
)

// handIn writes the sample files and hands them in as an ERP system would.
func (d *demo) handIn(ctx context.Context) error {
	today := invoice.Today(time.Now())
	express, folder := filepath.Join("export", "urgent"), filepath.Join("export", "night")
	flaws := sample.Flaws()
	good := demoInvoices - len(flaws) - demoRejected
	n := 0
	for t := range demoTenants {
		nip := sample.NIP(t)
		for name, doc := range sample.Invoices(nip, (good+1-t)/demoTenants, today) {
			to := folder
			if n < demoExpress {
				to = express
			}
			if err := writeFile(filepath.Join(d.dir, to, nip, name), doc); err != nil {
				return err
			}
			n++
		}
	}
	for i, flaw := range flaws {
		o := sample.Options{SellerNIP: sample.NIP(i % demoTenants), Number: fmt.Sprintf("BAD/%d", i+1), IssueDate: today, Seed: uint64(i)}
		path := filepath.Join(d.dir, folder, "bad", fmt.Sprintf("%02d-%s.xml", i+1, flaw))
		if err := writeFile(path, sample.Bad(flaw, o)); err != nil {
			return err
		}
	}
	for i := range demoRejected {
		o := sample.Options{
			SellerNIP: sample.NIP(i % demoTenants), Number: rejectedNumber + strconv.Itoa(i+1), IssueDate: today,
			Seed: uint64(i),
		}
		path := filepath.Join(d.dir, folder, "bad", fmt.Sprintf("%02d-rejected-by-ksef.xml", len(flaws)+i+1))
		if err := writeFile(path, sample.Invoice(o)); err != nil {
			return err
		}
	}
	fmt.Fprintf(d.out, "export      %d invoices of two tenants, %d of them with a fault, in %s\n\n",
		demoInvoices, len(flaws)+demoRejected, filepath.Join(d.dir, "export"))
	if err := d.runEnqueue(ctx, "submit", "--lane", "express", express); err != nil {
		return err
	}
	return d.runEnqueue(ctx, "submit", "--wait=receipt", "--timeout", "2m", express, folder)
}

func writeFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write a sample: %w", err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return fmt.Errorf("write a sample: %w", err)
	}
	return nil
}

// runEnqueue runs the enqueue program. Exit code 3 (some refused or rejected) is not an error here,
// because the demo hands in invoices with faults.
func (d *demo) runEnqueue(ctx context.Context, args ...string) error {
	fmt.Fprintf(d.out, "$ %s\n", shell.Enqueue{}.Call(args[0], args[1:]...)) // so that it can be copied
	cmd := exec.CommandContext(ctx, d.enqueue, append(slices.Clone(args), "--config", d.config)...)
	cmd.Dir = d.dir
	cmd.Stdout, cmd.Stderr, cmd.Env = d.out, d.err, []string{"TERM=" + os.Getenv("TERM")}
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 3 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("run enqueue: %w", err)
	}
	return nil
}
