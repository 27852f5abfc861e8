package direct

import (
	"context"
	"strconv"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
	"ksefworker/internal/ksef/lenient"
	"ksefworker/internal/ksef/numbers"
)

// SessionQuery asks for the sessions of one kind. A login that has only the permission InvoiceWrite
// sees only sessions that the same subject opened.
type SessionQuery struct {
	Batch                    bool
	CreatedFrom, CreatedTo   time.Time // a zero time sets no bound
	ReferenceNumber          string    // "" means all
	Next                     string    // "" for the first page, and then Next of the page before
	PageSize                 int       // 10 to numbers.MaxListPage; 0 means the largest
	ModifiedFrom, ModifiedTo time.Time
}

// SessionPage is a page of sessions, newest first.
type SessionPage struct {
	Sessions []ListedSession
	Next     string // "" when there is no more
}

// ListedSession is a session in a list.
type ListedSession struct {
	ReferenceNumber           string
	Status                    ksef.StatusInfo
	Created                   ksef.Time
	Total, Successful, Failed int
}

type sessionsWire struct {
	ContinuationToken string                          `json:"continuationToken"`
	Sessions          lenient.List[listedSessionWire] `json:"sessions"`
}

type listedSessionWire struct {
	ReferenceNumber string          `json:"referenceNumber"`
	Status          ksef.StatusInfo `json:"status"`
	DateCreated     ksef.Time       `json:"dateCreated"`
	Total           lenient.Int     `json:"totalInvoiceCount"`
	Successful      lenient.Int     `json:"successfulInvoiceCount"`
	Failed          lenient.Int     `json:"failedInvoiceCount"`
}

// Sessions lists sessions, one page.
func (c *Client) Sessions(ctx context.Context, q SessionQuery) (SessionPage, error) {
	kind, size := "Online", q.PageSize
	if q.Batch {
		kind = "Batch"
	}
	if size == 0 {
		size = numbers.MaxListPage
	}
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339Nano)
	}
	k := query(get("list sessions", ksef.GroupSessionList, "/sessions"), "sessionType", kind, "pageSize", strconv.Itoa(size),
		"referenceNumber", q.ReferenceNumber, "dateCreatedFrom", at(q.CreatedFrom), "dateCreatedTo", at(q.CreatedTo),
		"dateModifiedFrom", at(q.ModifiedFrom), "dateModifiedTo", at(q.ModifiedTo))
	var wire sessionsWire
	err := c.do(ctx, from(k, q.Next).UpTo(httponce.PageAnswer), func(a *httponce.Answer) error {
		return a.Checked(&wire, func() error {
			return whole("sessions", wire.Sessions.Given, wire.Sessions.TooLong)
		})
	})
	if err != nil {
		return SessionPage{}, err
	}
	page := SessionPage{Next: wire.ContinuationToken}
	for _, s := range wire.Sessions.Entries {
		page.Sessions = append(page.Sessions, ListedSession{ReferenceNumber: s.ReferenceNumber, Status: s.Status, Created: s.DateCreated,
			Total: int(s.Total), Successful: int(s.Successful), Failed: int(s.Failed)})
	}
	return page, nil
}
