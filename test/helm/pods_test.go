package helm

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
)

func deployments(t *testing.T, o objects) map[string]*appsv1.Deployment {
	t.Helper()
	all := map[string]*appsv1.Deployment{}
	for _, name := range []string{"worker", "intake"} {
		all[name] = o["Deployment prod-ksefworker-"+name].(*appsv1.Deployment)
	}
	return all
}

func TestChart_Pods_AreLockedDownAndProbed(t *testing.T) {
	for name, d := range deployments(t, must(t, everything())) {
		pod := d.Spec.Template.Spec
		c := pod.Containers[0]
		if !*pod.SecurityContext.RunAsNonRoot || *pod.SecurityContext.RunAsUser != 65532 || *pod.AutomountServiceAccountToken {
			t.Errorf("%s runs as user %d, not as root: %v, with a token of Kubernetes: %v; want 65532, true and false",
				name, *pod.SecurityContext.RunAsUser, *pod.SecurityContext.RunAsNonRoot, *pod.AutomountServiceAccountToken)
		}
		if s := c.SecurityContext; !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || len(s.Capabilities.Drop) != 1 ||
			s.Capabilities.Drop[0] != "ALL" {
			t.Errorf("%s has a read-only file system: %v, may gain privileges: %v, drops the capabilities %v; want true, false and ALL",
				name, *s.ReadOnlyRootFilesystem, *s.AllowPrivilegeEscalation, s.Capabilities.Drop)
		}
		if c.LivenessProbe == nil || c.ReadinessProbe == nil || c.ReadinessProbe.HTTPGet.Path != "/readyz" {
			t.Errorf("%s lacks a probe, or its readiness probe has another path than /readyz", name)
		}
		if last := len(c.Env) - 1; last < 0 || c.Env[last].Value != "http://collector:4318" {
			t.Errorf("%s does not have the variable from env: %s", name, asJSON(c.Env))
		}
		if c.Resources.Limits.Memory().IsZero() {
			t.Errorf("%s has no limit on its memory", name)
		}
		mounted := map[string]bool{}
		for _, v := range pod.Volumes {
			mounted[v.Name] = true
		}
		for _, m := range c.VolumeMounts {
			if !mounted[m.Name] {
				t.Errorf("%s mounts %s, which is not a volume", name, m.Name)
			}
		}
		for k, v := range d.Spec.Selector.MatchLabels {
			if d.Spec.Template.Labels[k] != v {
				t.Errorf("%s selects %s=%s, which its pods do not have", name, k, v)
			}
		}
	}
}

func TestChart_Secrets_AreFilesOfThePodsThatReadThem(t *testing.T) {
	all := deployments(t, must(t, everything()))
	for name, want := range map[string]string{"worker": "ksef-worker", "intake": "ksef-intake"} {
		pod := all[name].Spec.Template.Spec
		var got []string
		for _, v := range pod.Volumes {
			if v.Projected != nil {
				for _, s := range v.Projected.Sources {
					got = append(got, s.Secret.Name)
				}
				if *v.Projected.DefaultMode&0o007 != 0 {
					t.Errorf("%s: everybody may read the secrets", name)
				}
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s gets the secrets %q, want %q", name, got, want)
		}
		for _, e := range pod.Containers[0].Env {
			if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
				t.Errorf("%s has a secret in its environment: %s", name, e.Name)
			}
		}
		if len(pod.Containers[0].EnvFrom) > 0 {
			t.Errorf("%s takes environment variables from a ConfigMap or a Secret", name)
		}
	}
}

func TestChart_Autoscaling_OwnsTheNumberOfWorkers(t *testing.T) {
	o := must(t, everything())
	if r := deployments(t, o)["worker"].Spec.Replicas; r != nil {
		t.Errorf("helm would set %d replicas at every upgrade, against KEDA", *r)
	}
	s := o["ScaledObject prod-ksefworker-worker"].(*scaledObject)
	if s.Spec.ScaleTargetRef.Name != "prod-ksefworker-worker" || s.Spec.MinReplicaCount < 1 || len(s.Spec.Triggers) != 1 ||
		!strings.Contains(s.Spec.Triggers[0].Metadata["query"], "ksef_waiting_invoices") {
		t.Errorf("KEDA's rule is %+v, want at least one worker, scaled by ksef_waiting_invoices", s.Spec)
	}
	fixed := must(t, nil)["Deployment prod-ksefworker-worker"].(*appsv1.Deployment)
	if fixed.Spec.Replicas == nil || *fixed.Spec.Replicas != 2 {
		t.Errorf("without autoscaling the number of replicas is %s, want 2", asJSON(fixed.Spec.Replicas))
	}
}

func TestChart_Network_OnlyNamedSourcesMayConnect(t *testing.T) {
	o := must(t, everything())
	for name, port := range map[string]int{"worker": 8080, "intake": 8090} {
		p := o["NetworkPolicy prod-ksefworker-"+name].(*networkingv1.NetworkPolicy)
		if len(p.Spec.PolicyTypes) != 2 || len(p.Spec.Ingress) != 1 || len(p.Spec.Ingress[0].From) != 2 ||
			p.Spec.Ingress[0].Ports[0].Port.IntValue() != port {
			t.Errorf("the network policy of %s is %s, want one rule with two sources and port %d", name, asJSON(p.Spec), port)
		}
		budget := o["PodDisruptionBudget prod-ksefworker-"+name].(*policyv1.PodDisruptionBudget)
		if budget.Spec.MaxUnavailable.IntValue() != 1 || budget.Spec.Selector.MatchLabels["app.kubernetes.io/component"] != name {
			t.Errorf("the disruption budget of %s is %s, want at most one pod of %[1]s away", name, asJSON(budget.Spec))
		}
	}
	closed := must(t, map[string]any{"networkPolicy": map[string]any{"metricsFrom": []any{}}})
	if p := closed["NetworkPolicy prod-ksefworker-worker"].(*networkingv1.NetworkPolicy); len(p.Spec.Ingress) != 0 {
		t.Errorf("the values name no source, but the policy's rules are %s, want none", asJSON(p.Spec.Ingress))
	}
}

func TestChart_Metrics_AreScrapedUnderTheNameThatTheAlertsKnow(t *testing.T) {
	o := must(t, everything())
	m := o["ServiceMonitor prod-ksefworker-worker"].(*serviceMonitor)
	s := o["Service prod-ksefworker-worker"].(*corev1.Service)
	if s.Labels[m.Spec.JobLabel] != "ksefworker" {
		t.Errorf("Prometheus's job is %q, want ksefworker", s.Labels[m.Spec.JobLabel])
	}
	for k, v := range m.Spec.Selector.MatchLabels {
		if s.Labels[k] != v {
			t.Errorf("the monitor selects %s=%s, which the service does not have", k, v)
		}
	}
	if m.Spec.Endpoints[0].Port != s.Spec.Ports[0].Name || m.Metadata.Labels["release"] != "prometheus" {
		t.Errorf("the monitor is %+v, want port %s of the service and the label release=prometheus", *m, s.Spec.Ports[0].Name)
	}
}
