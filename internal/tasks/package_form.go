package tasks

import (
	"cmp"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/numbers"
	"ksefworker/internal/pack"
)

// PackageForm is how the packages of a tenant are built. The tenant's way to KSeF sets the limits,
// and the operator chooses within these limits.
type PackageForm struct {
	Format  pack.Format // "" is ZIP
	MaxSize int64       // how many bytes the plain archive may have; 0 is the maximum of the gateway's contract
}

func (o Options) packageForm(tenant string) PackageForm {
	var f PackageForm
	if o.PackageForm != nil {
		f = o.PackageForm(tenant)
	}
	f.Format, f.MaxSize = cmp.Or(f.Format, pack.ZIP), cmp.Or(f.MaxSize, numbers.GatewayMaxBatchSize)
	return f
}

// compression returns the compression that is declared to KSeF for packages of this form.
func (f PackageForm) compression() ksef.Compression {
	if f.Format == pack.TarGz {
		return ksef.CompressionTarGz
	}
	return ksef.CompressionZIP
}
