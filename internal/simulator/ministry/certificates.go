package ministry

import (
	"encoding/asn1"
	"net/http"
	"regexp"
	"slices"

	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/certificates"
	"ksefworker/internal/simulator/login"
	"ksefworker/internal/simulator/strictjson"
)

var (
	certificateName = regexp.MustCompile(`^[a-zA-Z0-9_\- ąćęłńóśźżĄĆĘŁŃÓŚŹŻ]{5,100}$`)
	serialForm      = regexp.MustCompile(`^[0-9A-F]{16}$`)
)

func owner(a login.Access) certificates.Owner { return certificates.Owner(a.Identity) }

func (m credentialOps) certificateLimits(c *call) (simulator.Reply, *problem) {
	requestsLeft, requests, activeLeft, active := m.office.Limits(owner(c.access))
	type limit struct {
		Remaining int `json:"remaining"`
		Limit     int `json:"limit"`
	}
	return m.json(http.StatusOK, struct {
		May         bool  `json:"canRequest"`
		Enrollment  limit `json:"enrollment"`
		Certificate limit `json:"certificate"`
	}{c.access.BySignature && requestsLeft > 0 && activeLeft > 0, limit{requestsLeft, requests}, limit{activeLeft, active}}), nil
}

// certificateData answers with the attributes that a request must repeat. A login by token has
// none.
func (m credentialOps) certificateData(c *call) (simulator.Reply, *problem) {
	if !c.access.BySignature {
		return simulator.Reply{}, refuse(25001, "Brak możliwości pobrania danych do CSR dla wykorzystanego sposobu uwierzytelnienia.")
	}
	s := c.access.Subject
	return m.json(http.StatusOK, struct {
		CommonName string `json:"commonName"`
		Country    string `json:"countryName"`
		GivenName  string `json:"givenName,omitempty"`
		Surname    string `json:"surname,omitempty"`
		Serial     string `json:"serialNumber,omitempty"`
		Unique     string `json:"uniqueIdentifier,omitempty"`
		Name       string `json:"organizationName,omitempty"`
		ID         string `json:"organizationIdentifier,omitempty"`
	}{s.CommonName, s.Country, s.GivenName, s.Surname, s.SerialNumber, s.UniqueID, s.Organization, s.OrganizationID}), nil
}

func (m credentialOps) enrol(c *call) (simulator.Reply, *problem) {
	if !c.access.BySignature {
		const text = "Brak możliwości złożenia wniosku certyfikacyjnego dla wykorzystanego sposobu uwierzytelnienia."
		return simulator.Reply{}, refuse(25002, text)
	}
	var body struct {
		Name string            `json:"certificateName"`
		Type string            `json:"certificateType"`
		CSR  strictjson.Octets `json:"csr"`
		From moment            `json:"validFrom,omitempty"`
	}
	if p := c.decode(&body); p != nil {
		return simulator.Reply{}, p
	}
	switch {
	case !certificateName.MatchString(body.Name):
		return simulator.Reply{}, badInput("certificateName: 5 to 100 letters, digits, blanks, - and _ are allowed")
	case body.Type != certificates.Authentication && body.Type != certificates.Offline:
		return simulator.Reply{}, badInput("certificateType: %q is neither Authentication nor Offline", body.Type)
	}
	name, err := nameOf(c.access.Subject)
	if err != nil {
		return simulator.Reply{}, &problem{status: http.StatusInternalServerError, detail: err.Error()}
	}
	reference, err := m.office.Enrol(owner(c.access), body.Name, body.Type, body.CSR, name, body.From.Time)
	if err != nil {
		return simulator.Reply{}, problemOfLogin(err)
	}
	return m.json(http.StatusAccepted, struct {
		Reference string `json:"referenceNumber"`
		At        string `json:"timestamp"`
	}{reference, timestamp(m.face.Now())}), nil
}

// nameOf returns a DER name with the attributes that certificateData answers.
func nameOf(s login.Subject) ([]byte, error) {
	type attribute struct {
		ID    asn1.ObjectIdentifier
		Value string `asn1:"utf8"`
	}
	var name []asn1.RawValue
	for _, a := range []attribute{
		{asn1.ObjectIdentifier{2, 5, 4, 6}, s.Country}, {asn1.ObjectIdentifier{2, 5, 4, 10}, s.Organization},
		{asn1.ObjectIdentifier{2, 5, 4, 97}, s.OrganizationID}, {asn1.ObjectIdentifier{2, 5, 4, 42}, s.GivenName},
		{asn1.ObjectIdentifier{2, 5, 4, 4}, s.Surname}, {asn1.ObjectIdentifier{2, 5, 4, 5}, s.SerialNumber},
		{asn1.ObjectIdentifier{2, 5, 4, 45}, s.UniqueID}, {asn1.ObjectIdentifier{2, 5, 4, 3}, s.CommonName},
	} {
		if a.Value == "" {
			continue
		}
		der, err := asn1.MarshalWithParams([]attribute{a}, "set")
		if err != nil {
			return nil, err
		}
		name = append(name, asn1.RawValue{FullBytes: der})
	}
	return asn1.Marshal(name)
}

func (m credentialOps) enrolment(c *call) (simulator.Reply, *problem) {
	reference, p := c.reference(0)
	if p != nil {
		return simulator.Reply{}, p
	}
	s, err := m.office.Status(owner(c.access), reference)
	if err != nil {
		return simulator.Reply{}, problemOfLogin(err)
	}
	text := "Wniosek przyjęty do realizacji"
	if s.Code == http.StatusOK {
		text = "Wniosek obsłużony (certyfikat wygenerowany)"
	}
	return m.json(http.StatusOK, struct {
		At     string     `json:"requestDate"`
		Status statusInfo `json:"status"`
		Serial string     `json:"certificateSerialNumber,omitempty"`
	}{timestamp(s.Made), status(s.Code, text, ""), s.Serial}), nil
}

func (m credentialOps) retrieve(c *call) (simulator.Reply, *problem) {
	var body struct {
		Serials []string `json:"certificateSerialNumbers"`
	}
	if p := c.decode(&body); p != nil {
		return simulator.Reply{}, p
	}
	malformed := func(serial string) bool { return !serialForm.MatchString(serial) }
	if n := len(body.Serials); n < 1 || n > 10 || slices.ContainsFunc(body.Serials, malformed) {
		return simulator.Reply{}, badInput("certificateSerialNumbers: 1 to 10 serial numbers of 16 hex digits are allowed")
	}
	type entry struct {
		DER    []byte `json:"certificate"`
		Name   string `json:"certificateName"`
		Serial string `json:"certificateSerialNumber"`
		Type   string `json:"certificateType"`
	}
	answer := struct {
		Certificates []entry `json:"certificates"`
	}{[]entry{}}
	for _, i := range m.office.Retrieve(owner(c.access), body.Serials) {
		answer.Certificates = append(answer.Certificates, entry{i.DER, i.Name, i.Serial, i.Type})
	}
	return m.json(http.StatusOK, answer), nil
}

func (m credentialOps) queryCertificates(c *call) (simulator.Reply, *problem) {
	if p := c.checkQuery("pageSize", "pageOffset"); p != nil {
		return simulator.Reply{}, p
	}
	size, p := c.queryInt("pageSize", 10, 10, 50)
	if p != nil {
		return simulator.Reply{}, p
	}
	page, p := c.queryInt("pageOffset", 0, 0, 1<<20)
	if p != nil {
		return simulator.Reply{}, p
	}
	var body struct {
		Serial  string `json:"certificateSerialNumber,omitempty"`
		Name    string `json:"name,omitempty"`
		Type    string `json:"type,omitempty"`
		Status  string `json:"status,omitempty"`
		Expires moment `json:"expiresAfter,omitempty"`
	}
	if p := c.decode(&body); p != nil {
		return simulator.Reply{}, p
	}
	found := m.office.Query(owner(c.access), func(i certificates.Info) bool {
		return (body.Serial == "" || body.Serial == i.Serial) && (body.Name == "" || body.Name == i.Name) &&
			(body.Type == "" || body.Type == i.Type) && (body.Status == "" || body.Status == i.Status) && i.To.After(body.Expires.Time)
	})
	type entry struct {
		Serial  string            `json:"certificateSerialNumber"`
		Name    string            `json:"name"`
		Type    string            `json:"type"`
		Common  string            `json:"commonName"`
		Status  string            `json:"status"`
		Subject contextIdentifier `json:"subjectIdentifier"`
		From    string            `json:"validFrom"`
		To      string            `json:"validTo"`
		Used    string            `json:"lastUseDate,omitempty"`
		Made    string            `json:"requestDate"`
	}
	from := min(page*size, len(found))
	to := min(from+size, len(found))
	answer := struct {
		Certificates []entry `json:"certificates"`
		More         bool    `json:"hasMore"`
	}{[]entry{}, to < len(found)}
	for _, i := range found[from:to] {
		answer.Certificates = append(answer.Certificates, entry{
			i.Serial, i.Name, i.Type, i.CommonName, m.oneOf(i.Status, "Withdrawn"), contextIdentifier(i.Owner),
			timestamp(i.From), timestamp(i.To), optional(i.Used), timestamp(i.Made),
		})
	}
	return m.json(http.StatusOK, answer), nil
}

func (m credentialOps) revokeCertificate(c *call) (simulator.Reply, *problem) {
	var body struct {
		Reason string `json:"revocationReason,omitempty"`
	}
	if p := c.decode(&body); p != nil {
		return simulator.Reply{}, p
	}
	if !slices.Contains([]string{"", "Unspecified", "Superseded", "KeyCompromise"}, body.Reason) {
		return simulator.Reply{}, badInput("revocationReason: %q is not one of Unspecified, Superseded, KeyCompromise", body.Reason)
	}
	if !c.access.BySignature {
		return simulator.Reply{}, forbidden("auth-method-not-allowed", "Operacja nie jest dostępna dla tej metody uwierzytelnienia.",
			map[string]any{"authenticationMethodCategory": describeMethod(c.access.Method).Category})
	}
	if err := m.office.Revoke(owner(c.access), c.value(0)); err != nil {
		return simulator.Reply{}, problemOfLogin(err)
	}
	return empty(), nil
}
