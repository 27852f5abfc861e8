package simulator

import (
	"slices"
	"time"

	"ksefworker/internal/simulator/strictjson"
)

const (
	minPage   = 10
	maxPage   = 250
	maxSet    = 10_000 // records that one set of filters returns; the rest is cut off
	maxMonths = 3
)

type dateRange struct {
	From strictjson.Timestamp `json:"from"`
	To   strictjson.Timestamp `json:"to"`
}

func (r dateRange) check() *refusal {
	switch {
	case r.To.Before(r.From.Time):
		return badInput("range.to is before range.from")
	case r.To.After(r.From.AddDate(0, maxMonths, 0)):
		return badInput("range is longer than %d months", maxMonths)
	}
	return nil
}

func checkSubject(subject string) *refusal {
	if !slices.Contains([]string{"Subject1", "Subject2", "Subject3", "SubjectAuthorized"}, subject) {
		return badInput("subjectType %q is not Subject1, Subject2, Subject3 or SubjectAuthorized", subject)
	}
	return nil
}

// findInvoices returns the invoices that an account may see in a role and whose time of permanent
// storage is in a range, oldest first. truncated reports whether there were more than maxSet. Third
// parties are not modelled and see no invoices. The caller holds mu.
func (ro *registerOperations) findInvoices(account Account, subject string, r dateRange) (found []*accepted, truncated bool) {
	for _, a := range ro.accepted {
		nip := account.NIP
		if nip == "" && a.account == account.ID {
			nip = a.session.context // a key for any seller sees what it sent itself
		}
		mine := false
		switch subject {
		case "Subject1":
			mine = nip != "" && a.NIP == nip
		case "Subject2":
			mine = nip != "" && a.BuyerNIP == nip
		case "SubjectAuthorized":
			mine = nip != "" && a.AgentNIP == nip
		}
		stored := a.at.Add(time.Second)
		if !mine || !ro.shown(a) || stored.Before(r.From.Time) || stored.After(r.To.Time) {
			continue
		}
		if len(found) == maxSet {
			return found, true
		}
		found = append(found, a)
	}
	return found, false
}

type subject struct {
	Identifier string `json:"identifier"`
	Name       string `json:"name"`
}

type invoiceMetadata struct {
	Type        string  `json:"invoiceType"`
	Number      string  `json:"invoiceNumber"`
	KsefNumber  string  `json:"ksefNumber"`
	Issued      string  `json:"issueDate"`
	Mode        string  `json:"invoicingMode"`
	Seller      subject `json:"seller"`
	Buyer       subject `json:"buyer"`
	Currency    string  `json:"currency"`
	Net         float64 `json:"netAmount"`
	VAT         float64 `json:"vatAmount"`
	Gross       float64 `json:"grossAmount"`
	Acquisition string  `json:"acquisitionDate"`
	Storage     string  `json:"permanentStorageDate"`
}

func (a *accepted) metadata() invoiceMetadata {
	return invoiceMetadata{
		Type: a.Kind, Number: a.Number, KsefNumber: a.ksefNumber, Issued: a.Issued, Mode: a.mode,
		Seller: subject{a.NIP, a.Seller}, Buyer: subject{a.BuyerNIP, a.Buyer}, Currency: a.Currency,
		Net: float64(a.Net) / 100, VAT: float64(a.VAT) / 100, Gross: float64(a.Gross) / 100,
		Acquisition: rfc3339(a.at), Storage: rfc3339(a.at.Add(time.Second)),
	}
}

// checkSearch checks the search that three operations make in the register. The search finds the
// invoices in which the caller has the role subject, within a date range.
func checkSearch(subject string, r dateRange) *refusal {
	if refused := checkSubject(subject); refused != nil {
		return refused
	}
	return r.check()
}

// metadata lists one page of invoices.
func (ro *registerOperations) metadata(c *call) (reply, *refusal) {
	var body struct {
		Subject string    `json:"subjectType"`
		Range   dateRange `json:"range"`
		Offset  int32     `json:"pageOffset"`
		Size    int32     `json:"pageSize"`
		Asc     bool      `json:"sortAsc"`
	}
	if refused := c.decode(&body); refused != nil {
		return reply{}, refused
	}
	if refused := checkSearch(body.Subject, body.Range); refused != nil {
		return reply{}, refused
	}
	if body.Offset < 0 || body.Size < minPage || body.Size > maxPage {
		return reply{}, badInput("pageOffset is 0 or more, pageSize %d to %d", minPage, maxPage)
	}
	ro.mu.Lock()
	defer ro.mu.Unlock()
	found, truncated := ro.findInvoices(c.account, body.Subject, body.Range)
	if !body.Asc {
		slices.Reverse(found)
	}
	answer := struct {
		More      bool              `json:"hasMore"`
		Truncated bool              `json:"isTruncated"`
		Storage   string            `json:"permanentStorageDate,omitempty"`
		Invoices  []invoiceMetadata `json:"invoices"`
	}{Truncated: truncated, Storage: rfc3339(ro.now()), Invoices: []invoiceMetadata{}}
	from := min(int64(body.Offset)*int64(body.Size), int64(len(found)))
	to := min(from+int64(body.Size), int64(len(found)))
	for _, a := range found[from:to] {
		if m, there := ro.alterer.alteredMetadata(a); there {
			answer.Invoices = append(answer.Invoices, m)
		}
	}
	answer.More = to < int64(len(found))
	return jsonReply(answer), nil
}
