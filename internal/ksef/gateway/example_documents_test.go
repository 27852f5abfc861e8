package gateway_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/gateway"
)

func ExampleClient_Invoice() {
	c, stop := connect()
	defer stop()
	ctx := context.Background()
	invoice := exampleInvoice("FV/1")
	_, info := accept(ctx, c, invoice)

	got, err := c.Invoice(ctx, info.KSeFNumber)
	fmt.Println(bytes.Equal(got, invoice), err)
	// Output: true <nil>
}

func ExampleClient_Validate() {
	c, stop := connect()
	defer stop()
	v, err := c.Validate(context.Background(), exampleInvoice("FV/1"))
	fmt.Println(v.Valid, v.InvoiceVersion, len(v.CanonicalForm) > 0, err)
	// Output: true v3 true <nil>
}

func ExampleClient_Generate() {
	c, stop := connect()
	defer stop()
	doc := json.RawMessage(`{"Naglowek":{"KodFormularza":"FA","WariantFormularza":3},
		"Fa":{"KodWaluty":"PLN","P_1":"2026-11-23","P_2":"FV/1"}}`)
	xml, err := c.Generate(context.Background(), doc)
	fmt.Println(bytes.Contains(xml, []byte("<P_2>FV/1</P_2>")), err)
	// Output: true <nil>
}

func ExampleClient_Links() {
	c, stop := connect()
	defer stop()
	hash := sha256.Sum256([]byte("an invoice"))
	links, err := c.Links(context.Background(), gateway.LinksRequest{NIP: "5265877635", IssueDate: "2026-11-23", InvoiceHash: hash[:]})
	fmt.Println(links.Invoice.Link, err)
	// Output: https://qr-test.ksef.mf.gov.pl/invoice/5265877635/23-11-2026/gngQ9lbYTfD0y40p6nUp_tO5k-Yb9VNCNZjZtcyX_8g <nil>
}

func ExampleClient_Visualize() {
	c, stop := connect()
	defer stop()
	pdf, err := c.Visualize(context.Background(), gateway.VisualizeRequest{
		InvoiceData: exampleInvoice("FV/1"), OutputFormat: gateway.PDF, OutputLanguage: gateway.Polish,
	})
	fmt.Printf("%s %v\n", pdf[:5], err)
	// Output: %PDF- <nil>
}

func ExampleClient_VisualizeUPO() {
	c, stop := connect()
	defer stop()
	ctx := context.Background()
	session, _ := accept(ctx, c, exampleInvoice("FV/1"))
	pdf, err := c.VisualizeUPO(
		ctx, gateway.VisualizeUPORequest{OutputLanguage: gateway.English, UPOData: must(c.SessionUPO(ctx, session))},
	)
	fmt.Printf("%s %v\n", pdf[:5], err)
	// Output: %PDF- <nil>
}

func ExampleClient_Metadata() {
	c, stop := connect()
	defer stop()
	ctx := context.Background()
	accept(ctx, c, exampleInvoice("FV/1"))

	page, err := c.Metadata(ctx, ksef.MetadataRequest{
		SubjectType: ksef.Subject1, Range: ksef.Between(exampleNow.Add(-time.Hour), exampleNow.Add(time.Hour)), PageSize: 100,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range page.Invoices {
		fmt.Println(m.InvoiceNumber, m.IssueDate.Format(time.DateOnly), m.Seller.Identifier, m.Currency, page.HasMore)
	}
	// Output: FV/1 2026-11-23 5265877635 PLN false
}

// To export invoices, start the export, ask until it is ready, fetch the parts and decrypt them.
func ExampleClient_QueryStart() {
	c, stop := connect()
	defer stop()
	ctx := context.Background()
	accept(ctx, c, exampleInvoice("FV/1"))

	key := must(ksef.NewSessionKey())
	id, err := c.QueryStart(ctx, gateway.QueryRequest{
		EncryptionInfo: must(key.Info(must(c.PublicKey(ctx)))),
		SubjectType:    ksef.Subject1,
		Range:          ksef.Between(exampleNow.Add(-time.Hour), exampleNow.Add(time.Hour)),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	var info gateway.QueryInfo
	ready(func() (err error) { info, err = c.QueryStatus(ctx, id); return err })
	fmt.Println(info.NumberOfInvoices, info.PartNumbers)

	var sealed bytes.Buffer
	must(c.QueryResult(ctx, id, info.PartNumbers[0], &sealed))
	zip := must(key.Decrypt(sealed.Bytes()))
	fmt.Printf("%q\n", zip[:2])
	// Output:
	// 1 [1]
	// "PK"
}

func ExampleClient_QueryStatus() {
	c, stop := connect()
	defer stop()
	_, err := c.QueryStatus(context.Background(), "no-such-query")
	fmt.Println(err != nil)
	// Output: true
}

func ExampleClient_QueryResult() {
	c, stop := connect()
	defer stop()
	var out bytes.Buffer
	n, err := c.QueryResult(context.Background(), "no-such-query", "1", &out)
	fmt.Println(n, out.Len(), err != nil) // nothing was written
	// Output: 0 0 true
}

func ExampleClient_BoxUploadInvoice() {
	c, stop := connect()
	defer stop()
	ctx := context.Background()
	invoice := gateway.BoxInvoiceRequest{UploadID: "erp-1", UPO: true, InvoiceData: exampleInvoice("FV/1")}
	fmt.Println(c.BoxUploadInvoice(ctx, invoice))
	fmt.Println(c.BoxUploadInvoice(ctx, invoice) != nil) // an id is used once
	// Output:
	// <nil>
	// true
}

func ExampleClient_BoxInvoice() {
	c, stop := connect()
	defer stop()
	ctx := context.Background()
	check(c.BoxUploadInvoice(ctx, gateway.BoxInvoiceRequest{UploadID: "erp-1", UPO: true, InvoiceData: exampleInvoice("FV/1")}))

	var got gateway.BoxInvoiceInfo
	ready(func() (err error) { got, err = c.BoxInvoice(ctx, "erp-1"); return err })
	fmt.Println(
		got.InvoiceInfo.Status.Code, got.InvoiceInfo.InvoiceNumber, got.SessionID != "",
		bytes.Contains(got.UPO, []byte(got.InvoiceInfo.KSeFNumber)),
	)
	// Output: 200 FV/1 true true
}

func ExampleClient_BoxUploadBatch() {
	c, stop := connect()
	defer stop()
	zip := zipped("FV/1", "FV/2")
	err := c.BoxUploadBatch(
		context.Background(), gateway.BoxBatchRequest{UploadID: "night-1", InvoiceVersion: ksef.FA3}, opener(zip),
		int64(len(zip)),
	)
	fmt.Println(err)
	// Output: <nil>
}

func ExampleClient_BoxBatch() {
	c, stop := connect()
	defer stop()
	ctx := context.Background()
	zip := zipped("FV/1", "FV/2")
	check(c.BoxUploadBatch(ctx, gateway.BoxBatchRequest{UploadID: "night-1", InvoiceVersion: ksef.FA3}, opener(zip), int64(len(zip))))

	var got gateway.BoxBatchInfo
	ready(func() (err error) { got, err = c.BoxBatch(ctx, "night-1"); return err })
	for _, i := range got.InvoiceInfo {
		fmt.Println(i.Status.Code, i.InvoiceNumber)
	}
	// Output:
	// 200 FV/1
	// 200 FV/2
}

func ExampleClient_BoxDownload() {
	c, stop := connect()
	defer stop()
	err := c.BoxDownload(context.Background(), gateway.BoxDownloadRequest{
		DownloadID: "autumn", SubjectType: ksef.Subject1, Range: ksef.Between(exampleNow.Add(-time.Hour), exampleNow),
	})
	fmt.Println(err)
	// Output: <nil>
}

func ExampleClient_BoxDownloaded() {
	c, stop := connect()
	defer stop()
	ctx := context.Background()
	accept(ctx, c, exampleInvoice("FV/1"))
	check(c.BoxDownload(ctx, gateway.BoxDownloadRequest{
		DownloadID: "autumn", SubjectType: ksef.Subject1, Range: ksef.Between(exampleNow.Add(-time.Hour), exampleNow.Add(time.Hour)),
	}))

	var zip bytes.Buffer // use a file for more than a few invoices
	ready(func() error { zip.Reset(); _, err := c.BoxDownloaded(ctx, "autumn", &zip); return err })
	fmt.Printf("%q\n", zip.Bytes()[:2])
	// Output: "PK"
}
