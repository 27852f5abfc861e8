package invoice_test

import (
	"fmt"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/sample"
)

func ExampleParse() {
	doc := sample.Invoice(sample.Options{Number: "FV/2026/11/1", IssueDate: "2026-11-23"})
	h, err := invoice.Parse(doc)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(h.SellerNIP, h.Kind, h.Number, h.IssueDate, h.Form, h.Form.Version(), h.Attachment)
	// Output: 5265877635 VAT FV/2026/11/1 2026-11-23 FA (3) v3 false
}

func ExampleCheck() {
	h, err := invoice.Parse(sample.Bad(sample.FutureDate, sample.Options{}))
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	fmt.Println(invoice.Check(h, now, invoice.CheckOptions{CheckNIPs: true}))
	// Output: field P_1: must not be later than today (2026-11-23 Europe/Warsaw): got "2049-12-31" at line 44, column 3; KSeF refuses an invoice with a future date: send it on that date
}

func ExampleParseKsefNumber() {
	n, err := invoice.ParseKsefNumber("5265877635-20250826-010000-1AF629-AF")
	fmt.Println(n.SellerNIP, n.Date, n.Canonical(), err)
	_, err = invoice.ParseKsefNumber("5265877635-20250826-0100001AF629-AE")
	fmt.Println(err)
	// Output:
	// 5265877635 2025-08-26 5265877635-20250826-0100001AF629-AF <nil>
	// parse KSeF number "5265877635-20250826-0100001AF629-AE": its checksum must be AF
}

func ExampleVerificationURL() {
	h, err := invoice.Parse(sample.Invoice(sample.Options{IssueDate: "2026-11-23"}))
	if err != nil {
		fmt.Println(err)
		return
	}
	link, err := invoice.VerificationURL("test", h.SellerNIP, h.IssueDate, h.Hash)
	fmt.Println(link[:61], err)
	// Output: https://qr-test.ksef.mf.gov.pl/invoice/5265877635/23-11-2026/ <nil>
}

func ExampleLegalDeadline() {
	for _, issued := range []string{"2026-11-23", "2026-12-23"} {
		soft, _ := invoice.SoftDeadline(issued)
		legal, _ := invoice.LegalDeadline(issued)
		fmt.Println(issued, soft, legal)
	}
	// Output:
	// 2026-11-23 2026-11-24 00:00:00 +0100 CET 2026-11-25 00:00:00 +0100 CET
	// 2026-12-23 2026-12-24 00:00:00 +0100 CET 2026-12-29 00:00:00 +0100 CET
}
