package httpintake

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// The file of one client's keys lies on a share that hangs. The keys that were read before stay
// valid, and a call waits for the file only for keyTimeout.
func TestClient_FileOfKeysHangs_ItsLastKeysCountAndNobodyWaitsForIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	hangs := make(chan struct{})
	nobody := func(*client, keys) (string, keys) { return "", nil }
	c := &client{holder: nobody, storing: new(sync.Mutex), Client: Client{Name: "erp", KeyFile: file, Keys: func() ([]string, error) {
		<-hangs
		return []string{"new"}, nil
	}}}
	last, next := sha256.Sum256([]byte("last")), sha256.Sum256([]byte("new"))
	c.keys = keys{last}
	o := Options{Now: func() time.Time { return monday }}
	for range 3 {
		if !c.has(last, o) {
			t.Error("while the file hangs, the key that was read from it before does not work")
		}
	}
	c.mu.Lock()
	reading := c.reading
	c.mu.Unlock()
	close(hangs)
	<-reading
	if c.has(last, o) || !c.has(next, o) {
		t.Errorf("after the file was read, the old key works: %v, and the new key works: %v; want false and true",
			c.has(last, o), c.has(next, o))
	}
}
