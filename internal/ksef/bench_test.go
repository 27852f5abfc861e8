package ksef_test

import (
	"bytes"
	"fmt"
	"io"
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

func BenchmarkSeal(b *testing.B) {
	key := sessionKey(b)
	invoice := bytes.Repeat([]byte("x"), 8<<10)
	b.SetBytes(int64(len(invoice)))
	b.ReportAllocs()
	for b.Loop() {
		ksef.Seal("s", key, invoice)
	}
}
