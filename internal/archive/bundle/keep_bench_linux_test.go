package bundle_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"ksefworker/internal/archive"
	"ksefworker/internal/archive/archivetest"
	"ksefworker/internal/archive/bundle"
)

// BenchmarkKeep10000 archives a package of 10,000 invoices of 8 KB and measures time, CPU and disk
// space. It does so in both layouts, in a folder and in a bucket that needs 10 ms for each request.
// An iteration ends when all invoices are durable.
func BenchmarkKeep10000(b *testing.B) {
	all := invoicesOf("bench", 10_000, 8<<10)
	for _, where := range []struct {
		name string
		open func(b *testing.B) archive.Store
	}{
		{"folder", func(b *testing.B) archive.Store { return open(b, "file://"+b.TempDir()) }},
		{"bucket10ms", func(b *testing.B) archive.Store { return open(b, slowBucket(b).In("kept")) }},
	} {
		for _, layout := range []struct {
			name string
			keep func(context.Context, archive.Store, []bundle.Invoice) error
		}{{"files", keepFiles}, {"packages", keepBundles}} {
			b.Run(where.name+"/"+layout.name, func(b *testing.B) {
				var last archive.Store
				before := cpu(b)
				for range b.N {
					b.StopTimer()
					s := where.open(b)
					last = s
					b.StartTimer()
					if err := layout.keep(b.Context(), s, all); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(len(all)*b.N)/b.Elapsed().Seconds(), "invoices/s")
				b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/package")
				b.ReportMetric(0, "ns/op")
				// The CPU time of this process, which also runs the bucket's service. It hardly
				// changes when the machine is busy.
				b.ReportMetric((cpu(b)-before).Seconds()/float64(b.N), "cpu-s/package")
				if dir, ok := strings.CutPrefix(strings.TrimSuffix(last.URL("x"), "/x"), "file://"); ok {
					b.ReportMetric(float64(stored(b, dir))/float64(len(all)), "B/invoice")
				}
			})
		}
	}
}

// stored returns the total size of all files, each rounded up to blocks of 4 KB as on a disk.
func stored(b *testing.B, dir string) (sum int64) {
	b.Helper()
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			sum += (info.Size() + 4095) / 4096 * 4096
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return sum
}

func cpu(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func slowBucket(b *testing.B) *archivetest.S3 {
	s := archivetest.NewS3(b, "honoured")
	s.Intercept = func(http.ResponseWriter, string, string) bool {
		time.Sleep(10 * time.Millisecond)
		return false
	}
	return s
}

// keepFiles archives each invoice in files of its own, as a worker does when archive.layout is
// "files".
func keepFiles(ctx context.Context, s archive.Store, all []bundle.Invoice) error {
	for some := range slices.Chunk(all, 256) {
		var g errgroup.Group
		g.SetLimit(8)
		for _, inv := range some {
			g.Go(func() error {
				if err := s.Put(ctx, archive.InvoiceName(nip, month, inv.ID), inv.Document, "application/xml"); err != nil {
					return err
				}
				var indented bytes.Buffer
				if err := json.Indent(&indented, inv.Result, "", "  "); err != nil {
					return err
				}
				return s.Replace(ctx, archive.ResultName(nip, month, inv.ID), indented.Bytes(), "application/json")
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
		if err := s.Flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

func keepBundles(ctx context.Context, s archive.Store, all []bundle.Invoice) error {
	for some := range slices.Chunk(all, 1024) {
		if _, err := keep(ctx, s, "2026-11-26", "bench", some); err != nil {
			return err
		}
	}
	return nil
}
