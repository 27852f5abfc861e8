package helm

// These are the two kinds of objects in the chart that Kubernetes itself does not have. Their types
// have only the fields that the chart uses, as their documentation describes them
// (prometheus-operator 0.80, KEDA 2.17).

type customMeta struct {
	Name   string
	Labels map[string]string
}

type serviceMonitor struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   customMeta
	Spec       struct {
		JobLabel string `yaml:"jobLabel"`
		Selector struct {
			MatchLabels map[string]string `yaml:"matchLabels"`
		}
		Endpoints []struct{ Port, Path, Interval, Scheme string }
	}
}

type scaledObject struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   customMeta
	Spec       struct {
		ScaleTargetRef struct{ Name string } `yaml:"scaleTargetRef"`

		MinReplicaCount int `yaml:"minReplicaCount"`
		MaxReplicaCount int `yaml:"maxReplicaCount"`
		CooldownPeriod  int `yaml:"cooldownPeriod"`
		Triggers        []struct {
			Type     string
			Metadata map[string]string
		}
	}
}

// custom returns a value into which an object of this version and kind is read. It returns nil for
// the kinds of Kubernetes itself.
func custom(kind string) any {
	switch kind {
	case "monitoring.coreos.com/v1 ServiceMonitor":
		return &serviceMonitor{}
	case "keda.sh/v1alpha1 ScaledObject":
		return &scaledObject{}
	}
	return nil
}
