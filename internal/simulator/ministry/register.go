package ministry

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/simulator"
)

const (
	maxSet    = 10_000 // the most records that one set of filters returns
	maxMonths = 3
	storedLag = time.Second // until a stored invoice is below the high-water mark
)

// moment is a date and time of a request. Without an offset it is in the time of Warsaw.
type moment struct{ time.Time }

func (m *moment) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return errors.New("not a string with a date")
	}
	t, err := parseTime(text)
	if err != nil {
		return errors.New("not a date and time")
	}
	m.Time = t
	return nil
}

func parseTime(text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	warsaw, err := time.LoadLocation("Europe/Warsaw")
	if err != nil {
		return time.Time{}, err
	}
	if t, err := time.ParseInLocation("2006-01-02T15:04:05.999999999", text, warsaw); err == nil {
		return t, nil
	}
	return time.ParseInLocation(time.DateOnly, text, warsaw)
}

type dateRange struct {
	Type     string `json:"dateType"`
	From     moment `json:"from"`
	To       moment `json:"to,omitempty"`
	Restrict bool   `json:"restrictToPermanentStorageHwmDate,omitempty"`
}

type amountFilter struct {
	Type string   `json:"type"`
	From *float64 `json:"from,omitempty"`
	To   *float64 `json:"to,omitempty"`
}

type buyerFilter struct {
	Type  string `json:"type"`
	Value string `json:"value,omitempty"`
}

type invoiceFilter struct {
	Subject    string       `json:"subjectType"`
	Range      dateRange    `json:"dateRange"`
	KsefNumber string       `json:"ksefNumber,omitempty"`
	Number     string       `json:"invoiceNumber,omitempty"`
	Amount     amountFilter `json:"amount,omitempty"`
	SellerNIP  string       `json:"sellerNip,omitempty"`
	Buyer      buyerFilter  `json:"buyerIdentifier,omitempty"`
	Currencies []string     `json:"currencyCodes,omitempty"`
	Mode       string       `json:"invoicingMode,omitempty"`
	SelfBilled *bool        `json:"isSelfInvoicing,omitempty"`
	Form       string       `json:"formType,omitempty"`
	Types      []string     `json:"invoiceTypes,omitempty"`
	Attachment *bool        `json:"hasAttachment,omitempty"`
}

// invoiceTypes returns the names that the contract has for RodzajFaktury.
func invoiceTypes() map[string]string {
	return map[string]string{"VAT": "Vat", "ZAL": "Zal", "KOR": "Kor", "ROZ": "Roz", "UPR": "Upr", "KOR_ZAL": "KorZal", "KOR_ROZ": "KorRoz"}
}

func (f *invoiceFilter) check(now, mark time.Time) *problem {
	oneOf := func(field, value string, values ...string) *problem {
		if !slices.Contains(values, value) {
			return badInput("%s: %q is not one of %s", field, value, strings.Join(values, ", "))
		}
		return nil
	}
	if p := oneOf("subjectType", f.Subject, "Subject1", "Subject2", "Subject3", "SubjectAuthorized"); p != nil {
		return p
	}
	if p := oneOf("dateRange.dateType", f.Range.Type, "Issue", "Invoicing", "PermanentStorage"); p != nil {
		return p
	}
	if p := oneOf("invoicingMode", f.Mode, "", "Online", "Offline"); p != nil {
		return p
	}
	if p := oneOf("formType", f.Form, "", "FA", "PEF", "FA_RR"); p != nil {
		return p
	}
	if p := oneOf("amount.type", f.Amount.Type, "", "Brutto", "Netto", "Vat"); p != nil {
		return p
	}
	if f.Range.To.IsZero() {
		f.Range.To.Time = now
	}
	switch {
	case f.Range.To.Before(f.Range.From.Time):
		return badInput("dateRange: to is before from")
	case f.Range.To.After(f.Range.From.AddDate(0, maxMonths, 0)):
		return badInput("dateRange is longer than %d months", maxMonths)
	case len([]rune(f.Number)) > 256:
		return badInput("invoiceNumber has more than 256 characters")
	}
	if f.Range.Restrict && f.Range.Type == "PermanentStorage" {
		if f.Range.From.After(mark) {
			return refuse(21183, "Zakres filtrowania wykracza poza dostępny zakres danych.",
				"Parametr dateRange.from jest późniejszy niż PermanentStorageHwmDate przy włączonym "+
					"restrictToPermanentStorageHwmDate.")
		}
		if f.Range.To.After(mark) {
			f.Range.To.Time = mark
		}
	}
	return nil
}

// dateOf returns the date of a record by which the query filters.
func (f *invoiceFilter) dateOf(r simulator.Record) time.Time {
	switch f.Range.Type {
	case "Issue":
		t, _ := parseTime(r.Issued)
		return t
	case "Invoicing":
		return r.Sent
	}
	return r.Stored
}

func (f *invoiceFilter) matches(r simulator.Record) bool {
	at := f.dateOf(r)
	if at.Before(f.Range.From.Time) || at.After(f.Range.To.Time) {
		return false
	}
	amount := map[string]float64{"Brutto": r.Gross, "Netto": r.Net, "Vat": r.VAT}[f.Amount.Type]
	mode := "Online"
	if r.Offline {
		mode = "Offline"
	}
	return (f.KsefNumber == "" || f.KsefNumber == r.KsefNumber) && (f.Number == "" || f.Number == r.Number) &&
		(f.Amount.From == nil || amount >= *f.Amount.From) && (f.Amount.To == nil || amount <= *f.Amount.To) &&
		(f.SellerNIP == "" || f.SellerNIP == r.SellerNIP) &&
		(f.Buyer.Type == "" || f.Buyer.Type == buyerType(r) && (f.Buyer.Value == "" || f.Buyer.Value == r.BuyerNIP)) &&
		(len(f.Currencies) == 0 || slices.Contains(f.Currencies, r.Currency)) && (f.Mode == "" || f.Mode == mode) &&
		(f.SelfBilled == nil || *f.SelfBilled == r.SelfBilled) && (f.Form == "" || f.Form == "FA") &&
		(len(f.Types) == 0 || slices.Contains(f.Types, invoiceTypes()[r.Kind])) &&
		(f.Attachment == nil || *f.Attachment == r.Attachment)
}

func buyerType(r simulator.Record) string {
	if r.BuyerNIP != "" {
		return "Nip"
	}
	return "None"
}

// metadata answers with one page of the register.
func (m registerOps) metadata(c *call) (simulator.Reply, *problem) {
	if p := c.checkQuery("pageOffset", "pageSize", "sortOrder"); p != nil {
		return simulator.Reply{}, p
	}
	size, p := c.queryInt("pageSize", 10, 10, 250)
	if p != nil {
		return simulator.Reply{}, p
	}
	page, p := c.queryInt("pageOffset", 0, 0, maxSet)
	if p != nil {
		return simulator.Reply{}, p
	}
	order := c.r.URL.Query().Get("sortOrder")
	if order != "" && order != "Asc" && order != "Desc" {
		return simulator.Reply{}, badInput("sortOrder: %q is neither Asc nor Desc", order)
	}
	var filter invoiceFilter
	if p := c.decode(&filter); p != nil {
		return simulator.Reply{}, p
	}
	now := m.face.Now()
	mark := now.Add(-storedLag)
	if p := filter.check(now, mark); p != nil {
		return simulator.Reply{}, p
	}
	found := m.face.Invoices().Register(c.account.NIP, filter.Subject, filter.matches)
	slices.SortStableFunc(found, func(a, b simulator.Record) int { return filter.dateOf(a).Compare(filter.dateOf(b)) })
	if order == "Desc" {
		slices.Reverse(found)
	}
	truncated := len(found) > maxSet
	found = found[:min(len(found), maxSet)]
	from := min(page*size, len(found))
	to := min(from+size, len(found))
	answer := struct {
		More      bool     `json:"hasMore"`
		Truncated bool     `json:"isTruncated"`
		Mark      *string  `json:"permanentStorageHwmDate"`
		Invoices  []record `json:"invoices"`
	}{More: to < len(found) || truncated, Truncated: truncated && to == len(found), Invoices: []record{}}
	if filter.Range.Type == "PermanentStorage" {
		text := timestamp(mark)
		answer.Mark = &text
	}
	for _, r := range found[from:to] {
		if !r.Omitted {
			answer.Invoices = append(answer.Invoices, m.record(r))
		}
	}
	return m.json(http.StatusOK, answer), nil
}
