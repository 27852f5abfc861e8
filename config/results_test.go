package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestResults_GoodReceivers_HaveTheirNames(t *testing.T) {
	c, err := Load(writeFile(t, "c.yaml", minimal+`
results:
  webhooks:
    - {name: erp, url: "https://erp.example/ksef", secret_file: /run/secrets/hook}
    - {name: local, url: "http://127.0.0.1:1", secret_file: [/a, /b], allow_plain: true, tenants: ["5265877635"]}
  stream: {enabled: true}
  folder: {path: /srv/results, by: day}
  postgres: {url: "postgres://ksef@db/ksef"}
`), nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"erp", "local", "stream", "folder", "postgres"}, c.Results.Sinks()); d != "" {
		t.Errorf("the names of the receivers differ (-want +got):\n%s", d)
	}
}

func TestResults_BadReceivers_EachFaultIsNamed(t *testing.T) {
	for what, c := range map[string]struct {
		yaml string
		want []string
	}{
		"a name with a blank":  {`webhooks: [{name: "my erp", url: "https://e/", secret_file: a}]`, []string{"results.webhooks[0].name"}},
		"a name that is taken": {`webhooks: [{name: stream, url: "https://e/", secret_file: a}]`, []string{"results.webhooks[0].name"}},
		"a url with http":      {`webhooks: [{name: erp, url: "http://e/", secret_file: a}]`, []string{"results.webhooks[0].url"}},
		"a login in the url":   {`webhooks: [{name: erp, url: "https://u:p@e/", secret_file: a}]`, []string{"results.webhooks[0].url"}},
		"no url":               {`webhooks: [{name: erp, secret_file: a}]`, []string{"results.webhooks[0].url"}},
		"no secret":            {`webhooks: [{name: erp, url: "https://e/"}]`, []string{"results.webhooks[0].secret_file"}},
		"three secrets":        {`webhooks: [{name: erp, url: "https://e/", secret_file: [a, b, c]}]`, []string{"results.webhooks[0].secret_file"}},
		"an unknown tenant": {`webhooks: [{name: erp, url: "https://e/", secret_file: a, tenants: [x]}]`,
			[]string{"results.webhooks[0].tenants[0]"}},
		"a long timeout":                              {`webhooks: [{name: erp, url: "https://e/", secret_file: a, timeout: 2m}]`, []string{"results.webhooks[0].timeout"}},
		"an outbox of 0":                              {`{outbox: 0, stream: {enabled: true}}`, []string{"results.outbox"}},
		"a relative folder":                           {`folder: {path: here}`, []string{"results.folder.path"}},
		"a further folder without a path":             {`folders: [{name: a}]`, []string{"results.folders[0].path"}},
		"two receivers with one folder":               {`folders: [{name: a, path: /r}, {name: b, path: /r/}]`, []string{"results.folders[1].path"}},
		"a further folder by hour":                    {`folders: [{name: a, path: /r, by: hour}]`, []string{"results.folders[0].by"}},
		"a further folder with the name of the first": {`folders: [{name: folder, path: /r}]`, []string{"results.folders[0].name"}},
		"a name of two kinds":                         {`{folders: [{name: a, path: /r}], streams: [{name: a}]}`, []string{"results.folders[0].name"}},
		"a further database without a url":            {`databases: [{name: a}]`, []string{"results.databases[0].url"}},
		"a further database with a password":          {`databases: [{name: a, url: "postgres://u:p@h/d"}]`, []string{"results.databases[0].url"}},
		"a further stream of an unknown tenant":       {`streams: [{name: a, tenants: [x]}]`, []string{"results.streams[0].tenants[0]"}},
		"a folder by hour":                            {`folder: {by: hour}`, []string{"results.folder.by"}},
		"a password in clear":                         {`postgres: {url: "postgres://u:p@db/x"}`, []string{"results.postgres.url"}},
		"a password as option":                        {`postgres: {url: "postgres://db/x?password=p"}`, []string{"results.postgres.url"}},
		"another database":                            {`postgres: {url: "mysql://db/x"}`, []string{"results.postgres.url"}},
		"a quoted schema":                             {`postgres: {schema: 'x"; drop'}`, []string{"results.postgres.schema"}},
	} {
		results := strings.TrimSuffix(strings.TrimPrefix(c.yaml, "{"), "}")
		if !strings.HasPrefix(c.yaml, "{") {
			results = c.yaml
		}
		_, err := Load(writeFile(t, "c.yaml", minimal+"results: {"+results+"}\n"), nil)
		if d := cmp.Diff(c.want, fieldsOf(err)); d != "" {
			t.Errorf("%s: the faults differ (-want +got): %s\n%v", what, d, err)
		}
	}
}

func TestResults_StreamBesideAStorageKey_MustBeWanted(t *testing.T) {
	sealed := minimal + "storage: {key_file: /key}\n"
	_, err := Load(writeFile(t, "c.yaml", sealed+"results: {stream: {enabled: true}}\n"), nil)
	if d := cmp.Diff([]string{"results.stream.enabled"}, fieldsOf(err)); d != "" {
		t.Errorf("the faults differ (-want +got):\n%s", d)
	}
	if _, err := Load(writeFile(t, "c.yaml", sealed+"results: {stream: {enabled: true, plain_text: true}}\n"), nil); err != nil {
		t.Error(err)
	}
}

// A package has two outcomes of each invoice. If the outbox keeps fewer outcomes than the largest
// package has, results may be lost even for receivers that are well.
func TestResults_OutboxSmallerThanAPackage_Warns(t *testing.T) {
	for settings, warns := range map[string]bool{
		"results: {outbox: 19999, stream: {enabled: true}}":                               true,
		"results: {outbox: 20000, stream: {enabled: true}}":                               false,
		"packages: {max_invoices: 250}\nresults: {outbox: 1000, stream: {enabled: true}}": false,
		"results: {outbox: 1000} # nobody is told":                                        false,
	} {
		c, err := Load(writeFile(t, "c.yaml", minimal+"\n"+settings+"\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(c.Warnings) == 1 && strings.Contains(c.Warnings[0], "set it to 20000 at least"); got != warns {
			t.Errorf("%s: the warnings are %q, want one about the outbox: %v", settings, c.Warnings, warns)
		}
	}
}
