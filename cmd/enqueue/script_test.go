package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rogpeppe/go-internal/testscript"

	"ksefworker/internal/redisd"
	"ksefworker/internal/results"
	"ksefworker/internal/testbed"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"enqueue": profiled})
}

// TestScripts runs the scripts in testdata. Each script does what people do at terminals, and has a
// Redis of its own. Only a script that calls ksef has a worker that sends. In the other scripts the
// command settle does what a worker would.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata",
		Setup: setup,
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code": scriptCode, "do": scriptDo, "idof": scriptIDOf, "lines": scriptLines,
			"sample": scriptSample, "samples": scriptSamples, "big": scriptBig, "evil": scriptEvil,
			"reexport": scriptReexport, "zip": scriptZip, "zipbomb": scriptZipBomb,
			"settle": scriptSettle, "forget": scriptForget, "dropbodies": scriptDropBodies, "damage": scriptDamage,
			"worker": scriptWorker, "unbind": scriptUnbind,
			"tasks": scriptTasks, "pausequeue": scriptPauseQueue, "throttle": scriptThrottle, "keys": scriptKeys,
			"maxmemory": scriptMaxMemory, "redisset": scriptRedisSet, "replica": scriptReplica, "sick": scriptSick,
			"offlinecert": scriptOfflineCert, "qrread": scriptQRRead, "archived": scriptArchived, "bundled": scriptBundled,
			"spoil":    scriptSpoil,
			"nottaken": scriptNotTaken, "putoff": scriptPutOff, "ksef": scriptKsef, "reject": scriptReject, "corrected": scriptCorrected,
		},
	})
}

// redisURL is the key under which a script keeps the URL of its Redis.
type redisURL struct{}

func setup(e *testscript.Env) error {
	// This gateway need not be reachable, because no worker runs with this configuration. The
	// command ksef writes another configuration.
	bed, err := testbed.Start(context.Background(), testbed.Options{
		Dir: e.WorkDir, GatewayURL: "http://127.0.0.1:1",
		Redis: redisd.Options{AppendOnly: true, Dir: filepath.Join(e.WorkDir, ".redis")},
	})
	if err != nil {
		return err
	}
	e.Defer(func() { _ = bed.Close() })
	e.Values[redisURL{}] = bed.Redis.URL()
	e.Setenv("ODD", "\u0082")                    // a character that XML discourages
	e.Setenv("STORY_REDIS_URL", bed.Redis.URL()) // for a script with its own configuration
	c := bed.Config(1)
	c.Archive.URL = "file://" + filepath.Join(e.WorkDir, ".archive") // hidden, so that a listing of the folder leaves it out
	path := filepath.Join(e.WorkDir, ".worker.yaml")
	e.Setenv("KSEF_CONFIG", path)
	for name, days := range map[string]int{"SOON": 60, "LATER": 90} { // deadlines
		e.Setenv(name, time.Now().AddDate(0, 0, days).Format(time.DateOnly))
	}
	e.Setenv("GORACE", "atexit_sleep_ms=0") // otherwise the race detector lets each of a hundred programs sleep a second
	return testbed.WriteConfig(path, c)
}

func client(ts *testscript.TestScript) *redis.Client {
	o, err := redis.ParseURL(ts.Value(redisURL{}).(string))
	ts.Check(err)
	return redis.NewClient(o)
}

// code N COMMAND ARGS… runs a command and fails unless its exit code is N.
func scriptCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N command [args...]")
	}
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

// do N LISTING NUMBER VERB runs a command from a listing of open items, as a person would copy it.
// It takes the command with this verb from the row of the invoice with this number. It fails unless
// the exit code is N.
func scriptDo(ts *testscript.TestScript, _ bool, args []string) {
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		cells := strings.Split(strings.TrimSpace(line), "\t")
		if len(cells) < 8 || cells[3] != args[2] {
			continue
		}
		for part := range strings.SplitSeq(cells[7], "; ") {
			if _, command, found := strings.Cut(part, "enqueue "+args[3]); found {
				scriptCode(ts, false, []string{args[0], "sh", "-c", "enqueue " + args[3] + command})
				return
			}
		}
	}
	ts.Fatalf("the listing %s has no command enqueue %s for the invoice %s", args[1], args[3], args[2])
}

// idof FILE VARIABLE sets the variable to the id in a JSON result.
func scriptIDOf(ts *testscript.TestScript, _ bool, args []string) {
	var r results.Result
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &r))
	ts.Setenv(args[1], r.ID)
}

// lines FILE N fails unless the file has N lines.
func scriptLines(ts *testscript.TestScript, _ bool, args []string) {
	if n := strings.Count(ts.ReadFile(args[0]), "\n"); strconv.Itoa(n) != args[1] {
		ts.Fatalf("%s has %d lines, want %s", args[0], n, args[1])
	}
}
