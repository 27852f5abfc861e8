package simulator

import (
	"fmt"
	"net/http"

	"ksefworker/internal/simulator/fa"
)

// readable reports whether an account may read an invoice: its sender, seller, buyer and
// representative may.
func (a *accepted) readable(account Account) bool {
	return a.account == account.ID || account.NIP != "" && (a.NIP == account.NIP || a.BuyerNIP == account.NIP || a.AgentNIP == account.NIP)
}

// shown reports whether an invoice's number is visible to clients; before that nobody can find the
// invoice.
func (s *Simulator) shown(a *accepted) bool {
	if a.session.lane == laneBatch || a.session.boxed {
		return s.status(a.session) >= 200
	}
	return !s.now().Before(a.sent.Add(s.opts.InvoiceDelay))
}

// invoiceGet returns the bytes that KSeF accepted.
func (s *Simulator) invoiceGet(c *call) (reply, *refusal) {
	s.mu.Lock()
	a := s.byNumber[c.value(0)]
	found := a != nil && a.readable(c.account) && s.shown(a)
	s.mu.Unlock()
	if !found {
		return reply{}, noInvoice(fmt.Sprintf("Faktura o numerze KSeF %s nie została znaleziona.", c.value(0)))
	}
	content, err := s.documents.get(a.location)
	if err != nil {
		return reply{}, &refusal{status: http.StatusInternalServerError, code: 500, description: "Internal Server Error"}
	}
	return reply{status: http.StatusOK, contentType: xmlType, body: content}, nil
}

// validateInvoice checks a document without sending it. canonicalForm is the document as it came,
// because canonical XML is not modelled.
func (s *Simulator) validateInvoice(c *call) (reply, *refusal) {
	answer := struct {
		Valid   bool   `json:"valid"`
		Version string `json:"invoiceVersion"`
		Form    []byte `json:"canonicalForm"`
	}{Form: c.body, Version: "v3"}
	for _, version := range []string{"v3", "v2"} {
		f := s.forms[version]
		r := fa.Inspect(c.body, f, fa.Circumstances{Accepted: s.Now().In(s.warsaw)})
		if r.Header == nil {
			return reply{}, badInput("%s", r.Details)
		}
		if r.Header.Namespace == f.Namespace {
			answer.Version, answer.Valid = version, r.Code == 200
		}
	}
	return jsonReply(answer), nil
}
