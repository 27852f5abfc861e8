package ministry

import (
	"net/http"

	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/limits"
)

type rate struct {
	Second int `json:"perSecond"`
	Minute int `json:"perMinute"`
	Hour   int `json:"perHour"`
}

// rateLimits answers with the request limits of the context, as API 2.8 writes them: -1 means no
// limit.
func (m credentialOps) rateLimits(c *call) (simulator.Reply, *problem) {
	answer := map[string]rate{"global": {limits.NoLimit, limits.NoLimit, limits.NoLimit}}
	for group, a := range m.face.Allowances(c.account.ID) {
		answer[group] = rate(a)
	}
	return m.json(http.StatusOK, answer), nil
}

type sessionLimits struct {
	Plain      int `json:"maxInvoiceSizeInMB"`
	Attachment int `json:"maxInvoiceWithAttachmentSizeInMB"`
	Invoices   int `json:"maxInvoices"`
}

// contextLimits answers with what an invoice and a session of the context may hold. Sizes are
// rounded down to whole megabytes, because the contract has no smaller unit.
func (m credentialOps) contextLimits(c *call) (simulator.Reply, *problem) {
	plain, attachment, invoices := m.face.Sizes(c.account.NIP)
	const megabyte = 1_000_000
	one := sessionLimits{plain / megabyte, attachment / megabyte, invoices}
	return m.json(http.StatusOK, struct {
		Online sessionLimits `json:"onlineSession"`
		Batch  sessionLimits `json:"batchSession"`
	}{one, one}), nil
}

// subjectLimits answers with how many certificates the subject of the login may have.
func (m credentialOps) subjectLimits(c *call) (simulator.Reply, *problem) {
	_, requests, _, active := m.office.Limits(owner(c.access))
	type enrollment struct {
		Most int `json:"maxEnrollments"`
	}
	type certificate struct {
		Most int `json:"maxCertificates"`
	}
	return m.json(http.StatusOK, struct {
		Enrollment  enrollment  `json:"enrollment"`
		Certificate certificate `json:"certificate"`
	}{enrollment{requests}, certificate{active}}), nil
}
