package helm

import (
	"strings"
	"testing"
)

func TestSchema_WrongValues_AreRefusedWithTheirPlace(t *testing.T) {
	tenants := func(tenant map[string]any) map[string]any {
		return map[string]any{"config": map[string]any{"tenants": []any{tenant}}}
	}
	for name, tc := range map[string]struct {
		values map[string]any
		want   string
	}{
		"a mistyped name":               {map[string]any{"replica": 3}, "replica"},
		"a mistyped name inside intake": {map[string]any{"intake": map[string]any{"enable": true}}, "enable"},
		"a number as text":              {map[string]any{"replicas": "two"}, "replicas"},
		"an unknown environment":        {map[string]any{"config": map[string]any{"environment": "prod"}}, "environment"},
		"a NIP as a number":             {tenants(map[string]any{"nip": 5265877635}), "nip"},
		"a key in the ConfigMap":        {tenants(map[string]any{"nip": "5265877635", "key": "secret"}), "tenants"},
		"no tenant":                     {map[string]any{"config": map[string]any{"tenants": []any{}}}, "tenants"},
		"a secret with its value":       {map[string]any{"secrets": []any{map[string]any{"name": "x", "value": "y"}}}, "secrets"},
		"minReplicas above maxReplicas": {map[string]any{"autoscaling": map[string]any{"enabled": true, "minReplicas": 9}}, "maxReplicas"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := render(tc.values); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("rendering these values returns %v, want an error that names %s", err, tc.want)
			}
		})
	}
}
