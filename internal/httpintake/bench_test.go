package httpintake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ksefworker/internal/intake"
)

// BenchmarkIntake compares intake over HTTP with intake by enqueue submit. The case submit reads
// the same archives as the case zip10000. Callers and server are in one process. Every case reports
// invoices a second.
func BenchmarkIntake(b *testing.B) {
	for _, c := range []struct {
		name       string
		documents  int // in one call
		concurrent int
		media      string
		body       func(b *testing.B, call, documents int) []byte
	}{
		{"single", 1, 32, "application/xml", benchXML},
		{"json100", 100, 8, "application/json", benchJSON},
		{"json100escaped", 100, 8, "application/json", benchEscaped},
		{"json100base64", 100, 8, "application/json", benchBase64},
		{"zip10000", 10_000, 2, "application/zip", benchZIP},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := newBench(b, func(o *Options) {
				o.Limits.Body, o.Limits.Documents = 512<<20, 10_000
			})
			transport := &http.Transport{MaxIdleConnsPerHost: c.concurrent}
			client := &http.Client{Transport: transport}
			defer transport.CloseIdleConnections()
			bodies := make([][]byte, b.N)
			for n := range bodies {
				bodies[n] = c.body(b, n, c.documents)
			}
			took := make([]time.Duration, b.N)
			var next atomic.Int64
			var callers sync.WaitGroup
			b.ResetTimer()
			for range c.concurrent {
				callers.Go(func() {
					for n := int(next.Add(1)) - 1; n < b.N; n = int(next.Add(1)) - 1 {
						start := time.Now()
						r, err := http.NewRequestWithContext(b.Context(), "POST", s.url+"/v1/invoices", bytes.NewReader(bodies[n]))
						if err != nil {
							b.Error(err)
							return
						}
						r.Header.Set("Authorization", "Bearer "+keyOne)
						r.Header.Set("Content-Type", c.media)
						resp, err := client.Do(r)
						if err != nil {
							b.Error(err)
							return
						}
						var sink bytes.Buffer
						_, _ = sink.ReadFrom(resp.Body)
						_ = resp.Body.Close()
						if resp.StatusCode != http.StatusAccepted {
							b.Errorf("a call was answered with status %d: %.300s", resp.StatusCode, sink.String())
							return
						}
						took[n] = time.Since(start)
					}
				})
			}
			callers.Wait()
			b.StopTimer()
			slices.Sort(took)
			b.ReportMetric(float64(b.N*c.documents)/b.Elapsed().Seconds(), "invoices/s")
			b.ReportMetric(float64(took[b.N/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[b.N*99/100].Microseconds())/1000, "p99-ms")
		})
	}
	b.Run("submit", func(b *testing.B) {
		s := newBench(b, nil)
		const documents = 10_000
		raws := make([][]byte, b.N)
		for n := range raws {
			raws[n] = benchZIP(b, n, documents)
		}
		b.ResetTimer()
		for _, raw := range raws {
			items := intake.ReadArchive(b.Context(), "night.zip", bytes.NewReader(raw), int64(len(raw)), intake.Options{})
			taken := 0
			if err := intake.Run(b.Context(), s.o.Admitter, items, intake.Terms{},
				func(a []intake.Admission) { taken += len(a) }); err != nil || taken != documents {
				b.Fatal(taken, err)
			}
		}
		b.ReportMetric(float64(b.N*documents)/b.Elapsed().Seconds(), "invoices/s")
	})
}

// benchXML returns the body of a call with one document. The number of the call is in the number of
// the invoice.
func benchXML(_ *testing.B, call, _ int) []byte { return xmlOf(0, fmt.Sprint("B/", call)) }

// benchJSON returns JSON as PHP, Python, Node and Java write it. Only the quotation marks and the
// line ends of a document are escaped.
func benchJSON(b *testing.B, call, documents int) []byte {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(map[string]any{"invoices": benchInvoices("xml", call, documents)}); err != nil {
		b.Fatal(err)
	}
	return body.Bytes()
}

// benchEscaped returns JSON as .NET and Go write it: each < and > of a document takes six bytes.
func benchEscaped(b *testing.B, call, documents int) []byte {
	return jsonOf(b, benchInvoices("xml", call, documents)...)
}

func benchBase64(b *testing.B, call, documents int) []byte {
	return jsonOf(b, benchInvoices("xml_base64", call, documents)...)
}

// benchInvoices returns the elements of a call with the documents in the given field.
func benchInvoices(field string, call, documents int) []map[string]any {
	all := make([]map[string]any, documents)
	for i := range all {
		document := xmlOf(0, fmt.Sprintf("B/%d/%d", call, i))
		all[i] = map[string]any{field: string(document), "ref": fmt.Sprintf("SO-%d-%d", call, i)}
		if field == "xml_base64" {
			all[i][field] = document // encoding/json writes bytes as Base64
		}
	}
	return all
}

func benchZIP(b *testing.B, call, documents int) []byte {
	files := make([]string, 0, 2*documents)
	for i := range documents {
		files = append(files, fmt.Sprintf("%d.xml", i), string(xmlOf(0, fmt.Sprintf("B/%d/%d", call, i))))
	}
	return zipOf(b, files...)
}
