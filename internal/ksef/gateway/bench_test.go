package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"ksefworker/internal/ksef/gateway"
)

func BenchmarkSessionInvoices(b *testing.B) {
	const count = 10_000
	var list strings.Builder
	list.WriteString(`{"invoices":[`)
	for i := range count {
		if i > 0 {
			list.WriteByte(',')
		}
		fmt.Fprintf(&list, `{"status":{"code":200,"description":"Sukces"},"ordinal":%d,"invoiceNumber":"FV/2026/09/%06d",`+
			`"ksefNumber":"5265877635-20260914-0100001AF629-AF","acquisitionDate":"2026-09-14T08:30:00.123+02:00",`+
			`"permanentStorageDate":"2026-09-14T08:31:00.456+02:00","invoicingMode":"online"}`, i+1, i+1)
	}
	list.WriteString(`]}`)
	o := options("http://gateway.test")
	o.Transport = canned{200, "application/json", []byte(list.String())}
	c, err := gateway.New(o)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(list.Len()))
	b.ReportAllocs()
	for b.Loop() {
		got, err := c.SessionInvoices(context.Background(), "s")
		if err != nil || len(got) != count {
			b.Fatal(len(got), err)
		}
	}
}
