package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// line is a writer that keeps everything that is written, and sends the first line to a channel.
type line struct {
	text chan string
	mu   sync.Mutex
	buf  bytes.Buffer
}

// String returns everything that was written.
func (l *line) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *line) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf.Write(p)
	if text, _, found := strings.Cut(l.buf.String(), "\n"); found {
		select {
		case l.text <- text:
		default:
		}
	}
	return len(p), nil
}

func TestServe_PrintsItsAddress_AnswersAndEndsCleanly(t *testing.T) {
	dir := t.TempDir()
	key, script := filepath.Join(dir, "key"), filepath.Join(dir, "faults.yaml")
	if err := os.WriteFile(key, []byte("verysecret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(script, []byte("- {on: publicKey, kind: status, code: 503}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	out, errs := &line{text: make(chan string, 1)}, &bytes.Buffer{}
	done := make(chan int, 1)
	go func() {
		args := []string{"--addr", "127.0.0.1:0", "--profile", "unlimited", "--faults", script}
		done <- serve(ctx, append(args, "--account", "own:"+key+":5265877635"), out, errs)
	}()
	var url string
	select {
	case text := <-out.text:
		url = text[strings.Index(text, "http://"):]
	case <-time.After(20 * time.Second):
		t.Fatal("the simulator did not print its address within 20 seconds")
	}
	want := []int{http.StatusServiceUnavailable, http.StatusOK}
	for _, status := range want {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/invoice/public/key", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth("own", "verysecret")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("the simulator answered with status %d, want %d: 503 to the first request and 200 to the second",
				resp.StatusCode, status)
		}
	}
	stop()
	if code := <-done; code != exitOK {
		t.Errorf("at its end the simulator had exit code %d, want 0: %s", code, errs)
	}
	if strings.Contains(errs.String()+out.String(), "verysecret") {
		t.Error("the simulator printed the key of an account")
	}
}

func TestServe_BadArguments_ExitsWithUsageAndReason(t *testing.T) {
	for args, reason := range map[string]string{
		"--profile fast":              "profile",
		"--account nobody":            "ID:KEYFILE",
		"--account a:/no/such/file":   "no such file",
		"--faults /no/such/file":      "faults",
		"--what":                      "unknown flag",
		"--taxpayer 5265877635:1":     "NIP:BYTES:BYTES:N",
		"--taxpayer 5265877635:a:1:1": "not a number",

		"--direct-token 5265877635:/no/such/file":                          "--direct-addr",
		"--direct-addr 127.0.0.1:0 --direct-token 5265877635":              "NIP:FILE",
		"--direct-addr 127.0.0.1:0 --direct-token 5265877635:/no/file":     "no such file",
		"--direct-addr 127.0.0.1:0 --direct-grant 1:5265877635:x":          "SUBJECT:NIP:PERMISSIONS",
		"--direct-addr 127.0.0.1:0 --direct-rate 5265877635:other:1/2":     "NIP:GROUP:S/M/H",
		"--direct-addr 127.0.0.1:0 --direct-rate 5265877635:other:1/2/few": "neither a number nor -1",
	} {
		var out, errs bytes.Buffer
		if code := serve(t.Context(), strings.Fields(args), &out, &errs); code != exitUsage || !strings.Contains(errs.String(), reason) {
			t.Errorf("with %s the exit code is %d, want %d and a message with %q: %s", args, code, exitUsage, reason, errs.String())
		}
	}
	var out, errs bytes.Buffer
	if code := serve(t.Context(), []string{"--help"}, &out, &errs); code != exitOK || !strings.Contains(out.String(), "--delay") {
		t.Errorf("--help: exit code %d, want %d and a text with --delay: %s %s", code, exitOK, out.String(), errs.String())
	}
	out.Reset()
	if code := serve(t.Context(), []string{"--version"}, &out, &errs); code != exitOK ||
		!strings.Contains(out.String(), "simulator ") || !strings.Contains(out.String(), "go1.") {
		t.Errorf("--version: exit code %d, want %d and the versions of the simulator and of Go: %s %s",
			code, exitOK, out.String(), errs.String())
	}
	if code := serve(t.Context(), []string{"--addr", "127.0.0.1:0", "--grant", "5265877635:1"}, &out, &errs); code != exitFault {
		t.Errorf("with --grant for a number that is not a NIP the exit code is %d, want %d", code, exitFault)
	}
	if code := serve(t.Context(), []string{"--addr", "nowhere:1:2"}, &out, &errs); code != exitFault {
		t.Errorf("with a bad address the exit code is %d, want %d", code, exitFault)
	}
}

func TestServe_DirectAddr_AnswersTheMinistrysAPIAndEndsCleanly(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("verysecret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	out, errs := &line{text: make(chan string, 1)}, &bytes.Buffer{}
	done := make(chan int, 1)
	go func() {
		args := []string{"--addr", "127.0.0.1:0", "--direct-addr", "127.0.0.1:0", "--direct-novelty", "0", "--direct-rate",
			"5265877635:invoiceSend:1/2/-1"}
		args = append(args, "--direct-grant", "7980332920:5265877635:InvoiceRead,InvoiceWrite", "--log-level", "debug")
		done <- serve(ctx, append(args, "--direct-token", "5265877635:"+token+":InvoiceRead,InvoiceWrite"), out, errs)
	}()
	deadline := time.After(20 * time.Second)
	var url string
	for url == "" {
		select {
		case code := <-done:
			t.Fatalf("the simulator ended too early with exit code %d: %s", code, errs)
		case <-deadline:
			t.Fatal("the simulator did not print both addresses in time")
		case <-time.After(time.Millisecond):
			_, after, _ := strings.Cut(out.String(), "API on ")
			url, _, _ = strings.Cut(after, "\n")
		}
	}
	resp, err := http.Post(url+"/auth/challenge", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "-CR-") {
		t.Errorf("the challenge was answered with %d %s, want 200 and its reference", resp.StatusCode, body)
	}
	stop()
	if code := <-done; code != exitOK {
		t.Errorf("at its end the simulator had exit code %d, want 0: %s", code, errs)
	}
	if strings.Contains(errs.String()+out.String(), "verysecret") {
		t.Error("the simulator printed a token")
	}
}
