package examples

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const acceptedNow = `{"id":"inv-a","state":"accepted","ksef_number":"5265877635-20261126-0100001AF629-AF","reason":""}`

// serve starts a server in place of enqueue serve.
func serve(t *testing.T, answer http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return s
}

// taken answers a POST as enqueue serve answers a new document. The handler named then answers
// every other request.
func taken(then http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			then(w, r)
			return
		}
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprint(w, `{"taken":1,"refused":0,"items":[{"id":"inv-a","file":"-","state":"queued","already_here":false}]}`)
	}
}

// copied makes a copy of a language's program, which gives up after the given seconds instead of
// ten minutes. copied returns the arguments that run the copy. A program in Java is compiled,
// because the tests run it many times.
func copied(t *testing.T, l int, seconds string) []string {
	t.Helper()
	program := languages[l].submit[len(languages[l].submit)-1]
	raw, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(raw), "600"); n != 1 {
		t.Fatalf("the number 600 is in %s %d times, want once, to change it", program, n)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, filepath.Base(program))
	if err := os.WriteFile(path, []byte(strings.Replace(string(raw), "600", seconds, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if class, is := strings.CutSuffix(filepath.Base(program), ".java"); is {
		if out, err := exec.Command("javac", "-d", dir, path).CombinedOutput(); err != nil {
			t.Fatalf("javac failed: %v: %s", err, out)
		}
		return []string{"-cp", dir, class}
	}
	return append(languages[l].submit[:len(languages[l].submit)-1:len(languages[l].submit)-1], path)
}

// failsWith fails the test unless a program ended with exit code 3 and printed one line to standard
// error, which contains the words.
func failsWith(t *testing.T, what string, got submitted, words ...string) {
	t.Helper()
	if got.code != 3 || got.stdout != "" || strings.Count(got.stderr, "\n") != 1 {
		t.Errorf("%s: the program ended with %+v, want exit code 3, an empty standard output and one line on standard error", what, got)
	}
	for _, w := range words {
		if !strings.Contains(got.stderr, w) {
			t.Errorf("%s: the message is %s, want it to contain %q", what, got.stderr, w)
		}
	}
}

// People write a key file with any editor. Characters that the editor adds are not part of the key.
// If the program cannot use the file, it names the file but not its content.
func TestSubmit_KeyFileOfAnyEditor_EachLanguageTakesTheKeyOrNamesTheFile(t *testing.T) {
	t.Parallel()
	const key = "bd7c2135a016"
	eachLanguage(t, func(t *testing.T, runtime string, l int) {
		var calls, wrong atomic.Int32
		answer := taken(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, acceptedNow) })
		server := serve(t, func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			if r.Header.Get("Authorization") != "Bearer "+key {
				wrong.Add(1)
			}
			answer(w, r)
		})
		program, dir := copied(t, l, "600"), keyAndInvoice(t)
		run := func(text string) submitted {
			if err := os.WriteFile(filepath.Join(dir, "key"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			return runProgram(t, runtime, program, dir, server.URL, "key", filepath.Join(dir, "a.xml"), "SO-1")
		}
		if got := run("\ufeff" + key + " \r\nanother\r\n"); got.code != 0 || !ksefNumber.MatchString(got.stdout) {
			t.Errorf("the program ended with %+v, want exit code 0 and a KSeF number", got)
		}
		if wrong.Load() > 0 || calls.Swap(0) != 2 {
			t.Errorf("%d calls had another key, or there were not two calls; want two calls with the key", wrong.Load())
		}
		utf16 := "\xff\xfe" + strings.Join(strings.Split(key+"\r\n", ""), "\x00") + "\x00"
		for name, text := range map[string]string{"empty line first": "\r\n" + key, "UTF-16": utf16,
			"line ends of an old Mac": key + "\rother", "not ASCII": "ż" + key} {
			got := run(text)
			failsWith(t, name, got, filepath.Join(dir, "key"))
			if strings.Contains(got.stderr, key) || calls.Load() > 0 {
				t.Errorf("%s: %d calls were made and the message is %s, want no call and a message without the key",
					name, calls.Load(), got.stderr)
			}
		}
	})
}

// A person has to correct a wrong KSEF_URL. So the program ends with exit code 3 and a line that
// names KSEF_URL.
func TestSubmit_WrongAddress_EachLanguageEndsWith3AndNamesIt(t *testing.T) {
	t.Parallel()
	eachLanguage(t, func(t *testing.T, runtime string, l int) {
		program, dir := copied(t, l, "600"), keyAndInvoice(t)
		run := func(url string) submitted {
			return runProgram(t, runtime, program, dir, url, "key", filepath.Join(dir, "a.xml"), "SO-1")
		}
		for _, url := range []string{"localhost:8190", "http://127.0.0.1:99999", "http://exa mple",
			"http://erp:secret@127.0.0.1"} {
			got := run(url)
			failsWith(t, url, got, "KSEF_URL")
			if strings.Contains(got.stderr, "secret") {
				t.Error("the message contains the password of the address:", got.stderr)
			}
		}
		answers := map[string]func(w http.ResponseWriter){
			"a page of HTML":         func(w http.ResponseWriter) { http.Error(w, "<html>404</html>", http.StatusNotFound) },
			"403 without a body":     func(w http.ResponseWriter) { w.WriteHeader(http.StatusForbidden) },
			"202 with an empty item": func(w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted); fmt.Fprint(w, `{"items":[{}]}`) },
			"202 without a list":     func(w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted); fmt.Fprint(w, `{"items":7}`) },
		}
		for name, answer := range answers {
			server := serve(t, func(w http.ResponseWriter, _ *http.Request) { answer(w) })
			failsWith(t, name, run(server.URL), "KSEF_URL")
		}
		server := serve(t, taken(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"id":"inv-a","state":"accepted"}`) }))
		failsWith(t, "accepted without a KSeF number", run(server.URL), "KSEF_URL")
		// A slash at the end is no fault.
		server = serve(t, taken(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/ksef/v1/invoices/inv-a" {
				t.Errorf("the path is %s, want /ksef/v1/invoices/inv-a", r.URL.Path)
			}
			fmt.Fprint(w, acceptedNow)
		}))
		if got := run(server.URL + "/ksef/"); got.code != 0 {
			t.Errorf("with a slash at the end of KSEF_URL the program ended with %+v, want exit code 0", got)
		}
	})
}

// The key is only for the server in KSEF_URL. So the program follows no redirect, neither of the
// first call nor of a later one. It tells a person where the redirect leads.
func TestSubmit_Redirect_EachLanguageSaysWhereToAndDoesNotGoThere(t *testing.T) {
	t.Parallel()
	eachLanguage(t, func(t *testing.T, runtime string, l int) {
		program, dir := copied(t, l, "600"), keyAndInvoice(t)
		other := serve(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s went to the other server", r.Method) })
		for i, status := range []int{301, 307, 302, 308} {
			answer := func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Location", other.URL+r.URL.Path)
				w.WriteHeader(status)
			}
			if i%2 > 0 {
				answer = taken(answer)
			}
			got := runProgram(t, runtime, program, dir, serve(t, answer).URL, "key", filepath.Join(dir, "a.xml"), "SO-1")
			failsWith(t, fmt.Sprint(status), got, "KSEF_URL", other.URL, fmt.Sprint(status))
		}
	})
}

// If the program cannot write the KSeF number, the caller does not have it. So the program ends
// with exit code 3.
func TestSubmit_OutputIsFull_EachLanguageEndsWith3(t *testing.T) {
	t.Parallel()
	eachLanguage(t, func(t *testing.T, runtime string, l int) {
		program, dir := copied(t, l, "600"), keyAndInvoice(t)
		server := serve(t, taken(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, acceptedNow) }))
		run := append([]string{"-c", `exec "$@" >/dev/full`, "-", runtime}, program...)
		got := runProgram(t, "bash", run, dir, server.URL, "key", filepath.Join(dir, "a.xml"), "SO-1")
		if got.code != 3 || got.stderr == "" {
			t.Errorf("the program ended with %+v, want exit code 3 and a line on standard error", got)
		}
	})
}

// A person may have removed the program's key. Then it does not help to ask again.
func TestSubmit_InvoiceIsNotTheirsAnyMore_EachLanguageEndsWith3(t *testing.T) {
	t.Parallel()
	eachLanguage(t, func(t *testing.T, runtime string, l int) {
		program, dir := copied(t, l, "600"), keyAndInvoice(t)
		server := serve(t, taken(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"title":"No valid key","status":401,"detail":"this key is not known"}`)
		}))
		got := runProgram(t, runtime, program, dir, server.URL, "key", filepath.Join(dir, "a.xml"), "SO-1")
		failsWith(t, "401", got, "this key is not known")
	})
}

// The program gives up after ten minutes by the clock, whatever the server answers. Until then it
// pauses between calls.
func TestSubmit_NoOutcomeInTime_EachLanguageEndsWith4ByTheClock(t *testing.T) {
	t.Parallel()
	const patience = 8
	busy := func(after string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", after)
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `{"detail":"busy"}`)
		}
	}
	trickle := func(w http.ResponseWriter, r *http.Request) {
		for range 60 {
			if _, err := w.Write([]byte(" ")); err != nil {
				return
			}
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(time.Second):
			}
		}
	}
	gone := func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }
	eachLanguage(t, func(t *testing.T, runtime string, l int) {
		program, dir := copied(t, l, fmt.Sprint(patience)), keyAndInvoice(t)
		var wg sync.WaitGroup
		defer wg.Wait()
		for _, tt := range []struct {
			name     string
			answer   http.HandlerFunc
			maxCalls int32
		}{
			{"first call, retry after -5", busy("-5"), 3},
			{"first call, retry after 0", busy("0"), 3},
			{"first call, retry after a word", busy("soon"), 3},
			{"first call, retry after 09", busy("09"), 1},
			{"first call, retry after weeks", busy("3000000"), 1},
			{"first call, retry after more than an integer holds", busy("99999999999999999999"), 3},
			{"later call, retry after 0", taken(busy("0")), 4},
			{"later call, retry after weeks", taken(busy("3000000")), 2},
			{"later call, connection dropped", taken(gone), 16}, // a library may repeat a GET, up to four times
			{"later call, one byte a second", taken(trickle), 2},
			{"first call, one byte a second", trickle, 1},
		} {
			var calls atomic.Int32
			server := serve(t, func(w http.ResponseWriter, r *http.Request) { calls.Add(1); tt.answer(w, r) })
			wg.Go(func() { // the programs sleep most of the time, so all run at once
				begin := time.Now()
				got := runProgram(t, runtime, program, dir, server.URL, "key", filepath.Join(dir, "a.xml"), "SO-1")
				took := time.Since(begin)
				server.CloseClientConnections()
				if got.code != 4 || got.stdout != "" || got.stderr == "" || took > 3*patience*time.Second {
					t.Errorf("%s: after %v the program ended with %+v, want exit code 4, only a message, and at most %v",
						tt.name, took, got, 3*patience*time.Second)
				}
				if n := calls.Load(); n > tt.maxCalls {
					t.Errorf("%s: %d calls were made, want at most %d, with pauses between them", tt.name, n, tt.maxCalls)
				}
			})
		}
	})
}
