package ministry

import (
	"maps"
	"net/http"
	"slices"

	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/limits"
	"ksefworker/internal/simulator/login"
)

func done() simulator.Reply { return simulator.Reply{Status: http.StatusOK} }

// setRateLimits changes the request limits of the context while everything runs. The groups of API
// 2.7 must all be there. Those that came with 2.8 are optional, but the group anonymous is
// refused.
func (m testdataOps) setRateLimits(c *call) (simulator.Reply, *problem) {
	var body struct {
		Limits map[string]rate `json:"rateLimits"`
	}
	if p := c.decode(&body); p != nil {
		return simulator.Reply{}, p
	}
	newer := []string{limits.OnlineSessionClose, limits.BatchSessionClose, limits.Anonymous}
	usual := limits.Usual()
	for group := range usual {
		if _, there := body.Limits[group]; !there && !slices.Contains(newer, group) {
			return simulator.Reply{}, badInput("rateLimits lacks %q", group)
		}
	}
	for _, group := range slices.Sorted(maps.Keys(body.Limits)) {
		r := body.Limits[group]
		if _, known := usual[group]; !known || group == limits.Anonymous {
			return simulator.Reply{}, badInput("rateLimits has the unknown group %q", group)
		}
		if min(r.Second, r.Minute, r.Hour) < limits.NoLimit {
			return simulator.Reply{}, badInput("rateLimits.%s has a number below -1", group)
		}
	}
	for group, r := range body.Limits {
		m.face.Allow(c.account.ID, group, limits.Allowance(r))
	}
	return done(), nil
}

func (m testdataOps) resetRateLimits(c *call) (simulator.Reply, *problem) {
	m.face.ResetAllowances(c.account.ID)
	return done(), nil
}

func (m testdataOps) block(c *call) (simulator.Reply, *problem)   { return m.setBlocked(c, true) }
func (m testdataOps) unblock(c *call) (simulator.Reply, *problem) { return m.setBlocked(c, false) }

func (m testdataOps) setBlocked(c *call, blocked bool) (simulator.Reply, *problem) {
	var body struct {
		Context contextIdentifier `json:"contextIdentifier"`
	}
	if p := c.decode(&body); p != nil {
		return simulator.Reply{}, p
	}
	context := login.Context(body.Context)
	if !context.Valid() {
		return simulator.Reply{}, badInput("contextIdentifier: %q is not a valid %s", context.Value, context.Type)
	}
	m.desk.Block(context, blocked)
	return done(), nil
}

// shorten moves the end of a KSeF certificate, so that a test need not wait for two years.
func (m testdataOps) shorten(c *call) (simulator.Reply, *problem) {
	var body struct {
		To moment `json:"validTo"`
	}
	if p := c.decode(&body); p != nil {
		return simulator.Reply{}, p
	}
	if err := m.office.Shorten(owner(c.access), c.value(0), body.To.Time); err != nil {
		return simulator.Reply{}, problemOfLogin(err)
	}
	return done(), nil
}
