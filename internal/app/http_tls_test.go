package app_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/app"
)

// The worker's pages are served over TLS. Requests without TLS are refused, the container's health
// check works, and a renewed certificate is served without a restart.
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
		t.Errorf("the worker does not serve the certificate: %v", err)
	}
	if resp, err := http.Get("http://" + addr + "/healthz"); err == nil {
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			t.Error("a request without TLS is answered with status 200")
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
	// With a damaged key file, the certificate from before is still served. The log and /readyz
	// report the damage.
	good, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	const wrong = "the previous certificate is still served"
	ready := func() string {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}
		resp, err := client.Get("https://" + addr + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	writeFile(t, key, "no key")
	if err := served(cert); err != nil {
		t.Errorf("with a damaged key file the certificate from before is not served: %v", err)
	}
	if said := ready(); !strings.Contains(said, wrong) {
		t.Errorf("with a damaged key file /readyz does not say that %s: %s", wrong, said)
	}
	if n := strings.Count(p.log.String(), wrong); n != 1 {
		t.Errorf("with a damaged key file the log says %d times that %s, want once", n, wrong)
	}
	writeFile(t, key, string(good))
	if said := ready(); strings.Contains(said, wrong) || !strings.Contains(said, "ends on") {
		t.Errorf("with the key file restored /readyz says %s, want only that the certificate ends soon", said)
	}
}
