package config

import (
	"errors"
	"fmt"
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

// fieldsOf lists the Field of every FieldError in err, in order.
func fieldsOf(err error) []string {
	var all []string
	var walk func(error)
	walk = func(err error) {
		var fe *FieldError
		if f, ok := err.(*FieldError); ok {
			fe = f
			all = append(all, fe.Field)
			return
		}
		switch e := err.(type) {
		case interface{ Unwrap() []error }:
			for _, inner := range e.Unwrap() {
				walk(inner)
			}
		case interface{ Unwrap() error }:
			walk(e.Unwrap())
		}
	}
	walk(err)
	return all
}

// minimal is a valid file, to which a test adds its own part.
const minimal = `
environment: custom
gateway: {url: "http://127.0.0.1:9090"}
tenants:
  - {nip: "5265877635", key_id: test_id, key_file: /path/to/key}
archive: {url: "file:///path/to/archive"}
`

// The block that outside scripts rely on, letter for letter.
const promised = `environment: custom            # test | production | custom
gateway: {url: "http://127.0.0.1:9090"}     # only with custom
redis: {url: "redis://127.0.0.1:6379/0"}
tenants:
  - {nip: "5265877635", key_id: test_id, key_file: /path/to/key}
packages: {max_wait: 2m, max_invoices: 5000, express_below: 5}
archive: {url: "file:///path/to/archive"}
http: {addr: "127.0.0.1:8080"}
`

func TestLoad_PromisedBlock_WorksAsWritten(t *testing.T) {
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
		t.Errorf("BaseURL = %q", got)
	}
}

func TestLoad_EveryFault_IsReportedAtOnce(t *testing.T) {
	_, err := Load(writeFile(t, "bad.yaml", `
environment: staging
redis: {url: "http://x"}
tenants:
  - {nip: "526-587", key_id: "a:b"}
packages: {max_invoices: 10001, max_wait: -1s}
archive: {url: relative/path}
log: {level: loud}
`), nil)
	want := []string{"environment", "redis.url", "tenants[0].nip", "tenants[0].key_id", "tenants[0].key_file", "packages.max_wait", "packages.max_invoices", "archive.url", "log.level"}
	if diff := cmp.Diff(want, fieldsOf(err)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if strings.Contains(err.Error(), "a:b") {
		t.Errorf("the error repeats a pasted key: %v", err)
	}
}

func TestLoad_Faults(t *testing.T) {
	cases := []struct{ why, yaml, field, says string }{
		{"a misspelt key names the right one", minimal + "packages: {max_wiat: 2m}", "packages.max_wiat", "did you mean max_wait?"},
		{"a misspelt key in block style tells its line", minimal + "packages:\n  max_wiat: 2m", "packages.max_wiat", "line 8"},
		{"a misspelt section is a fault", minimal + "package: {}", "package", `there is no key "package"`},
		{"a group that KSeF does not have is a fault", minimal + "limits: {groups: {invoicesend: {per_hour: 1}}}", "limits.groups.invoicesend", "did you mean invoiceSend?"},
		{"a secret pasted into the file is told where it goes", strings.Replace(minimal, "key_file: /path/to/key", "key: hunter2hunter2", 1), "tenants[0].key", "secrets come as files: key_file"},
		{"a key given twice is a fault", minimal + "log: {level: info, level: debug}", "line 7", "already set"},
		{"a duration without unit is not taken for nanoseconds", minimal + "packages: {max_wait: 120}", "packages.max_wait", "has no unit"},
		{"a duration that is none", minimal + "packages: {max_wait: soon}", "packages.max_wait", "is not a duration"},
		{"a day and more of urgency would make every invoice urgent", minimal + "packages: {urgent_within: 25h}", "packages.urgent_within", "24h"},
		{"at risk for more than a week", minimal + "deadlines: {warn: 169h}", "deadlines.warn", "168h"},
		{"a word where a number was due", minimal + "worker: {concurrency: many}", "worker.concurrency", "is not a whole number"},
		{"a word where a fraction was due", minimal + "limits: {scale: fast}", "limits.scale", "is not a number"},
		{"scaled windows against the real KSeF", strings.NewReplacer("custom", "test", "gateway:", "#").Replace(minimal) + "limits: {scale: 60}", "limits.scale", "only for environment custom"},
		{"a list where a block was due", minimal + "worker: [1]", "worker", "is not a block of keys"},
		{"a size that is none", minimal + "packages: {part_size: big}", "packages.part_size", "is not a size"},
		{"a password in the file's Redis URL", minimal + `redis: {url: "redis://u:hunter2@r:6379/0"}`, "redis.url", "redis.password_file"},
		{"a Redis URL with an option that would be ignored", minimal + `redis: {url: "redis://r:6379?db=3"}`, "redis.url", "not understood"},
		{"Sentinel without addresses", minimal + `redis: {sentinel: {master: m}}`, "redis.sentinel.addrs", "at least one"},
		{"Sentinel addresses without the master's name", minimal + `redis: {sentinel: {addrs: ["a:1"]}}`, "redis.sentinel.master", "is missing"},
		{"a Sentinel without port", minimal + `redis: {sentinel: {master: m, addrs: [a]}}`, "redis.sentinel.addrs[0]", "host:port"},
		{"TLS settings that nothing switches on", minimal + `redis: {tls: {ca_file: /ca.pem}}`, "redis.tls.enabled", "enabled: true"},
		{"half a client certificate", minimal + `redis: {tls: {enabled: true, cert_file: /c.pem}}`, "redis.tls.cert_file", "both or neither"},
		{"an address beside a fixed environment", strings.Replace(minimal, "custom", "test", 1), "gateway.url", "only for environment custom"},
		{"custom without an address", strings.Replace(minimal, "gateway:", "#gateway:", 1), "gateway.url", "is missing"},
		{"a gateway that is no web address", strings.Replace(minimal, "http://127", "ftp://127", 1), "gateway.url", "https://"},
		{"no environment at all", strings.Replace(minimal, "environment:", "#", 1), "environment", "test, production or custom"},
		{"no tenants", "environment: test\narchive: {url: 'file:///a'}", "tenants", "at least one"},
		{"two tenants with one NIP", strings.Replace(minimal, "archive:", "  - {nip: \"5265877635\", key_id: b, key_file: /b}\narchive:", 1), "tenants[1].nip", "tenants[0]"},
		{"a dashboard for everyone without login", minimal + `http: {addr: "0.0.0.0:8080"}`, "http.addr", "no login"},
		{"all interfaces in the short form", minimal + `http: {addr: ":8080"}`, "http.addr", "no login"},
		{"a login without password", minimal + `http: {dashboard: {username: admin}}`, "http.dashboard.username", "both or neither"},
		{"FA(2) in production", strings.NewReplacer("custom", "production", "gateway:", "#").Replace(minimal) + "validation: {allow_fa2: true}", "validation.allow_fa2", "FA(3)"},
		{"S3 keys beside a folder", minimal[:strings.Index(minimal, "archive:")] + `archive: {url: "file:///a", region: x}`, "archive.region", "only for s3"},
		{"half the S3 keys", minimal[:strings.Index(minimal, "archive:")] + `archive: {url: "s3://b", access_key_file: /x}`, "archive.access_key_file", "both or neither"},
		{"an archive without bucket", minimal[:strings.Index(minimal, "archive:")] + `archive: {url: "s3:///prefix"}`, "archive.url", "no bucket"},
		{"a limit of 0 for everyone would stop the pool", minimal + "limits: {groups: {other: {per_hour: 0}}}", "limits.groups.other.per_hour", "-1 for no limit"},
		{"windows of another length than KSeF's, against KSeF itself", strings.NewReplacer("custom", "test", "gateway:", "#").Replace(minimal) + "limits: {scale: 60}", "limits.scale", "only for environment custom"},
		{"a scale that would lengthen the windows", minimal + "limits: {scale: 0.5}", "limits.scale", "between 1 and 3600"},
		{"a scale that is no number", minimal + "limits: {scale: .nan}", "limits.scale", "between 1 and 3600"},
		{"a worker dead before it can speak", minimal + "worker: {dead_after: 1s}", "worker.dead_after", "between 3s and 10m"},
		{"a sweep that looks at what is still moving", minimal + "sweep: {after: 10ms}", "sweep.after", "between 1s and 1h"},
		{"a session older than KSeF lets it be", minimal + "express: {max_age: 12h}", "express.max_age", "11h30m"},
		{"longest pause shorter than the first", minimal + "confirm: {first: 10s, max: 5s}", "confirm.max", "between 10s and 1h"},
		{"retention of an hour would forget what was just sent", minimal + "ledger: {retention: 1h}", "ledger.retention", "24h"},
	}
	for _, tc := range cases {
		t.Run(tc.why, func(t *testing.T) {
			_, err := Load(writeFile(t, "c.yaml", tc.yaml), nil)
			if err == nil {
				t.Fatal("no error")
			}
			var found *FieldError
			for _, f := range fieldErrors(err) {
				if f.Field == tc.field {
					found = f
				}
			}
			if found == nil {
				t.Fatalf("no fault of %s in: %v", tc.field, err)
			}
			if !strings.Contains(found.Error(), tc.says) {
				t.Errorf("%q does not say %q", found, tc.says)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

func fieldErrors(err error) (all []*FieldError) {
	if f, ok := err.(*FieldError); ok {
		return []*FieldError{f}
	}
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			all = append(all, fieldErrors(inner)...)
		}
	case interface{ Unwrap() error }:
		all = fieldErrors(e.Unwrap())
	}
	return all
}

func TestLoad_FilesThatAreNoConfiguration_AreErrors(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "absent.yaml"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent file: %v", err)
	}
	for why, content := range map[string]string{
		"broken YAML":     "environment: [",
		"two documents":   minimal + "\n---\n" + minimal,
		"larger than 4M":  strings.Repeat("# comment\n", 500_000),
		"a bare scalar":   "hello",
		"a list on top":   "- a",
		"only a comment":  "# nothing",
		"an empty file":   "",
		"an alias bomb":   "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]",
		"binary garbage":  "\x00\x01\x02",
		"broken encoding": "log: {level: \"\xff\"}",
	} {
		if _, err := Load(writeFile(t, "c.yaml", content), nil); err == nil {
			t.Errorf("%s: no error", why)
		}
	}
}

func TestLoad_ByteOrderMarkAndEmptySections_AreNoFaults(t *testing.T) {
	c, err := Load(writeFile(t, "c.yaml", "\ufeff"+minimal+"packages:\n  # all as it is\nstorage:\n"), nil)
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
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := c.Limits.Groups.Other, (Rates{10, 30, 120}); got != want {
		t.Errorf("other: got %v, want %v", got, want)
	}
}

// The table of KSeF, written out a second time: a slip in either is seen.
func TestDefault_Limits_AreKSeFsTable(t *testing.T) {
	want := map[string]Rates{
		"onlineSession": {10, 30, 120}, "onlineSessionClose": {20, 60, 240}, "invoiceSend": {10, 30, 180}, "batchSession": {10, 20, 60},
		"batchSessionClose": {20, 40, 120}, "invoiceStatus": {30, 120, 1200}, "sessionInvoiceList": {10, 20, 200}, "sessionMisc": {10, 120, 1200},
		"invoiceDownload": {8, 16, 64}, "invoiceMetadata": {8, 16, 20}, "invoiceExport": {8, 16, 20}, "invoiceExportStatus": {10, 60, 600},
		"sessionList": {5, 10, 60}, "other": {10, 30, 120},
	}
	if diff := cmp.Diff(want, Default().Limits.Groups.ByName()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLimitsOf_TenantsOwnFigures_WinOneByOne(t *testing.T) {
	c, err := Load(writeFile(t, "c.yaml", strings.Replace(minimal, "key_id:", "limits: {invoiceSend: {per_hour: 1000, per_second: -1}}, key_id:", 1)), nil)
	if err != nil {
		t.Fatal(err)
	}
	own := c.LimitsOf("5265877635").ByName()
	if got, want := own["invoiceSend"], (Rates{Unlimited, 30, 1000}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := c.LimitsOf("1111111111"), c.Limits.Groups; got != want {
		t.Errorf("a stranger's table: got %v, want %v", got, want)
	}
	if got, want := own["invoiceSend"].String(), "-/s 30/min 1000/h"; got != want {
		t.Errorf("String = %q, want %q", got, want)
	}
	if len(own) != 14 {
		t.Errorf("%d groups, want the 14 of KSeF", len(own))
	}
}

func TestLoad_TwoKnobsForDeadlines_EachIsItsOwn(t *testing.T) {
	c, err := Load(writeFile(t, "c.yaml", minimal+"packages: {urgent_within: 90m}\ndeadlines: {warn: 48h}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Packages.UrgentWithin != 90*time.Minute || c.Deadlines.Warn != 48*time.Hour {
		t.Errorf("urgent_within %s, warn %s", c.Packages.UrgentWithin, c.Deadlines.Warn)
	}
}

func TestLoad_KnobsThatAThirdOneBounds_AreLoweredNotRefused(t *testing.T) {
	c, err := Load(writeFile(t, "c.yaml", minimal+"packages: {max_wait: 500ms, part_size: 1MB}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Packages.Quiet != 500*time.Millisecond {
		t.Errorf("quiet = %s, want max_wait", c.Packages.Quiet)
	}
	if c.Packages.MaxSize != 50*MB {
		t.Errorf("max_size = %s, want 50 parts of 1MB", c.Packages.MaxSize)
	}
}

func TestLoad_PlainHTTPBeyondLoopback_Warns(t *testing.T) {
	c, err := Load(writeFile(t, "c.yaml", strings.Replace(minimal, "127.0.0.1:9090", "simulator:9090", 1)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "in the clear") {
		t.Errorf("warnings: %q", c.Warnings)
	}
}

func TestFieldError_Error_ReadsAsASentence(t *testing.T) {
	inner := errors.New("must be between 1 and 10000")
	for want, e := range map[string]*FieldError{
		"packages.max_invoices: 20000 must be between 1 and 10000": {"packages.max_invoices", 20000, inner},
		"tenants: must be between 1 and 10000":                     {"tenants", "", inner},
	} {
		if e.Error() != want {
			t.Errorf("got %q, want %q", e, want)
		}
		if !errors.Is(fmt.Errorf("check: %w", e), inner) {
			t.Error("the cause is not reachable")
		}
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
		// Whatever passes must be usable: within the bounds on which the worker relies without looking again.
		if len(c.Tenants) == 0 || c.BaseURL() == "" || c.Packages.MaxInvoices > 10_000 || c.Packages.MaxSize > c.Packages.PartSize*50 || c.Packages.MaxWait < 0 {
			t.Errorf("a configuration out of bounds passed: %+v", c)
		}
		if _, err := parseRedisURL(c.Redis.URL); err != nil {
			t.Errorf("a Redis URL passed that can't be dialled: %v", err)
		}
	})
}

func TestLoad_RedisPrefix_IsOnePartWithAColonAtItsEnd(t *testing.T) {
	for _, good := range []string{"ksef:", "ksef-test:", "Pool_2.a:"} {
		if c, err := Load(writeFile(t, "worker.yaml", minimal), []string{"KSEF_REDIS_PREFIX=" + good}); err != nil || c.Redis.Prefix != good {
			t.Errorf("%q: %v, %q", good, err, c.Redis.Prefix)
		}
	}
	// Within ksef: lies ksef:test:, so dropping one pool would drop another; asynq: is where other programs' queues are.
	for _, bad := range []string{"ksef", "ksef:test:", ":", "ks*f:", "asynq:", "a b:", strings.Repeat("x", 33) + ":"} {
		_, err := Load(writeFile(t, "worker.yaml", minimal), []string{"KSEF_REDIS_PREFIX=" + bad})
		if got := fieldsOf(err); len(got) != 1 || got[0] != "redis.prefix" {
			t.Errorf("%q: %v, want a fault of redis.prefix", bad, err)
		}
	}
}
