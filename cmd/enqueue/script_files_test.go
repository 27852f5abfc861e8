package main

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"ksefworker/internal/sample"
)

// sample FILE [flaw=NAME] [number=N] [nip=N|stranger] [date=D] [lines=N] [seed=N] writes one
// invoice.
func scriptSample(ts *testscript.TestScript, _ bool, args []string) {
	o, flaw := sample.Options{IssueDate: "2026-01-05"}, sample.Flaw(-1)
	for _, a := range args[1:] {
		name, value, _ := strings.Cut(a, "=")
		switch name {
		case "flaw":
			for _, f := range sample.Flaws() {
				if f.String() == value {
					flaw = f
				}
			}
			if flaw < 0 {
				ts.Fatalf("no flaw %q", value)
			}
		case "number":
			o.Number = value
		case "nip":
			if o.SellerNIP = value; value == "stranger" {
				o.SellerNIP = sample.NIP(1)
			}
		case "date":
			o.IssueDate = value
		case "lines":
			n, err := strconv.Atoi(value)
			ts.Check(err)
			o.Lines = n
		case "seed":
			n, err := strconv.ParseUint(value, 10, 64)
			ts.Check(err)
			o.Seed = n
		default:
			ts.Fatalf("sample: unknown argument %q", a)
		}
	}
	write(ts, args[0], sample.Bad(flaw, o))
}

// samples DIR N writes N good invoices.
func scriptSamples(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	for name, doc := range sample.Invoices(sample.NIP(0), n, "") {
		write(ts, filepath.Join(args[0], name), doc)
	}
}

// big FILE NUMBER BYTES writes an invoice of slightly more than BYTES bytes, without an attachment.
func scriptBig(ts *testscript.TestScript, _ bool, args []string) {
	size, err := strconv.Atoi(args[2])
	ts.Check(err)
	doc := sample.Invoice(sample.Options{IssueDate: "2026-01-05", Number: args[1]})
	pad := "<!--" + strings.Repeat("x", size-len(doc)) + "-->"
	write(ts, args[0], bytes.Replace(doc, []byte("<Fa>"), []byte(pad+"<Fa>"), 1))
}

// evil DIR writes invoices under names with control characters.
func scriptEvil(ts *testscript.TestScript, _ bool, args []string) {
	for i, name := range []string{"\x1b]0;owned\x07.xml", "a\u202elmx.xml", "b\u009b2J.xml", "c\xff.xml"} {
		write(ts, filepath.Join(args[0], name), sample.Invoice(sample.Options{Number: "H/" + strconv.Itoa(i+1)}))
	}
	write(ts, filepath.Join(args[0], "\x1b[2Jbad.xml"), sample.Bad(sample.NotXML, sample.Options{}))
}

// reexport FILE OUT OLD=NEW… writes the invoice in FILE to OUT with some of its text replaced, like
// a second export of the same invoice.
func scriptReexport(ts *testscript.TestScript, _ bool, args []string) {
	doc := ts.ReadFile(args[0])
	for _, a := range args[2:] {
		old, by, _ := strings.Cut(a, "=")
		if !strings.Contains(doc, old) {
			ts.Fatalf("%s does not hold %q", args[0], old)
		}
		doc = strings.ReplaceAll(doc, old, by)
	}
	write(ts, args[1], []byte(doc))
}

// zip OUT [NAME=FILE]… writes an archive whose entries have exactly these names.
func scriptZip(ts *testscript.TestScript, _ bool, args []string) {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, a := range args[1:] {
		name, file, _ := strings.Cut(a, "=")
		w, err := z.Create(name)
		ts.Check(err)
		_, err = w.Write([]byte(ts.ReadFile(file)))
		ts.Check(err)
	}
	ts.Check(z.Close())
	write(ts, args[0], buf.Bytes())
}

// zipbomb OUT writes an archive of a few kilobytes with an entry of 20 MB.
func scriptZipBomb(ts *testscript.TestScript, _ bool, args []string) {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	w, err := z.Create("bomb.xml")
	ts.Check(err)
	zeros := make([]byte, 1<<20)
	for range 20 {
		_, err := w.Write(zeros)
		ts.Check(err)
	}
	ts.Check(z.Close())
	write(ts, args[0], buf.Bytes())
}

func write(ts *testscript.TestScript, name string, data []byte) {
	path := ts.MkAbs(name)
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	ts.Check(os.WriteFile(path, data, 0o644))
}
