package app_test

import (
	"context"
	"errors"
	"fmt"
	"ksefworker/internal/queue"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/connect"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/oidc/oidctest"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/sample"
)

// pageRow is one key as docs/redis.md describes it.
type pageRow struct {
	name, kind string
	expires    bool
	match      *regexp.Regexp
	fixed      int // length of the name without its variable parts
	written    bool
}

var variablePart = regexp.MustCompile(`<[^>]+>`)

func redisPage(t *testing.T) []*pageRow {
	t.Helper()
	raw, err := os.ReadFile("../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []*pageRow
	for line := range strings.Lines(string(raw)) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if len(cells) != 4 || !strings.HasPrefix(line, "| `") {
			continue
		}
		name := strings.ReplaceAll(strings.Trim(cells[0], "|` "), `\|`, "|")
		parts := variablePart.Split(name, -1)
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		rows = append(rows, &pageRow{
			name: name, kind: cells[1], expires: strings.HasPrefix(cells[3], "expires"),
			match: regexp.MustCompile("^" + strings.Join(parts, ".*") + "$"),
			fixed: len(variablePart.ReplaceAllString(name, "")),
		})
	}
	return rows
}

// rowOf finds the row of a key. When several rows match, the one with the longest fixed part
// describes the key. So rate-clock is not taken for a rate.
func rowOf(rows []*pageRow, key string) *pageRow {
	var found *pageRow
	for _, row := range rows {
		if row.match.MatchString(key) && (found == nil || row.fixed > found.fixed) {
			found = row
		}
	}
	return found
}

// kindOfWrite gives the type of a key by an event that only keys of this type have.
var kindOfWrite = map[string]string{
	"set": "string", "incrby": "string", "hset": "hash", "hincrby": "hash", "sadd": "set",
	"zadd": "zset", "zincr": "zset", "lpush": "list", "rpush": "list", "xadd": "stream",
}

// keyEvents notes which events each key had, even if the key is gone afterwards.
type keyEvents struct {
	mu     sync.Mutex
	writes map[[2]string]bool // event, key
}

func watchKeys(t *testing.T, rdb redis.UniversalClient) *keyEvents {
	t.Helper()
	if err := rdb.ConfigSet(t.Context(), "notify-keyspace-events", "EA").Err(); err != nil {
		t.Fatal(err)
	}
	sub := rdb.PSubscribe(t.Context(), "__keyevent@*__:*")
	if _, err := sub.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	e, done := &keyEvents{writes: map[[2]string]bool{}}, make(chan struct{})
	go func() {
		defer close(done)
		for {
			msg, err := sub.ReceiveMessage(context.Background())
			if err != nil {
				return
			}
			_, event, _ := strings.Cut(msg.Channel, "__:")
			e.mu.Lock()
			e.writes[[2]string{event, msg.Payload}] = true
			e.mu.Unlock()
		}
	}()
	t.Cleanup(func() { _ = sub.Close(); <-done })
	return e
}

// saw reports whether a key whose name begins with start was written.
func (e *keyEvents) saw(start string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for write := range e.writes {
		if kindOfWrite[write[0]] != "" && strings.HasPrefix(write[1], start) {
			return true
		}
	}
	return false
}

func TestRedisPage_ListsEveryKeyOfAPool_AndNoOther(t *testing.T) {
	t.Parallel()
	rows := redisPage(t)
	var op *oidctest.Provider
	p := newPool(t, 1, quickSim, func(c *config.Config) {
		hasty(c)
		withUsers(t, c)
		op = withProvider(t, c)
		c.Results.Stream.Enabled = true
		c.Results.Streams = []config.StreamReceiver{{Name: "more"}}
	})
	events := watchKeys(t, p.base.Redis)
	addr, stop := p.workAt()
	docs := good(sample.NIP(0), 12)
	taken := append(p.admit(intake.Terms{Lane: ledger.Express}, docs[:3]...), p.admit(intake.Terms{Lane: ledger.Bulk}, docs[3:]...)...)
	p.wait(90*time.Second, taken, ledger.Receipted)
	until(t, 30*time.Second, "a receiver was told", func() bool { return events.saw("ksef:results:") })
	until(t, 30*time.Second, "a worker has checked whether Redis takes writes", func() bool { return events.saw("ksef:ready") })
	login(t, addr, "anna")
	signIn(t, addr, op)
	stop()
	writeRareLedgerKeys(t, p.base.Ledger)
	seeSickKey(t, p.base.Ledger, p.base.Redis)
	seeSickQueue(t, p.base)
	writeRareLimiterKeys(t, p.base.Redis)
	writeRareQueueKeys(t, p.base.Asynq, events)
	app.ForgetPublicKey(p.base, "5265877635")
	last := "ksef:worker:the last write of this test"
	if err := p.base.Ledger.Beat(t.Context(), "the last write of this test", time.Minute); err != nil {
		t.Fatal(err)
	}
	until(t, 10*time.Second, "the event of the last write has come", func() bool { return events.saw(last) })

	plain := func(key string) string { return strings.TrimPrefix(key, "ksef:") }
	events.mu.Lock()
	defer events.mu.Unlock()
	for write := range events.writes {
		event, key := write[0], plain(write[1])
		kind, isWrite := kindOfWrite[event]
		if !isWrite {
			continue
		}
		row := rowOf(rows, key)
		if row == nil {
			t.Errorf("docs/redis.md does not list %s, which is a %s", key, kind)
			continue
		}
		if row.written = true; row.kind != kind {
			t.Errorf("%s is a %s, docs/redis.md calls %s a %s", key, kind, row.name, row.kind)
		}
	}
	for _, row := range rows {
		if !row.written {
			t.Errorf("docs/redis.md lists %s, and nothing wrote it", row.name)
		}
	}
	keys, err := p.base.Redis.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		ttl, err := p.base.Redis.PTTL(t.Context(), key).Result()
		if err != nil {
			t.Fatal(err)
		}
		// -2 means that the key has just expired.
		if row := rowOf(rows, plain(key)); row != nil && ttl != -2 && row.expires != (ttl > 0) {
			t.Errorf("%s expires in %v, docs/redis.md says that it expires: %v", key, ttl, row.expires)
		}
	}
}

// login logs in at the business page as a user of [withUsers].
func login(t *testing.T, addr, user string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	res, err := client.PostForm("http://"+addr+"/login", url.Values{"name": {user}, "password": {"password of " + user}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || res.Request.URL.Path != "/" {
		t.Fatalf("the login of %s has status %d at %s, want 200 at /", user, res.StatusCode, res.Request.URL)
	}
	return client
}

// writeRareLedgerKeys makes the ledger write the keys that the test's twelve good invoices do not
// need.
func writeRareLedgerKeys(t *testing.T, l *ledger.Ledger) {
	t.Helper()
	ctx, nip := t.Context(), sample.NIP(0)
	document := func(id string) ledger.NewInvoice {
		return ledger.NewInvoice{Body: []byte("x"), Invoice: ledger.Invoice{
			Facts: ledger.Facts{ID: id, Tenant: nip, NIP: nip, Kind: "VAT", Form: "v3", Ref: "SO-1"}, Number: "R/1", Size: 1,
		}}
	}
	first, err := l.Take(ctx, []ledger.NewInvoice{document("inv-first")})
	check := func(more ...error) {
		t.Helper()
		if err := errors.Join(append(more, err)...); err != nil {
			t.Fatal(err)
		}
	}
	check()
	check(l.Move(ctx, ledger.Move{ID: "inv-first", Rev: first[0].Rev, To: ledger.Rejected}))
	_, err = l.Take(ctx, []ledger.NewInvoice{document("inv-second")}) // the second document of one identity
	check()
	_, _, err = l.WithoutTask(ctx, time.Now(), 10)
	check()
	_, err = l.NextInvoices(ctx, ledger.Receipted, time.Time{}, 1) // it stops in the middle, and so notes where to go on
	check()
	_, err = l.NoteUnreadable(ctx, []ledger.Unreadable{{ID: "inv-none", Key: "inv:inv-none"}})
	check(l.NoteKeyRefused(ctx, nip, "its key was refused"), l.Hold(ctx, nip, ledger.Hold{
		Kind: ledger.Paused, By: "anna",
	}), l.Replicated(ctx))
	check(l.Refuse(ctx, []ledger.Refusal{{ID: ledger.RefusalOfFile("a.xml"), Tenant: nip, File: "a.xml"}}))
	check(l.Refuse(ctx, []ledger.Refusal{{ID: ledger.RefusalOfFile("b.xml"), By: "erp", File: "b.xml"}}))
	_, err = l.NoteRequest(ctx, "erp", "key", [32]byte{})
	check()
	_, err = l.MarkSeen(ctx, "anna", ledger.OpenName{ID: ledger.RefusalOfFile("a.xml"), Tenant: nip})
	check()
	held := []ledger.Held{{Outcome: ledger.Outcome{ID: "inv-first", Rev: first[0].Rev + 1}}}
	_, err = l.ChangeSink(ctx, "page", ledger.SinkChange{
		Hold: map[string][]ledger.Held{"inv-first": held}, Fail: held, Standings: map[string]*ledger.Standing{"page": {Held: 1}}})
	check()
	cutInPieces(t, l, document)
}

// cutInPieces cuts a package of more invoices than one call of the script takes.
func cutInPieces(t *testing.T, l *ledger.Ledger, document func(id string) ledger.NewInvoice) {
	t.Helper()
	const n = 250
	docs, ids := make([]ledger.NewInvoice, n), make([]string, n)
	for i := range docs {
		ids[i] = fmt.Sprint("inv-piece-", i)
		docs[i] = document(ids[i])
		docs[i].Number, docs[i].Ref = fmt.Sprint("P/", i), ""
	}
	_, err := l.Take(t.Context(), docs)
	invs, err2 := l.Invoices(t.Context(), ids)
	moves := make([]ledger.Move, n)
	for i := range invs {
		moves[i] = l.WaitMove(&invs[i])
	}
	_, err3 := l.Apply(t.Context(), moves)
	group := ledger.Group{Tenant: invs[0].Tenant, Form: invs[0].Form}
	cut, err4 := l.Cut(t.Context(), "pkg-pieces", group, ledger.CutLimits{Invoices: n, Bytes: 1 << 20})
	if err := errors.Join(err, err2, err3, err4); err != nil || len(cut) != n {
		t.Fatalf("%d of %d invoices were cut (error %v), want all", len(cut), n, err)
	}
}

// writeRareLimiterKeys makes the limiter and the circuits write the keys that they need only when
// KSeF does not answer well.
func writeRareLimiterKeys(t *testing.T, rdb redis.UniversalClient) {
	t.Helper()
	store := ratelimit.NewRedis(rdb, "ksef:")
	key := ratelimit.Key{Tenant: sample.NIP(0), Group: "page"}
	if _, _, err := store.Throttle(t.Context(), key, time.Hour); err != nil {
		t.Fatal(err)
	}
	var notNow *ratelimit.NotNow
	limits := ratelimit.Limits{{Limit: 1, Per: time.Second}}
	if _, err := store.Book(t.Context(), ratelimit.Request{Key: key, Limits: limits, Ticket: "t"}); !errors.As(err, &notNow) {
		t.Fatalf("Book in a frozen group returned %v, want NotNow", err)
	}
	circuit, err := ratelimit.NewCircuit(store, ratelimit.CircuitOptions{Failures: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := circuit.Failure(t.Context(), ratelimit.Pair{Host: "page.example", Tenant: sample.NIP(0), Group: "page"}); err != nil {
		t.Fatal(err)
	}
	if err := rdb.ScriptFlush(t.Context()).Err(); err != nil { // as after a restart of Redis
		t.Fatal(err)
	}
	if _, err := store.Usage(t.Context(), key, nil); err != nil {
		t.Fatal(err)
	}
}

// writeRareQueueKeys lets two tasks fail, one of them for the last time. A third task runs until
// its server has reported it, and a fourth is scheduled. At the end, writeRareQueueKeys pauses the
// queue.
func writeRareQueueKeys(t *testing.T, rdb redis.UniversalClient, events *keyEvents) {
	t.Helper()
	const queue = "page"
	client, inspector := asynq.NewClientFromRedisClient(rdb), asynq.NewInspectorFromRedisClient(rdb)
	for kind, option := range map[string]asynq.Option{
		"fail": asynq.MaxRetry(1), "fail at last": asynq.MaxRetry(0), "run": asynq.MaxRetry(1), "later": asynq.ProcessIn(time.Hour),
	} {
		if _, err := client.Enqueue(asynq.NewTask(kind, nil), asynq.Queue(queue), option); err != nil {
			t.Fatal(err)
		}
	}
	reported := make(chan struct{})
	server := asynq.NewServerFromRedisClient(rdb, asynq.Config{
		Concurrency: 3, Queues: map[string]int{queue: 1}, LogLevel: asynq.FatalLevel,
	})
	if err := server.Start(asynq.HandlerFunc(func(_ context.Context, task *asynq.Task) error {
		if task.Type() == "run" {
			<-reported
			return nil
		}
		return errors.New("it fails")
	})); err != nil {
		t.Fatal(err)
	}
	defer server.Shutdown()
	defer close(reported)
	until(t, 20*time.Second, "two tasks have failed and the third is reported", func() bool {
		info, err := inspector.GetQueueInfo(queue)
		return err == nil && info.Retry == 1 && info.Archived == 1 && events.saw("asynq:workers:{")
	})
	if err := inspector.PauseQueue(queue); err != nil {
		t.Fatal(err)
	}
}

// seeSickQueue gives a key of a queue a wrong type for a moment, and lets the queue note this key
// as sick.
func seeSickQueue(t *testing.T, base *connect.Pool) {
	t.Helper()
	const sick = "asynq:{upkeep}:archived"
	if err := base.Redis.PFAdd(t.Context(), sick, "x").Err(); err != nil {
		t.Fatal(err)
	}
	if seen, err := queue.NewRepairer(base.Queue).SickKeys(t.Context()); err != nil || len(seen) != 1 {
		t.Fatalf("the sick keys of the queues are %v (error %v), want one", seen, err)
	}
	if err := base.Redis.Del(t.Context(), sick).Err(); err != nil {
		t.Fatal(err)
	}
}

// seeSickKey gives a key of the ledger a wrong type for a moment, and lets the ledger note this key
// as sick. It uses PFADD, which makes the key a string, because kindOfWrite lacks the event of
// PFADD. So this type is not compared with docs/redis.md.
func seeSickKey(t *testing.T, l *ledger.Ledger, rdb redis.UniversalClient) {
	t.Helper()
	const sick = "ksef:cursors"
	if err := errors.Join(rdb.Del(t.Context(), sick).Err(), rdb.PFAdd(t.Context(), sick, "x").Err()); err != nil {
		t.Fatal(err)
	}
	if seen, err := l.SeeSickKeys(t.Context()); err != nil || len(seen) != 1 {
		t.Fatalf("the sick keys of the ledger are %v (error %v), want one", seen, err)
	}
	if err := rdb.Del(t.Context(), sick).Err(); err != nil {
		t.Fatal(err)
	}
	// While the outbox is sick, outcomes are set aside. While both are sick, outcomes are lost.
	const outbox, aside = "ksef:outbox", "ksef:outboxaside"
	if err := errors.Join(rdb.Del(t.Context(), outbox).Err(), rdb.PFAdd(t.Context(), outbox, "x").Err(),
		rdb.PFAdd(t.Context(), aside, "x").Err(),
		l.Refuse(t.Context(), []ledger.Refusal{{ID: ledger.RefusalOfFile("lost.xml"), File: "lost.xml", Tenant: sample.NIP(0)}}),
		rdb.Del(t.Context(), aside).Err(),
		l.Refuse(t.Context(), []ledger.Refusal{{ID: ledger.RefusalOfFile("aside.xml"), File: "aside.xml", Tenant: sample.NIP(0)}}),
		rdb.Del(t.Context(), outbox).Err()); err != nil {
		t.Fatal(err)
	}
}
