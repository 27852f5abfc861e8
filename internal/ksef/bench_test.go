package ksef_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"ksefworker/internal/ksef"
)

func BenchmarkEncrypter(b *testing.B) {
	for _, size := range []int{4 << 10, 32 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("writes of %d KiB", size>>10), func(b *testing.B) {
			w := sessionKey(b).Encrypter(io.Discard)
			piece := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := w.Write(piece); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSessionInvoices(b *testing.B) {
	const count = 10_000
	var list strings.Builder
	list.WriteString(`{"invoices":[`)
	for i := range count {
		if i > 0 {
			list.WriteByte(',')
		}
		fmt.Fprintf(&list, `{"status":{"code":200,"description":"Sukces"},"ordinal":%d,"invoiceNumber":"FV/2026/09/%06d","ksefNumber":"5265877635-20260914-0100001AF629-AF",`+
			`"acquisitionDate":"2026-09-14T08:30:00.123+02:00","permanentStorageDate":"2026-09-14T08:31:00.456+02:00","invoicingMode":"online"}`, i+1, i+1)
	}
	list.WriteString(`]}`)
	o := options("http://gateway.test")
	o.Transport = canned{200, "application/json", []byte(list.String())}
	c, err := ksef.New(o)
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

func BenchmarkSeal(b *testing.B) {
	key := sessionKey(b)
	invoice := bytes.Repeat([]byte("x"), 8<<10)
	b.SetBytes(int64(len(invoice)))
	b.ReportAllocs()
	for b.Loop() {
		ksef.Seal("s", key, invoice)
	}
}
