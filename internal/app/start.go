package app

import (
	"context"
	"fmt"

	"ksefworker/internal/buildinfo"
	"ksefworker/internal/invoice"
)

// logStart logs which worker this is and what it cannot do. An operator then learns of a mistake
// from the first lines of the log, and not only when the first invoice comes.
func (w *Worker) logStart(ctx context.Context) {
	cfg := w.pool.Config
	var tenants, paused []string
	for _, t := range cfg.Tenants {
		if t.Paused {
			paused = append(paused, t.Title())
		} else {
			tenants = append(tenants, t.Title())
		}
	}
	redis := "unknown"
	if c, err := cfg.Redis.Conn(); err == nil {
		redis = fmt.Sprint(c) // without its password
	}
	e := w.log.Info().Str("version", buildinfo.Read().String()).Str("environment", string(cfg.Environment)).
		Strs("hosts", w.limits.hosts.all()).Strs("tenants", tenants).Str("redis", redis).Str("http", w.Addr())
	if len(paused) > 0 {
		e = e.Strs("paused", paused)
	}
	e.Msg("worker ready")
	w.faults.checkAll()
	if c := checkSpool(w.spool); !c.OK {
		w.log.Error().Str("folder", w.spool).Msg("packages cannot be built: " + c.Detail)
	}
	for _, t := range cfg.Tenants {
		if what := wrongNIP(t.NIP); what != "" {
			w.log.Warn().Str("tenant", t.Title()).Msg(what)
		}
	}
}

// wrongNIP returns the text that the log, --check and readiness show for a NIP with a wrong check
// digit. It returns "" when the NIP is valid. KSeF checks the digit in production and demo, but not
// in its test environment, where a NIP may be invented.
func wrongNIP(nip string) string {
	if invoice.ValidNIP(nip) {
		return ""
	}
	return "the tenant's NIP has a wrong check digit: look for a mistyped digit"
}
