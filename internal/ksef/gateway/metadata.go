package gateway

import (
	"context"
	"errors"
	"fmt"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
	"ksefworker/internal/ksef/lenient"
)

// FindsByNumber reports false, because Metadata ignores InvoiceNumber and returns no hash.
func (g *RegisterAPI) FindsByNumber() bool { return false }

// Metadata lists invoices that KSeF holds, one page. If the answer does not say in a known form
// whether more invoices follow, it is assumed that they do when the page is full.
func (g *RegisterAPI) Metadata(ctx context.Context, r ksef.MetadataRequest) (ksef.MetadataPage, error) {
	body := struct {
		SubjectType ksef.SubjectType `json:"subjectType"`
		Range       rangeWire        `json:"range"`
		PageOffset  int              `json:"pageOffset"`
		PageSize    int              `json:"pageSize"`
		SortAsc     bool             `json:"sortAsc"`
	}{r.SubjectType, rangeWire(r.Range), r.PageOffset, r.PageSize, r.SortAsc}
	k := httponce.Post("list metadata", ksef.GroupMetadata, "/invoice/metadata", body).UpTo(httponce.PageAnswer).
		Bad(r.SubjectType.Check()).Bad(r.Range.Check())
	if r.PageOffset < 0 || r.PageSize < 1 {
		k = k.Bad(fmt.Errorf("pageOffset %d or pageSize %d is out of range", r.PageOffset, r.PageSize))
	}
	var wire struct {
		HasMore              lenient.Bool               `json:"hasMore"`
		IsTruncated          lenient.Bool               `json:"isTruncated"`
		PermanentStorageDate ksef.Time                  `json:"permanentStorageDate"`
		Invoices             lenient.List[metadataWire] `json:"invoices"`
	}
	err := g.do(ctx, k, func(a *httponce.Answer) error {
		if err := a.JSON(&wire); err != nil {
			return err
		}
		switch {
		case !wire.Invoices.Given:
			return errors.New("answer has no list of invoices")
		case wire.Invoices.TooLong:
			return errors.New("the list of invoices is longer than the page that was asked for")
		}
		return nil
	})
	if err != nil {
		return ksef.MetadataPage{}, err
	}
	page := ksef.MetadataPage{
		HasMore:              wire.HasMore.On,
		IsTruncated:          wire.IsTruncated.On,
		PermanentStorageDate: wire.PermanentStorageDate,
		Invoices:             make([]ksef.Metadata, 0, len(wire.Invoices.Entries)),
	}
	for _, m := range wire.Invoices.Entries {
		page.Invoices = append(page.Invoices, ksef.Metadata(m))
	}
	if !wire.HasMore.Given {
		page.HasMore = len(page.Invoices) >= r.PageSize
	}
	return page, nil
}
