package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func writeFile(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// minimal is a valid file to which tests add their own part.
const minimal = `
environment: custom
gateway: {url: "http://127.0.0.1:9090"}
tenants:
  - {nip: "5265877635", key_id: test_id, key_file: /path/to/key}
archive: {url: "file:///path/to/archive"}
`

// promised is the file that outside scripts rely on, character by character.
const promised = `environment: custom            # test | production | custom
gateway: {url: "http://127.0.0.1:9090"}     # only with custom
redis: {url: "redis://127.0.0.1:6379/0"}
tenants:
  - {nip: "5265877635", key_id: test_id, key_file: /path/to/key}
packages: {max_wait: 2m, max_invoices: 5000, express_below: 5}
archive: {url: "file:///path/to/archive"}
http: {addr: "127.0.0.1:8080"}
`

func TestLoad_PromisedFile_WorksAsWritten(t *testing.T) {
	c, err := Load(writeFile(t, "worker.yaml", promised), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Environment = Custom
	want.Gateway.URL = "http://127.0.0.1:9090"
	want.Tenants = []Tenant{{NIP: "5265877635", KeyID: "test_id", KeyFile: "/path/to/key"}}
	want.Archive.URL = "file:///path/to/archive"
	if diff := cmp.Diff(want, c, cmp.AllowUnexported(Redis{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := c.BaseURL(); got != "http://127.0.0.1:9090" {
		t.Errorf("the ledger's address is %q, want that of gateway.url", got)
	}
}

func TestLoad_FileIsNotAConfiguration_Fails(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "absent.yaml"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that does not exist: the error is %v, want fs.ErrNotExist", err)
	}
	for why, content := range map[string]string{
		"broken YAML":             "environment: [",
		"two documents":           minimal + "\n---\n" + minimal,
		"over 4 MiB":              strings.Repeat("# comment\n", 500_000),
		"a bare scalar":           "hello",
		"a list at the top level": "- a",
		"only a comment":          "# nothing",
		"an empty file":           "",
		"an alias bomb": "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n" +
			"c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n" +
			"e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]",
		"binary garbage":  "\x00\x01\x02",
		"broken encoding": "log: {level: \"\xff\"}",
	} {
		if _, err := Load(writeFile(t, "c.yaml", content), nil); err == nil {
			t.Errorf("%s was accepted as a configuration", why)
		}
	}
}

func TestLoad_ByteOrderMarkAndEmptySections_AreAccepted(t *testing.T) {
	c, err := Load(writeFile(t, "c.yaml", "\ufeff"+minimal+"packages:\n  # unchanged\nstorage:\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Packages != Default().Packages {
		t.Errorf("an empty section changed its defaults: %+v", c.Packages)
	}
}

func TestLoad_OneRateChanged_KeepsTheOthers(t *testing.T) {
	c, err := Load(writeFile(t, "c.yaml", minimal+"limits: {groups: {invoiceSend: {per_hour: 360}}}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Limits.Groups.InvoiceSend, (Rates{10, 30, 360}); got != want {
		t.Errorf("the limits of invoiceSend are %v, want %v", got, want)
	}
	if got, want := c.Limits.Groups.Other, (Rates{10, 30, 120}); got != want {
		t.Errorf("the limits of other are %v, want %v", got, want)
	}
}

// This is a second copy of KSeF's table, so that a mistake in either copy is found.
func TestDefault_Limits_MatchKSeFsTable(t *testing.T) {
	want := map[string]Rates{
		"onlineSession": {10, 30, 120}, "onlineSessionClose": {20, 60, 240}, "invoiceSend": {10, 30, 180},
		"batchSession": {10, 20, 60}, "batchSessionClose": {20, 40, 120}, "invoiceStatus": {30, 120, 1200},
		"sessionInvoiceList": {10, 20, 200}, "sessionMisc": {10, 120, 1200}, "invoiceDownload": {8, 16, 64},
		"invoiceMetadata": {8, 16, 20}, "invoiceExport": {8, 16, 20}, "invoiceExportStatus": {10, 60, 600},
		"sessionList": {5, 10, 60}, "anonymous": {60, -1, -1}, "other": {10, 30, 120},
	}
	if diff := cmp.Diff(want, Default().Limits.Groups.ByName()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLimitsOf_TenantsOwnFigures_OverrideSingleFigures(t *testing.T) {
	const limits = "limits: {invoiceSend: {per_hour: 1000, per_second: -1}}, key_id:"
	c, err := Load(writeFile(t, "c.yaml", strings.Replace(minimal, "key_id:", limits, 1)), nil)
	if err != nil {
		t.Fatal(err)
	}
	own := c.LimitsOf("5265877635").ByName()
	if got, want := own["invoiceSend"], (Rates{Unlimited, 30, 1000}); got != want {
		t.Errorf("the tenant's limits of invoiceSend are %v, want %v", got, want)
	}
	if got, want := c.LimitsOf("1111111111"), c.Limits.Groups; got != want {
		t.Errorf("the limits of an unknown tenant are %v, want %v", got, want)
	}
	if got, want := own["invoiceSend"].String(), "-/s 30/min 1000/h"; got != want {
		t.Errorf("the limits of invoiceSend are printed as %q, want %q", got, want)
	}
	if len(own) != 15 {
		t.Errorf("the tenant has limits of %d groups, want the 15 of KSeF", len(own))
	}
}

func TestLoad_UrgencyAndWarning_AreSeparateSettings(t *testing.T) {
	c, err := Load(writeFile(t, "c.yaml", minimal+"packages: {urgent_within: 90m}\ndeadlines: {warn: 48h}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Packages.UrgentWithin != 90*time.Minute || c.Deadlines.Warn != 48*time.Hour {
		t.Errorf("urgent_within is %s and warn is %s, want 90m and 48h", c.Packages.UrgentWithin, c.Deadlines.Warn)
	}
}

func TestLoad_SettingAboveTheBoundOfAnother_IsLoweredNotRefused(t *testing.T) {
	c, err := Load(writeFile(t, "c.yaml", minimal+"packages: {max_wait: 500ms, part_size: 1MB}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Packages.Quiet != 500*time.Millisecond {
		t.Errorf("quiet is %s, want 500ms, which is max_wait", c.Packages.Quiet)
	}
	if c.Packages.MaxSize != 50*MB {
		t.Errorf("max_size is %s, want 50MB, which is 50 parts of 1MB", c.Packages.MaxSize)
	}
}

func TestLoad_SchemaFolderOfEarlierVersions_LoadsAndWarns(t *testing.T) {
	c, err := Load(writeFile(t, "c.yaml", minimal+"\nvalidation: {schema_dir: /nonexistent}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "validation.schema_dir has no effect") {
		t.Errorf("the warnings are %q, want one about validation.schema_dir", c.Warnings)
	}
}

func TestLoad_PlainHTTPBeyondLoopback_Warns(t *testing.T) {
	c, err := Load(writeFile(t, "c.yaml", strings.Replace(minimal, "127.0.0.1:9090", "simulator:9090", 1)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "in the clear") {
		t.Errorf("the warnings are %q, want one about an address in the clear", c.Warnings)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(minimal, "KSEF_PACKAGES_MAX_WAIT=3m")
	f.Add(promised, "KSEF_TENANTS_1_NIP=1111111111")
	f.Add("packages: {max_size: 1e309GB}", "REDIS_URL=redis://:p%zz@h")
	f.Add("a: &a {b: *a}", "KSEF_LIMITS_GROUPS_OTHER_PER_HOUR=x")
	if data, err := os.ReadFile("worker.example.yaml"); err == nil {
		f.Add(string(allOn(data)), "KSEF_=1")
	}
	f.Fuzz(func(t *testing.T, file, variable string) {
		c, err := parse("fuzz", []byte(file), []string{variable})
		if err != nil {
			return
		}
		// Every accepted configuration must be within the bounds on which the worker relies without
		// a check.
		if len(c.Tenants) == 0 || c.BaseURL() == "" || c.Packages.MaxInvoices > 10_000 ||
			c.Packages.MaxSize > c.Packages.PartSize*50 || c.Packages.MaxWait < 0 {
			t.Errorf("a configuration out of bounds was accepted: %+v", c)
		}
		if _, err := parseRedisURL(c.Redis.URL); err != nil {
			t.Errorf("a configuration was accepted whose Redis URL cannot be used: %v", err)
		}
	})
}

func TestLoad_RedisPrefix_HasOneColonAtItsEnd(t *testing.T) {
	for _, good := range []string{"ksef:", "ksef-test:", "Pool_2.a:"} {
		c, err := Load(writeFile(t, "worker.yaml", minimal), []string{"KSEF_REDIS_PREFIX=" + good})
		if err != nil || c.Redis.Prefix != good {
			t.Errorf("the prefix %q is read as %q (error %v), want it taken as it is", good, c.Redis.Prefix, err)
		}
	}
	// All keys of a pool with the prefix "ksef:test:" would also begin with "ksef:". So a person
	// who deletes the pool with the prefix "ksef:" would delete them too. With "asynq:" the keys
	// could be taken for the queues of another program.
	for _, bad := range []string{"ksef", "ksef:test:", ":", "ks*f:", "asynq:", "a b:", strings.Repeat("x", 33) + ":"} {
		_, err := Load(writeFile(t, "worker.yaml", minimal), []string{"KSEF_REDIS_PREFIX=" + bad})
		if got := fieldsOf(err); len(got) != 1 || got[0] != "redis.prefix" {
			t.Errorf("%q: the error is %v, want a fault of redis.prefix", bad, err)
		}
	}
}
