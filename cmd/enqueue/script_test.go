package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/rogpeppe/go-internal/testscript"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/redisd"
	"ksefworker/internal/results"
	"ksefworker/internal/sample"
	"ksefworker/internal/tasks"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"enqueue": main})
}

// TestScripts are stories of people at terminals, each with a Redis of its own. The worker's part is played by the command settle.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata",
		Setup: setup,
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code": scriptCode, "sample": scriptSample, "samples": scriptSamples, "zip": scriptZip, "zipbomb": scriptZipBomb,
			"settle": scriptSettle, "damage": scriptDamage, "idof": scriptIDOf, "evil": scriptEvil, "tasks": scriptTasks, "lines": scriptLines,
			"again": scriptAgain, "forget": scriptForget, "do": scriptDo, "big": scriptBig, "dropbodies": scriptDropBodies,
			"maxmemory": scriptMaxMemory, "keys": scriptKeys, "worker": scriptWorker, "redisset": scriptRedisSet,
		},
	})
}

// redisURL is the key of the script's own Redis in its values.
type redisURL struct{}

func setup(e *testscript.Env) error {
	srv, err := redisd.Start(context.Background(), redisd.Options{AppendOnly: true})
	if err != nil {
		return err
	}
	e.Defer(func() { _ = srv.Stop() })
	e.Values[redisURL{}] = srv.URL()
	e.Setenv("ODD", "\u0082")              // a discouraged character
	e.Setenv("STORY_REDIS_URL", srv.URL()) // for a story that brings a configuration of its own
	key := filepath.Join(e.WorkDir, "key")
	if err := os.WriteFile(key, []byte("no-secret"), 0o600); err != nil {
		return err
	}
	config := fmt.Sprintf(`environment: custom
gateway: {url: "http://127.0.0.1:1"}
redis: {url: %q}
tenants:
  - {nip: %q, key_id: test_id, key_file: %q}
archive: {url: %q}
`, srv.URL(), sample.NIP(0), key, "file://"+filepath.Join(e.WorkDir, ".archive"))
	path := filepath.Join(e.WorkDir, ".worker.yaml")
	e.Setenv("KSEF_CONFIG", path)
	e.Setenv("STORY_REDIS", srv.URL())
	e.Setenv("GORACE", "atexit_sleep_ms=0") // else each of a hundred programs sleeps a second at its end
	return os.WriteFile(path, []byte(config), 0o600)
}

func client(ts *testscript.TestScript) *redis.Client {
	o, err := redis.ParseURL(ts.Value(redisURL{}).(string))
	ts.Check(err)
	return redis.NewClient(o)
}

// code N command args… runs a command and holds its exit code against N.
func scriptCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N command [args...]")
	}
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

// maxmemory PERCENT bounds Redis so that it uses so much of it now; 0 takes the bound away.
func scriptMaxMemory(ts *testscript.TestScript, _ bool, args []string) {
	percent, err := strconv.ParseInt(args[0], 10, 64)
	ts.Check(err)
	rdb := client(ts)
	defer rdb.Close()
	m, err := ledger.New(rdb, ledger.Options{}).Memory(context.Background())
	ts.Check(err)
	bound := int64(0)
	if percent > 0 {
		bound = m.Used * 100 / percent
	}
	ts.Check(rdb.ConfigSet(context.Background(), "maxmemory", strconv.FormatInt(bound, 10)).Err())
}

// sample FILE [flaw=NAME] [number=N] [nip=N|stranger] [date=D] [lines=N] [seed=N] writes one invoice.
func scriptSample(ts *testscript.TestScript, _ bool, args []string) {
	o, flaw := sample.Options{IssueDate: "2026-01-05"}, sample.Flaw(-1)
	for _, a := range args[1:] {
		name, value, _ := strings.Cut(a, "=")
		switch name {
		case "flaw":
			for _, f := range sample.Flaws() {
				if f.String() == value {
					flaw = f
				}
			}
			if flaw < 0 {
				ts.Fatalf("no flaw %q", value)
			}
		case "number":
			o.Number = value
		case "nip":
			if o.SellerNIP = value; value == "stranger" {
				o.SellerNIP = sample.NIP(1)
			}
		case "date":
			o.IssueDate = value
		case "lines":
			n, err := strconv.Atoi(value)
			ts.Check(err)
			o.Lines = n
		case "seed":
			n, err := strconv.ParseUint(value, 10, 64)
			ts.Check(err)
			o.Seed = n
		default:
			ts.Fatalf("sample: what is %q?", a)
		}
	}
	write(ts, args[0], sample.Bad(flaw, o))
}

// samples DIR N writes N good invoices.
func scriptSamples(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	for name, doc := range sample.Invoices(sample.NIP(0), n, "") {
		write(ts, filepath.Join(args[0], name), doc)
	}
}

func write(ts *testscript.TestScript, name string, data []byte) {
	path := ts.MkAbs(name)
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o755))
	ts.Check(os.WriteFile(path, data, 0o644))
}

// zip OUT [name=FILE]… writes an archive whose entries have exactly these names.
func scriptZip(ts *testscript.TestScript, _ bool, args []string) {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, a := range args[1:] {
		name, file, _ := strings.Cut(a, "=")
		w, err := z.Create(name)
		ts.Check(err)
		_, err = w.Write([]byte(ts.ReadFile(file)))
		ts.Check(err)
	}
	ts.Check(z.Close())
	write(ts, args[0], buf.Bytes())
}

// zipbomb OUT writes an archive of a few kilobytes with an entry of 20 MB.
func scriptZipBomb(ts *testscript.TestScript, _ bool, args []string) {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	w, err := z.Create("bomb.xml")
	ts.Check(err)
	zeros := make([]byte, 1<<20)
	for range 20 {
		_, err := w.Write(zeros)
		ts.Check(err)
	}
	ts.Check(z.Close())
	write(ts, args[0], buf.Bytes())
}

// idof FILE VARIABLE puts the id of a JSON result into the environment.
func scriptIDOf(ts *testscript.TestScript, _ bool, args []string) {
	var r results.Result
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &r))
	ts.Setenv(args[1], r.ID)
}

// evil DIR writes invoices under names that a terminal would obey.
func scriptEvil(ts *testscript.TestScript, _ bool, args []string) {
	for i, name := range []string{"\x1b]0;owned\x07.xml", "a\u202elmx.xml", "b\u009b2J.xml", "c\xff.xml"} {
		write(ts, filepath.Join(args[0], name), sample.Invoice(sample.Options{Number: "H/" + strconv.Itoa(i+1)}))
	}
	write(ts, filepath.Join(args[0], "\x1b[2Jbad.xml"), sample.Bad(sample.NotXML, sample.Options{}))
}

// big FILE NUMBER BYTES writes an invoice of so many bytes and a few more, without an attachment.
func scriptBig(ts *testscript.TestScript, _ bool, args []string) {
	size, err := strconv.Atoi(args[2])
	ts.Check(err)
	doc := sample.Invoice(sample.Options{IssueDate: "2026-01-05", Number: args[1]})
	pad := "<!--" + strings.Repeat("x", size-len(doc)) + "-->"
	write(ts, args[0], bytes.Replace(doc, []byte("<Fa>"), []byte(pad+"<Fa>"), 1))
}

// settle NUMBER STATE [code] [reason] does to an invoice what a worker would.
func scriptSettle(ts *testscript.TestScript, _ bool, args []string) {
	rdb := client(ts)
	defer rdb.Close()
	ctx, l := context.Background(), ledger.New(rdb, ledger.Options{})
	var ids []string
	for len(ids) == 0 { // the script's command in the background may not have come to it yet; testscript bounds the whole
		var err error
		ids, err = l.ByNumber(ctx, args[0])
		ts.Check(err)
	}
	id, state := ids[0], ledger.State(args[1])
	if len(ids) > 1 { // the one that is alive: the others of the number have ended
		invs, err := l.Invoices(ctx, ids)
		ts.Check(err)
		for _, inv := range invs {
			if !inv.State.Final() {
				id = inv.ID
			}
		}
	}
	set := []ledger.Set{}
	if len(args) > 3 {
		set = append(set, ledger.Set{Field: "code", Value: args[2]}, ledger.Set{Field: "reason", Value: args[3]})
	}
	switch state {
	case ledger.Accepted, ledger.Receipted:
		inv, err := l.Invoice(ctx, id)
		ts.Check(err)
		number := inv.NIP + "-20260105-0100A0DB5B00-7E"
		ts.Check(l.Move(ctx, ledger.Move{ID: id, To: ledger.Packed}))
		ts.Check(l.Move(ctx, ledger.Move{ID: id, To: ledger.Accepted, Set: []ledger.Set{{Field: "ksef_number", Value: number}}}))
		if state == ledger.Receipted {
			archiveDocument(ts, l, inv)
			errs, err := l.Receipt(ctx, []string{id}, "file:///upo.xml")
			ts.Check(errors.Join(append(errs, err)...))
		}
	default:
		ts.Check(l.Move(ctx, ledger.Move{ID: id, To: state, Set: set}))
	}
}

// do N LISTING NUMBER VERB runs the command of this verb that a listing of open items names for a number, as a person would copy it, and holds its exit code against N.
func scriptDo(ts *testscript.TestScript, _ bool, args []string) {
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		cells := strings.Split(strings.TrimSpace(line), "\t")
		if len(cells) < 8 || cells[3] != args[2] {
			continue
		}
		for part := range strings.SplitSeq(cells[7], "; ") {
			if _, command, found := strings.Cut(part, "enqueue "+args[3]); found {
				scriptCode(ts, false, []string{args[0], "sh", "-c", "enqueue " + args[3] + command})
				return
			}
		}
	}
	ts.Fatalf("%s names no command enqueue %s for %s", args[1], args[3], args[2])
}

// again FILE OUT old=new… writes an export of FILE made anew, with some of its text replaced.
func scriptAgain(ts *testscript.TestScript, _ bool, args []string) {
	doc := ts.ReadFile(args[0])
	for _, a := range args[2:] {
		old, by, _ := strings.Cut(a, "=")
		if !strings.Contains(doc, old) {
			ts.Fatalf("%s does not hold %q", args[0], old)
		}
		doc = strings.ReplaceAll(doc, old, by)
	}
	write(ts, args[1], []byte(doc))
}

// forget NUMBER does to an invoice that has ended what a worker does: its result is in the archive, and after the retention its entry is gone.
func scriptForget(ts *testscript.TestScript, _ bool, args []string) {
	rdb := client(ts)
	defer rdb.Close()
	ctx, l := context.Background(), ledger.New(rdb, ledger.Options{})
	ids, err := l.ByNumber(ctx, args[0])
	ts.Check(err)
	for _, id := range ids {
		inv, err := l.Invoice(ctx, id)
		ts.Check(err)
		result, err := json.Marshal(results.Of(inv, "custom"))
		ts.Check(err)
		write(ts, filepath.Join(".archive", inv.NIP, inv.IssueDate[:len("2006-01")], id+".json"), result)
	}
	_, err = l.Prune(ctx, -time.Hour, 100)
	ts.Check(err)
	if left, err := l.ByNumber(ctx, args[0]); err != nil || len(left) > 0 {
		ts.Fatalf("%v are left, %v", left, err)
	}
}

func archiveDocument(ts *testscript.TestScript, l *ledger.Ledger, inv ledger.Invoice) {
	sealed, err := l.Body(context.Background(), inv.ID)
	ts.Check(err)
	bodies, err := ledger.NewBodies(nil)
	ts.Check(err)
	doc, err := bodies.Open(inv.ID, sealed)
	ts.Check(err)
	write(ts, filepath.Join(".archive", inv.NIP, inv.IssueDate[:len("2006-01")], inv.ID+".xml"), doc)
}

// damage NUMBER newer|opaque makes the entry of an invoice one that cannot be read.
func scriptDamage(ts *testscript.TestScript, _ bool, args []string) {
	rdb := client(ts)
	defer rdb.Close()
	ctx := context.Background()
	ids, err := ledger.New(rdb, ledger.Options{}).ByNumber(ctx, args[0])
	ts.Check(err)
	key := "ksef:inv:" + ids[0]
	switch args[1] {
	case "newer":
		facts, err := rdb.HGet(ctx, key, "facts").Result()
		ts.Check(err)
		ts.Check(rdb.HSet(ctx, key, "facts", strings.Replace(facts, `"v":1`, `"v":2`, 1)).Err())
	case "opaque":
		ts.Check(rdb.Del(ctx, key).Err())
		ts.Check(rdb.Set(ctx, key, "x", 0).Err())
	}
}

// tasks N holds the number of queued tasks against N.
func scriptTasks(ts *testscript.TestScript, _ bool, args []string) {
	rdb := client(ts)
	defer rdb.Close()
	i := asynq.NewInspectorFromRedisClient(rdb)
	queues, err := i.Queues()
	ts.Check(err)
	n := 0
	for _, q := range queues {
		info, err := i.GetQueueInfo(q)
		ts.Check(err)
		n += info.Size
	}
	if strconv.Itoa(n) != args[0] {
		ts.Fatalf("%d tasks are queued, want %s", n, args[0])
	}
}

// keys N holds the number of keys in Redis against N.
func scriptKeys(ts *testscript.TestScript, _ bool, args []string) {
	rdb := client(ts)
	defer rdb.Close()
	all, err := rdb.Keys(context.Background(), "*").Result()
	ts.Check(err)
	if strconv.Itoa(len(all)) != args[0] {
		ts.Fatalf("%d keys are there, want %s: %v", len(all), args[0], all)
	}
}

// workers are those that stories have started, by story.
var workers sync.Map

// worker starts what asynq sees of a worker; worker stop ends it.
func scriptWorker(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) > 0 {
		stop, _ := workers.Load(ts)
		stop.(func())()
		return
	}
	rdb := client(ts)
	srv := asynq.NewServerFromRedisClient(rdb, asynq.Config{Queues: map[string]int{tasks.QueueUpkeep: 1}, LogLevel: asynq.FatalLevel})
	ts.Check(srv.Start(asynq.NotFoundHandler()))
	stop := sync.OnceFunc(func() { srv.Shutdown(); _ = rdb.Close() })
	ts.Defer(stop)
	workers.Store(ts, stop)
}

// redisset NAME VALUE changes a setting of Redis.
func scriptRedisSet(ts *testscript.TestScript, _ bool, args []string) {
	rdb := client(ts)
	defer rdb.Close()
	ts.Check(rdb.ConfigSet(context.Background(), args[0], args[1]).Err())
}

// lines FILE N holds the number of lines against N.
func scriptLines(ts *testscript.TestScript, _ bool, args []string) {
	if n := strings.Count(ts.ReadFile(args[0]), "\n"); strconv.Itoa(n) != args[1] {
		ts.Fatalf("%s has %d lines, want %s", args[0], n, args[1])
	}
}

func TestParseTime_AsPeopleWriteIt(t *testing.T) {
	for _, c := range []struct {
		in, want string
		end      bool
	}{
		{"2026-11-24", "2026-11-24T00:00:00+01:00", false},
		{"2026-11-24", "2026-11-25T00:00:00+01:00", true},
		{"2026-03-29", "2026-03-30T00:00:00+02:00", true}, // the night in which summer time begins
		{"2026-07-01 16:00", "2026-07-01T16:00:00+02:00", true},
		{"2026-07-01T16:00:00Z", "2026-07-01T16:00:00Z", false},
	} {
		got, ok := parseTime(c.in, invoice.Warsaw(), c.end)
		if s := got.Format("2006-01-02T15:04:05Z07:00"); !ok || s != c.want {
			t.Errorf("parseTime(%q, end %v) = %s, %v, want %s", c.in, c.end, s, ok, c.want)
		}
	}
	if _, ok := parseTime("tomorrow", invoice.Warsaw(), false); ok {
		t.Error("tomorrow is taken for a time")
	}
}

// dropbodies lets go of every document of an invoice that ended, as a worker does after storage.keep_rejected.
func scriptDropBodies(ts *testscript.TestScript, _ bool, _ []string) {
	rdb := client(ts)
	defer rdb.Close()
	time.Sleep(2 * time.Millisecond) // older than nothing is what ended before now
	_, err := ledger.New(rdb, ledger.Options{}).Shed(context.Background(), time.Millisecond, 0, 1000)
	ts.Check(err)
}
