package httpintake

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"ksefworker/internal/actions"
	"ksefworker/internal/archive"
	"ksefworker/internal/inquiry"
	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/records"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/sample"
)

// The keys of the two clients. The first client has the first tenant, and the second client the
// second.
const (
	keyOne = "one-one-one-one-one-one-one"
	keyTwo = "two-two-two-two-two-two-two"
)

var monday = time.Date(2026, 11, 23, 11, 0, 0, 0, time.UTC)

// bench is a server on a real Redis and a real folder, with two clients.
type bench struct {
	t       testing.TB
	o       Options
	rdb     *redis.Client
	store   archive.Store
	bodies  *ledger.Bodies
	url     string
	unfit   error
	log     *bytes.Buffer
	keyFile string // of the first client
	spool   string
	server  *Server
}

// newBench starts a server. change changes the options before that; it may be nil.
func newBench(t testing.TB, change func(*Options)) *bench {
	t.Helper()
	rdb, _ := redistest.New(t)
	b := &bench{t: t, rdb: rdb, log: &bytes.Buffer{}, spool: t.TempDir()}
	var err error
	b.bodies, err = ledger.NewBodies()
	b.must(err)
	b.store, err = archive.Open(t.Context(), "file://"+t.TempDir(), archive.Options{})
	b.must(err)
	t.Cleanup(func() { _ = b.store.Close() })
	l, q := ledger.New(rdb, ledger.Options{Outbox: 10_000}), queue.New(rdb)
	reader := &inquiry.Reader{Ledger: l, Environment: "test"}
	b.o = Options{
		Admitter: &intake.Admitter{Ledger: l, Queue: q, Bodies: b.bodies, Store: b.store, Now: func() time.Time { return monday },
			Accounts: []intake.Account{{Name: "one", NIP: sample.NIP(0)}, {Name: "two", NIP: sample.NIP(1)}}},
		Ledger: l, Inquiry: reader, Actions: &actions.Executor{Ledger: l, Queue: q, Inquiry: reader},
		Records: &records.Reader{Store: b.store}, Document: b.document, Fit: func() error { return b.unfit },
		RecordRefusals: true, Log: zerolog.New(zerolog.SyncWriter(b.log)), Now: time.Now,
		Limits:  Limits{Body: 8 << 20, Document: 1 << 20, Documents: 1000, PerSecond: 100_000, Parallel: 100, TempDir: b.spool},
		Clients: []Client{b.client("erp-one", "one", keyOne), b.client("erp-two", "two", keyTwo)},
	}
	b.keyFile = b.o.Clients[0].KeyFile
	if change != nil {
		change(&b.o)
	}
	b.server, err = New(b.o)
	b.must(err)
	server := httptest.NewUnstartedServer(nil)
	server.Config = b.server.HTTP()
	server.Start()
	t.Cleanup(server.Close)
	b.url = server.URL
	return b
}

func (b *bench) client(name, tenant, key string) Client {
	file := filepath.Join(b.t.TempDir(), name)
	b.must(os.WriteFile(file, []byte(key+"\n"), 0o600))
	return Client{Name: name, KeyFile: file, Tenants: []string{tenant}, Keys: func() ([]string, error) {
		raw, err := os.ReadFile(file)
		return strings.Fields(string(raw)), err
	}}
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func xmlOf(tenant int, number string) []byte {
	return sample.Invoice(sample.Options{SellerNIP: sample.NIP(tenant), Number: number, IssueDate: "2026-11-23"})
}

// answer is what the server answered to a call.
type answer struct {
	status int
	head   http.Header
	raw    []byte
	body   struct {
		Type, Title, Detail string
		Taken, Refused      int
		Items               []struct {
			item
			Reason         string
			Revision, Code int
		}
		Next string
		invoiceAnswer
	}
}

// call sends a request with the first client's key. heads are pairs of a header's name and value.
// These headers are set after the key, so a header Authorization replaces the key.
func (b *bench) call(method, path string, body []byte, heads ...string) answer {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, bytes.NewReader(body))
	b.must(err)
	r.Header.Set("Authorization", "Bearer "+keyOne)
	for i := 0; i+1 < len(heads); i += 2 {
		r.Header.Set(heads[i], heads[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	b.must(err)
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, head: resp.Header}
	a.raw, err = io.ReadAll(resp.Body)
	b.must(err)
	if strings.Contains(resp.Header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(a.raw, &a.body); err != nil {
			b.t.Fatalf("the answer to %s %s is no JSON: %v in %s", method, path, err, a.raw)
		}
	}
	return a
}

func (b *bench) post(xml []byte, query string, heads ...string) answer {
	b.t.Helper()
	return b.call("POST", "/v1/invoices"+query, xml, append([]string{"Content-Type", "application/xml"}, heads...)...)
}

// take hands one invoice in and returns its id.
func (b *bench) take(tenant int, number, query string) string {
	b.t.Helper()
	key := []string{keyOne, keyTwo}[tenant]
	a := b.post(xmlOf(tenant, number), query, "Authorization", "Bearer "+key)
	if a.status != http.StatusAccepted {
		b.t.Fatalf("invoice %s was not taken: %d %s", number, a.status, a.raw)
	}
	return a.body.Items[0].ID
}

func (b *bench) want(a answer, status int, kind string) {
	b.t.Helper()
	if a.status != status || kind != "" && a.body.Type != "urn:ksef-worker:problem:"+kind {
		b.t.Errorf("the answer is %d %s, want %d %s", a.status, a.raw, status, kind)
	}
}

// document reads the document of an invoice from Redis, as connect.Pool.Document does for a server
// of the program.
func (b *bench) document(ctx context.Context, inv *ledger.Invoice) ([]byte, error) {
	sealed, err := b.o.Ledger.Body(ctx, inv.ID)
	if err != nil {
		return nil, err
	}
	return b.bodies.Open(inv.ID, sealed)
}
