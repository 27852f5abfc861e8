package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/sample"
)

func TestServe_InvoiceByHTTP_IsFoundByStatusAndTheEndIsClean(t *testing.T) {
	key := strings.Repeat("k", 32)
	s := newSite(t)
	s.intake = fmt.Sprintf(`clients: [{name: erp, key_file: %q, tenants: [%q]}]`, s.write("erp", key+"\n"), sample.NIP(0))
	serving := s.start("serve")
	address := serving.address()

	// SIGHUP does not end the server, which still answers the next request.
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
		t.Fatalf("the document was answered with %d %+v (error %v), want 202 and state queued", resp.StatusCode, answer, err)
	}
	// While Redis is nearly full, nothing new is taken in, and readiness says so.
	rdb := redistest.Client(t, s.redis)
	if err := rdb.ConfigSet(t.Context(), "maxmemory", "1mb").Err(); err != nil {
		t.Fatal(err)
	}
	status, text := get(t, address+"/readyz")
	if status != http.StatusOK || !strings.Contains(text, "nothing new is taken in: redis is nearly full") {
		t.Errorf("while redis is nearly full, readiness is %d %s, want 200 and a text that says that nothing new is taken in", status, text)
	}
	if err := rdb.ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	if status, text = get(t, address+"/readyz"); status != http.StatusOK || text != "ready\n" {
		t.Errorf("when redis has memory again, readiness is %d %s, want 200 ready", status, text)
	}
	http.DefaultClient.CloseIdleConnections()
	serving.end()

	var out, errs bytes.Buffer
	if code := run([]string{"--config", s.config(), "status", "--json", "--ref", "SO-1"}, nil, strings.NewReader(""), &out,
		&errs); code != exitOK ||
		!strings.Contains(out.String(), answer.Items[0].ID) {
		t.Errorf("enqueue status ended with %d and printed %s, want 0 and the id %s: %s",
			code, out.String(), answer.Items[0].ID, errs.String())
	}
	if strings.Contains(serving.stderr.String(), key) {
		t.Error("the log contains the key of the client, which is a secret")
	}
}

// The server is started again after one program's key was revoked, as docs/http.md says, and after
// another program's file got a line that cannot be used. The server starts, and only a program
// without a usable key is locked out.
func TestServe_StartedWithFilesOfKeysThatCannotBeUsed_OnlyTheirClientsAreLockedOut(t *testing.T) {
	s := newSite(t)
	key := strings.Repeat("k", 32)
	gone := s.write("gone", "")
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	empty, line := s.write("empty", ""), s.write("line", "short\n"+key+"\n")
	s.intake = fmt.Sprintf("clients: [{name: gone, key_file: %q, tenants: [%q]}, {name: empty, key_file: %q, tenants: [%q]}, "+
		"{name: line, key_file: %q, tenants: [%q]}]", gone, sample.NIP(0), empty, sample.NIP(0), line, sample.NIP(1))
	serving := s.start("serve")
	address := serving.address()
	status := func(key string) int {
		r, err := http.NewRequestWithContext(t.Context(), "GET", address+"/v1/invoices", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+key)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if got := status(key); got != http.StatusOK {
		t.Errorf("with the good key of the file that has a bad line, the status is %d, want 200", got)
	}
	for client, file := range map[string]string{"gone": gone, "empty": empty, "line": line} {
		serving.logs(fmt.Sprintf(`"client":%q`, client))
		serving.logs(file)
	}
	back := strings.Repeat("b", 32)
	if got := status(back); got != http.StatusUnauthorized {
		t.Errorf("with a key that is in no file, the status is %d, want 401", got)
	}
	s.write("gone", back+"\n")
	serving.until("the file that was written again is read", func() bool { return status(back) == http.StatusOK })
	http.DefaultClient.CloseIdleConnections()
	serving.end()
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
