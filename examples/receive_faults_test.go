package examples

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// receiver is an example program that receives webhooks.
type receiver struct {
	port, secret, out string // secret and out are paths of its files
}

// maxFile is how large the files of a receiver can become.
const maxFile = 1536 << 10

// eachReceiver runs a test for the receiver of each language that is installed.
func eachReceiver(t *testing.T, test func(t *testing.T, r receiver)) {
	t.Helper()
	for _, l := range languages {
		if l.receive == nil {
			continue
		}
		t.Run(l.runtime, func(t *testing.T) {
			t.Parallel()
			runtime, err := exec.LookPath(l.runtime)
			if err != nil {
				t.Skipf("%s is not installed", l.runtime)
			}
			dir := t.TempDir()
			r := receiver{freePort(t), filepath.Join(dir, "secret"), filepath.Join(dir, "kept", "results.ndjson")}
			var args []string
			for _, a := range l.receive {
				args = append(args, strings.Replace(a, "PORT", r.port, 1))
			}
			r.write(t, r.secret, secretLine(goodKey))
			// No file can grow beyond maxFile. Beyond it, a write fails as on a full disk.
			limited := fmt.Sprintf(`trap '' XFSZ; ulimit -f %d; exec "$0" "$@"`, maxFile/1024)
			env := []string{"WEBHOOK_SECRET_FILE=" + r.secret, "OUT=" + r.out, "PORT=" + r.port}
			process(t, env, "bash", append([]string{"-c", limited, runtime}, args...)...)
			until(t, "the receiver listens", func() bool {
				c, err := net.Dial("tcp", "127.0.0.1:"+r.port)
				if err == nil {
					_ = c.Close()
				}
				return err == nil
			})
			test(t, r)
		})
	}
}

var goodKey = bytes.Repeat([]byte("s"), 32)

func secretLine(key []byte) string { return "whsec_" + base64.StdEncoding.EncodeToString(key) + "\n" }

func (receiver) write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// call sends a body that is signed with a key, and returns the status of the answer; 0 for no
// answer.
func (r receiver) call(t *testing.T, key []byte, body string) int {
	t.Helper()
	call, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:"+r.port+"/ksef", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	at := strconv.FormatInt(time.Now().Unix(), 10)
	call.Header = http.Header{"Webhook-Id": {"msg_1"}, "Webhook-Timestamp": {at}, "Webhook-Signature": {sign(key, "msg_1", at, body)}}
	answer, err := (&http.Client{Timeout: time.Minute}).Do(call)
	if err != nil {
		t.Log(err)
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

func (r receiver) mkdir(t *testing.T) {
	t.Helper()
	if err := os.Mkdir(filepath.Dir(r.out), 0o700); err != nil {
		t.Fatal(err)
	}
}

// When a receiver cannot keep a result, or cannot check whether the result is genuine, the receiver
// answers 500, so that the result is sent again. When the fault is gone, the receiver goes on.
func TestReceive_SecretOrFileIsOfNoUse_EachLanguageAnswers500AndGoesOn(t *testing.T) {
	t.Parallel()
	eachReceiver(t, func(t *testing.T, r receiver) {
		const body = `{"id":"inv-a"}`
		is := func(what string, got, want int) {
			t.Helper()
			if got != want {
				t.Errorf("%s: the receiver answers %d, want %d", what, got, want)
			}
		}
		is("no folder for OUT", r.call(t, goodKey, body), 500)
		r.mkdir(t)
		short := []byte("sixteen bytes do")
		for _, tt := range []struct {
			name, file string
			key        []byte
		}{
			{"an empty file", "", nil},
			{"the prefix alone", "whsec_\n", nil},
			{"one secret and the prefix alone", secretLine(goodKey) + "whsec_\n", goodKey},
			{"a short key", secretLine(short), short},
			{"no Base64", "whsec_" + strings.Repeat("%", 40), nil},
			{"no prefix", "test_key\n", []byte("test_key")},
		} {
			r.write(t, r.secret, tt.file)
			is(tt.name, r.call(t, tt.key, body), 500)
		}
		if err := os.Remove(r.secret); err != nil {
			t.Fatal(err)
		}
		is("no file of secrets", r.call(t, goodKey, body), 500)
		r.write(t, r.secret, secretLine(goodKey))
		is("all is well", r.call(t, goodKey, body), 204)
		if kept, err := os.ReadFile(r.out); string(kept) != body+"\n" {
			t.Errorf("the receiver has kept %q (error %v), want the one result", kept, err)
		}
	})
}

// A result is one line of the file, even when its JSON has line ends, when it is long, or when
// several results come at the same time.
func TestReceive_ManyLinesAtOnce_EachLanguageKeepsOneLineForEach(t *testing.T) {
	t.Parallel()
	eachReceiver(t, func(t *testing.T, r receiver) {
		r.mkdir(t)
		long := strings.Repeat("x", 100_000)
		var wg sync.WaitGroup
		want := map[string]bool{}
		for i := range 12 {
			body := fmt.Sprintf("\r\n{\r\n\t\"id\": \"inv-%d\",\n\n\"reason\": \"\\n%s\"\r}\n", i, long)
			want[strings.NewReplacer("\r", " ", "\n", " ").Replace(strings.TrimSpace(body))] = true
			wg.Go(func() {
				if status := r.call(t, goodKey, body); status != 204 {
					t.Errorf("the receiver answers %d, want 204", status)
				}
			})
		}
		wg.Wait()
		kept, err := os.ReadFile(r.out)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(kept)) {
			if !want[strings.TrimSuffix(line, "\n")] {
				t.Errorf("the file has a line that is not one of the results: %.80q", line)
			}
			delete(want, strings.TrimSuffix(line, "\n"))
		}
		if len(want) > 0 {
			t.Errorf("%d results are missing from the file", len(want))
		}
	})
}

// A client that sends half a request does not delay other clients, and a receiver does not wait for
// that client for ever. PHP's own server, which is meant for development, does wait for ever.
func TestReceive_ClientsThatStall_EachLanguageServesTheOthers(t *testing.T) {
	t.Parallel()
	eachReceiver(t, func(t *testing.T, r receiver) {
		r.mkdir(t)
		var stalled []net.Conn
		for i := range 6 {
			c, err := net.Dial("tcp", "127.0.0.1:"+r.port)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			half := "POST /ksef HTTP/1.1\r\nHost: x\r\nContent-Le"
			if i%2 == 0 {
				half += "ngth: 100\r\n\r\n{"
			}
			if _, err := c.Write([]byte(half)); err != nil {
				t.Fatal(err)
			}
			stalled = append(stalled, c)
		}
		if status := r.call(t, goodKey, `{"id":"inv-a"}`); status != 204 {
			t.Errorf("while others stall, the receiver answers %d, want 204", status)
		}
		if strings.HasSuffix(t.Name(), "/php") {
			return
		}
		for _, c := range stalled {
			_ = c.SetReadDeadline(time.Now().Add(time.Minute))
			if _, err := io.Copy(io.Discard, c); os.IsTimeout(err) {
				t.Error("after a minute the receiver still waits for a client that stalls")
			}
		}
	})
}

// keptLines returns the ids of the results that a receiver has kept, one for each line. It fails
// the test when a line is not whole.
func (r receiver) keptLines(t *testing.T) []string {
	t.Helper()
	kept, err := os.ReadFile(r.out)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for line := range bytes.Lines(kept) {
		var result struct{ ID string }
		if err := json.Unmarshal(line, &result); err != nil || !bytes.HasSuffix(line, []byte("\n")) {
			t.Errorf("a line of %d bytes is not whole: %v", len(line), err)
		}
		ids = append(ids, result.ID)
	}
	return ids
}

// A full disk, or a kill in the middle of a write, leaves half a line. The next result must not
// become a part of that line. The receiver answers 2xx to the next result, so that result is not
// sent again.
func TestReceive_HalfALineIsThere_EachLanguageKeepsWholeLines(t *testing.T) {
	t.Parallel()
	eachReceiver(t, func(t *testing.T, r receiver) {
		r.mkdir(t)
		want := []string{}
		keep := func(id string, size, status int) {
			t.Helper()
			body := fmt.Sprintf(`{"id":%q,"reason":%q}`, id, strings.Repeat("ż", size/2))
			if got := r.call(t, goodKey, body); got != status {
				t.Errorf("%s: the receiver answers %d, want %d", id, got, status)
			}
			if status == 204 {
				want = append(want, id)
			}
			if kept := r.keptLines(t); !slices.Equal(kept, want) {
				t.Errorf("after %s the receiver has kept %q, want %q", id, kept, want)
			}
		}
		killed := func(half string) {
			t.Helper()
			f, err := os.OpenFile(r.out, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteString(half); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		}
		killed(`{"id":"the ver`)
		keep("one", 100, 204)
		keep("two", maxFile*4/9, 204)
		keep("three", maxFile*4/9, 204)
		keep("four", maxFile*3/9, 500) // only a part of the line fits
		keep("five", 100, 204)
		keep("six", maxFile*3/9, 500)
		killed(`{"id":"ha`)
		keep("seven", 100, 204)
		killed("\x00\x00\x00")
		keep("eight", 100, 204)
		killed(`{"id":"an editor took its end","links":{"upo":"\"}{"}}`) // a whole line without its end
		want = append(want, "an editor took its end")
		keep("nine", 100, 204)
		killed(`{"id":"half","links":{"upo":"a"}`)
		keep("ten", 100, 204)
	})
}

// OUT may name a wrong file by mistake. The receiver answers 500 and does not change the file.
func TestReceive_FileIsOfSomethingElse_EachLanguageLeavesItAlone(t *testing.T) {
	t.Parallel()
	eachReceiver(t, func(t *testing.T, r receiver) {
		r.mkdir(t)
		for _, text := range []string{"a list of customers", "two\nlines", "x" + strings.Repeat("{", maxFile-1)} {
			r.write(t, r.out, text)
			if status := r.call(t, goodKey, `{"id":"inv-a"}`); status != 500 {
				t.Errorf("the receiver answers %d for the file %.20q, want 500", status, text)
			}
			if after, err := os.ReadFile(r.out); err != nil || string(after) != text {
				t.Errorf("the file %.20q of %d bytes became %.20q of %d bytes (error %v), want it unchanged",
					text, len(text), after, len(after), err)
			}
		}
	})
}

// An editor on Windows puts a byte order mark before the secret, and ends each line with two
// characters.
func TestReceive_SecretOfAWindowsEditor_EachLanguageTakesIt(t *testing.T) {
	t.Parallel()
	eachReceiver(t, func(t *testing.T, r receiver) {
		r.mkdir(t)
		r.write(t, r.secret, "\ufeff"+strings.ReplaceAll(secretLine(goodKey), "\n", "\r\n\r\n"))
		if status := r.call(t, goodKey, `{"id":"inv-a"}`); status != 204 {
			t.Errorf("the receiver answers %d, want 204", status)
		}
	})
}
