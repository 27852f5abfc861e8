package deploy

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// dashboard is the part of a dashboard of Grafana that the test reads.
type dashboard struct {
	UID    string
	Title  string
	Panels []struct {
		ID      int
		Title   string
		GridPos struct{ X, Y, W, H int }
		Targets []struct {
			RefID string
			Expr  string
		}
	}
}

func TestDashboards_EveryQuery_NamesMetricsThatExist(t *testing.T) {
	files, err := filepath.Glob("grafana/dashboards/*.json")
	if err != nil || len(files) != 2 {
		t.Fatalf("the dashboards are %v (error %v), want two files", files, err)
	}
	metrics, uids := metricLabels(t), map[string]bool{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard
		if err := json.Unmarshal(raw, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if d.UID == "" || uids[d.UID] || len(d.Panels) < 10 {
			t.Errorf("%s: uid %q, %d panels; want a uid of its own and at least 10 panels", file, d.UID, len(d.Panels))
		}
		uids[d.UID] = true
		ids, taken := map[int]bool{}, map[[2]int]string{}
		for _, p := range d.Panels {
			where := filepath.Base(file) + ", " + p.Title
			if ids[p.ID] || len(p.Targets) == 0 {
				t.Errorf("%s: the panel has the id %d and %d queries, want an id of its own and at least one query",
					where, p.ID, len(p.Targets))
			}
			ids[p.ID] = true
			for _, q := range p.Targets {
				if checkQuery(t, metrics, where, q.Expr) == 0 {
					t.Errorf("%s: %s names no metric of this program", where, q.Expr)
				}
			}
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other := taken[[2]int{x, y}]; other != "" || x > 23 {
						t.Fatalf("%s: the panel covers column %d and lies over the panel %q, want a column below 24 and no panel below it",
							where, x, other)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
		}
	}
}

func TestDashboards_AreProvisionedInCompose_BehindAProfile(t *testing.T) {
	var c struct {
		Services map[string]struct {
			Profiles []string
			Volumes  []string
		}
	}
	readYAML(t, "../docker-compose.yml", &c)
	for name, mounts := range map[string][]string{
		"prometheus": {"./deploy/prometheus:/etc/prometheus:ro"},
		"grafana": {"./deploy/grafana/provisioning:/etc/grafana/provisioning:ro",
			"./deploy/grafana/dashboards:/var/lib/grafana/dashboards:ro"},
	} {
		s := c.Services[name]
		if strings.Join(s.Profiles, " ") != "monitoring" {
			t.Errorf("%s has the profiles %v, want monitoring", name, s.Profiles)
		}
		for _, m := range mounts {
			if !strings.Contains(strings.Join(s.Volumes, " "), m) {
				t.Errorf("%s does not mount %s", name, m)
			}
			from, _, _ := strings.Cut(m, ":")
			if _, err := os.Stat(filepath.Join("..", from)); err != nil {
				t.Error(err)
			}
		}
	}
	var source struct {
		Datasources []struct{ UID, URL, Type string }
	}
	readYAML(t, "grafana/provisioning/datasources/prometheus.yaml", &source)
	if len(source.Datasources) != 1 || source.Datasources[0].URL != "http://prometheus:9090" {
		t.Errorf("the data sources are %+v, want Prometheus alone", source.Datasources)
	}
	var jobs struct {
		ScrapeConfigs []struct {
			Job string `yaml:"job_name"`
			DNS []struct {
				Names []string
				Port  int
			} `yaml:"dns_sd_configs"`
		} `yaml:"scrape_configs"`
	}
	readYAML(t, "prometheus/prometheus.yml", &jobs)
	demo := load(t, "demo/worker.yaml")
	if j := jobs.ScrapeConfigs[0]; j.Job != "ksefworker" || j.DNS[0].Names[0] != "worker" || demo.HTTP.Addr != "0.0.0.0:8080" ||
		j.DNS[0].Port != 8080 {
		t.Errorf("Prometheus scrapes %+v, and the workers listen at %s: want the job ksefworker and port 8080", j, demo.HTTP.Addr)
	}
}

func TestDashboards_EveryQuery_IsReadByPrometheus(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed (Debian: apt-get install prometheus), so the queries are not parsed")
	}
	files, err := filepath.Glob("grafana/dashboards/*.json")
	if err != nil {
		t.Fatal(err)
	}
	type rule struct {
		Record string `json:"record"`
		Expr   string `json:"expr"`
	}
	var rules []rule // promtool reads YAML, and JSON is YAML too
	for _, file := range files {
		var d dashboard
		readYAML(t, file, &d)
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				name := fmt.Sprintf("query:%d", len(rules))
				rules = append(rules, rule{Record: name, Expr: strings.ReplaceAll(q.Expr, "$__rate_interval", "5m")})
			}
		}
	}
	text, err := json.Marshal(map[string]any{"groups": []any{map[string]any{"name": "dashboards", "rules": rules}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(promtool, "check", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("promtool cannot read a query: %v\n%s", err, out)
	}
}
