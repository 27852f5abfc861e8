package app_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/actions"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/tracing"
	"ksefworker/internal/tracing/tracetest"
)

// changeLine is a line of the log about a change of state.
type changeLine struct {
	Message, Level, Invoice, Package, Session, Tenant, State string
	TraceID                                                  string `json:"trace_id"`
}

func changeLines(log string) (lines []changeLine) {
	for line := range strings.Lines(log) {
		var c changeLine
		if json.Unmarshal([]byte(line), &c) == nil && strings.HasSuffix(c.Message, "changed its state") {
			lines = append(lines, c)
		}
	}
	return lines
}

// told returns the states that the log tells of each invoice and package, in the order of the
// lines.
func told(log string) map[string][]string {
	states := map[string][]string{}
	for _, l := range changeLines(log) {
		id := l.Invoice
		if id == "" {
			id = l.Package
		}
		states[id] = append(states[id], l.State)
	}
	return states
}

// moves records the states of each invoice and package. Redis has an index for each state, and
// moves watches the commands that add an entry to one of these indexes. So its record does not
// depend on the code that writes the log.
type moves struct {
	mu     sync.Mutex
	states map[string][]string
	ended  chan struct{}
}

var (
	intoIndex = regexp.MustCompile(`(?i) "zadd" "ksef:p?st:(\w+)" (.*)`)
	anEntry   = regexp.MustCompile(`"((?:inv|pkg)-\w+)"`)
)

func watchMoves(t *testing.T, addr string) *moves {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(conn)
	_, err = fmt.Fprint(conn, "MONITOR\r\n")
	if first, read := lines.ReadString('\n'); err != nil || read != nil || first != "+OK\r\n" {
		t.Fatalf("Redis answered MONITOR with %q (errors %v and %v), want +OK", first, err, read)
	}
	m := &moves{states: map[string][]string{}, ended: make(chan struct{})}
	go func() {
		defer close(m.ended)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			if found := intoIndex.FindStringSubmatch(line); found != nil {
				m.note(found[1], anEntry.FindAllStringSubmatch(found[2], -1))
			}
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-m.ended })
	return m
}

// note adds a state to the states of each of these entries. An entry that is in this state already
// is left as it is.
func (m *moves) note(state string, entries [][]string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range entries {
		if so := m.states[e[1]]; len(so) == 0 || so[len(so)-1] != state {
			m.states[e[1]] = append(so, state)
		}
	}
}

func (m *moves) all() map[string][]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string][]string{}
	for id, states := range m.states {
		out[id] = slices.Clone(states)
	}
	return out
}

// Invoices go through both lanes, and they are receipted, rejected, superseded or dismissed. For
// each invoice and package, the log has the same states as Redis. A collector of traces has the
// whole path of each invoice under one trace.
func TestTrail_EveryChangeOfState_IsOneLine_AndThePathOfAnInvoiceIsOneTrace(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, func(c *config.Config) {
		hasty(c)
		c.Results.Folder.Path = t.TempDir()
	})
	redis := watchMoves(t, p.redis.Addr())
	collector := traced(p)
	stop := p.work()

	nip := sample.NIP(0)
	plantAll := func(docs []intake.Document) []intake.Document {
		for i := range docs {
			docs[i].Data = plant(t, docs[i].Data)
		}
		return docs
	}
	docs := plantAll(good(nip, 8))
	express := p.admit(intake.Terms{Lane: ledger.Express}, docs[:2]...)
	bulk := p.admit(intake.Terms{Lane: ledger.Bulk}, docs[2:]...)
	ends := p.admit(intake.Terms{Lane: ledger.Bulk}, bad(nip, sample.MissingTotal, "BAD/1"), bad(nip, sample.MissingTotal, "BAD/2"))
	p.wait(90*time.Second, slices.Concat(express, bulk, ends), receipted, ledger.Rejected)

	person := &actions.Executor{Ledger: p.base.Ledger, Queue: p.base.Queue, Trail: p.base.Trail}
	dismissed := p.state(ends[1])
	if err := person.Dismiss(t.Context(), &dismissed, ledger.Dismissal{By: "jan", Reason: "twice"}); err != nil {
		t.Fatal(err)
	}
	fixed := p.admit(intake.Terms{Lane: ledger.Express}, plantAll([]intake.Document{
		document(sample.Options{SellerNIP: nip, Number: "BAD/1"})})...)
	p.wait(90*time.Second, slices.Concat(fixed), receipted, ledger.Superseded, ledger.Dismissed)
	var inRedis map[string][]string
	t.Cleanup(func() {
		for id, lines := range told(p.log.String()) {
			if t.Failed() && !slices.Equal(lines, inRedis[id]) {
				t.Logf("in Redis %s had the states %q, and in the log %q, want the same states", id, inRedis[id], lines)
			}
		}
	})
	until(t, 30*time.Second, "log and Redis agree, and packages are done", func() bool {
		inRedis = redis.all()
		return maps.EqualFunc(inRedis, told(p.log.String()), slices.Equal) && packagesDone(inRedis)
	})
	delivered := func() bool {
		n := 0
		for _, s := range collector.Spans() {
			if s.Name == "invoice delivered" {
				n++
			}
		}
		return n >= len(docs)+4
	}
	until(t, 60*time.Second, "the collector has heard of every delivery", delivered)
	stop()
	text := flushed(p, collector)

	checkLines(p)
	for id, want := range map[string][]string{
		express[0].Invoice.ID: {"queued", "sending", "sent", "accepted", "receipted"},
		bulk[0].Invoice.ID:    {"queued", "packed", "sending", "sent", "accepted", "receipted"},
		ends[0].Invoice.ID:    {"queued", "packed", "sending", "sent", "rejected", "superseded"},
		ends[1].Invoice.ID:    {"queued", "packed", "sending", "sent", "rejected", "dismissed"},
		p.state(bulk[0]).Package: {"cut", "opened", "uploaded", "closing", "processing", "settled",
			"receipted"},
	} {
		if got := inRedis[id]; !slices.Equal(got, want) {
			t.Errorf("%s had the states %q, want %q", id, got, want)
		}
	}
	checkTraces(t, collector, express[0].Invoice.ID, p.state(bulk[0]), ends[1].Invoice.ID)
	for _, secret := range append([]string{p.cfg.Tenants[0].KeyID, "sig=", "eyJ", "<Faktura", "Planted-Buyer", docs[0].File, "BAD/1",
		"twice"}, planted...) {
		if secret != "" && strings.Contains(text, secret) {
			t.Errorf("the traces hold the secret %q", secret)
		}
	}
	p.balanced(len(docs) + 1)
}

// packagesDone reports whether every package has come to its end.
func packagesDone(states map[string][]string) bool {
	for id, so := range states {
		if strings.HasPrefix(id, "pkg-") && !slices.Contains([]string{"receipted", "abandoned", "failed"}, so[len(so)-1]) {
			return false
		}
	}
	return true
}

// checkLines checks the fields of every line of the log about a change of state.
func checkLines(p *pool) {
	p.t.Helper()
	for _, l := range changeLines(p.log.String()) {
		object := l.Invoice
		if object == "" {
			object = l.Package
		}
		alone := l.Invoice != "" && slices.Contains([]string{"queued", "superseded"}, l.State) // may lack a package
		early := slices.Contains([]string{"queued", "superseded", "cut", "packed"}, l.State)   // may lack a session
		if l.Level != "debug" || l.Tenant != p.cfg.Tenants[0].Title() || l.TraceID != tracing.IDText(object) ||
			(l.Package == "" && !alone) || (l.Session == "" && !early) {
			p.t.Errorf("a line about a change of state lacks a field or has a wrong one: %+v", l)
		}
	}
}

// checkTraces checks the traces of an invoice that went by express, of one that went in a package,
// and of one that a person ended.
func checkTraces(t *testing.T, c *tracetest.Collector, express string, bulk ledger.Invoice, dismissed string) {
	t.Helper()
	names := func(object string) map[string]tracetest.Span {
		out := map[string]tracetest.Span{}
		for _, s := range c.Of(tracing.IDText(object)) {
			out[s.Name] = s
		}
		return out
	}
	want := func(object string, list ...string) map[string]tracetest.Span {
		got := names(object)
		for _, name := range list {
			if _, ok := got[name]; !ok {
				t.Errorf("the trace of %s lacks %q: it has %q", object, name, slices.Sorted(maps.Keys(got)))
			}
		}
		return got
	}
	one := want(express, "invoice taken", "invoice:submit", "invoice:send", "send invoice", "invoice accepted", "invoice receipted",
		"invoice delivered")
	if send := one["send invoice"]; send.Parent == "" || send.Attributes["http.response.status_code"] == "" ||
		!strings.HasSuffix(send.Attributes["url.template"], "/invoice/send") || send.Attributes["http.request.method"] != "POST" {
		t.Errorf("the span of the request to send is %+v, want a parent, a status code, the path and POST", send)
	}
	got := want(bulk.ID, "invoice taken", "invoice accepted", "invoice receipted", "invoice delivered")["invoice accepted"]
	steps := []string{"taken", "cut", "session opened", "session closing", "acquired by KSeF", "accepted"}
	if !slices.Equal(got.Events, steps) || got.Attributes["ksef.package.id"] != bulk.Package ||
		got.Attributes["ksef.session.id"] != bulk.Session || got.Attributes["ksef.invoice.id"] != bulk.ID ||
		!slices.Contains(got.Links, tracing.IDText(bulk.Package)) {
		t.Errorf("the path of an invoice is %+v, want steps %q and a link to its package", got, steps)
	}
	if got.Start.Sub(bulk.CreatedAt.Time()).Abs() > time.Millisecond || got.End.Before(got.Start) {
		t.Errorf("the span of acceptance lasts from %v to %v, want that it begins at the intake, %v",
			got.Start, got.End, bulk.CreatedAt.Time())
	}
	pkg := want(bulk.Package, "package:submit", "package:confirm", "package:receipt", "open batch session", "package settled",
		"package receipted")
	if task := pkg["package:submit"]; task.Attributes["ksef.tenant"] != bulk.Tenant || task.Attributes["ksef.task.queue"] != "packages" {
		t.Errorf("the span of package:submit is %+v, want its tenant and its queue", task)
	}
	if end := want(dismissed, "invoice taken", "invoice rejected", "invoice dismissed")["invoice rejected"]; !end.Failed ||
		end.Attributes["ksef.code"] != "450" {
		t.Errorf("the span of the rejection is %+v, want it failed, with code 450", end)
	}
}
