package tasks_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
)

var updateOrder = flag.Bool("update-order", false, "write the traces in testdata/order")

// trace records what a worker writes into the ledger, calls at KSeF and puts into the queue, in the
// order in which it happens. It leaves out, on purpose, what a worker reads from Redis. It is safe
// for concurrent use.
type trace struct {
	passHook
	s *stage

	mu    sync.Mutex
	on    bool
	lines []string
	reads int // pipelines that read whole entries of invoices
	names map[string]string
	kinds map[string]int
	fails map[string]error // errors that calls at KSeF return without being made, by call
}

// traced makes a worker that calls KSeF through client, and records its trace.
func (s *stage) traced(client *testClient) (*actor, *trace) {
	s.t.Helper()
	tr := &trace{s: s, names: map[string]string{}, kinds: map[string]int{}, fails: map[string]error{}}
	s.budget = tracedBudget{noLimits{}, tr}
	w := s.worker("w", &tracedClient{client, tr})
	w.rdb.AddHook(tr)
	return w, tr
}

func (tr *trace) add(format string, args ...any) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.on {
		tr.lines = append(tr.lines, fmt.Sprintf(format, args...))
	}
}

// confirm runs the confirm task of a package until want holds, at most n times. Runs during which
// KSeF still works on the session are neither counted nor recorded, because their number depends on
// time.
func (tr *trace) confirm(w *actor, pkg string, n int, want func() bool) {
	tr.s.t.Helper()
	deadline := time.Now().Add(patience)
	for done := 0; done < n; {
		if tr.run(w, queue.KindConfirm, pkg) {
			done++
		} else if time.Now().After(deadline) {
			tr.s.t.Fatal("KSeF still works on the session")
		}
		if want != nil && want() {
			return
		}
	}
}

// wholeText returns a task's error with the words that the queue does not keep.
func wholeText(err error) string {
	if queued, ok := errors.AsType[*retry.QueuedError](err); ok {
		err = queued.Err
	}
	return err.Error()
}

// run runs one task, records what it does, and moves the clock by the pause that the task asks for.
// It reports whether it kept the record. It drops the record of a poll that finds KSeF still
// working on the session.
func (tr *trace) run(w *actor, kind queue.Kind, id string) (recorded bool) {
	tr.mu.Lock()
	tr.on = true
	from := len(tr.lines)
	tr.lines = append(tr.lines, fmt.Sprintf("run %s %s", kind, id))
	tr.mu.Unlock()
	err := w.run(kind, id)
	v := retry.Judge(err)
	tr.mu.Lock()
	tr.on = false
	if err != nil {
		tr.lines = append(tr.lines, fmt.Sprintf("  %s %s %s: %v", v.Action, v.Delay.Round(time.Second), v.Reason, wholeText(err)))
	} else {
		tr.lines = append(tr.lines, "  done")
	}
	recorded = true
	if err != nil && strings.Contains(err.Error(), "session is 1") && kind == queue.KindConfirm {
		tr.lines, recorded = tr.lines[:from], false
	}
	tr.mu.Unlock()
	tr.s.advance(max(v.Delay, time.Second))
	return recorded
}

// volatile are the parts of a trace that differ from run to run.
var volatile = []struct {
	kind  string
	found *regexp.Regexp
}{
	{"upo", regexp.MustCompile(`file://[^"]+`)},
	{"mode", regexp.MustCompile(`\b(on|off)line"`)}, // offline when midnight is between P_1 and the session
	{"pkg", regexp.MustCompile(`pkg-[0-9a-v]{20}`)},
	{"inv", regexp.MustCompile(`inv-[a-z2-7]{24}`)},
	{"session", regexp.MustCompile(`\d{8}-S[BO]-[0-9A-F]{10}-[0-9A-F]{10}-[0-9A-F]{2}`)},
	{"reference", regexp.MustCompile(`\d{8}-EE-[0-9A-F]{10}-[0-9A-F]{10}-[0-9A-F]{2}`)},
	{"number", regexp.MustCompile(`\d{10}-\d{8}-[0-9A-F]{12}-[0-9A-F]{2}`)},
	{"hash", regexp.MustCompile(`[A-Za-z0-9+/]{43}=`)},
	{"time", regexp.MustCompile(`\b1[789]\d{11}\b`)},
	{"at", regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)},
	{"span", regexp.MustCompile(`at revision \d+`)},
	{"nip", regexp.MustCompile(`\b\d{10}\b`)},
}

// text returns the trace with names that are the same in every run.
func (tr *trace) text() string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	all := strings.Join(tr.lines, "\n") + "\n"
	for _, o := range volatile {
		all = o.found.ReplaceAllStringFunc(all, func(id string) string {
			if slices.Contains([]string{"time", "at", "span", "hash", "nip", "upo"}, o.kind) {
				return o.kind
			}
			if o.kind == "mode" {
				return `as booked"`
			}
			if tr.names[id] == "" {
				tr.kinds[o.kind]++
				tr.names[id] = fmt.Sprint(o.kind, tr.kinds[o.kind])
				if o.kind == "inv" {
					if inv, err := tr.s.ledger.Invoice(context.Background(), id); err == nil {
						tr.names[id] = inv.Number
					}
				}
			}
			return tr.names[id]
		})
	}
	return sorted(all)
}

// sorted sorts adjacent lines that are independent of each other: the moves in one call, and the
// tasks of several invoices.
func sorted(all string) string {
	lines := strings.Split(all, "\n")
	for _, prefix := range []string{"  write move ", "  task invoice:"} {
		for i := 0; i < len(lines); i++ {
			n := i
			for n < len(lines) && strings.HasPrefix(lines[n], prefix) {
				n++
			}
			slices.Sort(lines[i:n])
			i = max(i, n-1)
		}
	}
	return strings.Join(lines, "\n")
}

// golden compares the trace with the one in testdata.
func (tr *trace) golden(t *testing.T) {
	t.Helper()
	name := strings.NewReplacer("/", "_", "TestOrder_", "").Replace(t.Name())
	file := filepath.Join("testdata", "order", name+".txt")
	got := tr.text()
	if *updateOrder {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the order of writes, calls and tasks has changed\ngot:\n%s\nwant:\n%s", got, want)
	}
}

func (tr *trace) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if args := cmd.Args(); args[0] == "evalsha" {
			tr.script(args)
		}
		return next(ctx, cmd)
	}
}

func (tr *trace) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if len(cmds) > 0 {
			if args := cmds[0].Args(); args[0] == "hgetall" && strings.HasPrefix(fmt.Sprint(args[1]), "ksef:inv:") {
				tr.mu.Lock()
				tr.reads++
				tr.mu.Unlock()
			}
		}
		return next(ctx, cmds)
	}
}

// script records a script of the ledger and what it writes, or a task that is put into the queue.
func (tr *trace) script(args []any) {
	keys, _ := strconv.Atoi(fmt.Sprint(args[2]))
	words := make([]string, 0, len(args))
	for _, a := range args[3:] {
		words = append(words, word(a))
	}
	if keys > 1 && strings.Contains(words[0], ":t:") {
		_, task, _ := strings.Cut(words[0], ":t:")
		if id := regexp.MustCompile(`:\d+$`); strings.Contains(task, "invoice:") {
			task = id.ReplaceAllString(task, "")
		}
		when := ""
		if strings.HasSuffix(words[1], ":scheduled") {
			when = " later"
		}
		tr.add("  task %s%s", task, when)
		return
	}
	hashes := ledger.ScriptHashes()
	for verb, hash := range hashes {
		if hash != fmt.Sprint(args[1]) {
			continue
		}
		words = words[keys+2:] // behind the prefix and the time
		if i := slices.IndexFunc(words, isPackage); (verb == "package" || verb == "repack") && i >= 0 {
			words = slices.Concat(words[i:i+2], words[i+3:]) // without the life of Redis ([ledger.Package.Life])
		}
		switch verb {
		case "move":
			tr.moves(words)
		case "package":
			n, _ := strconv.Atoi(words[9])
			tr.add("  write package %s %s→%s invoices %s→%s%s", words[0], words[2], words[3], words[4], words[5], fields(words[10:10+n]))
		case "repack":
			tr.add("  write repack %s %s→%s %q", words[0], words[2], words[3], words[5])
			for i := 6; i < len(words); {
				n, _ := strconv.Atoi(words[i+7]) // words[i+3] repeats the reason
				tr.add("    part %s refusals=%s into=%s probe=%q rest=%q waits=%v: %s", words[i], words[i+1], words[i+2], words[i+4],
					words[i+5], words[i+6] != "0", strings.Join(words[i+8:i+8+n], " "))
				i += 8 + n
			}
		case "tenant":
			tr.add("  write tenant %s %s", words[1], words[3])
		case "fence", "send", "open", "cut":
			tr.add("  write %s", verb)
		}
	}
}

func isPackage(word string) bool { return strings.HasPrefix(word, "pkg-") }

func (tr *trace) moves(words []string) {
	for i := 0; i < len(words); {
		n, _ := strconv.Atoi(words[i+7])
		revision := ""
		if words[i+1] == "" {
			revision = " at any revision"
		}
		tr.add("  write move %s→%s%s%s", words[i], words[i+3], revision, fields(words[i+8:i+8+n]))
		i += 8 + n
	}
}

// met returns the index of the first line that contains id.
func (tr *trace) met(id string) int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return slices.IndexFunc(tr.lines, func(line string) bool { return strings.Contains(line, id) })
}

// fields formats pairs of name and value, sorted by name.
func fields(words []string) string {
	var out []string
	for i := 0; i+1 < len(words); i += 2 {
		out = append(out, fmt.Sprintf(" %s=%q", words[i], words[i+1]))
	}
	slices.Sort(out)
	return strings.Join(out, "")
}

// word formats one argument of a script.
func word(a any) string {
	switch a := a.(type) {
	case []byte:
		return string(a)
	case bool:
		if a {
			return "1"
		}
		return "0"
	}
	return fmt.Sprint(a)
}

// tracedBudget records the pauses of tenants.
type tracedBudget struct {
	noLimits
	tr *trace
}

func (b tracedBudget) Pause(_ context.Context, _ string, d time.Duration) error {
	b.tr.add("  pause the tenant for %v", d)
	return nil
}

// tracedClient records each call that has a method below, before the call is made. It records no
// other calls.
type tracedClient struct {
	*testClient
	tr *trace
}

func (c *tracedClient) Invalidate() {
	c.tr.add("  call Invalidate")
	c.testClient.Invalidate()
}

func (c *tracedClient) CloseSession(ctx context.Context, session string, batch bool) error {
	c.tr.add("  call CloseSession")
	if err := c.tr.fails["CloseSession"]; err != nil {
		return err
	}
	return c.testClient.CloseSession(ctx, session, batch)
}

func (c *tracedClient) SessionStatus(ctx context.Context, session string) (ksef.SessionInfo, error) {
	return traced(c.tr, "SessionStatus", "", func() (ksef.SessionInfo, error) { return c.testClient.SessionStatus(ctx, session) })
}

func (c *tracedClient) SessionInvoices(ctx context.Context, session string) ([]ksef.InvoiceInfo, error) {
	return traced(c.tr, "SessionInvoices", "", func() ([]ksef.InvoiceInfo, error) { return c.testClient.SessionInvoices(ctx, session) })
}

func (c *tracedClient) SessionUPO(ctx context.Context, session string) ([]byte, error) {
	return traced(c.tr, "SessionUPO", " "+session, func() ([]byte, error) { return c.testClient.SessionUPO(ctx, session) })
}

func (c *tracedClient) Invoice(ctx context.Context, number string) ([]byte, error) {
	return traced(c.tr, "Invoice", " "+number, func() ([]byte, error) { return c.testClient.Invoice(ctx, number) })
}

func (c *tracedClient) Metadata(ctx context.Context, r ksef.MetadataRequest) (ksef.MetadataPage, error) {
	return traced(c.tr, "Metadata", fmt.Sprintf(" %s page %d", r.SubjectType, r.PageOffset),
		func() (ksef.MetadataPage, error) { return c.testClient.Metadata(ctx, r) })
}

func (c *tracedClient) InvoiceStatus(ctx context.Context, reference string) (ksef.InvoiceInfo, error) {
	return traced(c.tr, "InvoiceStatus", "", func() (ksef.InvoiceInfo, error) { return c.testClient.InvoiceStatus(ctx, reference) })
}

// traced records a call with its details and makes it, unless the trace has an error for it.
func traced[T any](tr *trace, call, details string, do func() (T, error)) (T, error) {
	tr.add("  call %s%s", call, details)
	if err := tr.fails[call]; err != nil {
		var none T
		return none, err
	}
	return do()
}
