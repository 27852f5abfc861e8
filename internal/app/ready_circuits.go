package app

import (
	"context"
	"fmt"
	"time"

	"ksefworker/internal/connect"
	"ksefworker/internal/ratelimit"
)

// The details of /readyz name what is out of service: the host, one tenant's group, the part store.
// A worker stays ready with an open circuit, even with one that only this process has open, because
// a restart would not help.

// describeOutage returns since when nothing answers, and when the next request tries again.
func describeOutage(s reach) string {
	since, next := s.Since.UTC().Format(time.RFC3339), "next try in "+s.Wait.Round(time.Second).String()
	if s.Wait <= 0 {
		next = "the next request that is due tries again"
	}
	switch {
	case s.own:
		return fmt.Sprintf("this process has not been able to connect since %s; %s, "+
			"other workers go on if they can", since, next)
	case s.unanswered:
		return fmt.Sprintf("this process has had no proper answer since %s; %s, "+
			"other workers go on if they can", since, next)
	}
	return fmt.Sprintf("no answer since %s; %s, nothing is lost meanwhile", since, next)
}

// notReadable returns the detail of a check whose part has a state that cannot be read from Redis.
// The part itself may work. The check of Redis itself decides whether this makes the worker
// unready.
func notReadable(err error) string {
	return "its state cannot be read from redis, see there: " + connect.Explain(err)
}

// checkHosts shows which of the hosts is out of service. The check keeps the name that it had when
// there was one host.
func (w readiness) checkHosts(ctx context.Context) Check {
	c := Check{Name: "gateway", OK: true}
	hosts := w.limits.hosts.all()
	for _, host := range hosts {
		s, err := w.limits.circuits.state(ctx, ratelimit.Pair{Host: host})
		switch {
		case err != nil:
			c.Detail = notReadable(err)
			return c
		case s.Phase == ratelimit.CircuitClosed:
			continue
		}
		if c.Detail != "" {
			c.Detail += "; "
		}
		if len(hosts) > 1 {
			c.Detail += host + ": "
		}
		c.Detail += describeOutage(s)
	}
	return c
}

func (w readiness) checkPartStore(ctx context.Context) Check {
	c := Check{Name: "part store", OK: true}
	outages, err := w.limits.parts.outages(ctx)
	if err != nil {
		c.Detail = notReadable(err)
		return c
	}
	shown := map[string]bool{}
	for _, t := range w.pool.Config.Tenants {
		out, ok := outages[t.Title()]
		if !ok || shown[out.host] {
			continue
		}
		if !out.OfHost && !out.own {
			c.Detail += fmt.Sprintf("%s: packages of tenant %s wait, %s; ", out.host, t.Title(), describeOutage(out.reach))
			continue
		}
		shown[out.host] = true
		c.Detail += fmt.Sprintf("%s: packages wait, %s; ", out.host, describeOutage(out.reach))
	}
	return c
}
