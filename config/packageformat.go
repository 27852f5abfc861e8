package config

import (
	"cmp"
	"errors"
	"fmt"
)

// PackageFormat is the form of the archive in which the invoices of a package travel.
type PackageFormat string

// The forms. KSeF itself takes both, and recommends tar.gz for large packages; the gateway takes
// ZIP only.
const (
	ZIPPackage   PackageFormat = "zip"
	TarGzPackage PackageFormat = "tar.gz"
)

// PackageFormatOf returns the form of a tenant's packages.
func (c Config) PackageFormatOf(t Tenant) PackageFormat {
	return cmp.Or(t.PackageFormat, c.Packages.Format, ZIPPackage)
}

// checkPackageFormats refuses unknown forms, and forms that a tenant's way to KSeF does not take.
func checkPackageFormats(c *Config, f *faults) {
	known := func(field string, format PackageFormat) bool {
		if format == "" || format == ZIPPackage || format == TarGzPackage {
			return true
		}
		f.add(field, string(format), errors.New("is unknown: write zip or tar.gz"))
		return false
	}
	if !known("packages.format", c.Packages.Format) {
		return
	}
	for i, t := range c.Tenants {
		own := fmt.Sprintf("tenants[%d].package_format", i)
		if !known(own, t.PackageFormat) || t.Way() != GatewayTransport || c.PackageFormatOf(t) == ZIPPackage {
			continue
		}
		if t.PackageFormat != "" {
			f.add(own, string(t.PackageFormat), errors.New("is for transport: direct; the gateway takes zip only"))
			continue
		}
		f.add("packages.format", string(c.Packages.Format),
			fmt.Errorf("is not for tenants[%d] (%s): it uses the gateway, which takes zip only. "+
				"Leave zip here, and write package_format: tar.gz at the tenants with transport: direct", i, t.Title()))
	}
}
