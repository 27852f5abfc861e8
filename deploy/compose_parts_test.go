package deploy

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// The files, ports, services, secrets and programs that a compose file names must exist. These
// tests need no Docker; test/helm reads the files as strictly as docker compose config does.

// listens are the ports on which the images of other projects listen.
var listens = map[string]string{"redis": "6379", "asynqmon": "8080", "prometheus": "9090", "grafana": "3000", "jaeger": "16686"}

// listensAt returns the port on which a service of docker-compose.yml listens, by its
// configuration.
func listensAt(t *testing.T, name string, s service) string {
	t.Helper()
	demo := load(t, "demo/worker.yaml")
	at := listens[name]
	switch name {
	case "worker":
		_, at, _ = net.SplitHostPort(demo.HTTP.Addr)
	case "intake":
		_, at, _ = net.SplitHostPort(demo.Intake.HTTP.Addr)
	case "simulator":
		_, at, _ = net.SplitHostPort(s.Command[slices.Index(s.Command, "--addr")+1])
	}
	return at
}

func TestCompose_PublishedPorts_AreThoseThatTheProgramsListenOn(t *testing.T) {
	for name, s := range read(t, "../docker-compose.yml").Services {
		for _, port := range s.Ports {
			if got, want := port[strings.LastIndex(port, ":")+1:], listensAt(t, name, s); got != want {
				t.Errorf("%s publishes port %s, but listens on %q", name, got, want)
			}
		}
	}
}

func TestCompose_FilesAndVolumes_AreThere(t *testing.T) {
	base := read(t, "../docker-compose.yml")
	made := map[string]bool{"./inbox": true} // whoever uses the profile "folder" makes this folder
	used := map[string]bool{}
	for name, s := range base.Services {
		for _, volume := range s.Volumes {
			from, to, bound := strings.Cut(volume, ":")
			switch {
			case !bound: // an anonymous volume
				to = from
			case strings.HasPrefix(from, "."):
				if _, err := os.Stat(filepath.Join("..", from)); err != nil && !made[from] {
					t.Errorf("%s mounts %s, which is not there: %v", name, from, err)
				}
			default:
				if used[from] = true; !contains(base.Volumes, from) {
					t.Errorf("%s mounts volume %s, which is not declared", name, from)
				}
			}
			if !strings.HasPrefix(to, "/") {
				t.Errorf("%s mounts something at %s, which is not an absolute path", name, to)
			}
		}
		for _, secret := range s.Secrets {
			file, _ := base.Secrets[secret]["file"].(string)
			if _, err := os.Stat(filepath.Join("..", file)); err != nil || file == "" {
				t.Errorf("%s gets secret %s, whose file is not there: %v", name, secret, err)
			}
		}
	}
	for name := range base.Volumes {
		if !used[name] {
			t.Errorf("nothing mounts volume %s", name)
		}
	}
}

func contains[V any](all map[string]V, name string) bool { _, is := all[name]; return is }

func TestCompose_Programs_AreInTheImage(t *testing.T) {
	image, err := os.ReadFile("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range read(t, "../docker-compose.yml").Services {
		if s.Image != "ksefworker:local" {
			continue
		}
		program := "worker" // the entrypoint of the image
		if len(s.Entrypoint) > 0 {
			program = s.Entrypoint[0]
		}
		if !strings.Contains(string(image), " ./cmd/"+program) {
			t.Errorf("%s starts %s, which the image does not have", name, program)
		}
		if test := s.Healthcheck.Test; len(test) > 1 && test[1] != "/usr/local/bin/"+program {
			t.Errorf("the health check of %s is %q, want the program of the container", name, test)
		}
	}
	if !strings.Contains(string(image), "-o /out/") || !strings.Contains(string(image), "COPY --from=build /out/ /usr/local/bin/") {
		t.Error("the Dockerfile does not build into /out/ and copy that to /usr/local/bin/, where the health check expects the programs")
	}
}

func TestCompose_Services_NameEachOtherAndTheirPorts(t *testing.T) {
	base := read(t, "../docker-compose.yml")
	demo := load(t, "demo/worker.yaml")
	var prometheus struct {
		RuleFiles     []string `yaml:"rule_files"`
		ScrapeConfigs []struct {
			JobName      string `yaml:"job_name"`
			DNSSDConfigs []struct {
				Names []string
				Port  int
			} `yaml:"dns_sd_configs"`
		} `yaml:"scrape_configs"`
	}
	var grafana struct {
		Datasources []struct{ UID, URL string }
	}
	var dashboards struct {
		Providers []struct{ Options struct{ Path string } }
	}
	for file, into := range map[string]any{"prometheus/prometheus.yml": &prometheus,
		"grafana/provisioning/datasources/prometheus.yaml": &grafana,
		"grafana/provisioning/dashboards/ksefworker.yaml":  &dashboards} {
		raw, err := os.ReadFile(file)
		if err == nil {
			err = yaml.Unmarshal(raw, into)
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	job := prometheus.ScrapeConfigs[0]
	named := map[string]string{"gateway.url": demo.BaseURL(), "redis.url": demo.Redis.URL,
		"the source of the dashboards": grafana.Datasources[0].URL,
		"what Prometheus scrapes":      fmt.Sprintf("http://%s:%d", job.DNSSDConfigs[0].Names[0], job.DNSSDConfigs[0].Port)}
	for what, address := range named {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		s, is := base.Services[u.Hostname()]
		if want := listensAt(t, u.Hostname(), s); !is || u.Port() != want {
			t.Errorf("%s is %s, want a service of docker-compose.yml (found: %t) and the port %q on which it listens",
				what, address, is, want)
		}
	}
	if job.JobName != "ksefworker" {
		t.Errorf("the job is called %s, want ksefworker, which the alerts name", job.JobName)
	}
	mounted := func(service, path string) bool {
		return slices.ContainsFunc(base.Services[service].Volumes, func(v string) bool {
			parts := strings.Split(v, ":")
			rest, below := strings.CutPrefix(path, parts[1])
			if !below {
				return false
			}
			_, err := os.Stat(filepath.Join("..", parts[0], rest))
			return err == nil
		})
	}
	for _, rules := range prometheus.RuleFiles {
		if !mounted("prometheus", rules) {
			t.Errorf("Prometheus reads %s, which is not mounted", rules)
		}
	}
	if path := dashboards.Providers[0].Options.Path; !mounted("grafana", path) {
		t.Errorf("Grafana reads %s, which is not mounted", path)
	}
	for name, s := range base.Services {
		for on := range s.DependsOn {
			if !contains(base.Services, on) {
				t.Errorf("%s depends on %s, which is not a service", name, on)
			}
		}
	}
	for name := range read(t, "../compose.override.example.yml").Services {
		if !contains(base.Services, name) {
			t.Errorf("the override changes %s, which is not a service", name)
		}
	}
}

// The build of the image needs every file that the programs embed.
func TestDocker_Context_HasWhatTheProgramsEmbed(t *testing.T) {
	ignored, err := os.ReadFile("../.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	var patterns []string
	for line := range strings.Lines(string(ignored)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			patterns = append(patterns, line)
		}
	}
	out := func(path string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool {
			if deep, is := strings.CutPrefix(p, "**/"); is {
				return slices.ContainsFunc(strings.Split(path, "/"), func(name string) bool {
					m, _ := filepath.Match(deep, name)
					return m
				})
			}
			first, _, _ := strings.Cut(path, "/")
			m, _ := filepath.Match(p, first)
			whole, _ := filepath.Match(p, path)
			return m || whole || strings.HasPrefix(path, p+"/")
		})
	}
	if !out("test/helm/doc.go") || !out("README.md") || !out("internal/a/testdata/b") || !out("cmd/x_test.go") || out("docs/http.md") {
		t.Fatal("this test reads the patterns of .dockerignore wrongly")
	}
	embeds := 0
	for _, folder := range []string{"cmd", "config", "internal"} {
		err := filepath.WalkDir(filepath.Join("..", folder), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			rel, _ := filepath.Rel("..", path)
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if out(rel) {
				t.Errorf("the build of the image lacks the source file %s", rel)
			}
			for line := range strings.Lines(string(raw)) {
				what, is := strings.CutPrefix(strings.TrimSpace(line), "//go:embed ")
				if !is {
					continue
				}
				files, _ := filepath.Glob(filepath.Join(filepath.Dir(path), strings.TrimSpace(what)))
				for _, f := range files {
					embeds++
					if rel, _ := filepath.Rel("..", f); out(rel) {
						t.Errorf("the build of the image lacks the embedded file %s", rel)
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if embeds < 20 {
		t.Errorf("%d embedded files were found, want at least 20", embeds)
	}
}
