package ministry

import (
	"crypto/x509/pkix"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/simulator/login"
	"ksefworker/internal/simulator/xades/xadestest"
)

// secretText is shorter than a real token, because the keys of these tests are short.
const secretText = "EC-1|nip-" + nipA + "|0123456789abcdef"

func withToken(permissions ...string) Options {
	return Options{Tokens: []Token{{NIP: nipA, Secret: secretText, Permissions: permissions}}}
}

func TestLogin_BySealAndByToken_OpensTheContext(t *testing.T) {
	r := newRig(t, withToken())
	r.ok(r.loggedIn(nipA).get("/rate-limits"), http.StatusOK, nil)
	challenge, millis := r.challengeText()
	got := r.redeemed(r.sendToken(nipA, secretText, millis, challenge))
	r.ok(r.with(got.Access.Token).get("/limits/context"), http.StatusOK, nil)
	if n := r.face.Logins(); len(n) != 1 || n[nipA] != 2 {
		t.Errorf("the count of logins by NIP is %v, want 2 for one NIP", n)
	}
}

// A token of one kind opens nothing that another kind opens.
func TestLogin_ThreeKindsOfToken_AreNotInterchangeable(t *testing.T) {
	r := newRig(t, Options{})
	seal := xadestest.Seal(t, nipA, noon.Add(-time.Hour))
	var b begunLogin
	r.ok(r.sign(seal, nipA, xadestest.Options{}), http.StatusAccepted, &b)
	operation := r.with(b.Token.Token)
	if a := operation.get("/rate-limits"); a.status != http.StatusUnauthorized {
		t.Errorf("a request with an authentication token as its access token got HTTP %d, want 401", a.status)
	}
	if a := operation.post("/auth/token/refresh", nil); a.status != http.StatusUnauthorized {
		t.Errorf("a refresh with an authentication token got HTTP %d, want 401", a.status)
	}
	var got tokens
	r.ok(operation.post("/auth/token/redeem", nil), http.StatusOK, &got)
	for name, other := range map[string]*rig{"access": r.with(got.Access.Token), "refresh": r.with(got.Refresh.Token)} {
		if a := other.post("/auth/token/redeem", nil); a.status != http.StatusUnauthorized {
			t.Errorf("redeem with the %s token got HTTP %d, want 401", name, a.status)
		}
		if a := other.get("/auth/" + b.Reference); a.status != http.StatusUnauthorized {
			t.Errorf("the state of the login, asked with the %s token, got HTTP %d, want 401", name, a.status)
		}
	}
	if a := r.with(got.Refresh.Token).get("/rate-limits"); a.status != http.StatusUnauthorized {
		t.Errorf("a request with a refresh token as its access token got HTTP %d, want 401", a.status)
	}
	if a := r.with(got.Access.Token).post("/auth/token/refresh", nil); a.status != http.StatusUnauthorized {
		t.Errorf("a refresh with an access token got HTTP %d, want 401", a.status)
	}
	parts := strings.Split(got.Access.Token, ".")
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	forged := parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(claims), nipA, nipB, 1))) + "." + parts[2]
	for name, token := range map[string]string{"forged": forged, "missing": "", "made up": "abc"} {
		if a := r.with(token).get("/rate-limits"); a.status != http.StatusUnauthorized {
			t.Errorf("a request with a token that is %s got HTTP %d, want 401", name, a.status)
		}
	}
}

func TestLogin_Redeem_WorksOnce(t *testing.T) {
	r := newRig(t, Options{})
	var b begunLogin
	r.ok(r.sign(xadestest.Seal(t, nipA, noon.Add(-time.Hour)), nipA, xadestest.Options{}), http.StatusAccepted, &b)
	operation := r.with(b.Token.Token)
	r.ok(operation.post("/auth/token/redeem", nil), http.StatusOK, nil)
	if a := operation.post("/auth/token/redeem", nil); a.status != http.StatusBadRequest || a.code() != 21301 {
		t.Errorf("the second redeem got HTTP %d %s, want 400 and code 21301", a.status, a.body)
	}
}

func TestLogin_StillRunning_CannotBeRedeemed(t *testing.T) {
	r := newRig(t, Options{LoginDelay: 2 * time.Second})
	var b begunLogin
	r.ok(r.sign(xadestest.Seal(t, nipA, noon.Add(-time.Hour)), nipA, xadestest.Options{}), http.StatusAccepted, &b)
	if code, _ := r.state(b); code != 100 {
		t.Errorf("the login has the status %d, want 100", code)
	}
	if a := r.with(b.Token.Token).post("/auth/token/redeem", nil); a.code() != 21301 {
		t.Errorf("redeem while the login is still running got HTTP %d %s, want code 21301", a.status, a.body)
	}
	r.clock.add(2 * time.Second)
	if code, _ := r.state(b); code != 200 {
		t.Errorf("two seconds later the login has the status %d, want 200", code)
	}
	r.clock.add(7 * 24 * time.Hour)
	if a := r.with(b.Token.Token).get("/auth/" + b.Reference); a.status != http.StatusUnauthorized {
		t.Errorf("a week later a request with the authentication token got HTTP %d, want 401", a.status)
	}
}

func TestLogin_Tokens_ExpireAndAreRefreshed(t *testing.T) {
	r := newRig(t, Options{Lives: login.Lives{Access: time.Minute, Refresh: time.Hour}})
	got := r.redeemed(r.sign(xadestest.Seal(t, nipA, noon.Add(-time.Hour)), nipA, xadestest.Options{}))
	r.clock.add(time.Minute)
	if a := r.with(got.Access.Token).get("/rate-limits"); a.status != http.StatusUnauthorized {
		t.Errorf("a request with an expired access token got HTTP %d, want 401", a.status)
	}
	for range 2 { // the refresh token stays the same
		var again tokens
		r.ok(r.with(got.Refresh.Token).post("/auth/token/refresh", nil), http.StatusOK, &again)
		r.ok(r.with(again.Access.Token).get("/rate-limits"), http.StatusOK, nil)
	}
	r.clock.add(time.Hour)
	if a := r.with(got.Refresh.Token).post("/auth/token/refresh", nil); a.status != http.StatusUnauthorized {
		t.Errorf("a refresh with an expired refresh token got HTTP %d, want 401", a.status)
	}
}

func TestLogin_Revoked_EndsRefreshingAndNotTheAccessToken(t *testing.T) {
	r := newRig(t, Options{})
	seal := xadestest.Seal(t, nipA, noon.Add(-time.Hour))
	first, second := r.redeemed(r.sign(seal, nipA, xadestest.Options{})), r.redeemed(r.sign(seal, nipA, xadestest.Options{}))
	var list struct {
		Items []loginState `json:"items"`
	}
	r.ok(r.with(first.Access.Token).get("/auth/sessions"), http.StatusOK, &list)
	if len(list.Items) != 2 || *list.Items[0].Current || !*list.Items[1].Current {
		t.Fatalf("the list is %+v, want two logins, the second one current", list)
	}
	r.ok(r.with(first.Access.Token).do(http.MethodDelete, "/v2/auth/sessions/"+list.Items[0].Reference, "", nil), http.StatusNoContent, nil)
	if a := r.with(second.Refresh.Token).post("/auth/token/refresh", nil); a.code() != 21301 {
		t.Errorf("a refresh of the revoked login got HTTP %d %s, want code 21301", a.status, a.body)
	}
	r.ok(r.with(second.Access.Token).get("/rate-limits"), http.StatusOK, nil)
	r.ok(r.with(first.Refresh.Token).do(http.MethodDelete, "/v2/auth/sessions/current", "", nil), http.StatusNoContent, nil)
	if a := r.with(first.Refresh.Token).post("/auth/token/refresh", nil); a.code() != 21301 {
		t.Errorf("a refresh of the login that revoked itself got HTTP %d, want code 21301", a.status)
	}
	if a := r.with(first.Access.Token).do(http.MethodDelete, "/v2/auth/sessions/20260101-AU-0000000000-0000000000-00", "",
		nil); a.code() != 21405 {
		t.Errorf("the revocation of an unknown login got HTTP %d %s, want code 21405", a.status, a.body)
	}
}

func TestLogin_BadSignedRequests_AreRefusedWithKSeFsCodes(t *testing.T) {
	r := newRig(t, Options{})
	seal := xadestest.Seal(t, nipA, noon.Add(-time.Hour))
	send := func(document []byte) answer {
		return r.do(http.MethodPost, "/v2/auth/xades-signature", xmlType, document)
	}
	signed := func(request string) []byte { return seal.Sign(t, request, xadestest.Options{At: noon}) }
	challenge, _ := r.challengeText()
	good := xadestest.Request(challenge, "Nip", nipA, "certificateSubject")
	person := pkix.Name{CommonName: "Jan Kowalski", Country: []string{"PL"}, SerialNumber: "X-1"}
	for name, c := range map[string]struct {
		document []byte
		code     int
	}{
		"a document that is not XML":   {[]byte("hello"), 9101},
		"a document without signature": {[]byte(good), 9102},
		"a NIP changed after signing":  {[]byte(strings.Replace(string(signed(good)), nipA, nipB, 1)), 9105},
		"a NIP of nine digits":         {signed(strings.Replace(good, nipA, nipA[:9], 1)), 21401},
		"a context without NIP":        {signed(strings.Replace(good, "<Nip>"+nipA+"</Nip>", "", 1)), 21401},
		"another namespace":            {signed(strings.Replace(good, "token/2.1", "token/1.0", 1)), 21401},
		"an unknown element":           {signed(strings.Replace(good, "</ContextIdentifier>", "</ContextIdentifier><X></X>", 1)), 21401},
		"another subject type":         {signed(strings.Replace(good, "certificateSubject", "certificate", 1)), 21401},
		"an unknown challenge": {signed(xadestest.Request("20261123-CR-226FB7B000-3ACF9BE4C0-10", "Nip", nipA, "certificateSubject")),
			21111},
		"a certificate with neither NIP nor PESEL": {xadestest.SelfSigned(t, seal.Key, person, noon.Add(-time.Hour)).Sign(t, good,
			xadestest.Options{At: noon}), 21115},
		"a document declared as ISO-8859-2": {[]byte(strings.Replace(string(signed(good)), "UTF-8", "ISO-8859-2", 1)), 21217},
		"a policy with an invalid address": {signed(strings.Replace(good, "</AuthTokenRequest>",
			"<AuthorizationPolicy><AllowedIps><Ip4Address>1.2.3</Ip4Address></AllowedIps></AuthorizationPolicy></AuthTokenRequest>", 1)),
			21401},
	} {
		if a := send(c.document); a.status != http.StatusBadRequest || a.code() != c.code {
			t.Errorf("%s: the request to log in got HTTP %d %s, want 400 and code %d", name, a.status, a.body, c.code)
		}
	}
	if a := r.do(http.MethodPost, "/v2/auth/xades-signature", jsonType, signed(good)); a.status != http.StatusUnsupportedMediaType {
		t.Errorf("a signed request that was sent as JSON got HTTP %d, want 415", a.status)
	}
	fresh, _ := r.challengeText()
	request := signed(xadestest.Request(fresh, "Nip", nipA, "certificateSubject"))
	r.ok(send(request), http.StatusAccepted, nil)
	if a := send(request); a.code() != 21111 {
		t.Errorf("a request with a challenge that was used before got HTTP %d %s, want code 21111", a.status, a.body)
	}
	late, _ := r.challengeText()
	r.clock.add(10 * time.Minute)
	if a := send(signed(xadestest.Request(late, "Nip", nipA, "certificateSubject"))); a.code() != 21111 {
		t.Errorf("a request with a challenge that is ten minutes old got HTTP %d %s, want code 21111", a.status, a.body)
	}
}

func TestLogin_FaultThatKSeFFindsLater_IsInTheStatusOfTheLogin(t *testing.T) {
	r := newRig(t, withToken())
	challenge := func() (string, int64) { return r.challengeText() }
	seal, expired := xadestest.Seal(t, nipA, noon.Add(-time.Hour)), xadestest.Seal(t, nipA, noon.AddDate(-3, 0, 0))
	begun := func(a answer) begunLogin {
		t.Helper()
		var b begunLogin
		r.ok(a, http.StatusAccepted, &b)
		return b
	}
	expect := func(name string, a answer, code int, says string) {
		t.Helper()
		if got, details := r.state(begun(a)); got != code || !strings.Contains(details, says) {
			t.Errorf("%s: the login has the status %d %s, want %d with %q", name, got, details, code, says)
		}
	}
	expect("the context of another taxpayer", r.sign(seal, nipB, xadestest.Options{}), 415, "uprawnień")
	expect("an expired certificate", r.sign(expired, nipA, xadestest.Options{}), 460, "Nieważny")
	c, at := challenge()
	expect("an unknown token", r.sendToken(nipA, secretText+"0", at, c), 450, "Nieprawidłowy token")
	c, at = challenge()
	expect("a token with a wrong timestamp", r.sendToken(nipA, secretText, at+1, c), 450, "czas")
	c, at = challenge()
	expect("the token of another taxpayer", r.sendToken(nipB, secretText, at, c), 450, nipB)
	c, _ = challenge()
	garbage := m{"challenge": c, "contextIdentifier": m{"type": "Nip", "value": nipA}, "encryptedToken": []byte("garbage")}
	expect("a token that cannot be decrypted", r.post("/auth/ksef-token", garbage), 450, "szyfrowanie")
	c, _ = challenge()
	garbage["challenge"], garbage["publicKeyId"] = c, make([]byte, 32)
	if a := r.post("/auth/ksef-token", garbage); a.code() != codeKey {
		t.Errorf("a token encrypted for an unknown key got HTTP %d %s, want code %d", a.status, a.body, codeKey)
	}
	c, _ = challenge()
	chained := seal.Sign(t, xadestest.Request(c, "Nip", nipA, "certificateSubject"), xadestest.Options{At: noon})
	asked := r.do(http.MethodPost, "/v2/auth/xades-signature?verifyCertificateChain=true", xmlType, chained)
	expect("a self-signed certificate, with verifyCertificateChain", asked, 460, "łańcucha")
	strict := newRig(t, Options{OnlyIssued: true})
	r = strict
	expect("a self-signed certificate in production", r.sign(seal, nipA, xadestest.Options{}), 460, "łańcuch")
}

func TestLogin_PersonAndFingerprint_ActWhereTheyHaveAGrant(t *testing.T) {
	person := pkix.Name{CommonName: "Jan Kowalski", Country: []string{"PL"}, SerialNumber: "PNOPL-44051401359",
		ExtraNames: []pkix.AttributeTypeAndValue{
			{Type: []int{2, 5, 4, 42}, Value: "Jan"}, {Type: []int{2, 5, 4, 4}, Value: "Kowalski"},
		}}
	signer := xadestest.SelfSigned(t, xadestest.Seal(t, nipB, noon.Add(-time.Hour)).Key, person, noon.Add(-time.Hour))
	context := login.Context{Type: "Nip", Value: nipA}
	r := newRig(t, Options{Grants: []login.Grant{
		{Subject: login.Identity{Type: "Pesel", Value: "44051401359"}, Context: context, Permissions: []string{login.InvoiceRead}},
		{Subject: login.Fingerprint(signer.Certificate), Context: context, Permissions: []string{login.InvoiceWrite}},
	}})
	byPesel := r.with(r.redeemed(r.sign(signer, nipA, xadestest.Options{})).Access.Token)
	a := byPesel.post("/sessions/online", m{})
	if a.status != http.StatusForbidden || !strings.Contains(string(a.body), "missing-permissions") ||
		!strings.Contains(string(a.body), login.InvoiceWrite) {
		t.Errorf("without the permission InvoiceWrite the request got HTTP %d %s, want 403 that names the permission", a.status, a.body)
	}
	challenge, _ := r.challengeText()
	document := signer.Sign(t, xadestest.Request(challenge, "Nip", nipA, "certificateFingerprint"), xadestest.Options{At: noon})
	byFingerprint := r.with(r.redeemed(r.do(http.MethodPost, "/v2/auth/xades-signature", xmlType, document)).Access.Token)
	byFingerprint.openOnline()
	if a := byFingerprint.get("/invoices/ksef/" + nipA + "-20261123-000000000000-00"); a.status != http.StatusForbidden {
		t.Errorf("without the permission InvoiceRead the request got HTTP %d %s, want 403", a.status, a.body)
	}
}

func TestLogin_AllowedAddresses_KeepOthersOut(t *testing.T) {
	r := newRig(t, Options{})
	seal := xadestest.Seal(t, nipA, noon.Add(-time.Hour))
	for ips, want := range map[string]int{
		"<Ip4Address>127.0.0.1</Ip4Address>": http.StatusOK, "<Ip4Mask>127.0.0.0/8</Ip4Mask>": http.StatusOK,
		"<Ip4Range>126.0.0.1-127.255.255.255</Ip4Range>": http.StatusOK, "<Ip4Address>10.1.2.3</Ip4Address>": http.StatusForbidden,
	} {
		challenge, _ := r.challengeText()
		policy := "<AuthorizationPolicy><AllowedIps>" + ips + "</AllowedIps></AuthorizationPolicy></AuthTokenRequest>"
		request := strings.Replace(xadestest.Request(challenge, "Nip", nipA, "certificateSubject"), "</AuthTokenRequest>", policy, 1)
		got := r.redeemed(r.do(http.MethodPost, "/v2/auth/xades-signature", xmlType, seal.Sign(t, request, xadestest.Options{At: noon})))
		a := r.with(got.Access.Token).get("/rate-limits")
		if a.status != want || want == http.StatusForbidden && !strings.Contains(string(a.body), "ip-not-allowed") {
			t.Errorf("a login that allows only %s got HTTP %d %s at 127.0.0.1, want %d", ips, a.status, a.body, want)
		}
	}
}
