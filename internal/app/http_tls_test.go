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

// The worker's pages are served over TLS. Plain text is refused, the container's health check
// works, and a renewed certificate is served without a restart.
func TestHTTP_CertificateRenewed_IsServedWithoutARestart(t *testing.T) {
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
	until(t, 20*time.Second, "the worker serves its pages", func() bool { return health() == nil })
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
	writeFile(t, before, string(old))
	certificate(t, dir) // into the same files
	until(t, 20*time.Second, "the new certificate is served", func() bool { return served(cert) == nil && health() == nil })
	if served(before) == nil {
		t.Error("the old certificate is served as well")
	}
	// A damaged key file changes nothing.
	writeFile(t, key, "no key")
	if err := served(cert); err != nil {
		t.Errorf("with a damaged key file: %v", err)
	}
}
