package ministry

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"net/http"
	"testing"
	"time"

	"ksefworker/internal/simulator/login"
	"ksefworker/internal/simulator/xades/xadestest"
)

func TestTokens_Made_LogInWithTheirPermissionsUntilTheyAreRevoked(t *testing.T) {
	r := newRig(t, Options{LoginDelay: time.Second}, wideKeys)
	seal := xadestest.Seal(t, nipA, noon.Add(-time.Hour))
	var b begunLogin
	r.ok(r.sign(seal, nipA, xadestest.Options{}), http.StatusAccepted, &b)
	r.clock.add(time.Second)
	var got tokens
	r.ok(r.with(b.Token.Token).post("/auth/token/redeem", nil), http.StatusOK, &got)
	owner := r.with(got.Access.Token)
	var made struct {
		Reference string `json:"referenceNumber"`
		Token     string `json:"token"`
	}
	r.ok(owner.post("/tokens", m{"permissions": []string{"InvoiceRead"}, "description": "tylko odczyt"}), http.StatusAccepted, &made)
	status := func() string {
		t.Helper()
		var s tokenState
		r.ok(owner.get("/tokens/"+made.Reference), http.StatusOK, &s)
		return s.Status
	}
	begin := func() begunLogin {
		t.Helper()
		challenge, at := r.challengeText()
		var b begunLogin
		r.ok(r.sendToken(nipA, made.Token, at, challenge), http.StatusAccepted, &b)
		r.clock.add(time.Second)
		return b
	}
	if status() != login.TokenPending {
		t.Errorf("the new token is %s, want Pending", status())
	}
	if code, details := r.state(begin()); code != 450 || details != "Token nieaktywny" {
		t.Errorf("a login with a token that is still pending ended with code %d %s, want 450 Token nieaktywny", code, details)
	}
	if status() != login.TokenActive {
		t.Errorf("a second later the token is %s, want Active", status())
	}
	b = begin()
	r.ok(r.with(b.Token.Token).post("/auth/token/redeem", nil), http.StatusOK, &got)
	reader := r.with(got.Access.Token)
	if a := reader.post("/sessions/online", m{}); a.status != http.StatusForbidden {
		t.Errorf("opening a session with a read-only token got HTTP %d, want 403", a.status)
	}
	if a := reader.get("/certificates/enrollments/data"); a.code() != 25001 {
		t.Errorf("after a login with a token, a request for the enrollment data got HTTP %d %s, want code 25001", a.status, a.body)
	}
	r.ok(owner.do(http.MethodDelete, "/v2/tokens/"+made.Reference, "", nil), http.StatusNoContent, nil)
	if status() != login.TokenRevoked {
		t.Errorf("the token is %s after its revocation, want Revoked", status())
	}
	if a := r.with(got.Refresh.Token).post("/auth/token/refresh", nil); a.code() != 21301 {
		t.Errorf("a refresh after the token was revoked got HTTP %d %s, want code 21301", a.status, a.body)
	}
	if code, details := r.state(begin()); code != 450 || details != "Token unieważniony" {
		t.Errorf("a login with a revoked token ended with code %d %s, want 450 Token unieważniony", code, details)
	}
	var list struct {
		Tokens []tokenState `json:"tokens"`
	}
	r.ok(owner.get("/tokens?status=Revoked"), http.StatusOK, &list)
	if len(list.Tokens) != 1 || list.Tokens[0].Reference != made.Reference || list.Tokens[0].Used == "" {
		t.Errorf("the list is %+v, want token %s alone, with the date of its last use", list, made.Reference)
	}
	for name, c := range map[string]struct {
		body m
		code int
	}{
		"an unknown permission":             {m{"permissions": []string{"Everything"}, "description": "opis opis"}, 21405},
		"a permission that the owner lacks": {m{"permissions": []string{"EnforcementOperations"}, "description": "opis opis"}, 26001},
		"a short description":               {m{"permissions": []string{"InvoiceRead"}, "description": "opis"}, 21405},
	} {
		if a := owner.post("/tokens", c.body); a.code() != c.code {
			t.Errorf("with %s, the request for a token got HTTP %d %s, want code %d", name, a.status, a.body, c.code)
		}
	}
}

func TestCertificates_Enrolled_LogInUntilTheyAreRevoked(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	var data struct {
		CommonName string `json:"commonName"`
		Country    string `json:"countryName"`
		Name       string `json:"organizationName"`
		ID         string `json:"organizationIdentifier"`
	}
	r.ok(r.get("/certificates/enrollments/data"), http.StatusOK, &data)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	subject := pkix.Name{
		CommonName: data.CommonName, Country: []string{data.Country}, Organization: []string{data.Name},
		ExtraNames: []pkix.AttributeTypeAndValue{{Type: []int{2, 5, 4, 97}, Value: data.ID}},
	}
	request := func(name pkix.Name, key any) []byte {
		t.Helper()
		der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: name}, key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	body := func(csr []byte) m {
		return m{"certificateName": "Certyfikat testu", "certificateType": "Authentication", "csr": csr}
	}
	another := subject
	another.CommonName = "Inna Firma"
	wide, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	good := request(subject, key)
	forged := append([]byte{}, good...)
	forged[len(forged)-1] ^= 1
	for name, c := range map[string]struct {
		csr  []byte
		code int
	}{
		"garbage": {[]byte("garbage"), 25004}, "a forged signature": {forged, 25004}, "another subject": {request(another, key), 25003},
		"P-384": {request(subject, wide), 25010}, "RSA of 1024 bits": {request(subject, short), 25010},
	} {
		if a := r.post("/certificates/enrollments", body(c.csr)); a.code() != c.code {
			t.Errorf("with %s, the request for a certificate got HTTP %d %s, want code %d", name, a.status, a.body, c.code)
		}
	}
	var made struct {
		Reference string `json:"referenceNumber"`
	}
	r.ok(r.post("/certificates/enrollments", body(good)), http.StatusAccepted, &made)
	var state struct {
		Status statusInfo `json:"status"`
		Serial string     `json:"certificateSerialNumber"`
	}
	r.ok(r.get("/certificates/enrollments/"+made.Reference), http.StatusOK, &state)
	if state.Status.Code != 200 || len(state.Serial) != 16 {
		t.Fatalf("the request is %+v, want code 200 and a serial number", state)
	}
	var got struct {
		Certificates []struct {
			DER []byte `json:"certificate"`
		} `json:"certificates"`
	}
	r.ok(r.post("/certificates/retrieve", m{"certificateSerialNumbers": []string{state.Serial}}), http.StatusOK, &got)
	certificate, err := x509.ParseCertificate(got.Certificates[0].DER)
	if err != nil {
		t.Fatal(err)
	}
	signer := xadestest.Signer{Key: key, Certificate: certificate}
	r.ok(r.with(r.redeemed(r.sign(signer, nipA, xadestest.Options{})).Access.Token).get("/rate-limits"), http.StatusOK, nil)
	var query struct {
		Certificates []struct {
			Serial string `json:"certificateSerialNumber"`
			Status string `json:"status"`
			Used   string `json:"lastUseDate"`
		} `json:"certificates"`
	}
	r.ok(r.post("/certificates/query", m{"status": "Active"}), http.StatusOK, &query)
	if len(query.Certificates) != 1 || query.Certificates[0].Serial != state.Serial || query.Certificates[0].Used == "" {
		t.Errorf("the certificates are %+v, want certificate %s alone, with the date of its last use", query, state.Serial)
	}
	r.ok(r.post("/certificates/"+state.Serial+"/revoke", m{"revocationReason": "Superseded"}), http.StatusNoContent, nil)
	if a := r.post("/certificates/"+state.Serial+"/revoke", m{}); a.code() != 25009 {
		t.Errorf("the second revocation of a certificate got HTTP %d %s, want code 25009", a.status, a.body)
	}
	var b begunLogin
	r.ok(r.sign(signer, nipA, xadestest.Options{}), http.StatusAccepted, &b)
	if code, details := r.state(b); code != 460 || details != "Certyfikat odwołany" {
		t.Errorf("a login with a revoked certificate ended with code %d %s, want 460 Certyfikat odwołany", code, details)
	}
	var limits struct {
		May        bool `json:"canRequest"`
		Enrollment struct {
			Remaining int `json:"remaining"`
		} `json:"enrollment"`
	}
	r.ok(r.get("/certificates/limits"), http.StatusOK, &limits)
	if !limits.May || limits.Enrollment.Remaining != 299 {
		t.Errorf("the limits are %+v, want that requests are allowed, and 299 left", limits)
	}
	if a := r.get("/certificates/enrollments/20260101-CE-0000000000-0000000000-00"); a.code() != 25005 {
		t.Errorf("the state of an unknown certificate request got HTTP %d %s, want code 25005", a.status, a.body)
	}
}

// A certificate of the type Offline logs nobody in. It signs KOD II, the second QR code of an
// offline invoice.
func TestCertificates_OfTypeOffline_DoNotLogIn(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: xadestest.SealName(nipA)}, key)
	if err != nil {
		t.Fatal(err)
	}
	signer, _ := r.enrolledAs("Offline", key, csr)
	var b begunLogin
	r.ok(r.sign(signer, nipA, xadestest.Options{}), http.StatusAccepted, &b)
	if code, _ := r.state(b); code != 460 {
		t.Errorf("a login with a certificate of the type Offline has the status %d, want 460", code)
	}
}

// enrolled asks for a certificate to log in with, and returns it with its serial number.
func (r *rig) enrolled(key crypto.Signer, csr []byte) (xadestest.Signer, string) {
	r.t.Helper()
	return r.enrolledAs("Authentication", key, csr)
}

func (r *rig) enrolledAs(kind string, key crypto.Signer, csr []byte) (xadestest.Signer, string) {
	r.t.Helper()
	body := m{"certificateName": "Certyfikat testu", "certificateType": kind, "csr": csr}
	var made struct {
		Reference string `json:"referenceNumber"`
		Serial    string `json:"certificateSerialNumber"`
	}
	r.ok(r.post("/certificates/enrollments", body), http.StatusAccepted, &made)
	r.ok(r.get("/certificates/enrollments/"+made.Reference), http.StatusOK, &made)
	var got struct {
		Certificates []struct {
			DER []byte `json:"certificate"`
		} `json:"certificates"`
	}
	r.ok(r.post("/certificates/retrieve", m{"certificateSerialNumbers": []string{made.Serial}}), http.StatusOK, &got)
	certificate, err := x509.ParseCertificate(got.Certificates[0].DER)
	if err != nil {
		r.t.Fatal(err)
	}
	return xadestest.Signer{Key: key, Certificate: certificate}, made.Serial
}
