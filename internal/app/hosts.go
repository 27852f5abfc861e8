package app

import (
	"fmt"
	"net/url"
	"slices"

	"ksefworker/config"
)

// hosts maps each tenant to the host of its requests, which is the gateway's or KSeF's own. Each
// host has circuits of its own.
type hosts map[string]string

func hostsOf(cfg config.Config) (hosts, error) {
	h := hosts{}
	for _, t := range cfg.Tenants {
		u, err := url.Parse(cfg.AddressOf(t))
		if err != nil {
			return nil, fmt.Errorf("%s.url is not a URL", t.Way())
		}
		h[t.Title()] = u.Host
	}
	return h, nil
}

func (h hosts) of(tenant string) string { return h[tenant] }

// has reports whether a tenant is in the configuration.
func (h hosts) has(tenant string) bool { _, is := h[tenant]; return is }

// atWork counts the tenants of a host that are not paused by configuration.
func (h hosts) atWork(cfg config.Config, host string) int {
	n := 0
	for _, t := range cfg.Tenants {
		if !t.Paused && h.of(t.Title()) == host {
			n++
		}
	}
	return n
}

// all returns each host once.
func (h hosts) all() []string {
	all := make([]string, 0, len(h))
	for _, host := range h {
		all = append(all, host)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
