package app_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"ksefworker/config"
)

// The check names each receiver that has a fault. Except for a stream, it also names the receiver's
// tenants and setting. The check sends nothing to any receiver.
func TestCheck_ReceiversAtFault_EachIsNamedAndNothingIsSent(t *testing.T) {
	t.Parallel()
	p := newPool(t, 1, quickSim, nil)
	cfg := p.cfg
	var calls atomic.Int64
	up := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	secure := httptest.NewTLSServer(http.NotFoundHandler()) // its certificate is from an authority that nobody trusts
	t.Cleanup(up.Close)
	t.Cleanup(secure.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	_ = l.Close()
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := config.Files{file("good", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")}
	tenant := cfg.Tenants[0].Title()
	hooks := []struct {
		config.Webhook
		want string
	}{
		{config.Webhook{Name: "well", URL: up.URL, SecretFile: good, AllowPrivate: true, Tenants: []string{cfg.Tenants[0].NIP}}, ""},
		{config.Webhook{Name: "badkey", URL: up.URL, SecretFile: config.Files{file("bad", "test_key")}, AllowPrivate: true},
			"FAULT  webhook badkey of all tenants, results.webhooks[1].secret_file: a secret must be whsec_ followed by Base64"},
		{config.Webhook{Name: "cloud", URL: "http://169.254.169.254/", SecretFile: good, AllowPrivate: true},
			"results.webhooks[2].url: not reached: dial tcp 169.254.169.254:80: 169.254.169.254 is a link-local address"},
		{config.Webhook{Name: "private", URL: up.URL, SecretFile: good}, "set allow_private for this webhook"},
		{config.Webhook{Name: "nowhere", URL: "https://nowhere.invalid/", SecretFile: good},
			"FAULT  webhook nowhere of all tenants, results.webhooks[4].url: "},
		{config.Webhook{Name: "closed", URL: "http://" + closed, SecretFile: good, AllowPrivate: true}, "connection refused"},
		{config.Webhook{Name: "untrusted", URL: secure.URL, SecretFile: good, AllowPrivate: true}, "certificate"},
	}
	for _, h := range hooks {
		cfg.Results.Webhooks = append(cfg.Results.Webhooks, h.Webhook)
	}
	cfg.Results.Folder.Path = filepath.Join(file("plain", ""), "results")
	cfg.Results.Folder.Tenants = []string{tenant}
	cfg.Results.Postgres.URL = "postgres://ksef@" + closed + "/erp"
	cfg.Results.Stream.Enabled = true
	at, err := redis.ParseURL(cfg.Redis.URL)
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(at)
	t.Cleanup(func() { _ = rdb.Close() })
	if err := rdb.Set(t.Context(), cfg.Redis.Prefix+"results", "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
	out, err := checkOutput(t, cfg)
	if err == nil {
		t.Error("--check found no fault")
	}
	for _, h := range hooks {
		line := "ok     webhook " + h.Name + " of tenant " + tenant + ", results.webhooks[0].url\n"
		if h.want != "" {
			line = h.want
		}
		if !strings.Contains(out, line) {
			t.Errorf("about the webhook %s, --check does not say %q", h.Name, line)
		}
	}
	for _, want := range []string{
		"FAULT  folder of results " + cfg.Results.Folder.Path + " of tenant " + tenant + ", results.folder: path: ",
		"FAULT  PostgreSQL of all tenants, results.postgres: ",
		"FAULT  stream of results " + cfg.Redis.Prefix + "results: the key ", "was written by another program (it is a string)",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("--check does not say %q", want)
		}
	}
	if n := calls.Load(); n != 0 || t.Failed() {
		t.Errorf("the receivers got %d calls, want none; --check says\n%s", n, out)
	}
}
