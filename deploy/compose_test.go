package deploy

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"ksefworker/config"
)

// compose is the part of a compose file that the tests read.
type compose struct {
	Services map[string]service        `yaml:"services"`
	Secrets  map[string]map[string]any `yaml:"secrets"`
	Volumes  map[string]any            `yaml:"volumes"`
}

type service struct {
	Image           string         `yaml:"image"`
	Entrypoint      []string       `yaml:"entrypoint"`
	Command         []string       `yaml:"command"`
	DependsOn       dependencies   `yaml:"depends_on"`
	Ports           []string       `yaml:"ports"`
	Secrets         []string       `yaml:"secrets"`
	Volumes         []string       `yaml:"volumes"`
	Environment     map[string]any `yaml:"environment"`
	ReadOnly        bool           `yaml:"read_only"`
	CapDrop         []string       `yaml:"cap_drop"`
	StopGracePeriod string         `yaml:"stop_grace_period"`
	Healthcheck     struct {
		Test []string `yaml:"test"`
	} `yaml:"healthcheck"`
}

// dependencies are the services that a service depends on. YAML has them as a list, or as a map
// with conditions.
type dependencies map[string]any

// UnmarshalYAML implements [yaml.Unmarshaler].
func (d *dependencies) UnmarshalYAML(n *yaml.Node) error {
	*d = dependencies{}
	if n.Kind == yaml.SequenceNode {
		var names []string
		err := n.Decode(&names)
		for _, name := range names {
			(*d)[name] = nil
		}
		return err
	}
	return n.Decode((*map[string]any)(d))
}

func read(t *testing.T, path string) compose {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var c compose
	if err := yaml.Unmarshal(data, &c); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return c
}

func load(t *testing.T, path string) config.Config {
	t.Helper()
	c, err := config.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConfigurations_DemoAndProduction_Load(t *testing.T) {
	demo := load(t, "demo/worker.yaml")
	if demo.Environment != config.Custom || demo.BaseURL() != "http://simulator:9090" {
		t.Errorf("the demo sends to %s in environment %s, want http://simulator:9090 in custom", demo.BaseURL(), demo.Environment)
	}
	production := load(t, "production.example.yaml")
	if production.Environment != config.Production || len(production.Warnings) > 0 {
		t.Errorf("the production file has environment %s and the warnings %q, want production and no warnings",
			production.Environment, production.Warnings)
	}
}

func TestCompose_Redis_KeepsItsData(t *testing.T) {
	for _, path := range []string{"../docker-compose.yml", "../compose.override.example.yml"} {
		command := strings.Join(read(t, path).Services["redis"].Command, " ")
		for _, want := range []string{"--appendonly yes", "--maxmemory-policy noeviction"} {
			if !strings.Contains(command, want) {
				t.Errorf("%s: redis runs without %s", path, want)
			}
		}
	}
	base := read(t, "../docker-compose.yml")
	if len(base.Services["redis"].Volumes) == 0 || len(base.Services["redis"].Healthcheck.Test) == 0 {
		t.Errorf("redis has the volumes %q and the health check %q, want both",
			base.Services["redis"].Volumes, base.Services["redis"].Healthcheck.Test)
	}
}

func TestCompose_Worker_HasTimeToShutDown(t *testing.T) {
	grace, err := time.ParseDuration(read(t, "../docker-compose.yml").Services["worker"].StopGracePeriod)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"demo/worker.yaml", "production.example.yaml"} {
		if need := load(t, path).Worker.ShutdownTimeout; grace < need+10*time.Second {
			t.Errorf("stop_grace_period %s leaves less than 10s beyond shutdown_timeout %s of %s", grace, need, path)
		}
	}
}

func TestCompose_Worker_CanBeScaled(t *testing.T) {
	for _, path := range []string{"../docker-compose.yml", "../compose.override.example.yml"} {
		for _, port := range read(t, path).Services["worker"].Ports {
			if !strings.HasPrefix(port, "127.0.0.1::") {
				t.Errorf("%s: the worker publishes %s, which a second container could not publish too", path, port)
			}
		}
	}
}

func TestCompose_PublishedPorts_AreOnLoopback(t *testing.T) {
	base := read(t, "../docker-compose.yml")
	for name, s := range base.Services {
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s publishes %s to other machines", name, port)
			}
		}
	}
	if !slices.Contains(base.Services["asynqmon"].Ports, "127.0.0.1:8081:8080") {
		t.Errorf("asynqmon has the ports %q, want 127.0.0.1:8081:8080, as the README says", base.Services["asynqmon"].Ports)
	}
	if !slices.Contains(base.Services["asynqmon"].Command, "--read-only") {
		t.Error("asynqmon, which has no login, runs without --read-only")
	}
}

func TestCompose_OurPrograms_RunUnprivileged(t *testing.T) {
	for name, s := range read(t, "../docker-compose.yml").Services {
		if s.Image == "ksefworker:local" && (!s.ReadOnly || !slices.Contains(s.CapDrop, "ALL")) {
			t.Errorf("the service %s has a read-only root file system: %t, and drops the capabilities %q, want true and ALL",
				name, s.ReadOnly, s.CapDrop)
		}
	}
}

func TestCompose_EverySecretThatAConfigurationReads_IsMounted(t *testing.T) {
	for _, tc := range []struct{ compose, config string }{
		{"../docker-compose.yml", "demo/worker.yaml"}, {"../compose.override.example.yml", "production.example.yaml"},
	} {
		c := read(t, tc.compose)
		text, err := os.ReadFile(tc.config)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range strings.FieldsFunc(string(text), func(r rune) bool { return strings.ContainsRune(" \n,{}\"", r) }) {
			name, ok := strings.CutPrefix(word, "/run/secrets/")
			if !ok {
				continue
			}
			for service, reads := range map[string]bool{
				"worker": !strings.HasPrefix(name, "intake_"), // the keys of other programs
				"intake": name != "dashboard_password",
				"watch":  !strings.HasPrefix(name, "intake_") && name != "dashboard_password",
			} {
				if given := slices.Contains(c.Services[service].Secrets, name); given != reads || c.Secrets[name] == nil {
					t.Errorf("%s reads the secret %s; %s gives this secret to the service %s: %t, want %t",
						tc.config, name, tc.compose, service, given, reads)
				}
			}
		}
		for name, s := range c.Services {
			for key, value := range s.Environment {
				if strings.HasSuffix(key, "PASSWORD") || strings.HasSuffix(key, "_KEY") {
					t.Errorf("%s: %s has a secret in its environment: %s=%v", tc.compose, name, key, value)
				}
			}
		}
	}
}

// A tag such as latest moves to newer images. With such a tag, the same file would install
// something else tomorrow.
func TestImages_AllHaveAVersion(t *testing.T) {
	pinned := regexp.MustCompile(`^[a-z/-]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)?$`)
	images := []string{strings.TrimPrefix(dockerfile(t)[0].base, "--platform=$BUILDPLATFORM ")}
	for _, s := range read(t, "../docker-compose.yml").Services {
		if s.Image != "ksefworker:local" {
			images = append(images, s.Image)
		}
	}
	for _, image := range images {
		if !pinned.MatchString(image) {
			t.Errorf("the image %s is not pinned to a version", image)
		}
	}
}
