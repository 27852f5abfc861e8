package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fieldsOf returns the Field of every FieldError in err, in order.
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

func TestLoad_SeveralFaults_AreReportedTogether(t *testing.T) {
	_, err := Load(writeFile(t, "bad.yaml", `
environment: staging
redis: {url: "http://x"}
tenants:
  - {nip: "526-587", key_id: "a:b"}
packages: {max_invoices: 10001, max_wait: -1s}
archive: {url: relative/path}
log: {level: loud}
`), nil)
	want := []string{
		"environment", "redis.url", "tenants[0].nip", "tenants[0].key_id", "tenants[0].key_file",
		"packages.max_wait", "packages.max_invoices", "archive.url", "log.level",
	}
	if diff := cmp.Diff(want, fieldsOf(err)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if strings.Contains(err.Error(), "a:b") {
		t.Errorf("the error repeats a pasted key: %v", err)
	}
}

func TestLoad_Fault_NamesTheKeyAndSaysWhatIsWrong(t *testing.T) {
	cases := []struct{ why, yaml, field, says string }{
		{"a misspelt key gets a hint", minimal + "packages: {max_wiat: 2m}", "packages.max_wiat", "did you mean max_wait?"},
		{"a misspelt key in block style is reported with its line", minimal + "packages:\n  max_wiat: 2m", "packages.max_wiat", "line 8"},
		{"a misspelt section is a fault", minimal + "package: {}", "package", `there is no key "package"`},
		{"a group that KSeF does not have is a fault",
			minimal + "limits: {groups: {invoicesend: {per_hour: 1}}}", "limits.groups.invoicesend", "did you mean invoiceSend?"},
		{"a secret in the file gets a hint where it belongs",
			strings.Replace(minimal, "key_file: /path/to/key", "key: hunter2hunter2", 1),
			"tenants[0].key", "secrets are given as files: key_file"},
		{"a key given twice is a fault", minimal + "log: {level: info, level: debug}", "line 7", "already set"},
		{"a duration without unit is not read as nanoseconds", minimal + "packages: {max_wait: 120}", "packages.max_wait", "has no unit"},
		{"a value that is not a duration", minimal + "packages: {max_wait: soon}", "packages.max_wait", "is not a duration"},
		{"an urgency of more than a day would make every invoice urgent",
			minimal + "packages: {urgent_within: 25h}", "packages.urgent_within", "24h"},
		{"a warning more than a week before the deadline", minimal + "deadlines: {warn: 169h}", "deadlines.warn", "168h"},
		{"a word in place of a number", minimal + "worker: {concurrency: many}", "worker.concurrency", "is not a whole number"},
		{"a word in place of a fraction", minimal + "limits: {scale: fast}", "limits.scale", "is not a number"},
		{"scaled windows without environment custom",
			strings.NewReplacer("custom", "test", "gateway:", "#").Replace(minimal) + "limits: {scale: 60}",
			"limits.scale", "only for environment custom"},
		{"a list in place of a block", minimal + "worker: [1]", "worker", "is not a block of keys"},
		{"a value that is not a size", minimal + "packages: {part_size: big}", "packages.part_size", "is not a size"},
		{"a password in the Redis URL of the file",
			minimal + `redis: {url: "redis://u:hunter2@r:6379/0"}`, "redis.url", "redis.password_file"},
		{"a Redis URL with an option that would be ignored",
			minimal + `redis: {url: "redis://r:6379?db=3"}`, "redis.url", "not understood"},
		{"Sentinel without addresses", minimal + `redis: {sentinel: {master: m}}`, "redis.sentinel.addrs", "at least one"},
		{"Sentinel addresses without the master's name",
			minimal + `redis: {sentinel: {addrs: ["a:1"]}}`, "redis.sentinel.master", "is missing"},
		{"a Sentinel without port", minimal + `redis: {sentinel: {master: m, addrs: [a]}}`, "redis.sentinel.addrs[0]", "host:port"},
		{"TLS settings while TLS is off", minimal + `redis: {tls: {ca_file: /ca.pem}}`, "redis.tls.enabled", "enabled: true"},
		{"half a client certificate",
			minimal + `redis: {tls: {enabled: true, cert_file: /c.pem}}`, "redis.tls.cert_file", "both or neither"},
		{"an address for an environment that has one",
			strings.Replace(minimal, "custom", "test", 1), "gateway.url", "only for environment custom"},
		{"custom without an address", strings.Replace(minimal, "gateway:", "#gateway:", 1), "gateway.url", "is missing"},
		{"a gateway URL that is not http", strings.Replace(minimal, "http://127", "ftp://127", 1), "gateway.url", "https://"},
		{"no environment at all", strings.Replace(minimal, "environment:", "#", 1), "environment", "test, demo, production or custom"},
		{"no tenants", "environment: test\narchive: {url: 'file:///a'}", "tenants", "at least one"},
		{"two tenants with one NIP",
			strings.Replace(minimal, "archive:", "  - {nip: \"5265877635\", key_id: b, key_file: /b}\narchive:", 1),
			"tenants[1].nip", "tenants[0]"},
		{"a dashboard without login on all interfaces", minimal + `http: {addr: "0.0.0.0:8080"}`, "http.addr", "no login"},
		{"all interfaces in the short form", minimal + `http: {addr: ":8080"}`, "http.addr", "no login"},
		{"a login without password", minimal + `http: {dashboard: {username: admin}}`, "http.dashboard.username", "both or neither"},
		{"FA(2) in production",
			strings.NewReplacer("custom", "production", "gateway:", "#").Replace(minimal) + "validation: {allow_fa2: true}",
			"validation.allow_fa2", "FA(3)"},
		{"S3 keys beside a folder",
			minimal[:strings.Index(minimal, "archive:")] + `archive: {url: "file:///a", region: x}`, "archive.region", "only for s3"},
		{"half the S3 keys",
			minimal[:strings.Index(minimal, "archive:")] + `archive: {url: "s3://b", access_key_file: /x}`,
			"archive.access_key_file", "both or neither"},
		{"an archive without bucket",
			minimal[:strings.Index(minimal, "archive:")] + `archive: {url: "s3:///prefix"}`, "archive.url", "no bucket"},
		{"a limit of 0 for everyone would stop the pool",
			minimal + "limits: {groups: {other: {per_hour: 0}}}", "limits.groups.other.per_hour", "-1 for no limit"},
		{"scaled windows with environment test",
			strings.NewReplacer("custom", "test", "gateway:", "#").Replace(minimal) + "limits: {scale: 60}",
			"limits.scale", "only for environment custom"},
		{"a scale that would lengthen the windows", minimal + "limits: {scale: 0.5}", "limits.scale", "between 1 and 3600"},
		{"a scale that is not a number", minimal + "limits: {scale: .nan}", "limits.scale", "between 1 and 3600"},
		{"a worker that is dead before its first heartbeat",
			minimal + "worker: {dead_after: 1s}", "worker.dead_after", "between 3s and 10m"},
		{"a sweep that checks what is still in progress", minimal + "sweep: {after: 10ms}", "sweep.after", "between 1s and 1h"},
		{"a session older than KSeF allows", minimal + "express: {max_age: 12h}", "express.max_age", "11h30m"},
		{"a maximum pause shorter than the first", minimal + "confirm: {first: 10s, max: 5s}", "confirm.max", "between 10s and 1h"},
		{"a retention of an hour would delete entries of invoices just sent",
			minimal + "ledger: {retention: 1h}", "ledger.retention", "24h"},
	}
	for _, tc := range cases {
		t.Run(tc.why, func(t *testing.T) {
			_, err := Load(writeFile(t, "c.yaml", tc.yaml), nil)
			if err == nil {
				t.Fatal("Load accepted the file with this fault")
			}
			var found *FieldError
			for _, f := range fieldErrors(err) {
				if f.Field == tc.field {
					found = f
				}
			}
			if found == nil {
				t.Fatalf("there is no fault of %s in the error: %v", tc.field, err)
			}
			if !strings.Contains(found.Error(), tc.says) {
				t.Errorf("the fault is %q, want it to say %q", found, tc.says)
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

func TestFieldError_Error_IsASentence(t *testing.T) {
	inner := errors.New("must be between 1 and 10000")
	for want, e := range map[string]*FieldError{
		"packages.max_invoices: 20000 must be between 1 and 10000": {"packages.max_invoices", 20000, inner},
		"tenants: must be between 1 and 10000":                     {"tenants", "", inner},
	} {
		if e.Error() != want {
			t.Errorf("the error's text is %q, want %q", e, want)
		}
		if !errors.Is(fmt.Errorf("check: %w", e), inner) {
			t.Error("errors.Is does not find the cause of the fault")
		}
	}
}
