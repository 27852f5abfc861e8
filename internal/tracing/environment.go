package tracing

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/rs/zerolog"
)

// Options say who the process is. All are required.
type Options struct {
	Environ []string // as os.Environ returns it
	// Service is the service.name of the spans, unless the environment names another.
	Service, Version string
	Log              zerolog.Logger
}

// EnvironmentError says that a variable of the environment has a value that cannot be used.
type EnvironmentError struct{ Variable, What string }

func (e *EnvironmentError) Error() string { return e.Variable + ": " + e.What }

// queueSize is how many spans wait for the collector at most, unless OTEL_BSP_MAX_QUEUE_SIZE says
// otherwise. The invoices of a package are decided together, ten thousand at most, and each has a
// span then. A span takes about 2 kB.
const queueSize = 12_000

// Open returns a Tracer that sends spans to the collector of OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or
// else of OTEL_EXPORTER_OTLP_ENDPOINT. It returns nil when the environment names no collector, or
// wants no traces. The variables of OpenTelemetry's SDK apply (see docs/traces.md). An
// [*EnvironmentError] says which of them cannot be used. Open does not connect, so a collector that
// is away causes no error.
func Open(ctx context.Context, o Options) (*Tracer, error) {
	env := environment(o.Environ)
	endpoint, signal := env.of("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), true
	if endpoint == "" {
		endpoint, signal = env.of("OTEL_EXPORTER_OTLP_ENDPOINT"), false
	}
	if endpoint == "" || strings.EqualFold(env.of("OTEL_SDK_DISABLED"), "true") || env.of("OTEL_TRACES_EXPORTER") == "none" {
		return nil, nil
	}
	if err := env.check(); err != nil {
		return nil, err
	}
	to, err := address(endpoint, signal)
	if err != nil {
		return nil, err
	}
	out, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(to), otlptracehttp.WithMaxResponseSize(maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("send traces: %w", err)
	}
	who, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", o.Service), attribute.String("service.version", o.Version)),
		resource.WithHost(), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, &EnvironmentError{"OTEL_RESOURCE_ATTRIBUTES", "cannot be read: give name=value, separated by commas"}
	}
	size, err := env.queueSize()
	if err != nil {
		return nil, err
	}
	return open(out, who, size, newTeller(o.Log)), nil
}

// maxAnswer bounds what is read of a collector's answer, in bytes. An answer has a few words at
// most.
const maxAnswer = 64 << 10

func open(out sdktrace.SpanExporter, who *resource.Resource, size int, t *teller) *Tracer {
	s := &spans{to: out, max: int64(size)}
	s.tell = func(err error) { t.told(err, s.dropped.Load()) }
	s.SpanProcessor = sdktrace.NewBatchSpanProcessor(exporter{s}, sdktrace.WithMaxQueueSize(size))
	p := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(s), sdktrace.WithResource(who), sdktrace.WithIDGenerator(generator{}))
	return &Tracer{tracer: p.Tracer(scope), stop: p.Shutdown, spans: s}
}

// environment is the environment of the process.
type environment []string

// of returns a variable; "" when it is not set. An empty variable counts as not set, as
// OpenTelemetry's specification asks for.
func (e environment) of(name string) string {
	for _, kv := range slices.Backward(e) {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// check refuses what this build cannot do, and values that the SDK would silently replace.
// Otherwise people would look for missing traces in the wrong place.
func (e environment) check() error {
	if v := e.of("OTEL_TRACES_EXPORTER"); v != "" && v != "otlp" {
		return &EnvironmentError{"OTEL_TRACES_EXPORTER", fmt.Sprintf("%q is not supported: use otlp, or none for no traces", v)}
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		v := e.of(name)
		if v == "" {
			continue
		}
		if v != "http/protobuf" {
			return &EnvironmentError{name, fmt.Sprintf("%q is not supported: this program sends http/protobuf; "+
				"set that, and name the collector's HTTP port (usually 4318) in OTEL_EXPORTER_OTLP_ENDPOINT", v)}
		}
		break // the first one wins
	}
	return e.checkSampler()
}

var samplers = []string{"always_on", "always_off", "traceidratio",
	"parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"}

func (e environment) checkSampler() error {
	name := strings.ToLower(e.of("OTEL_TRACES_SAMPLER"))
	if name != "" && !slices.Contains(samplers, name) {
		return &EnvironmentError{"OTEL_TRACES_SAMPLER", fmt.Sprintf("%q is not known: use one of %s", name, strings.Join(samplers, ", "))}
	}
	arg := e.of("OTEL_TRACES_SAMPLER_ARG")
	if arg == "" || !strings.HasSuffix(name, "traceidratio") {
		return nil
	}
	if share, err := strconv.ParseFloat(arg, 64); err != nil || share < 0 || share > 1 {
		return &EnvironmentError{"OTEL_TRACES_SAMPLER_ARG", fmt.Sprintf("%q is not a share from 0 to 1, such as 0.01", arg)}
	}
	return nil
}

func (e environment) queueSize() (int, error) {
	v := e.of("OTEL_BSP_MAX_QUEUE_SIZE")
	if v == "" {
		return queueSize, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		return 0, &EnvironmentError{"OTEL_BSP_MAX_QUEUE_SIZE", fmt.Sprintf("%q is not a number of spans, 1 or more", v)}
	}
	return n, nil
}
