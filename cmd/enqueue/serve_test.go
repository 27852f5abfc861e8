package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ksefworker/internal/redisd"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/sample"
)

// safeBuffer is the standard error of a program that runs beside the test.
type safeBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}

func TestServe_InvoiceByHTTP_IsFoundByStatusAndTheEndIsClean(t *testing.T) {
	srv := redistest.StartWith(t, redisd.Options{AppendOnly: true})
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key := strings.Repeat("k", 32)
	config := write("worker.yaml", fmt.Sprintf(`environment: custom
gateway: {url: "http://127.0.0.1:1"}
redis: {url: %q}
tenants:
  - {nip: %q, key_id: test_id, key_file: %q}
archive: {url: "file://%s"}
intake:
  http: {addr: "127.0.0.1:0"}
  clients: [{name: erp, key_file: %q, tenants: [%q]}]
`, srv.URL(), sample.NIP(0), write("key", "no-secret"), filepath.Join(dir, "archive"), write("erp", key+"\n"), sample.NIP(0)))

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var stderr safeBuffer
	p := newProgram(&core{in: strings.NewReader(""), out: newScreen(io.Discard), err: newScreen(io.Discard), stderr: &stderr})
	ended := make(chan error, 1)
	go func() { ended <- p.run(ctx, []string{"--config", config, "serve"}) }()
	address := ""
	for deadline := time.Now().Add(20 * time.Second); address == ""; {
		if m := regexp.MustCompile(`"address":"(http://[^"]+)"`).FindStringSubmatch(stderr.String()); m != nil {
			address = m[1]
		}
		select {
		case err := <-ended:
			t.Fatalf("it ended: %v %s", err, stderr.String())
		case <-time.After(5 * time.Millisecond):
			if time.Now().After(deadline) {
				t.Fatalf("it does not listen: %s", stderr.String())
			}
		}
	}

	// SIGHUP does not end the server: it still answers the request that follows.
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	doc := sample.Invoice(sample.Options{SellerNIP: sample.NIP(0), Number: "FV/1", IssueDate: "2026-01-05"})
	r, err := http.NewRequestWithContext(t.Context(), "POST", address+"/v1/invoices?ref=SO-1", bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/xml")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Items []struct{ ID, State string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusAccepted ||
		answer.Items[0].State != "queued" {
		t.Fatalf("answered %d %+v, %v", resp.StatusCode, answer, err)
	}
	// A Redis that is nearly full takes nothing new, and readiness says so.
	rdb := redistest.Client(t, srv)
	if err := rdb.ConfigSet(t.Context(), "maxmemory", "1mb").Err(); err != nil {
		t.Fatal(err)
	}
	status, text := get(t, address+"/readyz")
	if status != http.StatusOK || !strings.Contains(text, "nothing new is taken in: redis is nearly full") {
		t.Errorf("full: %d %s", status, text)
	}
	if err := rdb.ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	if status, text = get(t, address+"/readyz"); status != http.StatusOK || text != "ready\n" {
		t.Errorf("not full: %d %s", status, text)
	}
	http.DefaultClient.CloseIdleConnections()
	stop()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	p.close()

	var out, errs bytes.Buffer
	if code := run([]string{"--config", config, "status", "--json", "--ref", "SO-1"}, nil, strings.NewReader(""), &out,
		&errs); code != exitOK ||
		!strings.Contains(out.String(), answer.Items[0].ID) {
		t.Errorf("status: %d %s %s", code, out.String(), errs.String())
	}
	if strings.Contains(stderr.String(), key) {
		t.Error("the log has the key")
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}
