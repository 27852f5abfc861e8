package helm

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

func ingressAt(host string) map[string]any {
	return map[string]any{"enabled": true, "className": "nginx", "host": host, "tlsSecret": "ksef-tls",
		"annotations": map[string]any{"cert-manager.io/cluster-issuer": "letsencrypt"}}
}

func someUsers() []any {
	return []any{map[string]any{"name": "anna", "password_file": "/run/secrets/anna", "tenants": []any{"*"}}}
}

func TestIngress_EachHost_HasTLSAndReachesWhatIsThere(t *testing.T) {
	o := must(t, everything())
	for name, host := range map[string]string{"page": "ksef.example.com", "intake": "ksef-api.example.com"} {
		in := o["Ingress prod-ksefworker-"+name].(*networkingv1.Ingress)
		if *in.Spec.IngressClassName != "nginx" || in.Annotations["cert-manager.io/cluster-issuer"] != "letsencrypt" ||
			len(in.Spec.TLS) != 1 || in.Spec.TLS[0].SecretName != "ksef-tls" || !slices.Equal(in.Spec.TLS[0].Hosts, []string{host}) ||
			len(in.Spec.Rules) != 1 || in.Spec.Rules[0].Host != host {
			t.Errorf("the Ingress %s does not have the class, the certificate and the host of the values: %s", name, asJSON(in.Spec))
		}
		for _, p := range in.Spec.Rules[0].HTTP.Paths {
			s, is := o["Service "+p.Backend.Service.Name].(*corev1.Service)
			if !is || s.Spec.ClusterIP == corev1.ClusterIPNone || s.Spec.PublishNotReadyAddresses ||
				s.Spec.Ports[0].Name != p.Backend.Service.Port.Name {
				t.Errorf("%s: the path %s goes to %s, where the service is %s, want a service with that port and an address of its own",
					name, p.Path, asJSON(p.Backend.Service), asJSON(s))
				continue
			}
			pods := o["Deployment prod-ksefworker-"+s.Spec.Selector["app.kubernetes.io/component"]].(*appsv1.Deployment)
			for k, v := range s.Spec.Selector {
				if pods.Spec.Template.Labels[k] != v {
					t.Errorf("%s: service %s selects %s=%s, which no pod has", name, s.Name, k, v)
				}
			}
			if got := pods.Spec.Template.Spec.Containers[0].Ports[0].Name; got != s.Spec.Ports[0].TargetPort.String() {
				t.Errorf("%s: the service goes to port %s, but the pod has only port %s", name, s.Spec.Ports[0].TargetPort.String(), got)
			}
		}
	}
	own := everything()
	own["ingress"] = map[string]any{"enabled": true, "host": "ksef.example.com"}
	in := must(t, own)["Ingress prod-ksefworker-page"].(*networkingv1.Ingress)
	if len(in.Spec.TLS) != 1 || in.Spec.TLS[0].SecretName != "" || in.Spec.IngressClassName != nil {
		t.Errorf("without a certificate and a class in the values, the Ingress is %s, want both left to the controller", asJSON(in.Spec))
	}
}

// reaches reports whether the Ingress passes a path on, by the rules by which Kubernetes matches
// paths.
func reaches(in *networkingv1.Ingress, path string) bool {
	return slices.ContainsFunc(in.Spec.Rules[0].HTTP.Paths, func(p networkingv1.HTTPIngressPath) bool {
		return path == p.Path || *p.PathType == networkingv1.PathTypePrefix && strings.HasPrefix(path, p.Path+"/")
	})
}

// The routes are read from the source of the page, so a new route cannot be forgotten here.
func TestIngress_Page_PassesOnItsOwnPathsAndNoOthers(t *testing.T) {
	source, err := os.ReadFile("../../internal/page/page.go")
	if err != nil {
		t.Fatal(err)
	}
	in := must(t, everything())["Ingress prod-ksefworker-page"].(*networkingv1.Ingress)
	routes := regexp.MustCompile(`"(?:GET|POST) (/[^"]*)"`).FindAllStringSubmatch(string(source), -1)
	if len(routes) < 20 {
		t.Fatalf("%d routes of the page are found, want at least 20", len(routes))
	}
	paths := []string{"/open.csv", "/open.xlsx", "/invoices.csv", "/invoices.xlsx", "/login/oidc/callback",
		"/monitoring/", "/monitoring/api/queues"}
	for _, r := range routes {
		if r[1] != "/open." && r[1] != "/invoices." {
			paths = append(paths, strings.TrimSuffix(r[1], "{$}"))
		}
	}
	for _, path := range paths {
		if !reaches(in, path) {
			t.Errorf("the Ingress does not pass on %s", path)
		}
	}
	for _, path := range []string{"/metrics", "/readyz", "/healthz", "/metrics/", "/debug/pprof/"} {
		if reaches(in, path) {
			t.Errorf("everybody reaches %s, which has no login", path)
		}
	}
	intake := must(t, everything())["Ingress prod-ksefworker-intake"].(*networkingv1.Ingress)
	if !reaches(intake, "/v1/invoices/x/upo") || reaches(intake, "/readyz") {
		t.Errorf("the intake's Ingress passes on /v1/invoices/x/upo: %v, want true; it passes on /readyz: %v, want false",
			reaches(intake, "/v1/invoices/x/upo"), reaches(intake, "/readyz"))
	}
}

func TestIngress_Workers_KnowTheirAddressSoThatCookiesAreSecure(t *testing.T) {
	address := func(values map[string]any) string {
		for _, e := range must(t, values)["Deployment prod-ksefworker-worker"].(*appsv1.Deployment).Spec.Template.Spec.Containers[0].Env {
			if e.Name == "KSEF_HTTP_PUBLIC_URL" {
				return e.Value
			}
		}
		return ""
	}
	if got := address(everything()); got != "https://ksef.example.com" {
		t.Errorf("workers take %q for their address, want https://ksef.example.com, that of the Ingress", got)
	}
	if got := address(nil); got != "" {
		t.Errorf("without an Ingress workers take %q for their address, want none from the chart", got)
	}
	set := everything()
	set["config"] = map[string]any{"http": map[string]any{"users": someUsers(), "public_url": "https://other.example.com"}}
	if got := address(set); got != "" {
		t.Errorf("the address in the configuration is overridden by %q, want it kept", got)
	}
}

func TestIngress_Network_LetsTheControllerIn(t *testing.T) {
	o := must(t, everything())
	for _, name := range []string{"worker", "intake"} {
		from := o["NetworkPolicy prod-ksefworker-"+name].(*networkingv1.NetworkPolicy).Spec.Ingress[0].From
		if !slices.ContainsFunc(from, func(p networkingv1.NetworkPolicyPeer) bool {
			return p.NamespaceSelector != nil && p.NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"] == "ingress-nginx"
		}) {
			t.Errorf("the network policy of %s does not let the controller in: %s", name, asJSON(from))
		}
	}
}

func TestIngress_Unusable_IsRefusedWithWhatToDo(t *testing.T) {
	with := func(change func(values map[string]any)) map[string]any {
		values := everything()
		change(values)
		return values
	}
	for name, tc := range map[string]struct {
		values map[string]any
		want   string
	}{
		"nobody may log in": {with(func(v map[string]any) { delete(v, "config") }), "set config.http.users"},
		"no host":           {with(func(v map[string]any) { v["ingress"] = map[string]any{"enabled": true} }), "host"},
		"an address for a host": {with(func(v map[string]any) {
			v["ingress"] = map[string]any{"enabled": true, "host": "https://ksef.example.com"}
		}), "host"},
		"a mistyped name": {with(func(v map[string]any) { v["ingress"] = map[string]any{"hosts": "x"} }), "hosts"},
	} {
		if _, err := render(tc.values); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: rendering returns %v, want an error that says %s", name, err, tc.want)
		}
	}
}
