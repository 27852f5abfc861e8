package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// line is a writer that sends its first line to a channel.
type line struct {
	text chan string
	buf  bytes.Buffer
}

func (l *line) Write(p []byte) (int, error) {
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
		t.Fatal("never ready")
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
			t.Errorf("status %d", resp.StatusCode)
		}
	}
	stop()
	if code := <-done; code != exitOK {
		t.Errorf("exit code %d: %s", code, errs)
	}
	if strings.Contains(errs.String()+out.buf.String(), "verysecret") {
		t.Error("a key was written")
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
	} {
		var out, errs bytes.Buffer
		if code := serve(t.Context(), strings.Fields(args), &out, &errs); code != exitUsage || !strings.Contains(errs.String(), reason) {
			t.Errorf("%s: %d %s", args, code, errs.String())
		}
	}
	var out, errs bytes.Buffer
	if code := serve(t.Context(), []string{"--help"}, &out, &errs); code != exitOK || !strings.Contains(out.String(), "--delay") {
		t.Errorf("help: %d %s %s", code, out.String(), errs.String())
	}
	out.Reset()
	if code := serve(t.Context(), []string{"--version"}, &out, &errs); code != exitOK ||
		!strings.Contains(out.String(), "simulator ") || !strings.Contains(out.String(), "go1.") {
		t.Errorf("version: %d %s %s", code, out.String(), errs.String())
	}
	if code := serve(t.Context(), []string{"--addr", "127.0.0.1:0", "--grant", "5265877635:1"}, &out, &errs); code != exitFault {
		t.Errorf("a grant to an invalid NIP: %d", code)
	}
	if code := serve(t.Context(), []string{"--addr", "nowhere:1:2"}, &out, &errs); code != exitFault {
		t.Errorf("a bad address: %d", code)
	}
}
