package app_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/app"
)

// The worker's own pages over TLS: plain text is refused, the container's health check works, and a
// renewed certificate is served without a restart.
func TestHTTP_TLS_RenewedWithoutARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cert, key := certificate(t, dir)
	p := newPool(t, 1, quickSim, func(c *config.Config) { c.HTTP.TLS = config.HTTPTLS{CertFile: cert, KeyFile: key} })
	addr, _ := p.workAt()
	health := func() error {
		cfg := p.cfg
		cfg.HTTP.Addr = addr
		return app.Healthcheck(t.Context(), cfg)
	}
	served := func(trusted string) error {
		pem, err := os.ReadFile(trusted)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: roots})
		if err != nil {
			return err
		}
		return conn.Close()
	}
	until(t, 20*time.Second, "it serves", func() bool { return health() == nil })
	if err := served(cert); err != nil {
		t.Errorf("with the certificate: %v", err)
	}
	if resp, err := http.Get("http://" + addr + "/healthz"); err == nil {
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			t.Error("plain text is answered")
		}
	}
	old, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	before := dir + "/before.pem"
	if err := os.WriteFile(before, old, 0o600); err != nil {
		t.Fatal(err)
	}
	certificate(t, dir) // in the same files
	until(t, 20*time.Second, "the new one is served", func() bool { return served(cert) == nil && health() == nil })
	if served(before) == nil {
		t.Error("the old one is served as well")
	}
	// A pair that does not belong together changes nothing.
	if err := os.WriteFile(key, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := served(cert); err != nil {
		t.Errorf("with a damaged key file: %v", err)
	}
}
