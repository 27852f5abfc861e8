package ministry

import (
	"errors"
	"net/http"
	"slices"

	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/login"
	"ksefworker/internal/simulator/strictjson"
)

func (m loginOps) challenge(c *call) (simulator.Reply, *problem) {
	made := m.desk.Challenge()
	return m.json(http.StatusOK, struct {
		Challenge string `json:"challenge"`
		At        string `json:"timestamp"`
		Millis    int64  `json:"timestampMs"`
		IP        string `json:"clientIp"`
	}{made.Reference, timestamp(made.At), made.Millis, c.ip}), nil
}

type tokenInfo struct {
	Token string `json:"token"`
	Until string `json:"validUntil"`
}

func infoOf(t login.JWT) tokenInfo { return tokenInfo{t.Text, timestamp(t.ValidUntil)} }

func (m loginOps) begun(b login.Begun, err error) (simulator.Reply, *problem) {
	if err != nil {
		return simulator.Reply{}, problemOfLogin(err)
	}
	return m.json(http.StatusAccepted, struct {
		Reference string    `json:"referenceNumber"`
		Token     tokenInfo `json:"authenticationToken"`
	}{b.Reference, infoOf(b.Token)}), nil
}

// loginXades begins a login with a signed document.
func (m loginOps) loginXades(c *call) (simulator.Reply, *problem) {
	if p := c.checkQuery("verifyCertificateChain"); p != nil {
		return simulator.Reply{}, p
	}
	verify := c.r.URL.Query().Get("verifyCertificateChain")
	if verify != "" && verify != "true" && verify != "false" {
		return simulator.Reply{}, badInput("verifyCertificateChain: %q is neither true nor false", verify)
	}
	return m.begun(m.desk.BeginSigned(c.body, verify == "true", c.ip))
}

type contextIdentifier struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// loginToken begins a login with an encrypted token.
func (m loginOps) loginToken(c *call) (simulator.Reply, *problem) {
	type allowedIPs struct {
		Addresses []string `json:"ip4Addresses,omitempty"`
		Ranges    []string `json:"ip4Ranges,omitempty"`
		Masks     []string `json:"ip4Masks,omitempty"`
	}
	type policy struct {
		Allowed allowedIPs `json:"allowedIps,omitempty"`
	}
	var body struct {
		Challenge string            `json:"challenge"`
		Context   contextIdentifier `json:"contextIdentifier"`
		Encrypted strictjson.Octets `json:"encryptedToken"`
		KeyID     strictjson.Octets `json:"publicKeyId,omitempty"`
		Policy    policy            `json:"authorizationPolicy,omitempty"`
	}
	if p := c.decode(&body); p != nil {
		return simulator.Reply{}, p
	}
	context := login.Context(body.Context)
	allowed := login.Policy(body.Policy.Allowed)
	switch {
	case len(body.Challenge) != 36:
		return simulator.Reply{}, badInput("challenge does not have 36 characters")
	case !context.Valid():
		return simulator.Reply{}, badInput("contextIdentifier: %q is not a valid %s", context.Value, context.Type)
	case body.KeyID != nil && len(body.KeyID) != 32:
		return simulator.Reply{}, badInput("publicKeyId does not have 44 characters")
	}
	if err := allowed.Validate(); err != nil {
		return simulator.Reply{}, badInput("authorizationPolicy: %v", err)
	}
	b, err := m.desk.BeginWithToken(login.TokenRequest{
		Challenge: body.Challenge, Context: context, Encrypted: body.Encrypted, KeyID: body.KeyID, Policy: allowed,
	}, c.ip)
	if errors.Is(err, login.ErrKeyUnknown) {
		return simulator.Reply{}, keyUnknown(base64Of(body.KeyID))
	}
	return m.begun(b, err)
}

type methodInfo struct {
	Category string `json:"category"`
	Code     string `json:"code"`
	Name     string `json:"displayName"`
}

// describeMethod returns the newer description of a way to log in, authenticationMethodInfo.
func describeMethod(method string) methodInfo {
	switch method {
	case "Token":
		return methodInfo{"Token", "token.ksef", "Token KSeF"}
	case "InternalCertificate":
		return methodInfo{"XadesSignature", "xades.internal-certificate", "Certyfikat KSeF"}
	case "QualifiedSeal":
		return methodInfo{"XadesSignature", "xades.qualified-seal", "Pieczęć kwalifikowana"}
	}
	return methodInfo{"XadesSignature", "xades.qualified-signature", "Podpis kwalifikowany"}
}

// loginState is the status of a login, as an answer by itself and as an entry in the list of
// logins.
type loginState struct {
	Reference    string     `json:"referenceNumber,omitempty"`
	Current      *bool      `json:"isCurrent,omitempty"`
	Started      string     `json:"startDate"`
	Method       string     `json:"authenticationMethod"`
	Info         methodInfo `json:"authenticationMethodInfo"`
	Status       statusInfo `json:"status"`
	Redeemed     bool       `json:"isTokenRedeemed"`
	Refreshed    string     `json:"lastTokenRefreshDate,omitempty"`
	RefreshUntil string     `json:"refreshTokenValidUntil,omitempty"`
}

func (m loginOps) stateOf(s login.Status) loginState {
	state := loginState{
		Started: timestamp(s.Started), Method: m.oneOf(s.Method, "MobileSignature"), Info: describeMethod(s.Method),
		Status: status(s.Code, login.Describe(s.Code), s.Details), Redeemed: s.Redeemed,
		Refreshed: optional(s.Refreshed), RefreshUntil: optional(s.RefreshUntil),
	}
	state.Info.Category = m.oneOf(state.Info.Category, "EuropeanWallet")
	return state
}

func (m loginOps) loginStatus(c *call) (simulator.Reply, *problem) {
	reference, p := c.reference(0)
	if p != nil {
		return simulator.Reply{}, p
	}
	s, err := m.desk.Status(reference, c.token)
	if err != nil {
		return simulator.Reply{}, problemOfLogin(err)
	}
	return m.json(http.StatusOK, m.stateOf(s)), nil
}

func (m loginOps) redeem(c *call) (simulator.Reply, *problem) {
	access, refresh, err := m.desk.Redeem(c.token)
	if err != nil {
		return simulator.Reply{}, problemOfLogin(err)
	}
	return m.json(http.StatusOK, struct {
		Access  tokenInfo `json:"accessToken"`
		Refresh tokenInfo `json:"refreshToken"`
	}{infoOf(access), infoOf(refresh)}), nil
}

func (m loginOps) refresh(c *call) (simulator.Reply, *problem) {
	access, err := m.desk.Refresh(c.token)
	if err != nil {
		return simulator.Reply{}, problemOfLogin(err)
	}
	return m.json(http.StatusOK, struct {
		Access tokenInfo `json:"accessToken"`
	}{infoOf(access)}), nil
}

func (m loginOps) loginSessions(c *call) (simulator.Reply, *problem) {
	if p := c.checkQuery("pageSize"); p != nil {
		return simulator.Reply{}, p
	}
	some, next, p := pageOf(m.Ministry, c, m.desk.Sessions(c.access))
	if p != nil {
		return simulator.Reply{}, p
	}
	answer := struct {
		Next  string       `json:"continuationToken,omitempty"`
		Items []loginState `json:"items"`
	}{next, []loginState{}}
	for _, s := range some {
		state, current := m.stateOf(s), s.Reference == c.access.Login
		state.Reference, state.Current = s.Reference, &current
		answer.Items = append(answer.Items, state)
	}
	return m.json(http.StatusOK, answer), nil
}

func (m loginOps) revokeOwnLogin(c *call) (simulator.Reply, *problem) {
	if err := m.desk.RevokeOwn(c.token); err != nil {
		return simulator.Reply{}, problemOfLogin(err)
	}
	return empty(), nil
}

func (m loginOps) revokeLogin(c *call) (simulator.Reply, *problem) {
	reference, p := c.reference(0)
	if p != nil {
		return simulator.Reply{}, p
	}
	if err := m.desk.Revoke(c.access, reference); err != nil {
		return simulator.Reply{}, badInput("%v", err)
	}
	return empty(), nil
}

// author names the identity that opens a session. In the list of sessions, a login sees the
// sessions of its own identity. It sees those of others in its context only if seesAll allows it.
func author(a login.Access) string { return a.Identity.Type + ":" + a.Identity.Value }

// seesAll reports whether a login may list the sessions of everybody in its context.
func seesAll(a login.Access) bool {
	return slices.ContainsFunc(a.Permissions, func(p string) bool { return p == login.Introspection || p == login.EnforcementOperations })
}
