package deploy

import (
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// alertRule is one alert of prometheus/alerts.yaml.
type alertRule struct {
	Alert       string            `yaml:"alert"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func readYAML(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func alertRules(t *testing.T) map[string]alertRule {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []alertRule }
	}
	readYAML(t, "prometheus/alerts.yaml", &file)
	rules := map[string]alertRule{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			rules[r.Alert] = r
		}
	}
	if len(rules) < 20 {
		t.Fatalf("only %d alerts were found, want at least 20", len(rules))
	}
	return rules
}

func TestAlerts_EachHasAPageInTheRunbook_WithAllThatIsNeededAtNight(t *testing.T) {
	raw, err := os.ReadFile("../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{}
	for _, page := range strings.Split(string(raw), "\n## ")[1:] {
		name, text, _ := strings.Cut(page, "\n")
		pages[name] = text
	}
	rules := alertRules(t)
	for name, r := range rules {
		for _, part := range []string{"Symptom", "For the business", "First look", "What to do", "Whom to wake"} {
			if !strings.Contains(pages[name], "- **"+part+"**: ") {
				t.Errorf("%s: its page in docs/runbook.md lacks %q", name, part)
			}
		}
		if got, want := r.Annotations["runbook_url"], "docs/runbook.md#"+strings.ToLower(name); got != want {
			t.Errorf("%s: runbook_url %q, want %q", name, got, want)
		}
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" || r.For == "" {
			t.Errorf("%s has summary %q, description %q and duration %q, want all three",
				name, r.Annotations["summary"], r.Annotations["description"], r.For)
		}
		if s := r.Labels["severity"]; s != "page" && s != "ticket" {
			t.Errorf("%s has severity %q, want page or ticket", name, s)
		}
		if strings.Contains(pages[name], "Whom to wake**: nobody.") && r.Labels["severity"] == "page" {
			t.Errorf("%s has the severity page, but its page in docs/runbook.md says that nobody need be woken", name)
		}
	}
	for name := range pages {
		if _, ok := rules[name]; !ok {
			t.Errorf("docs/runbook.md has a page for %s, and there is no such alert", name)
		}
	}
}

var selector = regexp.MustCompile(`\b((?:ksef|asynq)_[a-z0-9_]+)(?:\{([^}]*)\})?`)

// metricLabels reads docs/metrics.md and returns the labels of each metric. A test in internal/app
// compares this page with the program.
func metricLabels(t *testing.T) map[string][]string {
	t.Helper()
	raw, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for line := range strings.Lines(string(raw)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) != 4 || !strings.HasPrefix(line, "| `") {
			continue
		}
		name := strings.Trim(cells[0], "` ")
		labels := strings.FieldsFunc(cells[2], func(r rune) bool { return strings.ContainsRune("`, ", r) })
		all[name] = labels
		if cells[1] == "histogram" {
			all[name+"_bucket"], all[name+"_sum"], all[name+"_count"] = append(labels, "le"), labels, labels
		}
	}
	return all
}

// checkQuery fails the test when a query names an unknown metric, or a label that the metric lacks.
// It returns how many metrics the query names.
func checkQuery(t *testing.T, metrics map[string][]string, where, query string) int {
	t.Helper()
	found := selector.FindAllStringSubmatch(query, -1)
	for _, m := range found {
		labels, ok := metrics[m[1]]
		if !ok {
			t.Errorf("%s: there is no metric %s", where, m[1])
			continue
		}
		for matcher := range strings.SplitSeq(m[2], ",") {
			label := strings.TrimSpace(matcher[:len(matcher)-len(strings.TrimLeft(matcher, " abcdefghijklmnopqrstuvwxyz_"))])
			if label != "" && !slices.Contains(append([]string{"job", "instance"}, labels...), label) {
				t.Errorf("%s: the metric %s has no label %s", where, m[1], label)
			}
		}
	}
	return len(found)
}

func TestAlerts_NameMetricsThatExist(t *testing.T) {
	metrics := metricLabels(t)
	for name, r := range alertRules(t) {
		if checkQuery(t, metrics, name, r.Expr) == 0 && !strings.Contains(r.Expr, `up{job="ksefworker"}`) {
			t.Errorf("%s names no metric of this program", name)
		}
	}
}

func TestAlerts_Each_HasACaseWhereItFiresAndOneWhereItIsSilent(t *testing.T) {
	var file struct {
		Tests []struct {
			Name   string
			Trials []struct {
				Alert  string `yaml:"alertname"`
				Expect []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	readYAML(t, "prometheus/alerts_test.yaml", &file)
	silent, firing := map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		for _, trial := range test.Trials {
			if len(trial.Expect) == 0 {
				silent[trial.Alert] = true
			} else {
				firing[trial.Alert] = true
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(alertRules(t))) {
		if !silent[name] || !firing[name] {
			t.Errorf("alerts_test.yaml has a case in which %s is silent: %v, and one in which it fires: %v; want both",
				name, silent[name], firing[name])
		}
	}
}

func TestAlerts_FireWhenTheyShould_AndAreSilentOtherwise(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed (Debian: apt-get install prometheus), so no alert is tried")
	}
	for _, args := range [][]string{
		{"check", "config", "--syntax-only", "prometheus/prometheus.yml"},
		{"check", "rules", "--lint=all", "--lint-fatal", "prometheus/alerts.yaml"},
		{"test", "rules", "prometheus/alerts_test.yaml", "prometheus/alerts_quiet_test.yaml"},
	} {
		if out, err := exec.Command(promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}
