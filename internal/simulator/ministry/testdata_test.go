package ministry

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"net/http"
	"testing"
	"time"

	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/limits"
	"ksefworker/internal/simulator/xades/xadestest"
)

func TestTestdata_RateLimits_ChangeWhileEverythingRuns(t *testing.T) {
	r := newRig(t, Options{}, func(o *simulator.Options) { o.Profile = simulator.Production }).loggedIn(nipA)
	told := func() rate {
		t.Helper()
		var all map[string]rate
		r.ok(r.get("/rate-limits"), http.StatusOK, &all)
		return all["onlineSession"]
	}
	groups := m{}
	for group, a := range limits.Usual() {
		if group != limits.Anonymous && group != limits.OnlineSessionClose {
			groups[group] = m{"perSecond": a.Second, "perMinute": a.Minute, "perHour": a.Hour}
		}
	}
	groups["onlineSession"] = m{"perSecond": 1, "perMinute": 1, "perHour": 1}
	r.ok(r.post("/testdata/rate-limits", m{"rateLimits": groups}), http.StatusOK, nil)
	if got := told(); got != (rate{1, 1, 1}) {
		t.Errorf("the limits reported after the change are %+v, want 1 for each window", got)
	}
	r.openOnline()
	s := r.secret()
	if a := r.post("/sessions/online", m{"formCode": formFA3(), "encryption": s.info()}); a.status != http.StatusTooManyRequests {
		t.Errorf("the second open got HTTP %d, want 429", a.status)
	}
	r.ok(r.do(http.MethodDelete, "/v2/testdata/rate-limits", "", nil), http.StatusOK, nil)
	if got := told(); got != (rate{10, 30, 120}) {
		t.Errorf("the limits reported after the reset are %+v, want the usual ones", got)
	}
	delete(groups, "invoiceSend")
	if a := r.post("/testdata/rate-limits", m{"rateLimits": groups}); a.code() != 21405 {
		t.Errorf("limits that leave out a group got HTTP %d %s, want code 21405", a.status, a.body)
	}
}

func TestTestdata_BlockedContext_LogsInNobody(t *testing.T) {
	r := newRig(t, Options{})
	seal := xadestest.Seal(t, nipA, noon.Add(-time.Hour))
	context := m{"contextIdentifier": m{"type": "Nip", "value": nipA}}
	state := func() int {
		t.Helper()
		var b begunLogin
		r.ok(r.sign(seal, nipA, xadestest.Options{}), http.StatusAccepted, &b)
		code, _ := r.state(b)
		return code
	}
	r.ok(r.post("/testdata/context/block", context), http.StatusOK, nil)
	if code := state(); code != 480 {
		t.Errorf("while its context is blocked, a login has the status %d, want 480", code)
	}
	r.ok(r.post("/testdata/context/unblock", context), http.StatusOK, nil)
	if code := state(); code != 200 {
		t.Errorf("when its context is no longer blocked, a login has the status %d, want 200", code)
	}
}

func TestTestdata_ShortenedCertificate_LogsInUntilItsEnd(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: xadestest.SealName(nipA)}, key)
	if err != nil {
		t.Fatal(err)
	}
	signer, serial := r.enrolled(key, csr)
	to := r.clock.now().Add(time.Hour)
	path := "/v2/testdata/certificates/"
	body := []byte(`{"validTo":"` + to.Format(time.RFC3339) + `"}`)
	r.ok(r.do(http.MethodPut, path+serial, jsonType, body), http.StatusOK, nil)
	if a := r.do(http.MethodPut, path+"0000000000000000", jsonType, body); a.code() != 25008 {
		t.Errorf("a change of an unknown certificate got HTTP %d %s, want code 25008", a.status, a.body)
	}
	for _, want := range []int{200, 460} {
		var b begunLogin
		r.ok(r.sign(signer, nipA, xadestest.Options{}), http.StatusAccepted, &b)
		if code, details := r.state(b); code != want {
			t.Errorf("a login with the certificate has the status %d %s, want %d", code, details, want)
		}
		r.clock.add(time.Hour + time.Second)
	}
}
