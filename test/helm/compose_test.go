package helm

import (
	"slices"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// compose reads compose files in the same way as docker compose config. It checks the schema, fills
// in variables, merges the files and checks the references between services. profiles names the
// profiles that are turned on.
func compose(t *testing.T, profiles []string, files ...string) *types.Project {
	t.Helper()
	o, err := cli.NewProjectOptions(files, cli.WithProfiles(profiles), cli.WithResolvedPaths(true), cli.WithName("ksefworker"))
	if err != nil {
		t.Fatal(err)
	}
	project, err := o.LoadProject(t.Context())
	if err != nil {
		t.Fatalf("load %q: %v", files, err)
	}
	return project
}

func TestCompose_EveryService_IsReadAsDockerComposeReadsIt(t *testing.T) {
	all := compose(t, []string{"*"}, "../../docker-compose.yml")
	for _, name := range []string{"redis", "worker", "enqueue", "intake", "watch", "simulator", "asynqmon", "prometheus", "grafana",
		"jaeger"} {
		if _, is := all.Services[name]; !is {
			t.Errorf("there is no service %s", name)
		}
	}
	up := compose(t, nil, "../../docker-compose.yml").ServiceNames()
	slices.Sort(up)
	if want := []string{"asynqmon", "intake", "redis", "simulator", "worker"}; !slices.Equal(up, want) {
		t.Errorf("docker compose up starts %q, want %q", up, want)
	}
}

func TestCompose_RealDeployment_ReplacesTheDemo(t *testing.T) {
	p := compose(t, nil, "../../docker-compose.yml", "../../compose.override.example.yml")
	up := p.ServiceNames()
	slices.Sort(up)
	if want := []string{"intake", "redis", "worker"}; !slices.Equal(up, want) {
		t.Errorf("a real deployment starts %q, want %q", up, want)
	}
	worker := p.Services["worker"]
	configs, ports := 0, len(worker.Ports)
	for _, v := range worker.Volumes {
		if v.Target == "/etc/ksef/worker.yaml" {
			if configs++; v.Source[len(v.Source)-len("deploy/production.yaml"):] != "deploy/production.yaml" {
				t.Errorf("the worker reads %s, want deploy/production.yaml", v.Source)
			}
		}
	}
	if configs != 1 || ports != 1 {
		t.Errorf("the worker has %d configurations and %d ports, want one of each", configs, ports)
	}
	if redis := p.Services["redis"]; redis.Command[0] != "sh" || redis.HealthCheck.Test[0] != "CMD-SHELL" || len(redis.Secrets) != 1 {
		t.Errorf("Redis is started by %q, checked by %q, with %d secrets, want sh, CMD-SHELL and one secret",
			redis.Command, redis.HealthCheck.Test, len(redis.Secrets))
	}
}
