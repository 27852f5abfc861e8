package tracing_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"ksefworker/internal/tracing"
	"ksefworker/internal/tracing/tracetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, environ ...string) (*tracing.Tracer, *strings.Builder) {
	t.Helper()
	var log strings.Builder
	tr, err := tracing.Open(t.Context(), tracing.Options{
		Environ: environ, Service: "ksef-worker", Version: "v1", Log: zerolog.New(&log)})
	if err != nil {
		t.Fatal(err)
	}
	return tr, &log
}

func closed(t testing.TB, tr *tracing.Tracer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := tr.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestOpen_NoCollector_StartsNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, environ := range [][]string{
		nil,
		{"OTEL_EXPORTER_OTLP_ENDPOINT="},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_SDK_DISABLED=TRUE"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "OTEL_TRACES_EXPORTER=none"},
	} {
		tr, _ := open(t, environ...)
		if tr != nil {
			t.Errorf("with %q an exporter is opened, want none", environ)
		}
		ctx, span := tr.Start(t.Context(), "inv-1", "task")
		if _, child := tracing.Child(ctx, "request"); span.IsRecording() || child.IsRecording() || tracing.Recording(ctx) {
			t.Error("without a collector something is recorded")
		}
		tr.Taken(ctx, tracing.Change{Invoice: "inv-1"})
		if err := tr.Close(t.Context()); err != nil || tr.Stats() != (tracing.Stats{}) {
			t.Errorf("Close returns %v, and the statistics are %+v; want nil and zeros", err, tr.Stats())
		}
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("there are %d goroutines, want at most the %d that there were before", n, before)
	}
}

func TestOpen_VariableThatCannotBeUsed_IsRefusedWithAReason(t *testing.T) {
	for _, row := range []struct{ set, want string }{
		{"OTEL_EXPORTER_OTLP_PROTOCOL=grpc", `OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" is not supported: this program sends http/protobuf`},
		{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/json", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"},
		{"OTEL_TRACES_EXPORTER=zipkin", "use otlp, or none for no traces"},
		{"OTEL_TRACES_SAMPLER=half", "parentbased_traceidratio"},
		{"OTEL_BSP_MAX_QUEUE_SIZE=many", "not a number of spans"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=localhost:4318", "give http://host:4318"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=http://me:hush@localhost:4318", "OTEL_EXPORTER_OTLP_HEADERS"},
		{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=ftp://localhost", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"},
	} {
		_, err := tracing.Open(t.Context(), tracing.Options{Environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", row.set}})
		var fault *tracing.EnvironmentError
		if !errors.As(err, &fault) || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("with %s the error is %v, want an EnvironmentError that contains %q and no password", row.set, err, row.want)
		}
	}
	for _, arg := range []string{"2", "-1", "x"} {
		_, err := tracing.Open(t.Context(), tracing.Options{Environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1",
			"OTEL_TRACES_SAMPLER=traceidratio", "OTEL_TRACES_SAMPLER_ARG=" + arg}})
		if err == nil {
			t.Errorf("a sampler with the share %s is accepted", arg)
		}
	}
}

// Two processes that know nothing of each other trace one invoice.
func TestTrace_OfAnInvoice_IsTheSameInEveryProcess(t *testing.T) {
	c := tracetest.Start(t)
	enqueue, _ := open(t, c.Environ()...)
	worker, _ := open(t, c.Environ()...)
	ctx, call := enqueue.Continue(t.Context(), propagation.MapCarrier{
		"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}, "POST /v1/invoices")
	enqueue.Taken(ctx, tracing.Change{Invoice: "inv-1", Tenant: "Acme", State: "queued"})
	call.End()
	ctx, task := worker.Start(t.Context(), "pkg-1", "package:confirm")
	_, request := tracing.Child(ctx, "session status")
	request.End()
	_, decided := worker.Start(ctx, "inv-1", "invoice accepted", trace.WithAttributes(tracing.InvoiceKey.String("inv-1")))
	decided.End()
	task.End()
	closed(t, enqueue)
	closed(t, worker)
	inv, pkg := tracing.IDText("inv-1"), tracing.IDText("pkg-1")
	names := map[string]tracetest.Span{}
	for _, s := range c.Spans() {
		names[s.Name] = s
	}
	erp := "0af7651916cd43dd8448eb211c80319c"
	for _, row := range []struct{ name, trace, link string }{
		{"POST /v1/invoices", erp, inv},
		{"invoice taken", inv, erp},
		{"package:confirm", pkg, ""},
		{"session status", pkg, ""},
		{"invoice accepted", inv, pkg},
	} {
		s := names[row.name]
		if s.Trace != row.trace || row.link != "" && !slices.Contains(s.Links, row.link) {
			t.Errorf("the span %s is %+v, want it in trace %s with a link to %s", row.name, s, row.trace, row.link)
		}
	}
	if names["session status"].Parent != names["package:confirm"].ID || names["POST /v1/invoices"].Parent != "b7ad6b7169203331" {
		t.Errorf("a span has another parent than its task or its call: %+v", names)
	}
	if got := names["invoice taken"]; got.Attributes["ksef.invoice.id"] != "inv-1" || got.Service != "ksef-worker" {
		t.Errorf("the first span of the invoice lacks its id or the service: %+v", got)
	}
	if refused := c.Refused(); len(refused) > 0 {
		t.Errorf("the collector refused %q", refused)
	}
}

// A sampler that keeps a share of the traces keeps a share of the invoices. Every process keeps the
// same invoices.
func TestSampler_ShareOfTraces_KeepsAnInvoiceWholeOrNotAtAll(t *testing.T) {
	t.Setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
	t.Setenv("OTEL_TRACES_SAMPLER_ARG", "0.25")
	c := tracetest.Start(t)
	first, _ := open(t, c.Environ()...)
	second, _ := open(t, c.Environ()...)
	const n = 1000
	for i := range n {
		inv := tracing.Change{Invoice: "inv-" + string(rune('a'+i%26)) + strings.Repeat("x", i/26)}
		first.Taken(t.Context(), inv)
		second.Moment(t.Context(), inv)
	}
	closed(t, first)
	closed(t, second)
	of := map[string]int{}
	for _, s := range c.Spans() {
		of[s.Trace]++
	}
	for id, spans := range of {
		if spans != 2 {
			t.Fatalf("trace %s has %d spans, want both or none", id, spans)
		}
	}
	if len(of) < n/5 || len(of) > n*3/10 {
		t.Errorf("the traces of %d of %d invoices were kept, want about a quarter", len(of), n)
	}
}

// A sick collector does not delay the code that ends a span, and delays the end of the process for
// a bounded time only.
func TestCollector_Sick_NothingElseSuffers(t *testing.T) {
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	away, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = away.Close()
	sick := map[string]http.HandlerFunc{
		"hangs": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // a server sees that its caller has gone only after it has read the body
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		},
		"refuses": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, strings.Repeat("no ", 1000), http.StatusUnauthorized)
		},
		"busy": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"endless": func(w http.ResponseWriter, r *http.Request) {
			piece := make([]byte, 1<<20)
			for range 1024 {
				if _, err := w.Write(piece); err != nil {
					return
				}
			}
		},
		"redirects": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
		},
		"away": nil,
	}
	for name, serve := range sick {
		t.Run(name, func(t *testing.T) {
			at := "http://" + away.Addr().String()
			if serve != nil {
				srv := httptest.NewServer(serve)
				defer srv.Close()
				at = srv.URL
			}
			tr, log := open(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+at, "OTEL_BSP_MAX_QUEUE_SIZE=1000")
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			const n = 5000
			for range n {
				tr.Moment(t.Context(), tracing.Change{Invoice: "inv-1", State: "accepted"})
			}
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			begun := time.Now()
			_ = tr.Close(ctx)
			if took := time.Since(begun); took > 20*time.Second {
				t.Errorf("Close took %v, want 20 s at most", took)
			}
			runtime.ReadMemStats(&after)
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 200<<20 {
				t.Errorf("%d MB were allocated, want 200 at most", grown>>20)
			}
			s := tr.Stats()
			if s.Exported > 0 || s.Dropped < n/5 || s.Failed+s.Dropped > n {
				t.Errorf("the statistics are %+v, want nothing exported, at least %d spans dropped, and at most %d failed or dropped",
					s, n/5, n)
			}
			if name == "refuses" || name == "away" {
				if lines := strings.Count(log.String(), "traces get lost"); lines != 1 || len(log.String()) > 1000 {
					t.Errorf("the log has %d lines about lost traces, want one short line: %s", lines, log)
				}
			}
		})
	}
}

// The SDK's own settings apply, so credentials for the collector need no setting of ours.
func TestHeaders_OfTheEnvironment_AreSent(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20abc")
	got := make(chan *http.Request, 1)
	plain := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r }))
	defer plain.Close()
	tr, _ := open(t, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="+plain.URL+"/otlp/traces")
	tr.Moment(t.Context(), tracing.Change{Invoice: "inv-1", State: "accepted"})
	closed(t, tr)
	r := <-got
	if r.URL.Path != "/otlp/traces" || r.Header.Get("Authorization") != "Bearer abc" {
		t.Errorf("the collector was asked at %s with %q, want /otlp/traces and the header", r.URL.Path, r.Header.Get("Authorization"))
	}
	if s := tr.Stats(); s.Exported != 1 || s.Failed != 0 {
		t.Errorf("the spans were not exported: %+v", s)
	}
}

func TestChange_Line_HasTheTraceOfTheObject(t *testing.T) {
	var out strings.Builder
	log := zerolog.New(&out)
	tracing.Change{Invoice: "inv-1", Package: "pkg-1", Session: "S", Tenant: "Acme", State: "accepted"}.Log(&log)
	tracing.Change{Package: "pkg-1", Tenant: "Acme", State: "cut"}.Log(&log)
	want := `{"level":"debug","invoice":"inv-1","state":"accepted","package":"pkg-1","session":"S","tenant":"Acme","trace_id":"` +
		tracing.IDText("inv-1") + `","message":"invoice changed its state"}
{"level":"debug","state":"cut","package":"pkg-1","session":"","tenant":"Acme","trace_id":"` +
		tracing.IDText("pkg-1") + `","message":"package changed its state"}
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}
