package connect

import (
	"time"

	"ksefworker/config"
	"ksefworker/internal/ksef/numbers"
	"ksefworker/internal/ratelimit"
)

// Limiter returns a limiter with the limits of the configuration, over a store that the whole pool
// shares. o may be nil.
func (p *Pool) Limiter(store ratelimit.Store, o ratelimit.Observer) (*ratelimit.Limiter, error) {
	cfg := p.Config
	tenants := map[string]map[string]ratelimit.Limits{}
	for _, t := range cfg.Tenants {
		tenants[t.Title()] = table(cfg.LimitsOf(t.Title()), cfg.Limits.Scale)
	}
	margin := cfg.Limits.Margin
	if margin == 0 {
		margin = -1 // 0 means no margin in the configuration, and the default to the limiter
	}
	sleep := cfg.Limits.MaxSleep
	if sleep == 0 {
		sleep = -1
	}
	return ratelimit.New(store, ratelimit.Options{
		Defaults: table(cfg.Limits.Groups, cfg.Limits.Scale), Tenants: tenants, Margin: margin, MaxSleep: sleep, Observer: o,
	})
}

// LimitsTold returns the windows of a tenant's groups when KSeF has told its own figures; see
// [config.Config.LimitsTold].
func LimitsTold(cfg config.Config, tenant string, told map[string]numbers.Rate) (t map[string]ratelimit.Limits, stricter []string) {
	figures := make(map[string]config.Rates, len(told))
	for group, r := range told {
		figures[group] = config.Rates(r)
	}
	groups, stricter := cfg.LimitsTold(tenant, figures)
	return table(groups, cfg.Limits.Scale), stricter
}

// table returns the windows of each group. Their lengths are divided by scale.
func table(g config.Groups, scale float64) map[string]ratelimit.Limits {
	out := map[string]ratelimit.Limits{}
	for name, r := range g.ByName() {
		var l ratelimit.Limits
		for _, w := range []ratelimit.Window{
			{Limit: r.PerSecond, Per: time.Second},
			{Limit: r.PerMinute, Per: time.Minute},
			{Limit: r.PerHour, Per: time.Hour},
		} {
			if w.Limit != config.Unlimited {
				l = append(l, w)
			}
		}
		out[name] = l
	}
	return ratelimit.Scaled(out, 1/scale)
}
