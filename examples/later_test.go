package examples

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// A proxy on the way answers with an error, or the intake cannot check a document now. Neither
// needs a person. The same call has to be made again later, as docs/http.md says. The example
// programs must call again, because people copy them.
func TestSubmit_ServerCannotNow_EachLanguageCallsAgain(t *testing.T) {
	t.Parallel()
	for _, l := range languages {
		t.Run(l.runtime, func(t *testing.T) {
			t.Parallel()
			runtime, err := exec.LookPath(l.runtime)
			if err != nil {
				t.Skipf("%s is not installed", l.runtime)
			}
			var mu sync.Mutex
			calls := map[string]int{}
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				calls[r.Method]++
				switch first := calls[r.Method] == 1; {
				case r.Method == http.MethodPost && first:
					w.Header().Set("Content-Type", "application/problem+json")
					w.WriteHeader(http.StatusServiceUnavailable)
					fmt.Fprint(w, `{"detail":"x","items":[{"refusal":{"detail":"not checked now","try_again":true,"faults":[]}}]}`)
				case r.Method == http.MethodPost:
					w.WriteHeader(http.StatusAccepted)
					fmt.Fprint(w, `{"taken":1,"refused":0,"items":[{"id":"inv-a","state":"queued"}]}`)
				case first:
					w.WriteHeader(http.StatusBadGateway)
					fmt.Fprint(w, "<html>502 Bad Gateway</html>")
				default:
					fmt.Fprint(w, acceptedNow)
				}
			}))
			t.Cleanup(server.Close)
			dir := t.TempDir()
			for name, text := range map[string]string{"key": "k\n", "a.xml": "<a/>"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command(runtime, append(l.submit[:len(l.submit):len(l.submit)], filepath.Join(dir, "a.xml"), "SO-1")...)
			cmd.Env = append(os.Environ(), "KSEF_URL="+server.URL, "KSEF_KEY_FILE="+filepath.Join(dir, "key"))
			out, err := cmd.Output()
			if err != nil || !ksefNumber.Match(out) || calls[http.MethodPost] != 2 || calls[http.MethodGet] != 2 {
				t.Errorf("the program printed %q (error %v) after the calls %v, want a KSeF number after two calls of each kind",
					out, err, calls)
			}
		})
	}
}
