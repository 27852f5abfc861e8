package connect

import (
	"strings"
	"testing"
)

func TestRedisFacts_OlderThan7_IsRefusedWithItsVersion(t *testing.T) {
	for version, refused := range map[string]bool{
		"6.2.14": true, "5.0": true, "6.9": true,
		"7.0.15": false, "7.2": false, "8.0.1": false, "10.0.0": false, "unstable": false, "": false,
	} {
		err := Facts{version: version}.unsuitable()
		if (err != nil) != refused {
			t.Errorf("version %q: %v, want it refused: %v", version, err, refused)
		}
		if err != nil && (!strings.Contains(err.Error(), version) || !strings.Contains(err.Error(), "redis.url")) {
			t.Errorf("version %q: %v does not name the version and the setting", version, err)
		}
	}
}
