package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/app"
	"ksefworker/internal/connect"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/ministry"
	"ksefworker/internal/testbed"
)

// beds has the [testbed.Bed] of each running script (*testscript.TestScript). The script's command
// ksef starts it.
var beds sync.Map

// ksef starts a worker, and the simulator in place of both the gateway and KSeF. From then on the
// configuration has two tenants. The first goes straight to KSeF with a token, and the second goes
// through the gateway.
func scriptKsef(ts *testscript.TestScript, _ bool, _ []string) {
	ctx, dir := context.Background(), ts.Getenv("WORK")
	bed, err := testbed.Start(ctx, testbed.Options{
		Dir: filepath.Join(dir, ".ksef"), RedisURL: ts.Value(redisURL{}).(string),
		Direct: &ministry.Options{Tokens: testbed.Tokens(sample.NIP(0))},
	})
	ts.Check(err)
	ts.Defer(func() { _ = bed.Close() })
	c := bed.Config(2)
	ts.Check(bed.GoDirect(&c, sample.NIP(0)))
	c.Archive.URL = "file://" + filepath.Join(dir, ".archive")
	path := ts.Getenv("KSEF_CONFIG")
	ts.Check(testbed.WriteConfig(path, c))
	beds.Store(ts, bed)

	cfg, err := config.Load(path, nil)
	ts.Check(err)
	pool, err := connect.Open(ctx, cfg)
	ts.Check(err)
	log, err := os.Create(filepath.Join(dir, ".worker.log"))
	ts.Check(err)
	worker, err := app.NewWorker(ctx, pool, zerolog.New(log))
	ts.Check(err)
	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(running) }()
	ts.Defer(func() {
		cancel()
		if err := <-ended; err != nil {
			ts.Logf("the worker: %v", err)
		}
		_ = log.Close()
	})
}

// reject NUMBER CODE makes KSeF reject the next document with this number.
func scriptReject(ts *testscript.TestScript, _ bool, args []string) {
	bed, _ := beds.Load(ts)
	code, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(bed.(*testbed.Bed).Simulator.Inject(simulator.Fault{Kind: simulator.InvoiceStatus, Number: args[0], Code: code}))
}

// corrected NUMBER FILE fails unless KSeF has accepted exactly one document with this number, and
// that one is a technical correction of the document in the file.
func scriptCorrected(ts *testscript.TestScript, _ bool, args []string) {
	bed, _ := beds.Load(ts)
	sum := sha256.Sum256([]byte(ts.ReadFile(args[1])))
	want, found := base64.StdEncoding.EncodeToString(sum[:]), 0
	for _, a := range bed.(*testbed.Bed).Simulator.Books().Accepted {
		if a.Number != args[0] {
			continue
		}
		if found++; a.Mode != "offline" || a.Corrects != want {
			ts.Fatalf("KSeF accepted number %s in mode %q as a correction of hash %q; want mode offline and hash %q, that of %s",
				a.Number, a.Mode, a.Corrects, want, args[1])
		}
	}
	if found != 1 {
		ts.Fatalf("KSeF accepted %d documents with number %s, want one", found, args[0])
	}
}
