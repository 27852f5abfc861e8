package demo

import (
	"context"

	"ksefworker/config"
)

// makeCertificate has the enqueue program make a certificate for each tenant that logs in to KSeF
// by certificate, as docs/direct.md says for the test environment.
func (d *demo) makeCertificate(ctx context.Context, cfg config.Config) error {
	for _, t := range cfg.Tenants {
		if t.LogsInByCertificate() {
			if err := d.runEnqueue(ctx, "certificate", "self-signed", t.NIP, "--name", t.Title()); err != nil {
				return err
			}
		}
	}
	return nil
}
