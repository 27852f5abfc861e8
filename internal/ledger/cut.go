package ledger

import (
	"context"
	"fmt"
)

// CutLimits bounds a package. If a field is zero or negative, no invoice is taken.
type CutLimits struct {
	Invoices int
	Bytes    int64 // of XML; the first invoice is taken even if it is larger
}

// cutPiece is how many invoices one script takes into a package. Two hundred take about 5 ms,
// during which Redis serves nobody else.
const cutPiece = 200

// maxCutLooks bounds the pieces of one package. It allows twice as many as the invoices need,
// because some pieces find only invoices whose number the package has already. It is at least 100.
func (lim CutLimits) maxCutLooks() int { return max(100, 2*(lim.Invoices/cutPiece+1)) }

// Cut makes a package of the most urgent invoices of a waiting set. When it returns, they are
// [Packed] and the package is [PackageCut]. Cut returns their ids. If it returns neither ids nor an
// error, no package was made. No two invoices of the package have the same P_2.
//
// Cut takes the invoices in pieces of one step each, so that nobody waits long for Redis. After
// each step the package is whole. If the process dies, the sweep finds a smaller package, and the
// other invoices wait for the next package. A piece is added only while nobody else has changed the
// package. With an error, the returned ids are those that are known to be in the package.
func (ps *PackageStore) Cut(ctx context.Context, id string, g Group, lim CutLimits) ([]string, error) {
	if lim.Invoices <= 0 || lim.Bytes <= 0 {
		return nil, nil
	}
	fields := []any{
		"v", Version, "id", id, "lane", string(Bulk), "tenant", g.Tenant, "form", g.Form, "offline", g.Offline,
		"refusals", 0,
	}
	var ids []string
	rev, past := 0, int64(0) // each piece that takes an invoice is one revision of the package
	for looks := 0; len(ids) < lim.Invoices && looks < lim.maxCutLooks(); looks++ {
		n := min(cutPiece, lim.Invoices-len(ids))
		more := len(ids)+n < lim.Invoices
		args := ps.args("", g.Name(), id, rev, n, lim.Bytes, more, len(fields))
		rows, err := ps.home.atHome(ctx, ps.run, cutScript, append(append(args, fields...), past))
		if err != nil {
			return ids, fmt.Errorf("cut package of %s: %w", g.Name(), err)
		}
		past = number(cell(rows, 0))
		for _, v := range rows[min(2, len(rows)):] {
			ids = append(ids, text(v))
		}
		if len(rows) > 2 {
			rev++
		}
		if text(cell(rows, 1)) != "1" {
			break
		}
	}
	return ids, nil
}
