package testbed_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"ksefworker/config"
	"ksefworker/internal/redisd"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/ministry"
	"ksefworker/internal/testbed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStart_Default_RedisAndSimulatorAnswerUntilClose(t *testing.T) {
	b, err := testbed.Start(t.Context(), testbed.Options{Dir: filepath.Join(t.TempDir(), "bed"), Redis: redisd.Options{AppendOnly: true}})
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(&redis.Options{Addr: b.Redis.Addr(), MaxRetries: -1})
	defer rdb.Close()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answers := func() error {
		res, err := client.Get(b.GatewayURL() + "/sim/books")
		if err == nil {
			_ = res.Body.Close()
		}
		return errors.Join(err, rdb.Ping(t.Context()).Err())
	}
	if err := answers(); err != nil {
		t.Error(err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := answers(); err == nil {
		t.Error("something still answers after Close")
	}
}

func TestStart_WithDirect_TheMinistrysAPIAnswersOnTheSameBooks(t *testing.T) {
	b, err := testbed.Start(t.Context(), testbed.Options{
		Dir: t.TempDir(), RedisURL: "redis://127.0.0.1:1/0", Direct: &ministry.Options{}, Simulator: simulator.Options{KeyBits: 1024},
	})
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Post(b.DirectURL()+"/auth/challenge", "", nil)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("the answer to a challenge is %v (error %v), want HTTP 200", res, err)
	}
	_ = res.Body.Close()
	if n := b.Simulator.Books().Requests["anonymous"]; n != 1 {
		t.Errorf("the books have %d requests to the Ministry's API, want 1", n)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestStart_OtherAddressesGiven_StartsNothing(t *testing.T) {
	o := testbed.Options{Dir: t.TempDir(), RedisURL: "redis://127.0.0.1:1/0", GatewayURL: "http://127.0.0.1:2"}
	b, err := testbed.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if b.Redis != nil || b.Simulator != nil {
		t.Error("Redis or the simulator was started, want neither")
	}
	if c := b.Config(1); c.Redis.URL != o.RedisURL || c.Gateway.URL != o.GatewayURL {
		t.Errorf("the configuration names %s and %s, want the addresses that were given", c.Redis.URL, c.Gateway.URL)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestStart_SimulatorCannotStart_RedisIsStopped(t *testing.T) {
	_, err := testbed.Start(t.Context(), testbed.Options{Dir: t.TempDir(), Simulator: simulator.Options{Scale: -1}})
	if err == nil || !strings.Contains(err.Error(), "Scale") {
		t.Fatalf("Start returns %v, want an error about Scale", err)
	}
	// goleak in TestMain notices a server that was left running, because a goroutine waits for it.
}

func TestWriteConfig_Loaded_IsTheSameAndNamesOnlyWhatDiffers(t *testing.T) {
	o := testbed.Options{Dir: t.TempDir(), RedisURL: "redis://127.0.0.1:1/0", GatewayURL: "http://127.0.0.1:2"}
	b, err := testbed.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	want := b.Config(2)
	want.Tenants[1].Name, want.Tenants[1].Limits.InvoiceSend.PerHour = "Two", 60
	want.Limits.Scale = 60
	want.Redis.Sentinel = config.Sentinel{Master: "m", Addrs: []string{"127.0.0.1:3"}}
	path := filepath.Join(t.TempDir(), "worker.yaml")
	if err := testbed.WriteConfig(path, want); err != nil {
		t.Fatal(err)
	}
	got, err := config.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the loaded configuration is\n%+v, want the written one,\n%+v", got, want)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, absent := range []string{"paused", "user_agent", "retention"} {
		if strings.Contains(string(text), absent) {
			t.Errorf("the file holds the default of %s:\n%s", absent, text)
		}
	}
}

func TestBalance_EveryImbalance_IsReported(t *testing.T) {
	one := simulator.Accepted{NIP: sample.NIP(0), Kind: "VAT", Number: "1 a", At: time.Now()}
	two := one
	two.Number = "1  a" // the same to KSeF
	block := simulator.Violation{Window: "block"}
	for _, c := range []struct {
		why   string
		books simulator.Books
		says  string // "" when the books balance
	}{
		{"accepted once", simulator.Books{Accepted: []simulator.Accepted{one}}, ""},
		{"accepted twice, with other white space", simulator.Books{Accepted: []simulator.Accepted{one, two}}, "2 times"},
		{"the invoice is missing", simulator.Books{}, "accepted 0 invoices, want 1"},
		{
			"a window overrun", simulator.Books{Accepted: []simulator.Accepted{one}, Violations: []simulator.Violation{{Window: "hour"}}},
			"limit overrun",
		},
		{
			"a block that nobody ordered", simulator.Books{Accepted: []simulator.Accepted{one}, Violations: []simulator.Violation{block}},
			"limit overrun",
		},
		{"a block that the test ordered", simulator.Books{
			Accepted: []simulator.Accepted{one}, Violations: []simulator.Violation{block}, Faults: map[string]int{simulator.TooMany: 1},
		}, ""},
	} {
		err := errors.Join(testbed.AuditBooks(c.books).Balance(1)...)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: Balance returns %v, want an error that contains %q; \"\" means no error", c.why, err, c.says)
		}
	}
}
