package config

import (
	"strings"
	"testing"
)

func TestPackageFormat_TransportTakesIt_OrIsRefusedWithAReason(t *testing.T) {
	const (
		gateway = `{nip: "5265877635", key_id: a, key_file: /k}`
		direct  = `{nip: "7980332920", transport: direct, token_file: /t}`
	)
	own := func(tenant, format string) string {
		return strings.TrimSuffix(tenant, "}") + ", package_format: " + format + "}"
	}
	for _, c := range []struct {
		why, format string // format: "" leaves the setting out
		tenants     []string
		want        []PackageFormat // of each tenant
		says        string          // "" when the file is right
	}{
		{"no format is set", "", []string{gateway, direct}, []PackageFormat{ZIPPackage, ZIPPackage}, ""},
		{"tar.gz for all, and all tenants go direct", "tar.gz", []string{direct}, []PackageFormat{TarGzPackage}, ""},
		{"zip for all, and tar.gz at the direct tenant",
			"zip", []string{gateway, own(direct, "tar.gz")}, []PackageFormat{ZIPPackage, TarGzPackage}, ""},
		{"tar.gz for all, and zip at the gateway tenant",
			"tar.gz", []string{own(gateway, "zip"), direct}, []PackageFormat{ZIPPackage, TarGzPackage}, ""},
		{"tar.gz for all, and nothing at the gateway tenant", "tar.gz", []string{direct, gateway}, nil,
			`packages.format: tar.gz is not for tenants[1] (5265877635): it uses the gateway, which takes zip only`},
		{"zip for all, and tar.gz at the gateway tenant",
			"zip", []string{own(gateway, "tar.gz")}, nil, `tenants[0].package_format: tar.gz is for transport: direct`},
		{"an unknown format for all", "rar", []string{direct}, nil, `packages.format: rar is unknown: write zip or tar.gz`},
		{"an unknown format at a tenant", "zip", []string{own(direct, "tgz")}, nil, `tenants[0].package_format: tgz is unknown`},
	} {
		text := "environment: test\ntenants: [" + strings.Join(c.tenants, ", ") + "]\narchive: {url: \"file:///a\"}\n"
		if c.format != "" {
			text += "packages: {format: " + c.format + "}\n"
		}
		cfg, err := Load(writeFile(t, "worker.yaml", text), nil)
		if c.says != "" {
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: the error is %v, want it to say %s", c.why, err, c.says)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: the error is %v, want none", c.why, err)
			continue
		}
		for i, tenant := range cfg.Tenants {
			if got := cfg.PackageFormatOf(tenant); got != c.want[i] {
				t.Errorf("%s: tenants[%d] has %s, want %s", c.why, i, got, c.want[i])
			}
		}
	}
}
