package app_test

import (
	"fmt"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// document makes a valid document as the options say, dated today.
func document(o sample.Options) intake.Document {
	o.IssueDate = invoice.Today(time.Now())
	return intake.Document{File: o.Number + ".xml", Data: sample.Invoice(o)}
}

// good makes n valid documents of a seller, dated today.
func good(nip string, n int) []intake.Document {
	var docs []intake.Document
	for name, data := range sample.Invoices(nip, n, invoice.Today(time.Now())) {
		docs = append(docs, intake.Document{File: name, Data: data})
	}
	return docs
}

// bad makes a document with a flaw. KSeF rejects the document if the flaw is declared after
// sample.TooBigForItsKind. Such a document breaks the schema, which pool.admit does not check.
func bad(nip string, flaw sample.Flaw, number string) intake.Document {
	data := sample.Bad(flaw, sample.Options{SellerNIP: nip, Number: number, IssueDate: invoice.Today(time.Now())})
	return intake.Document{File: number + ".xml", Data: data}
}

// numbered makes n valid documents of a number series.
func numbered(nip, series string, n int) []intake.Document {
	var docs []intake.Document
	for i := range n {
		docs = append(docs, document(sample.Options{SellerNIP: nip, Number: fmt.Sprintf("%s/%d", series, i)}))
	}
	return docs
}

// admitBoth hands in documents of one number series. express and bulk say how many of them go to
// each lane.
func (p *pool) admitBoth(nip, series string, express, bulk int) []intake.Admission {
	p.t.Helper()
	taken := p.admit(intake.Terms{Lane: ledger.Express}, numbered(nip, series+"/E", express)...)
	return append(taken, p.admit(intake.Terms{Lane: ledger.Bulk}, numbered(nip, series+"/B", bulk)...)...)
}
