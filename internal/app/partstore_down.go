package app

import (
	"context"
	"maps"
	"slices"

	"ksefworker/internal/ratelimit"
)

// partsOutage is a circuit that keeps a tenant's parts from the store of its last session, with the
// host of this store.
type partsOutage struct {
	reach
	host string
}

// outages returns, by tenant, the outages that keep parts from the tenants' stores. Readiness and
// metrics show them. While every store takes parts, outages costs one command for every 500 tenants
// and one for each store.
func (s *partStore) outages(ctx context.Context) (map[string]partsOutage, error) {
	hosts, err := s.allRemembered(ctx)
	if err != nil {
		return nil, err
	}
	out, quiet := map[string]partsOutage{}, map[string]bool{}
	for _, tenant := range slices.Sorted(maps.Keys(hosts)) {
		host := hosts[tenant]
		if _, known := quiet[host]; !known {
			if quiet[host], err = s.circuits.quiet(ctx, storeHost(host)); err != nil {
				return nil, err
			}
		}
		if quiet[host] {
			continue
		}
		state, err := s.circuits.state(ctx, partsOf(host, tenant))
		if err != nil {
			return nil, err
		}
		if state.Phase != ratelimit.CircuitClosed {
			out[tenant] = partsOutage{state, host}
		}
	}
	return out, nil
}

// allRemembered returns the stores of the tenants' last sessions, by tenant.
func (s *partStore) allRemembered(ctx context.Context) (map[string]string, error) {
	hosts := map[string]string{}
	for some := range slices.Chunk(slices.Sorted(maps.Keys(s.tenants)), 500) {
		keys := make([]string, len(some))
		for i, tenant := range some {
			keys[i] = s.remembered(tenant)
		}
		found, err := s.rdb.MGet(ctx, keys...).Result()
		if err != nil {
			return nil, err
		}
		for i, v := range found {
			if host, _ := v.(string); host != "" {
				hosts[some[i]] = host
			}
		}
	}
	return hosts, nil
}

// quiet reports whether all circuits of a host are closed, the pool's and this process's.
func (c *circuits) quiet(ctx context.Context, host string) (bool, error) {
	open, err := c.open(ctx, host)
	if err != nil || len(open) > 0 {
		return false, err
	}
	own, err := c.own.State(ctx, connecting(host))
	if err != nil || own.Phase != ratelimit.CircuitClosed {
		return false, err
	}
	here, err := c.answers.Open(ctx, host)
	return len(here) == 0, err
}
