package enrol_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ksefworker/config"
	"ksefworker/internal/enrol"
	"ksefworker/internal/ksef/direct"
)

const nip = "5265877635"

type fixedToken struct{}

func (fixedToken) Access(context.Context) (direct.Secret, error) { return direct.NewSecret("t"), nil }
func (fixedToken) Refused(direct.Secret)                         {}
func (fixedToken) Denied(direct.Secret)                          {}

// office is a KSeF that issues certificates and tokens.
type office struct {
	t      *testing.T
	key    *ecdsa.PrivateKey
	status int  // the code that KSeF gives as the status of the enrolment
	spoil  bool // the issued certificate is for another key
	enroll int  // the HTTP status with which the request is refused; 0 means that it is taken
	issued []byte
	csr    *x509.CertificateRequest
	token  string // the status that KSeF gives of the token
}

func (o *office) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := func(format string, args ...any) { fmt.Fprintf(w, format, args...) }
	switch path := r.Method + " " + strings.TrimPrefix(r.URL.Path, "/v2"); path {
	case "GET /certificates/limits":
		answer(`{"canRequest":true,"enrollment":{"remaining":1,"limit":12},"certificate":{"remaining":1,"limit":6}}`)
	case "GET /certificates/enrollments/data":
		answer(`{"commonName":"Zażółć","countryName":"PL","organizationName":"Firma","organizationIdentifier":"VATPL-5265877635","uniqueIdentifier":"u-1"}`)
	case "POST /certificates/enrollments":
		if o.enroll != 0 {
			w.WriteHeader(o.enroll)
			answer(`{"title":"Bad Request","status":%d,"detail":"x","errors":[{"code":25002,"description":"Limit"}]}`, o.enroll)
			return
		}
		o.issue(r)
		w.WriteHeader(202)
		answer(`{"referenceNumber":"20261125-CE-1-2-3"}`)
	case "GET /certificates/enrollments/20261125-CE-1-2-3":
		answer(`{"status":{"code":%d,"description":"opis"},"certificateSerialNumber":"0A"}`, o.status)
	case "POST /certificates/retrieve":
		answer(`{"certificates":[{"certificate":%q,"certificateSerialNumber":"0A"}]}`, base64.StdEncoding.EncodeToString(o.issued))
	case "POST /tokens":
		w.WriteHeader(202)
		answer(`{"referenceNumber":"20261125-EC-1-2-3","token":"geheim"}`)
	case "GET /tokens/20261125-EC-1-2-3":
		answer(`{"referenceNumber":"20261125-EC-1-2-3","status":%q}`, o.token)
	default:
		o.t.Errorf("KSeF was asked for %s, which this test does not know", path)
		w.WriteHeader(404)
	}
}

// issue certifies the key of a request.
func (o *office) issue(r *http.Request) {
	var in struct{ CSR []byte }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		o.t.Error(err)
		return
	}
	var err error
	if o.csr, err = x509.ParseCertificateRequest(in.CSR); err != nil {
		o.t.Error(err)
		return
	}
	if err := o.csr.CheckSignature(); err != nil {
		o.t.Error(err)
	}
	public := o.csr.PublicKey
	if o.spoil {
		public = &o.key.PublicKey
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(10), RawSubject: o.csr.RawSubject, NotBefore: time.Unix(0, 0),
		NotAfter: time.Unix(2e9, 0),
	}
	if o.issued, err = x509.CreateCertificate(rand.Reader, template, template, public, o.key); err != nil {
		o.t.Error(err)
	}
}

func open(t *testing.T) (*office, direct.Account, config.Config, config.Tenant) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	o := &office{t: t, key: key, status: 200, token: "Active"}
	srv := httptest.NewServer(o)
	t.Cleanup(srv.Close)
	api, err := direct.New(direct.Options{BaseURL: srv.URL + "/v2"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.CloseIdleConnections)
	dir := t.TempDir()
	tenant := config.Tenant{NIP: nip, Transport: config.DirectTransport,
		CertificateFile: filepath.Join(dir, "cert.pem"), PrivateKeyFile: filepath.Join(dir, "key.pem")}
	cfg := config.Config{Environment: config.Custom, Tenants: []config.Tenant{tenant}}
	if _, err := enrol.SelfSigned(cfg, tenant, "Firma", 24*time.Hour, time.Now()); err != nil {
		t.Fatal(err)
	}
	return o, api.Account(fixedToken{}), cfg, tenant
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func TestSelfSigned_Pair_BelongsTogetherAndNamesTheNIP(t *testing.T) {
	_, _, cfg, tenant := open(t)
	cert, _, err := tenant.Certificate()
	if err != nil || !strings.Contains(cert.Subject.String(), "2.5.4.97=#") {
		t.Fatal(cert, err)
	}
	if info, err := os.Stat(tenant.PrivateKeyFile); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the mode of the key file is %v, want 0600; %v", info.Mode(), err)
	}
	before := read(t, tenant.PrivateKeyFile)
	if _, err := enrol.SelfSigned(cfg, tenant, "", time.Hour, time.Now()); err == nil || read(t, tenant.PrivateKeyFile) != before {
		t.Errorf("a second call = %v, and the key is as before: %v; want an error and true", err, read(t, tenant.PrivateKeyFile) == before)
	}
	for _, env := range []config.Environment{config.Production, config.Demo} {
		cfg.Environment = env
		if _, err := enrol.SelfSigned(cfg, tenant, "", time.Hour, time.Now()); err == nil ||
			!strings.Contains(err.Error(), "only test and custom do") {
			t.Errorf("for environment %s the error is %v, want one that says which environments take such a certificate", env, err)
		}
	}
}

func TestRenewal_FromRequestToFetch_ReplacesThePairAndKeepsTheOld(t *testing.T) {
	o, a, cfg, tenant := open(t)
	old := read(t, tenant.PrivateKeyFile)
	if _, _, err := enrol.Fetch(t.Context(), cfg, tenant, a, ""); err == nil ||
		!strings.Contains(err.Error(), "no certificate was requested") {
		t.Error("without a request, Fetch does not say that no certificate was requested:", err)
	}
	reference, err := enrol.Request(t.Context(), cfg, tenant, a, "worker", "")
	if err != nil || reference != "20261125-CE-1-2-3" {
		t.Fatal(reference, err)
	}
	// The request has exactly the parts that KSeF sent, organizationIdentifier and uniqueIdentifier
	// among them.
	if names := o.csr.Subject.Names; len(names) != 5 || !strings.Contains(o.csr.Subject.String(), "CN=Zażółć") {
		t.Errorf("the certificate was requested for %v, want the five parts that KSeF sent", o.csr.Subject)
	}
	if _, err := enrol.Request(t.Context(), cfg, tenant, a, "worker", ""); err == nil ||
		!strings.Contains(err.Error(), "requested already") {
		t.Error("a second Request does not say that a certificate was requested already:", err)
	}
	o.status = 100
	if _, _, err := enrol.Fetch(t.Context(), cfg, tenant, a, ""); !errors.Is(err, enrol.ErrNotReady) {
		t.Error("while KSeF works on the request, Fetch does not return ErrNotReady:", err)
	}
	o.status = 200
	cert, installed, err := enrol.Fetch(t.Context(), cfg, tenant, a, "")
	if err != nil || !installed {
		t.Fatal(err)
	}
	now, _, err := tenant.Certificate()
	if err != nil || !now.Equal(cert) || now.SerialNumber.Int64() != 10 {
		t.Errorf("in the place of the certificate is %v (%v), want the new one", now, err)
	}
	if read(t, tenant.PrivateKeyFile+".previous") != old || !exists(tenant.CertificateFile+".previous") {
		t.Error("the previous pair is not kept in the files .previous")
	}
	for _, gone := range []string{tenant.CertificateFile + ".request", tenant.PrivateKeyFile + ".next", tenant.CertificateFile + ".next"} {
		if exists(gone) {
			t.Errorf("%s is left behind after the fetch", gone)
		}
	}
}

func TestRequest_Refused_LeavesNothingBehindAndUnknownKeepsTheKey(t *testing.T) {
	o, a, cfg, tenant := open(t)
	o.enroll = 400
	if _, err := enrol.Request(t.Context(), cfg, tenant, a, "worker", ""); err == nil || exists(tenant.PrivateKeyFile+".next") {
		t.Errorf("a refused request: %v; the new key is left: %v, want it removed", err, exists(tenant.PrivateKeyFile+".next"))
	}
	o.enroll = 500 // KSeF may have taken the request
	if _, err := enrol.Request(t.Context(), cfg, tenant, a, "worker", ""); err == nil || !exists(tenant.PrivateKeyFile+".next") {
		t.Errorf("a request that may have been taken: %v; the new key is left: %v, want it kept",
			err, exists(tenant.PrivateKeyFile+".next"))
	}
}

func TestFetch_CertificateOfAnotherKey_ReplacesNothing(t *testing.T) {
	o, a, cfg, tenant := open(t)
	before := read(t, tenant.CertificateFile)
	o.spoil = true
	if _, err := enrol.Request(t.Context(), cfg, tenant, a, "worker", ""); err != nil {
		t.Fatal(err)
	}
	if _, _, err := enrol.Fetch(t.Context(), cfg, tenant, a, ""); err == nil || read(t, tenant.CertificateFile) != before {
		t.Errorf("Fetch of a certificate of another key = %v, and the present one is as before: %v; want an error and true",
			err, read(t, tenant.CertificateFile) == before)
	}
	cfg.Environment = config.Test
	if _, err := enrol.Status(t.Context(), cfg, tenant, a, ""); err == nil || !strings.Contains(err.Error(), "environment custom") {
		t.Error("in another environment, Status does not name the environment of the request:", err)
	}
}

func TestFetch_FolderOfItsOwn_TouchesNoPresentFile(t *testing.T) {
	_, a, cfg, tenant := open(t)
	before, dir := read(t, tenant.CertificateFile), t.TempDir()
	if _, err := enrol.Request(t.Context(), cfg, tenant, a, "worker", dir); err != nil {
		t.Fatal(err)
	}
	if _, installed, err := enrol.Fetch(t.Context(), cfg, tenant, a, dir); err != nil || installed {
		t.Fatal(installed, err)
	}
	if read(t, tenant.CertificateFile) != before || !exists(filepath.Join(dir, nip+"-key.pem")) ||
		!exists(filepath.Join(dir, nip+"-cert.pem")) {
		t.Error("the new pair is not in the folder for it, or the present certificate was changed")
	}
}

func TestRequest_CertificateAndKeyInOneFile_AreNotReplaced(t *testing.T) {
	_, a, cfg, tenant := open(t)
	tenant.PrivateKeyFile = tenant.CertificateFile
	if _, err := enrol.Request(t.Context(), cfg, tenant, a, "worker", ""); err == nil || !strings.Contains(err.Error(), "--dir") {
		t.Error("Request does not refuse one file for certificate and key, with the way out --dir:", err)
	}
}

func TestCreateToken_IsInItsFileAloneAndActive(t *testing.T) {
	o, a, _, _ := open(t)
	path := filepath.Join(t.TempDir(), "token")
	reference, err := enrol.CreateToken(t.Context(), a, []string{"InvoiceWrite"}, "worker", path)
	if err != nil || reference == "" || read(t, path) != "geheim\n" {
		t.Fatal(reference, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file of the token has mode %v (%v), want 0600", info.Mode(), err)
	}
	if _, err := enrol.CreateToken(t.Context(), a, []string{"InvoiceWrite"}, "worker", path); err == nil ||
		strings.Contains(err.Error(), "geheim") {
		t.Error("a file that exists gives no error, or the error contains the token:", err)
	}
	o.token = "Failed"
	if _, err := enrol.CreateToken(t.Context(), a, []string{"InvoiceWrite"}, "worker", path+"2"); err == nil ||
		!strings.Contains(err.Error(), "Failed") ||
		strings.Contains(err.Error(), "geheim") {
		t.Error("the error does not say that the token failed, or it contains the token:", err)
	}
}
