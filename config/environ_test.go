package config

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// other returns a valid value that differs from the leaf's value, as text for a variable.
func other(t *testing.T, l leaf) string {
	t.Helper()
	special := map[string]string{
		"environment": "custom", "gateway.url": "http://127.0.0.1:1", "redis.url": "redis://127.0.0.1:7/7",
		"archive.url": "file:///elsewhere",
		"http.addr":   "127.0.0.1:9", "log.level": "debug", "log.format": "console", "redis.sentinel.addrs": "a:1,b:2",
		"packages.max_size": "1234567", "packages.part_size": "60MB",
	}
	if v, ok := special[l.path]; ok {
		return v
	}
	if strings.Contains(l.path, ".max_invoice_size") {
		return "5MB"
	}
	if strings.HasSuffix(l.path, ".nip") {
		return "1111111111"
	}
	switch v := l.value.Interface().(type) {
	case string:
		return "something"
	case Transport:
		return "direct"
	case Files:
		return "/some/file,/another"
	case Size:
		return fmt.Sprint(v + MB)
	case []string:
		return "5265877635"
	case bool:
		return fmt.Sprint(!v)
	case int:
		return fmt.Sprint(v + 1)
	case float64:
		return fmt.Sprint(v + 0.5)
	case PackageFormat:
		return string(TarGzPackage)
	case ArchiveLayout:
		return string(FilesLayout)
	case time.Duration:
		return (v + 10*time.Millisecond).String()
	}
	t.Fatalf("%s: no other value for type %s; add one here", l.path, l.value.Type())
	return ""
}

func TestEnviron_EveryVariable_SetsItsFieldAndNoOther(t *testing.T) {
	base := func() *Config {
		c := Default()
		c.Tenants = []Tenant{{NIP: "5265877635"}, {NIP: "2222222222"}}
		return &c
	}
	count := 0
	for _, l := range leaves(base()) {
		count++
		t.Run(l.variable, func(t *testing.T) {
			want, got := base(), base()
			text := other(t, l)
			var f faults
			got.readEnviron([]string{l.variable + "=" + text, "PATH=/bin"}, &f)
			if len(f.all) > 0 || len(got.Warnings) > 0 {
				t.Fatalf("one valid variable gave faults %v and warnings %q, want none", f.all, got.Warnings)
			}
			before, after := leaves(want), leaves(got)
			for i := range before {
				changed := !reflect.DeepEqual(before[i].value.Interface(), after[i].value.Interface())
				if changed != (before[i].path == l.path) {
					t.Errorf("with %s=%s the setting %s is %v (changed: %v), want changed: %v",
						l.variable, text, before[i].path, after[i].value, changed, !changed)
				}
			}
		})
	}
	if count < 90 {
		t.Errorf("leaves returned %d settings, want at least 90", count)
	}
}

var hump = regexp.MustCompile(`([a-z])([A-Z])`)

func TestEnviron_EveryVariable_HasTheNameThatTheRuleGives(t *testing.T) {
	c := Default()
	c.Tenants = make([]Tenant, 1)
	for _, l := range leaves(&c) {
		words := hump.ReplaceAllString(strings.NewReplacer("[", "_", "]", "").Replace(l.path), "${1}_$2")
		if want := "KSEF_" + strings.ToUpper(strings.ReplaceAll(words, ".", "_")); l.variable != want {
			t.Errorf("%s has variable %s, the rule says %s", l.path, l.variable, want)
		}
	}
}

func TestEnviron_FileAndVariables_VariablesWin(t *testing.T) {
	c, err := Load(writeFile(t, "c.yaml", minimal+"packages: {max_wait: 1m, max_invoices: 7}"),
		[]string{"KSEF_PACKAGES_MAX_WAIT=3m", "KSEF_PACKAGES_MAX_INVOICES="})
	if err != nil {
		t.Fatal(err)
	}
	if c.Packages.MaxWait != 3*time.Minute || c.Packages.MaxInvoices != 7 {
		t.Errorf("max_wait is %s and max_invoices %d, want 3m from the variable, and 7 from the file because the variable is empty",
			c.Packages.MaxWait, c.Packages.MaxInvoices)
	}
}

func TestEnviron_WithoutFile_IsComplete(t *testing.T) {
	c, err := Load("", []string{
		"KSEF_ENVIRONMENT=production", "KSEF_ARCHIVE_URL=s3://receipts", "REDIS_URL=rediss://app:geheim@redis.example:6380/2",
		"KSEF_TENANTS_0_NIP=5265877635", "KSEF_TENANTS_0_KEY_ID=a", "KSEF_TENANTS_1_NIP=1111111111", "KSEF_TENANTS_1_KEY_ID=b",
		"KSEF_KEY_FILE_5265877635=/run/secrets/a", "KSEF_KEY_FILE_1111111111=/run/secrets/b",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []Tenant{
		{NIP: "5265877635", KeyID: "a", KeyFile: "/run/secrets/a"},
		{NIP: "1111111111", KeyID: "b", KeyFile: "/run/secrets/b"},
	}
	if diff := cmp.Diff(want, c.Tenants); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if c.BaseURL() != "https://ksefapi.pl/api" {
		t.Errorf("the ledger's address is %s, want the gateway of production", c.BaseURL())
	}
}

func TestEnviron_TwoRedisURLs_TheOneWithPrefixWins(t *testing.T) {
	path := writeFile(t, "c.yaml", minimal)
	c, err := Load(path, []string{"REDIS_URL=redis://one:1", "KSEF_REDIS_URL=redis://two:2"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Redis.URL != "redis://two:2" {
		t.Errorf("redis.url is %s, want redis://two:2 from KSEF_REDIS_URL", c.Redis.URL)
	}
}

func TestEnviron_Faults_NameTheVariable(t *testing.T) {
	cases := []struct{ why, variable, field, says string }{
		{"not a duration", "KSEF_PACKAGES_MAX_WAIT=soon", "KSEF_PACKAGES_MAX_WAIT", "duration"},
		{"a duration without unit", "KSEF_PACKAGES_MAX_WAIT=120", "KSEF_PACKAGES_MAX_WAIT", "duration"},
		{"not a number", "KSEF_WORKER_CONCURRENCY=many", "KSEF_WORKER_CONCURRENCY", "whole number"},
		{"not true or false", "KSEF_HTTP_DASHBOARD_READ_ONLY=perhaps", "KSEF_HTTP_DASHBOARD_READ_ONLY", "true or false"},
		{"not a size", "KSEF_PACKAGES_MAX_SIZE=huge", "KSEF_PACKAGES_MAX_SIZE", "size"},
		{"a tenant's field", "KSEF_TENANTS_0_PAUSED=perhaps", "KSEF_TENANTS_0_PAUSED", "true or false"},
		{"a key file of an unknown NIP", "KSEF_KEY_FILE_9999999999=/x", "KSEF_KEY_FILE_9999999999", "no tenant"},
		{"a value out of bounds names the key", "KSEF_WORKER_CONCURRENCY=0", "worker.concurrency", "between 1 and 1000"},
	}
	for _, tc := range cases {
		t.Run(tc.why, func(t *testing.T) {
			_, err := Load(writeFile(t, "c.yaml", minimal), []string{tc.variable})
			all := fieldErrors(err)
			if len(all) != 1 || all[0].Field != tc.field || !strings.Contains(all[0].Error(), tc.says) {
				t.Errorf("got %v, want one fault of %s that contains %q", err, tc.field, tc.says)
			}
		})
	}
}

func TestEnviron_UnknownVariableOfASection_Warns(t *testing.T) {
	c, err := Load(writeFile(t, "c.yaml", minimal),
		[]string{"KSEF_PACKAGES_MAXWAIT=3m", "KSEF_CONFIG=/x", "KSEF_SOMETHING=else", "KSEF_TENANTS_7_NIP=1"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"variable KSEF_PACKAGES_MAXWAIT is not a setting and was ignored",
		"variable KSEF_TENANTS_7_NIP is not a setting and was ignored",
	}
	if diff := cmp.Diff(want, c.Warnings); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
