package httponce

import (
	"context"
	"errors"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"ksefworker/internal/ksef"
	"ksefworker/internal/tracing"
)

// traced calls do within a span of the caller's trace. The span has only the host of the address
// and a template of the path. Texts of the other side, credentials and bodies stay out of it. The
// trace is not sent to the other side, which could use it to link requests with each other.
func (c *Client) traced(ctx context.Context, k Call, read func(*Answer) error) error {
	attrs := make([]attribute.KeyValue, 0, 4)
	attrs = append(attrs, attribute.String("http.request.method", k.Method))
	if k.Target != nil {
		attrs = append(attrs, attribute.String("server.address", k.Target.Hostname()))
	} else {
		attrs = append(attrs, attribute.String("server.address", c.o.Base.Hostname()),
			attribute.String("url.template", c.o.Base.Path+template(k.Path)), tracing.GroupKey.String(string(k.Group)))
	}
	ctx, s := tracing.Child(ctx, k.Op, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attrs...))
	defer s.End() // also when reading panics
	err := c.do(ctx, k, read)
	fault, ok := errors.AsType[*ksef.APIError](err)
	if !ok {
		return err
	}
	s.SetAttributes(attribute.String("error.type", string(fault.Kind)))
	if fault.Code != 0 {
		s.SetAttributes(tracing.CodeKey.Int(fault.Code))
	}
	if fault.Trace != "" {
		s.SetAttributes(tracing.TraceKey.String(fault.Trace))
	}
	switch fault.Kind {
	case ksef.KindGated, ksef.KindProcessing, ksef.KindCanceled: // nothing went wrong
	default:
		tracing.Fail(s, string(fault.Kind))
	}
	return err
}

// opened notes in the span that the gate let the request go. answered notes the status that came
// back.
func opened(ctx context.Context) { trace.SpanFromContext(ctx).AddEvent("allowed by the limits") }

func answered(ctx context.Context, status int) {
	if status != 0 && tracing.Recording(ctx) {
		tracing.Set(ctx, attribute.Int("http.response.status_code", status))
	}
}

// template returns the route of a path. It replaces each part that has a character besides letters
// and hyphens, because such a part is an id. It leaves out a query.
func template(path string) string {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if strings.ContainsFunc(part, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' }) {
			parts[i] = "{id}"
		}
	}
	return strings.Join(parts, "/")
}
