package page

import (
	"cmp"
	"slices"
	"strings"

	"ksefworker/internal/ledger"
)

// maxRefusals bounds how many refused documents one search reads.
const maxRefusals = 2000

// refusedDoc is a document that was not taken in, and why.
type refusedDoc struct {
	*ledger.Refusal
	Said saying
}

// refusedNamed returns the refused documents whose number contains the text of the question, or
// whose id or ref is that text. It returns none when the question names a state, days or a buyer.
// With an [*ledger.UnreadableError] it returns those that can be read.
func (v *searches) refusedNamed(q *question) ([]refusedDoc, error) {
	if q.State != "" || q.From != "" || q.To != "" || q.Buyer != "" {
		return nil, nil
	}
	var out []refusedDoc
	text := strings.ToLower(q.Text)
	err := v.listing.refusals(q.Tenant, maxRefusals, func(r *ledger.Refusal) bool {
		if strings.Contains(strings.ToLower(r.Number), text) || r.ID == q.Text || r.Ref != "" && r.Ref == q.Text {
			out = append(out, refusedDoc{r, v.words.refusalOf(r)})
		}
		return len(out) < pageSize
	})
	return out, err
}

// refusals yields the open refusals that the visitor sees, tenant by tenant and the oldest first,
// at most limit of them, until yield returns false. With an [*ledger.UnreadableError] it has
// yielded those that can be read.
func (v *listing) refusals(tenant string, limit int, yield func(*ledger.Refusal) bool) error {
	tenants, lacking := v.refusers(tenant)
	if _, err := ledger.Skip(lacking); err != nil {
		return err
	}
	for _, name := range tenants {
		some, err := v.p.o.Ledger.OpenRefusalsOf(v.ctx(), name, 0, limit)
		if _, other := ledger.Skip(err); other != nil {
			return other
		}
		lacking = cmp.Or(lacking, err)
		for i := range some {
			if limit--; !yield(&some[i]) || limit == 0 {
				return lacking
			}
		}
	}
	return lacking
}

// refusers returns the tenants that the visitor sees and that have open refusals. If tenant is
// given, it returns at most this tenant. With an [*ledger.UnreadableError] there may be more.
func (v *listing) refusers(tenant string) ([]string, error) {
	wanted := func(name string) bool { return v.sees(name) && (tenant == "" || tenant == name) }
	counts, err := v.p.o.Ledger.CountRefusals(v.ctx())
	unread, other := ledger.Skip(err)
	if other != nil {
		return nil, other
	}
	unread = slices.DeleteFunc(unread, func(u ledger.Unreadable) bool {
		of, ok := u.RefusalsOf()
		return ok && !wanted(of)
	})
	var tenants []string
	for name := range counts {
		if wanted(name) {
			tenants = append(tenants, name)
		}
	}
	slices.Sort(tenants)
	if len(unread) == 0 {
		return tenants, nil
	}
	return tenants, &ledger.UnreadableError{Entries: unread}
}
