package page

import (
	"net/http"
	"slices"

	"ksefworker/internal/ledger"
)

type tenantPage struct {
	Row      row
	Meters   []meter
	Sessions []ledger.Package
	Charts   []chart
}

func (v *overviews) tenant() error {
	v.here = "overview"
	name := v.r.PathValue("name")
	if !v.sees(name) || name == "" {
		return missing
	}
	pool, err := v.p.o.Pool(v.ctx())
	if err != nil {
		return err
	}
	rows, err := v.rows(pool)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(rows, func(r row) bool { return r.Name == name })
	if at < 0 {
		return missing
	}
	d := tenantPage{Row: rows[at], Sessions: v.sessionsOf(pool, name)}
	if !d.Row.Unknown {
		if d.Meters, err = v.meters(name); err != nil {
			return err
		}
	}
	if d.Charts, err = v.charting.charts(name); err != nil {
		return err
	}
	return v.render(http.StatusOK, "tenant", name, d)
}
