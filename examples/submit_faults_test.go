package examples

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// submitted is the exit code and the output of an example program that was run to hand in one
// invoice.
type submitted struct {
	code           int
	stdout, stderr string
}

// runSubmit runs the program of the language with index l. The parameter key is the name of a file
// in dir.
func runSubmit(t *testing.T, runtime string, l int, dir, url, key string, args ...string) submitted {
	t.Helper()
	return runProgram(t, runtime, languages[l].submit, dir, url, key, args...)
}

func runProgram(t *testing.T, runtime string, program []string, dir, url, key string, args ...string) submitted {
	t.Helper()
	var out, failed bytes.Buffer
	cmd := exec.Command(runtime, append(program[:len(program):len(program)], args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "KSEF_URL="+url, "KSEF_KEY_FILE="+filepath.Join(dir, key))
	// The programs must use no proxy, because a proxy would see the key. The proxy that is set
	// here does not exist, so a program that uses it fails.
	for _, name := range []string{"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"} {
		cmd.Env = append(cmd.Env, name+"=http://127.0.0.1:9", "no_proxy=", "NO_PROXY=")
	}
	cmd.Stdout, cmd.Stderr = &out, &failed
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return submitted{cmd.ProcessState.ExitCode(), out.String(), failed.String()}
}

// eachLanguage runs a test for each language that is installed. These tests run in parallel.
func eachLanguage(t *testing.T, test func(t *testing.T, runtime string, l int)) {
	t.Helper()
	for l, language := range languages {
		t.Run(language.runtime, func(t *testing.T) {
			t.Parallel()
			runtime, err := exec.LookPath(language.runtime)
			if err != nil {
				t.Skipf("%s is not installed", language.runtime)
			}
			test(t, runtime, l)
		})
	}
}

// keyAndInvoice makes a folder with a key and an invoice, and returns the folder.
func keyAndInvoice(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"key": "k\n", "a.xml": "<a/>"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A connection may end in the middle of an answer, or bring something that is no answer. In both
// cases the program knows nothing, and has to make the same call again.
func TestSubmit_AnswerIsCutOff_EachLanguageCallsAgain(t *testing.T) {
	t.Parallel()
	cut := map[string][]string{
		http.MethodPost: {"HTTP/1.1 422 Refused\r\nContent-Length: 500\r\n\r\n{\"detail\":\"x", "220 mail.example ESMTP\r\n\r\n"},
		http.MethodGet:  {"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"id\":\"inv-a\",\"state\":", ""},
	}
	eachLanguage(t, func(t *testing.T, runtime string, l int) {
		var mu sync.Mutex
		calls := map[string]int{}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			n := calls[r.Method]
			calls[r.Method]++
			mu.Unlock()
			switch {
			case n < len(cut[r.Method]):
				c, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = c.Write([]byte(cut[r.Method][n]))
				_ = c.Close()
			case r.Method == http.MethodPost:
				w.WriteHeader(http.StatusAccepted)
				fmt.Fprint(w, `{"taken":1,"refused":0,"items":[{"id":"inv-a","state":"queued"}]}`)
			default:
				fmt.Fprint(w, acceptedNow)
			}
		}))
		t.Cleanup(server.Close)
		dir := keyAndInvoice(t)
		got := runSubmit(t, runtime, l, dir, server.URL, "key", filepath.Join(dir, "a.xml"), "SO-1")
		if got.code != 0 || !ksefNumber.MatchString(got.stdout) || calls[http.MethodPost] < 3 || calls[http.MethodGet] < 3 {
			t.Errorf("the program ended with %+v after the calls %v; want a KSeF number after three calls of each kind", got, calls)
		}
	})
}

// The reason is for a person, who gets it whole and without the escapes of JSON.
func TestSubmit_Rejected_EachLanguagePrintsTheWholeReason(t *testing.T) {
	t.Parallel()
	const reason = `P_7 "Chleb" \ zażółć` + "\ttab, \u2028 🧾 " + `C:\temp\new\u0041\"x\\" 50 % of <a> & 'b', a %s, a/b \`
	eachLanguage(t, func(t *testing.T, runtime string, l int) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				w.WriteHeader(http.StatusAccepted)
				fmt.Fprint(w, `{"taken":1,"refused":0,"items":[{"id":"inv-a","state":"rejected","already_here":true}]}`)
				return
			}
			_ = json.NewEncoder(w).Encode(map[string]any{
				"id": "inv-a", "state": "rejected", "ksef_number": "", "reason": reason, "upo": "none"})
		}))
		t.Cleanup(server.Close)
		dir := keyAndInvoice(t)
		got := runSubmit(t, runtime, l, dir, server.URL, "key", filepath.Join(dir, "a.xml"), "SO-1")
		if want := (submitted{3, "", "rejected: " + reason + "\n"}); got != want {
			t.Errorf("the program ended with %+v, want %+v", got, want)
		}
	})
}

// A person who mistypes a name or leaves an argument out is told so in one line. Nothing is sent.
func TestSubmit_NameThatLeadsToNoFile_EachLanguageSaysWhichAndSendsNothing(t *testing.T) {
	t.Parallel()
	eachLanguage(t, func(t *testing.T, runtime string, l int) {
		server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a call was made") }))
		t.Cleanup(server.Close)
		dir := keyAndInvoice(t)
		if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			name, key string
			args      []string
			says      string
		}{
			{"no such invoice", "key", []string{"none.xml", "SO-1"}, "cannot read none.xml: "},
			{"a folder", "key", []string{dir + "/folder", "SO-1"}, "cannot read " + dir + "/folder: "},
			{"no such key", "none", []string{dir + "/a.xml", "SO-1"}, "cannot read " + dir + "/none: "},
			{"no ref", "key", []string{dir + "/a.xml"}, "usage: "},
		} {
			got := runSubmit(t, runtime, l, dir, server.URL, tt.key, tt.args...)
			if got.code != 3 || got.stdout != "" || !strings.HasPrefix(got.stderr, tt.says) || strings.Count(got.stderr, "\n") != 1 {
				t.Errorf("%s: the program ended with %+v, want exit code 3, no output, and one line on standard error that begins with %q",
					tt.name, got, tt.says)
			}
		}
	})
}
