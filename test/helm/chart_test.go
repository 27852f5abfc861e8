package helm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"

	"ksefworker/config"
)

// objects are what the chart renders to, by kind and name.
type objects map[string]any

// render renders the chart with these values over its own. It fails where helm install fails, for
// example when the values do not match their schema.
func render(values map[string]any) (objects, error) {
	chart, err := loader.Load("../../deploy/helm")
	if err != nil {
		return nil, err
	}
	release := chartutil.ReleaseOptions{Name: "prod", Namespace: "ksef", IsInstall: true}
	all, err := chartutil.ToRenderValues(chart, values, release, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	files, err := engine.Engine{Strict: true}.Render(chart, all)
	if err != nil {
		return nil, err
	}
	found := objects{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		for decoder := yaml.NewDecoder(strings.NewReader(files[name])); ; {
			var doc map[string]any
			if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			if doc == nil {
				continue
			}
			key, o, err := decode(doc)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", filepath.Base(name), err)
			}
			if found[key] != nil {
				return nil, fmt.Errorf("%s is rendered twice", key)
			}
			found[key] = o
		}
	}
	return found, nil
}

// decode reads one object in the same way as the API server, and refuses fields that its type does
// not have.
func decode(doc map[string]any) (string, any, error) {
	raw, err := yaml.Marshal(doc)
	if err != nil {
		return "", nil, err
	}
	meta, _ := doc["metadata"].(map[string]any)
	key := fmt.Sprintf("%v %v", doc["kind"], meta["name"])
	if into := custom(fmt.Sprint(doc["apiVersion"], " ", doc["kind"])); into != nil {
		d := yaml.NewDecoder(bytes.NewReader(raw))
		d.KnownFields(true)
		return key, into, d.Decode(into)
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{appsv1.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme,
		policyv1.AddToScheme} {
		if err := add(scheme); err != nil {
			return "", nil, err
		}
	}
	o, _, err := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer().Decode(raw, nil, nil)
	return key, o, err
}

func must(t *testing.T, values map[string]any) objects {
	t.Helper()
	o, err := render(values)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// asJSON returns a part of an object as text for a message. The verb %v prints the addresses of
// pointers.
func asJSON(part any) string {
	raw, err := json.Marshal(part)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

// everything returns values that turn on every part of the chart.
func everything() map[string]any {
	return map[string]any{
		"intake":  map[string]any{"enabled": true, "ingress": ingressAt("ksef-api.example.com")},
		"ingress": ingressAt("ksef.example.com"), "config": map[string]any{"http": map[string]any{"users": someUsers()}},
		"serviceMonitor": map[string]any{
			"enabled": true, "labels": map[string]any{"release": "prometheus"},
		},
		"autoscaling": map[string]any{"enabled": true}, "archive": map[string]any{"existingClaim": "ksef-archive"},
		"imagePullSecrets": []any{map[string]any{"name": "registry"}}, "intakeSecrets": []any{"ksef-intake"},
		"nodeSelector": map[string]any{"zone": "a"}, "podAnnotations": map[string]any{"x": "y"},
		"env": map[string]any{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"},
		"tolerations": []any{map[string]any{
			"key": "a", "operator": "Exists",
		}}, "serviceAccount": map[string]any{"annotations": map[string]any{"role": "r"}},
	}
}

func TestChart_Renders_ToWhatTheAPITakesStrictly(t *testing.T) {
	for name, tc := range map[string]struct {
		values map[string]any
		want   []string
	}{
		"defaults": {nil, []string{"ConfigMap prod-ksefworker", "Deployment prod-ksefworker-worker", "NetworkPolicy prod-ksefworker-worker",
			"PodDisruptionBudget prod-ksefworker-worker", "Service prod-ksefworker-worker", "ServiceAccount prod-ksefworker"}},
		"everything": {everything(), []string{"ConfigMap prod-ksefworker", "Deployment prod-ksefworker-intake",
			"Deployment prod-ksefworker-worker", "Ingress prod-ksefworker-intake", "Ingress prod-ksefworker-page",
			"NetworkPolicy prod-ksefworker-intake", "NetworkPolicy prod-ksefworker-worker", "PodDisruptionBudget prod-ksefworker-intake",
			"PodDisruptionBudget prod-ksefworker-worker", "ScaledObject prod-ksefworker-worker", "Service prod-ksefworker-intake",
			"Service prod-ksefworker-page", "Service prod-ksefworker-worker", "ServiceAccount prod-ksefworker",
			"ServiceMonitor prod-ksefworker-worker"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := slices.Sorted(maps.Keys(must(t, tc.values))); !slices.Equal(got, tc.want) {
				t.Errorf("the chart renders %q, want %q", got, tc.want)
			}
		})
	}
}

func TestChart_Decoding_IsStrict(t *testing.T) {
	bad := map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": "x"},
		"spec": map[string]any{"replica": 2},
	}
	if _, _, err := decode(bad); err == nil {
		t.Error("an unknown field was taken, so the other tests prove nothing")
	}
}

func TestChart_Configuration_IsOneThatTheProgramTakes(t *testing.T) {
	cm := must(t, nil)["ConfigMap prod-ksefworker"].(*corev1.ConfigMap)
	file := filepath.Join(t.TempDir(), "worker.yaml")
	if err := os.WriteFile(file, []byte(cm.Data["worker.yaml"]), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := must(t, nil)["Deployment prod-ksefworker-worker"].(*appsv1.Deployment)
	if grace := *d.Spec.Template.Spec.TerminationGracePeriodSeconds; float64(grace) < c.Worker.ShutdownTimeout.Seconds()+5 {
		t.Errorf("a pod is killed after %d s, want at least 5 s more than its tasks may take to end (%s)", grace, c.Worker.ShutdownTimeout)
	}
	if c.HTTP.Addr != "0.0.0.0:8080" {
		t.Errorf("the worker listens at %s, want 0.0.0.0:8080, which the probes reach", c.HTTP.Addr)
	}
}
