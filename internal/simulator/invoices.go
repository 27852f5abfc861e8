package simulator

import (
	"fmt"
	"net/http"

	"ksefworker/internal/simulator/fa"
)

// readable reports whether an account may read an invoice. The sender, the seller, the buyer and
// the representative of an invoice may read it.
func (a *accepted) readable(account Account) bool {
	return a.account == account.ID || account.NIP != "" && (a.NIP == account.NIP || a.BuyerNIP == account.NIP || a.AgentNIP == account.NIP)
}

// shown reports whether an invoice's number is visible to clients. As long as it is not, nobody can
// find the invoice.
func (c *core) shown(a *accepted) bool {
	if a.session.lane == laneBatch || a.session.boxed {
		return c.status(a.session) >= 200
	}
	return !c.now().Before(a.sent.Add(c.opts.InvoiceDelay))
}

// invoiceGet returns the bytes that KSeF accepted.
func (ro *registerOperations) invoiceGet(c *call) (reply, *refusal) {
	ro.mu.Lock()
	a := ro.byNumber[c.value(0)]
	found := a != nil && a.readable(c.account) && ro.shown(a)
	ro.mu.Unlock()
	if !found {
		return reply{}, noInvoice(fmt.Sprintf("Faktura o numerze KSeF %s nie została znaleziona.", c.value(0)))
	}
	content, err := ro.documents.get(a.location)
	if err != nil {
		return reply{}, &refusal{status: http.StatusInternalServerError, code: 500, description: "Internal Server Error"}
	}
	return reply{status: http.StatusOK, contentType: xmlType, body: content}, nil
}

// validateInvoice checks a document without sending it. In place of the canonical form it returns
// the document as it came, because canonical XML is not modelled.
func (do *documentOperations) validateInvoice(c *call) (reply, *refusal) {
	answer := struct {
		Valid   bool   `json:"valid"`
		Version string `json:"invoiceVersion"`
		Form    []byte `json:"canonicalForm"`
	}{Form: c.body, Version: "v3"}
	for _, version := range []string{"v3", "v2"} {
		f := do.forms[version]
		r := fa.Inspect(c.body, f, fa.Circumstances{Accepted: do.Now().In(do.warsaw)})
		if r.Header == nil {
			return reply{}, badInput("%s", r.Details)
		}
		if r.Header.Namespace == f.Namespace {
			answer.Version, answer.Valid = version, r.Code == 200
		}
	}
	return jsonReply(answer), nil
}
