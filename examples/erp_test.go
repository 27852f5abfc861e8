package examples

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"ksefworker/internal/results/resulttest"
)

// docs/erp.md promises that its commands lead to KSeF numbers. Here the commands run in one shell.
// Only the ports in them are changed.
func TestERPPage_EveryCommand_RunsAndEndsInKSeFNumbers(t *testing.T) {
	page, err := os.ReadFile("../docs/erp.md")
	if err != nil {
		t.Fatal(err)
	}
	needed := regexp.MustCompile("(?m)^Needed: .*$").FindString(string(page))
	for _, tool := range []string{"bash", "redis-server", "openssl", "curl", "python3", "git", "make"} {
		if !strings.Contains(needed, "`"+tool+"`") {
			t.Errorf("the page needs %s and does not say so", tool)
		}
	}
	for _, tool := range []string{"bash", "redis-server", "openssl", "curl", "python3"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	script := "set -euo pipefail\n"
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		script += block[1]
	}
	ports := map[string]string{"6390": freePort(t), "9090": freePort(t), "8088": freePort(t), "8090": freePort(t), "8099": freePort(t)}
	for port, free := range ports {
		script = regexp.MustCompile(`\b`+port+`\b`).ReplaceAllString(script, free)
	}
	dir := t.TempDir()
	sources, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"bin": bin(t), "examples": sources} {
		if err := os.MkdirAll(filepath.Join(dir, "ksefworker"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, filepath.Join(dir, "ksefworker", link)); err != nil {
			t.Fatal(err)
		}
	}
	log, err := os.Create(filepath.Join(dir, "log")) // no pipe, which a running child would hold open
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command("bash", "-c", script+asked+"echo the end\n")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "KSEF_URL=http://127.0.0.1:"+ports["8090"])
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that one signal ends the shell and what it starts
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	})
	select {
	case err = <-ended:
	case <-time.After(4 * time.Minute):
		err = errors.New("the shell does not end within 4 minutes")
	}
	raw, _ := os.ReadFile(log.Name())
	text := string(raw)
	if err != nil || !strings.HasSuffix(text, "the end\n") {
		t.Fatalf("the commands of the page did not run to their end: %v:\n%s", err, text)
	}
	if n := len(regexp.MustCompile(`\d{10}-\d{8}-[0-9A-F]{12}-[0-9A-F]{2}`).FindAllString(text, -1)); n < 4 {
		t.Errorf("the output has %d KSeF numbers, want at least 4:\n%s", n, text)
	}
	if pdf, err := os.ReadFile(filepath.Join(dir, "third.pdf")); err != nil || !strings.HasPrefix(string(pdf), "%PDF-") {
		t.Errorf("third.pdf begins with %.10q (error %v), want %%PDF-", pdf, err)
	}
	described(t, dir)
	t.Log(text)
}

// asked has commands that run after the commands of the page. They move a broken document into the
// watched folder, where it is refused. After that they ask in every way what became of the
// invoices.
const asked = `
echo '<x' > inbox/bad.part
mv inbox/bad.part inbox/bad.xml
until test -e inbox/refused/bad.xml.json; do sleep 0.2; done
curl --fail --silent --config <(auth) --output list.json "$KSEF_URL/v1/invoices"
curl --fail --silent --config <(auth) --output one.json "$KSEF_URL/v1/invoices/$id"
curl --fail --silent --config <(auth) --output events.json "$KSEF_URL/v1/events"
enqueue results --since 24h --format ndjson > listing.ndjson
enqueue results --since 24h --state refused --format ndjson > refusals.ndjson
`

// described checks the results against the published schema: those in answers over HTTP, in the
// output of commands, and in the files of the folder.
func described(t *testing.T, dir string) {
	t.Helper()
	schema := resulttest.Read(t, "../docs/result.schema.json")
	read := func(name string) []byte {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		}
		return raw
	}
	found := map[string]int{}
	check := func(where string, doc []byte) {
		found[where]++
		schema.Check(t, where, doc)
	}
	for _, name := range []string{"list.json", "events.json"} {
		var page struct{ Items []json.RawMessage }
		if err := json.Unmarshal(read(name), &page); err != nil {
			t.Error(err)
		}
		for _, doc := range page.Items {
			check(name, doc)
		}
	}
	for _, name := range []string{"results.ndjson", "listing.ndjson", "refusals.ndjson"} {
		for line := range bytes.Lines(read(name)) {
			check(name, line)
		}
	}
	check("one.json", read("one.json"))
	for _, name := range []string{"inbox/accepted/fifth.xml.json", "inbox/refused/bad.xml.json"} {
		check("inbox", read(name))
	}
	for where, least := range map[string]int{"list.json": 5, "events.json": 5, "results.ndjson": 1, "listing.ndjson": 5,
		"refusals.ndjson": 1, "inbox": 2} {
		if found[where] < least {
			t.Errorf("%s has %d results, want %d at least", where, found[where], least)
		}
	}
}
