package config

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

// required are the settings without a default. The example file marks them (required).
var required = map[string]bool{
	"environment": true, "archive.url": true,
	"tenants[0].nip": true, "tenants[0].key_id": true, "tenants[0].key_file": true,
}

// leaf is one scalar setting, or list of scalars, with its path in YAML and its variable.
type leaf struct {
	path, variable string
	value          reflect.Value
}

// leaves returns the leaves of a Config by reflection, including the leaves of slice elements.
func leaves(c *Config) []leaf {
	var all []leaf
	var walk func(v reflect.Value, path, variable string)
	walk = func(v reflect.Value, path, variable string) {
		for i := range v.NumField() {
			sf := v.Type().Field(i)
			name := sf.Tag.Get("yaml")
			if name == "" || name == "-" {
				continue
			}
			p, fv := strings.TrimPrefix(path+"."+name, "."), v.Field(i)
			switch {
			case fv.Kind() == reflect.Struct:
				walk(fv, p, variable+sf.Tag.Get("envPrefix"))
			case fv.Kind() == reflect.Slice && fv.Type().Elem().Kind() == reflect.Struct:
				for n := range fv.Len() {
					walk(fv.Index(n), fmt.Sprintf("%s[%d]", p, n), fmt.Sprintf("%s%s%d_", variable, sf.Tag.Get("envPrefix"), n))
				}
			default:
				all = append(all, leaf{p, variable + sf.Tag.Get("env"), fv})
			}
		}
	}
	walk(reflect.ValueOf(c).Elem(), "", "KSEF_")
	return all
}

func exampleFile(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile("worker.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// offKey matches a setting that the example file shows but does not set. Such a line has # and the
// key without a space between them.
var offKey = regexp.MustCompile(`(?m)^(\s*)#(\w+:)`)

func allOn(data []byte) []byte { return offKey.ReplaceAll(data, []byte("$1$2")) }

func decodeStrict(t *testing.T, data []byte, into any) {
	t.Helper()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil {
		t.Fatalf("decode the example: %v", err)
	}
}

func TestExampleFile_Unchanged_Loads(t *testing.T) {
	c, err := Load("worker.example.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) != 0 {
		t.Errorf("the example file loads with warnings: %q", c.Warnings)
	}
}

func TestExampleFile_EveryDefault_MatchesTheCode(t *testing.T) {
	var shown Config
	decodeStrict(t, exampleFile(t), &shown)
	def := Default()
	def.Tenants = make([]Tenant, len(shown.Tenants))
	want := map[string]any{}
	for _, l := range leaves(&def) {
		want[l.path] = l.value.Interface()
	}
	for _, l := range leaves(&shown) {
		if required[l.path] {
			if l.value.IsZero() {
				t.Errorf("%s is required but the example does not set it", l.path)
			}
			continue
		}
		if diff := cmp.Diff(want[l.path], l.value.Interface()); diff != "" {
			t.Errorf("%s: the example and the code have different defaults (-code +file):\n%s", l.path, diff)
		}
	}
}

func TestExampleFile_EverySetting_IsShownWithAComment(t *testing.T) {
	data := allOn(exampleFile(t))
	var tree yaml.Node
	if err := yaml.Unmarshal(data, &tree); err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, k := range keysOf(&tree) {
		if k.goType == nil {
			t.Errorf("line %d: the example has the key %s, which no field of Config has", k.line, k.path)
		}
		shown[k.path] = true
	}
	full := Default()
	full.Tenants = make([]Tenant, 1)
	for _, l := range leaves(&full) {
		if !shown[l.path] {
			t.Errorf("%s is missing in worker.example.yaml", l.path)
		}
	}
	lines := strings.Split(string(data), "\n")
	for _, k := range keysOf(&tree) {
		section := k.value.Kind == yaml.MappingNode && k.value.Style&yaml.FlowStyle == 0 || k.value.Kind == yaml.SequenceNode
		rates := strings.HasPrefix(k.path, "limits.groups.") || strings.Contains(k.path, ".limits.")
		if section || rates {
			continue
		}
		// The comment is above the key, or above the pair of keys (cert_file and key_file).
		above := strings.TrimSpace(lines[k.line-2])
		if !strings.HasPrefix(above, "# ") && (k.line < 3 || !strings.HasPrefix(strings.TrimSpace(lines[k.line-3]), "# ")) {
			t.Errorf("line %d: %s has no comment above it", k.line, k.path)
		}
	}
}

func TestExampleFile_RequiredSettings_AreMarked(t *testing.T) {
	if got := strings.Count(string(exampleFile(t)), "(required)"); got != len(required)+2 {
		// The file has (required) in two more places: in the legend and at the list of tenants.
		t.Errorf("the example has (required) %d times, want %d", got, len(required)+2)
	}
}

func TestExampleFile_EverySettingOn_HasOnlyContradictionsAsFaults(t *testing.T) {
	path := writeFile(t, "all.yaml", string(allOn(exampleFile(t))))
	_, err := Load(path, nil)
	// gateway.url and direct.url are for another environment. A tenant has one transport and one
	// way to log in. The settings of S3 are for another archive, and those of Redis's TLS need
	// redis.tls.enabled. Nothing else may be wrong.
	want := []string{
		"gateway.url", "direct.url", "redis.tls.enabled", "tenants[0].key_id", "tenants[0].key_file", "tenants[0].token_file",
		"archive.region", "archive.endpoint", "archive.access_key_file", "archive.secret_key_file",
	}
	if diff := cmp.Diff(want, fieldsOf(err)); diff != "" {
		t.Errorf("faults (-want +got):\n%s\n%v", diff, err)
	}
}
