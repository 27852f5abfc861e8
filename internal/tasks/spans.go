package tasks

import (
	"context"
	"time"

	"github.com/hibiken/asynq"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/settlement"
	"ksefworker/internal/tracing"
)

// begin starts the span of one run of a task. A task about one invoice or package belongs to the
// trace of that object. A chunk has a trace of its own. Tasks carry no trace context, because the
// id of an object's trace follows from the id of the object. Each run of a cut or a sweep has a new
// trace.
func (w *Worker) begin(ctx context.Context, kind queue.Kind, id string) (context.Context, trace.Span) {
	if w.o.Trace == nil {
		return w.o.Trace.Start(ctx, "", "")
	}
	attrs := make([]attribute.KeyValue, 0, 4)
	object := ""
	switch kind {
	case queue.KindSubmit, queue.KindSend:
		object, attrs = id, append(attrs, tracing.InvoiceKey.String(id))
	case queue.KindPackage, queue.KindConfirm, queue.KindReceipt:
		object, attrs = id, append(attrs, tracing.PackageKey.String(id))
	case queue.KindChunk:
		object = id
	}
	task, _ := asynq.GetTaskID(ctx)
	name, _ := asynq.GetQueueName(ctx)
	retried, _ := asynq.GetRetryCount(ctx)
	attrs = append(attrs, tracing.TaskKey.String(task), tracing.QueueKey.String(name), tracing.RetriedKey.Int(retried))
	return w.o.Trace.Start(ctx, object, string(kind), trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(attrs...))
}

// traceVerdict adds to the span of a run why the task comes back. A task that only waits has not
// failed. err is the error as the queue keeps it, without KSeF's words.
func traceVerdict(s trace.Span, v retry.Verdict, err error) {
	if !s.IsRecording() {
		return
	}
	s.SetAttributes(tracing.VerdictKey.String(string(v.Action)), tracing.ReasonKey.String(string(v.Reason)))
	if v.Action != retry.Later {
		tracing.Fail(s, err.Error())
	}
}

// traceDecided traces how an invoice was decided. It makes one span from the moment the invoice was
// taken in until now, with what happened on the way. p is the package that held the invoice, or nil
// when that package is not at hand.
func (t *trail) traceDecided(ctx context.Context, m settlement.Move, to ledger.State, p *ledger.Package) {
	e, ended := endingOf(m)
	if t.trace == nil || !ended && to != ledger.Accepted {
		return
	}
	inv := m.Invoice
	if p == nil {
		p = &ledger.Package{ID: inv.Package, Session: inv.Session}
	}
	taken, now := inv.CreatedAt.Time(), t.now()
	_, s := t.trace.Start(ctx, inv.ID, "invoice "+string(to), trace.WithTimestamp(taken))
	defer s.End(trace.WithTimestamp(now))
	if !s.IsRecording() {
		return
	}
	s.SetAttributes(tracing.InvoiceKey.String(inv.ID), tracing.TenantKey.String(inv.Tenant), tracing.StateKey.String(string(to)),
		tracing.LaneKey.String(string(inv.Lane)))
	at := func(event string, when time.Time) {
		if !when.IsZero() && !when.Before(taken) { // an online session may be older than the invoice
			s.AddEvent(event, trace.WithTimestamp(when))
		}
	}
	at("taken", taken)
	if p.ID != "" {
		s.SetAttributes(tracing.PackageKey.String(p.ID), tracing.SessionKey.String(p.Session))
		s.AddLink(tracing.LinkTo(p.ID, tracing.PackageKey.String(p.ID)))
		at("cut", p.CreatedAt.Time())
		at("session opened", p.OpenedAt.Time())
		at("session closing", p.ClosingAt.Time())
	}
	if to == ledger.Accepted {
		at("acquired by KSeF", m.Accepted.At)
	}
	at(string(to), now)
	if ended {
		s.SetAttributes(tracing.CodeKey.Int(e.code))
		tracing.Fail(s, e.why)
	}
}

// traceReceipted traces that the receipt of an accepted invoice is in the archive. was is the
// invoice's entry as it was until then.
func (t *trail) traceReceipted(ctx context.Context, was *ledger.Invoice, p *ledger.Package) {
	if t.trace == nil {
		return
	}
	_, s := t.trace.Start(ctx, was.ID, "invoice "+string(ledger.Receipted), trace.WithTimestamp(was.UpdatedAt.Time()))
	defer s.End(trace.WithTimestamp(t.now()))
	if s.IsRecording() {
		s.SetAttributes(tracing.InvoiceKey.String(was.ID), tracing.TenantKey.String(was.Tenant),
			tracing.StateKey.String(string(ledger.Receipted)), tracing.PackageKey.String(p.ID), tracing.SessionKey.String(p.Session))
	}
}

// tracePackage traces a package that has come to an end. It makes one span from the package's cut
// until now, which is the first span of the package's trace. The package's receipt, which may come
// much later, has another span.
func (t *trail) tracePackage(ctx context.Context, p *ledger.Package) {
	if t.trace == nil {
		return
	}
	from, begin := p.CreatedAt.Time(), t.trace.StartFirst
	switch p.State {
	case ledger.PackageSettled, ledger.PackageAbandoned, ledger.PackageFailed:
	case ledger.PackageReceipted:
		from, begin = p.SettledAt.Time(), t.trace.Start
	default:
		return
	}
	now := t.now()
	if from.IsZero() {
		from = now
	}
	_, s := begin(ctx, p.ID, "package "+string(p.State), trace.WithTimestamp(from))
	defer s.End(trace.WithTimestamp(now))
	if !s.IsRecording() {
		return
	}
	s.SetAttributes(tracing.PackageKey.String(p.ID), tracing.TenantKey.String(p.Tenant), tracing.StateKey.String(string(p.State)),
		tracing.SessionKey.String(p.Session), tracing.LaneKey.String(string(p.Lane)), tracing.CodeKey.Int(p.Code),
		tracing.CountKey.Int(p.Count))
	for _, e := range []struct {
		name string
		at   ledger.Millis
	}{{"session opened", p.OpenedAt}, {"session closing", p.ClosingAt}} {
		if at := e.at.Time(); !at.IsZero() && !at.Before(from) {
			s.AddEvent(e.name, trace.WithTimestamp(at))
		}
	}
	if p.State == ledger.PackageFailed {
		tracing.Fail(s, "KSeF refused the session as a whole")
	}
}
