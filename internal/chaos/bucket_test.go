//go:build unix

package chaos

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestBucket_Hang_HoldsRequestsAndCutsThemOff(t *testing.T) {
	b, err := openBucket(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	put := func() (int, error) {
		req, err := http.NewRequestWithContext(t.Context(), "PUT", b.url+"/receipts/a/b.json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Credential=AKIDTEST/20261123/eu-central-1/s3/x")
		res, err := client.Do(req)
		if err != nil {
			return 0, err
		}
		return res.StatusCode, res.Body.Close()
	}
	over := make(chan struct{})
	go func() { defer close(over); b.hang(t.Context(), 200*time.Millisecond) }()
	for b.heldUp() == 0 { // the first requests may come before the hang begins
		if status, err := put(); err == nil && status != http.StatusOK {
			t.Fatalf("a request that was not cut off gets status %d, want 200", status)
		}
	}
	<-over
	if status, err := put(); err != nil || status != http.StatusOK {
		t.Errorf("a request after the hang gets status %d (error %v), want 200", status, err)
	}
	dir := t.TempDir()
	if err := b.copyTo(dir); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "a", "b.json")); err != nil || string(data) != "{}" {
		t.Errorf("the copied file has %s (error %v), want {}", data, err)
	}
}
