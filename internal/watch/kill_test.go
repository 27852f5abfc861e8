//go:build unix

package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/ledger"
)

// The environment variables of a child process. The child is this test binary. It watches a folder
// and sends itself SIGKILL, as kill -9 does, before one of its steps.
const (
	childDir   = "KSEF_TEST_WATCH_DIR"
	childRedis = "KSEF_TEST_WATCH_REDIS"
	childKill  = "KSEF_TEST_WATCH_KILL"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
		return
	}
	os.Exit(m.Run())
}

type exits struct{}

func (exits) Fatal(args ...any) { fmt.Println(args...); os.Exit(1) }

// child runs some passes, and kills itself before the step with the given number.
func child(dir string) {
	o, err := redis.ParseURL(os.Getenv(childRedis))
	if err != nil {
		exits{}.Fatal(err)
	}
	kill, _ := strconv.Atoi(os.Getenv(childKill))
	w := options(context.Background(), dir, filepath.Join(filepath.Dir(dir), "archive"), nil, redis.NewClient(o), exits{})
	clock := monday
	w.Now = func() time.Time { return clock }
	n := 0
	w.step = func(name string) {
		if n++; n == kill {
			fmt.Println("killed before", name)
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	watcher, err := New(w)
	if err != nil {
		exits{}.Fatal(err)
	}
	for range 5 {
		if _, err := watcher.pass(context.Background()); err != nil {
			exits{}.Fatal(err)
		}
		clock = clock.Add(3 * time.Second)
	}
	os.Exit(0)
}

// killedAt runs a child, and reports whether the child was killed at the step. If it was, killedAt
// also returns what the child printed.
func (s *site) killedAt(step int, url string) (bool, string) {
	s.t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childDir+"="+s.dir, childRedis+"="+url, childKill+"="+strconv.Itoa(step))
	out, err := cmd.CombinedOutput()
	exit, ended := errors.AsType[*exec.ExitError](err)
	if ended && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return true, strings.TrimSpace(string(out))
	}
	if err != nil {
		s.t.Fatalf("the child failed: %v\n%s", err, out)
	}
	return false, ""
}

// lay empties Redis, and puts the files of the kill tests into a new folder.
func (s *site) lay() {
	s.must(s.rdb.FlushAll(s.t.Context()).Err())
	s.dir = filepath.Join(s.t.TempDir(), "in")
	s.o.Dir, s.clock = s.dir, monday
	s.put("a.xml", xmlOf(0, "FV/1"))
	s.put("copy.xml", xmlOf(0, "FV/1"))
	s.put("sub/b.json", []byte(`{"Fa":{"P_2":"FV/2"}}`))
	s.put("bad.xml", []byte("<x></Faktura>"))
	s.put("d.xml", xmlOf(1, "FV/3"))
}

// checkPlaces checks that every file is where it belongs, and only there, with its result and
// receipt beside it. It also checks that the ledger has each invoice once.
func (s *site) checkPlaces(when string) {
	s.t.Helper()
	s.wantTree("accepted/a.xml", "accepted/a.xml.json", "accepted/a.xml.upo.xml",
		"accepted/copy.xml", "accepted/copy.xml.json", "accepted/copy.xml.upo.xml",
		"accepted/sub/b.json", "accepted/sub/b.json.xml", "accepted/sub/b.json.json", "accepted/sub/b.json.upo.xml",
		"refused/bad.xml", "refused/bad.xml.json", "rejected/d.xml", "rejected/d.xml.json")
	for name, state := range map[string]string{"accepted/a.xml": "receipted", "accepted/copy.xml": "receipted",
		"accepted/sub/b.json": "receipted", "refused/bad.xml": "refused", "rejected/d.xml": "rejected"} {
		if o := s.result(name + resultEnd); o.State != state {
			s.t.Errorf("the result of %s is %+v, want the state %s", name, o, state)
		}
	}
	if s.read("accepted/a.xml") != string(xmlOf(0, "FV/1")) || s.read("accepted/sub/b.json.xml") != string(xmlOf(0, "FV/2")) {
		s.t.Errorf("accepted/a.xml is the document that was put there: %v; accepted/sub/b.json.xml is the XML of b.json: %v; want both",
			s.read("accepted/a.xml") == string(xmlOf(0, "FV/1")), s.read("accepted/sub/b.json.xml") == string(xmlOf(0, "FV/2")))
	}
	records, err := os.ReadDir(filepath.Join(s.dir, journalDir))
	s.must(err)
	if len(records) != 3 { // the lock, the record of the rejected file, and the folder of archives
		s.t.Errorf("the folder of records has %v, want the lock, one record and the folder of archives", records)
	}
	if n := s.entries(); n != 3 {
		s.t.Errorf("the ledger has %d invoices, want 3", n)
	}
	if on := s.refusals(""); len(on) != 1 || filepath.Base(on[0].File) != "bad.xml" {
		s.t.Errorf("the open refusals are %+v, want only that of bad.xml", on)
	}
	if s.t.Failed() {
		s.t.Fatal(when)
	}
}

func (s *site) settleAll() {
	s.settle("FV/1", ledger.Receipted)
	s.settle("FV/2", ledger.Receipted)
	s.settle("FV/3", ledger.Rejected)
}

func TestWatch_KilledAtAnyStep_NoFileIsLostOrDoubled(t *testing.T) {
	s := newSite(t)
	url := "redis://" + s.rdb.Options().Addr + "/0"
	var steps []string
	for step := 1; ; step++ {
		s.lay()
		killed, at := s.killedAt(step, url)
		if !killed {
			break
		}
		steps = append(steps, at)
		s.passes(5) // the next process, after a restart
		s.settleAll()
		s.passes(3)
		s.end()
		s.checkPlaces("taking: " + at)
	}
	taking := len(steps)
	for step := 1; ; step++ {
		s.lay()
		s.passes(5)
		s.end()
		s.settleAll()
		killed, at := s.killedAt(step, url)
		if !killed {
			break
		}
		steps = append(steps, at)
		s.passes(3)
		s.end()
		s.checkPlaces("telling the outcome: " + at)
	}
	if taking < 15 || len(steps)-taking < 25 {
		t.Errorf("killed at %d steps of taking and %d of telling the outcome, want at least 15 and 25", taking, len(steps)-taking)
	}
	for _, want := range []string{"move taken/a.xml", "handed in", "write .ksef/",
		"write .ksef/xml/", "move taken/sub/b.json.xml", "move refused/bad.xml",
		"write accepted/a.xml.json", "rename accepted/a.xml.upo.xml", "move accepted/a.xml", "move accepted/sub/b.json.xml",
		"remove .ksef/"} {
		if !slices.ContainsFunc(steps, func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("no process was killed at %q", want)
		}
	}
	t.Logf("killed at %d steps", len(steps))
}

// The watch gives these files other names. At whatever step a process is killed, the results still
// name the files as they were put into the folder.
func TestWatch_KilledAtAnyStepOfRenaming_ResultHasTheGivenName(t *testing.T) {
	s := newSite(t)
	url := "redis://" + s.rdb.Options().Addr + "/0"
	given := map[string]string{"FV/1": "k.xml.upo.xml", "FV/2": "n.zip/a.xml.upo.xml"}
	var steps []string
	for step := 1; ; step++ {
		s.must(s.rdb.FlushAll(t.Context()).Err())
		s.dir = filepath.Join(t.TempDir(), "in")
		s.o.Dir, s.clock = s.dir, monday
		s.put("k.xml.upo.xml", xmlOf(0, "FV/1"))
		s.put("unpacked/n.zip", []byte("an earlier archive of this name"))
		s.put("n.zip", zipOf(t, entry{"a.xml.upo.xml", string(xmlOf(0, "FV/2"))}))
		killed, at := s.killedAt(step, url)
		if !killed {
			break
		}
		steps = append(steps, at)
		s.passes(5) // the next process, after a restart
		s.settle("FV/1", ledger.Receipted)
		s.settle("FV/2", ledger.Receipted)
		s.passes(3)
		s.end()
		results := 0
		for _, name := range s.tree() {
			if strings.HasPrefix(name, accepted) && strings.HasSuffix(name, resultEnd) {
				results++
				if o := s.result(name); o.File != filepath.Join(s.dir, given[o.Number]) {
					t.Errorf("the result %s names the file %s, want %s", name, o.File, given[o.Number])
				}
			}
		}
		if results != len(given) || s.entries() != len(given) {
			t.Errorf("there are %d results, and the ledger has %d invoices: want 2 of each", results, s.entries())
		}
		if t.Failed() {
			t.Fatal(at)
		}
	}
	if len(steps) < 15 {
		t.Errorf("killed at %d steps, want at least 15", len(steps))
	}
}
